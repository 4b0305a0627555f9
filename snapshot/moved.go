package snapshot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// hold locks a table against changes of its shape, letting go of the one before, and makes sure that it is still what the view shows.
//
// A view freezes rows, not names and storage: until somebody locks a table it can be altered, and COPY goes by the catalog of now. It would
// read a column that was renamed into a kept one's place as that one, unmasked; and what has been truncated or rewritten since looks empty.
// Holding every table from the beginning, as pg_dump does, would rather let production wait for all of the copy.
//
// Rows that are in other storage now are missing unless VACUUM FULL or CLUSTER has put them there. The pieces of a table must all be read from
// the same storage.
func (c *copier) hold(ctx context.Context, l piece, source *pgx.Conn) error {
	sql := sqlLetGo + "; " + lock(l.table) + "; " + fmt.Sprintf(sqlHold, l.table.OID)
	if l.planned() { // until the lock is let go of
		sql += "; " + strings.Replace(sqlSearchPath, "$1", literal(c.src.server.path()), 1)
	}
	results, err := source.PgConn().Exec(ctx, sql).ReadAll()
	if isGone(err) {
		return changed(l.load, "is gone")
	}
	if err != nil {
		return c.src.failed("copy "+l.table.String(), err)
	}
	held := results[2]
	if len(held.Rows) != 1 {
		return changed(l.load, "is gone")
	}
	row := held.Rows[0]
	switch {
	case string(row[0]) != "t":
		return changed(l.load, "is another table now")
	case string(row[1]) != "t":
		return changed(l.load, "has other columns now")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.began.IsZero() {
		l.began, l.storage = time.Now(), string(row[3])
	}
	if l.storage != string(row[3]) {
		return changed(l.load, "was truncated or rewritten")
	}
	l.moved = l.moved || string(row[2]) != "t"
	return nil
}

// lock is the statement that locks a table.
func lock(t catalog.Table) string {
	if t.CanLock {
		return fmt.Sprintf(sqlLock, ident(t.Schema, t.Name))
	}
	return fmt.Sprintf(sqlTouch, ident(t.Schema, t.Name))
}

// planned says that the piece is read by a query of columns, for which the server plans: functions that its indexes call are to find what
// they name as they do for the source's own sessions. Expressions of the rules see what is built in and nothing else.
func (l piece) planned() bool {
	_, plain := l.list()
	asked := slices.ContainsFunc(l.plan.Columns, func(c sanitize.ColumnPlan) bool { return c.Reading == sanitize.ReadExpression })
	return !asked && (!plain || l.where != "" || l.rows != nil || l.table.Condition != "")
}

// path is the search path of the source's sessions, behind what is built in.
func (s Server) path() string { return strings.TrimSuffix("pg_catalog, "+s.SearchPath, ", ") }

func changed(l *load, how string) error {
	return &ChangedError{Objects: []string{"table " + l.table.String() + " " + how}}
}

// isGone says that the server knows no such table, or no such schema, as the statement names it: not what a function names.
func isGone(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Where == "" && slices.Contains([]string{"42P01", "3F000"}, pg.Code)
}
