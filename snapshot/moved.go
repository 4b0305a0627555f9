package snapshot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// hold locks a table against changes of its shape, letting go of the one before, and makes sure that it is still what the view shows.
//
// A view freezes rows, not names and storage: until somebody locks a table it can be altered, and COPY goes by the catalog of now. It would
// read a column that was renamed into a kept one's place as that one, unmasked; and what has been truncated or rewritten since looks empty.
// Holding every table from the beginning, as pg_dump does, would rather let production wait for all of the copy.
//
// Rows that are in other storage now are missing unless VACUUM FULL or CLUSTER has put them there. The pieces of a table must all be read from
// the same storage.
func (c *copier) hold(ctx context.Context, l *load, source *pgx.Conn) error {
	sql := sqlLetGo + "; " + fmt.Sprintf(sqlHold, ident(l.table.Schema, l.table.Name), l.table.OID)
	results, err := source.PgConn().Exec(ctx, sql).ReadAll()
	if isGone(err) {
		return changed(l, "is gone")
	}
	if err != nil {
		return c.src.failed("copy "+l.table.String(), err)
	}
	last := results[len(results)-1]
	if len(last.Rows) != 1 {
		return changed(l, "is gone")
	}
	row := last.Rows[0]
	switch {
	case string(row[0]) != "t":
		return changed(l, "is another table now")
	case string(row[1]) != "t":
		return changed(l, "has other columns now")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.began.IsZero() {
		l.began, l.storage = time.Now(), string(row[3])
	}
	if l.storage != string(row[3]) {
		return changed(l, "was truncated or rewritten")
	}
	l.moved = l.moved || string(row[2]) != "t"
	return nil
}

func changed(l *load, how string) error {
	return &ChangedError{Objects: []string{"table " + l.table.String() + " " + how}}
}

// isGone says that the server knows no such table, or no such schema.
func isGone(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && slices.Contains([]string{"42P01", "3F000"}, pg.Code)
}
