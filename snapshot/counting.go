package snapshot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// Count asks how many rows of the frozen view something would break on.
type Count struct {
	From   string              // what stands after SELECT FROM
	Tables []sanitize.Relation // that it reads
}

// SQL is the statement that counts.
func (q Count) SQL() string { return fmt.Sprintf(sqlBroken, q.From) }

// Counted is the answer: so many, or why there is none.
type Counted struct {
	N    int64
	Why  string // names and SQLSTATEs only
	Took time.Duration
}

// countBroken answers CopyOptions.Counts over the leader's session, one after another and in no more time than one query of the catalog may
// take. What it cannot answer is told, not fatal; an error says that the session or the view is lost.
func (c *copier) countBroken(ctx context.Context, tx *pgx.Conn) error {
	left := c.src.opts.StatementTimeout
	answers := make([]Counted, len(c.opts.Counts))
	for i, q := range c.opts.Counts {
		if left < time.Millisecond {
			answers[i].Why = fmt.Sprintf("the time allowed for all such counts, %s, was used up", c.src.opts.StatementTimeout)
			continue
		}
		began := time.Now()
		n, why, err := c.countOne(ctx, tx, q, left)
		took := time.Since(began)
		left -= took
		if err != nil {
			return err
		}
		answers[i] = Counted{N: n, Why: why, Took: took}
	}
	c.res.Counts = answers
	return nil
}

// countOne asks one question within a savepoint, which gives its locks and settings back.
func (c *copier) countOne(ctx context.Context, tx *pgx.Conn, q Count, limit time.Duration) (n int64, why string, err error) {
	if _, err := tx.Exec(ctx, sqlSavepoint); err != nil {
		return 0, "", err
	}
	n, why, err = c.ask(ctx, tx, q, limit)
	var pg *pgconn.PgError
	if failed := (*SourceError)(nil); errors.As(err, &pg) && !(errors.As(c.src.failed("count", err), &failed) && failed.Kind == Recovery) {
		why, err = refusal(pg.Code, limit), nil
	}
	if err != nil {
		return 0, "", err
	}
	_, err = tx.Exec(ctx, sqlLetGo)
	return n, why, err
}

// refusal says why the server gave no answer, without its message, which may quote a value.
func refusal(state string, limit time.Duration) string {
	switch state {
	case "57014":
		return fmt.Sprintf("the source had not counted after %s", limit.Round(time.Millisecond))
	case "55P03":
		return "a lock of production's kept the table from being read"
	}
	return "the source refused the count (SQLSTATE " + state + ")"
}

func (c *copier) ask(ctx context.Context, tx *pgx.Conn, q Count, limit time.Duration) (n int64, why string, err error) {
	if _, err := tx.Exec(ctx, sqlBounded, milliseconds(limit)); err != nil {
		return 0, "", err
	}
	for _, t := range c.desc.Tables {
		if why, err := c.unmoved(ctx, tx, t, q.Tables); err != nil || why != "" {
			return 0, why, err
		}
	}
	if _, err := tx.Exec(ctx, sqlSearchPath, c.src.server.path()); err != nil {
		return 0, "", err
	}
	sql := q.SQL()
	if refused, err := c.src.parse(ctx, tx, sql); err != nil || refused != "" {
		return 0, refused, err
	}
	if why, err := volatile(ctx, tx, q.From); err != nil || why != "" {
		return 0, why, err
	}
	return n, "", tx.QueryRow(ctx, sql).Scan(&n)
}

// unmoved locks a table that is read, or is a part of one, and makes sure that the view shows its rows: see hold.
func (c *copier) unmoved(ctx context.Context, tx *pgx.Conn, t catalog.Table, read []sanitize.Relation) (why string, err error) {
	of := []sanitize.Relation{{Schema: t.Schema, Name: t.Name}}
	for _, above := range append(slices.Clone(t.Inherits), t.Root) {
		if up := c.table(above); up.OID != 0 {
			of = append(of, sanitize.Relation{Schema: up.Schema, Name: up.Name})
		}
	}
	if !holdsRows(t) || !slices.ContainsFunc(of, func(r sanitize.Relation) bool { return slices.Contains(read, r) }) {
		return "", nil
	}
	var same, columns, stayed bool
	var storage *uint32
	if _, err = tx.Exec(ctx, lock(t)); err == nil {
		err = tx.QueryRow(ctx, fmt.Sprintf(sqlHold, t.OID)).Scan(&same, &columns, &stayed, &storage)
	}
	switch {
	case isGone(err), errors.Is(err, pgx.ErrNoRows), err == nil && !(same && columns && stayed):
		return "table " + t.String() + " was changed or rewritten while it was copied", nil
	}
	return "", err
}
