package staging

import (
	"context"
	"crypto/rand"

	"github.com/jackc/pgx/v5"
)

// unnamedMark is what the names of databases begin with that are being made, or were when their maker was killed.
const unnamedMark = ".rehearse-unnamed-"

// holding: who makes a database holds a lock of its name for as long as the session lives; $1 is the name. hashtext is an internal function
// of every version.
const holding = "SELECT pg_try_advisory_lock(hashtext('" + unnamedMark + "'), hashtext($1))"

// reserve gives the name of a database that is to be made, and marks it as this session's.
func reserve(ctx context.Context, conn *pgx.Conn) (name string, err error) {
	for held := false; !held; {
		name = unnamedMark + rand.Text()
		if err := conn.QueryRow(ctx, holding, name).Scan(&held); err != nil {
			return "", err
		}
	}
	return name, nil
}

// sweep removes databases that nobody goes on making. What it holds it lets go of with the session.
func sweep(ctx context.Context, conn *pgx.Conn) (swept []string, err error) {
	rows, err := conn.Query(ctx, "SELECT datname::text FROM pg_database WHERE starts_with(datname::text, $1) AND NOT datallowconn", unnamedMark)
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, name := range names {
		var held bool
		if err = conn.QueryRow(ctx, holding, name).Scan(&held); err == nil && held {
			err = dropDatabase(ctx, conn, name)
		}
		if err != nil {
			return swept, err
		}
		if held {
			swept = append(swept, name)
		}
	}
	return swept, err
}

// Sweep removes what is left of clones whose maker was killed, and gives their names, which nobody has chosen.
func (d Databases) Sweep(ctx context.Context) (swept []string, err error) {
	err = d.withAdmin(ctx, func(conn *pgx.Conn) error {
		swept, err = sweep(ctx, conn)
		return err
	})
	return swept, err
}
