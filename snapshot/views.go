package snapshot

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// refreshViews fills those materialised views that are filled in the source, in an order in which each finds what it reads, and then makes
// what waited for that. What a view reads through a function is known to nobody: those that failed are tried again as long as one more succeeds.
// One that cannot be refreshed is told like an object that cannot be restored.
func (c *copier) refreshViews(ctx context.Context) error {
	todo := slices.DeleteFunc(slices.Clone(c.desc.MatViews), func(v catalog.MatView) bool { return !v.Populated })
	err := c.onTarget(ctx, "refresh the views", func(conn *pgx.Conn) error {
		for len(todo) > 0 {
			failed, why, err := c.refresh(ctx, conn, todo)
			if err != nil {
				return err
			}
			if len(failed) == len(todo) {
				c.res.RestoreErrors = append(c.res.RestoreErrors, why...)
				break
			}
			todo = failed
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.onWorker(ctx, func(conn *pgx.Conn) error {
		for _, e := range c.later {
			if err := c.make(ctx, conn, e, e.sql); err != nil {
				return err
			}
		}
		return nil
	})
}

// refresh goes through the views once and returns those that failed, and why.
func (c *copier) refresh(ctx context.Context, conn *pgx.Conn, views []catalog.MatView) (failed []catalog.MatView, why []RestoreError, err error) {
	for _, v := range views {
		err := try(ctx, conn, "REFRESH MATERIALIZED VIEW "+ident(v.Schema, v.Name))
		if err == nil {
			if err := c.analyze(ctx, conn, catalog.Table{Schema: v.Schema, Name: v.Name}); err != nil {
				return nil, nil, err
			}
			continue
		}
		var t *TargetError
		if err = targetError("refresh "+v.String(), err); !errors.As(err, &t) || t.SQLState == "" || t.Full || conn.IsClosed() {
			return nil, nil, err
		}
		failed = append(failed, v)
		why = append(why, RestoreError{Object: "MATERIALIZED VIEW DATA " + v.String(), Reason: t.Message})
	}
	return failed, why, nil
}
