package snapshot

import (
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/rehearse-db/rehearse/sanitize"
)

// callingColumns lists the tables with stored generated columns that call a function of the database's own or of an extension which is
// written in a language of procedures. Which object depends on the function has changed in PostgreSQL 15.
const callingColumns = `SELECT DISTINCT n.nspname::text, c.relname::text
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attrdef x ON x.adrelid = a.attrelid AND x.adnum = a.attnum
JOIN pg_depend d ON (d.classid, d.objid, d.objsubid) IN (('pg_attrdef'::regclass, x.oid, 0), ('pg_class'::regclass, c.oid, a.attnum))
LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
JOIN pg_proc p ON p.oid = CASE WHEN d.refclassid = 'pg_proc'::regclass THEN d.refobjid ELSE o.oprcode::oid END
JOIN pg_language l ON l.oid = p.prolang
WHERE a.attgenerated = 's' AND NOT a.attisdropped AND n.nspname !~ '^pg_' AND p.oid >= 16384 AND l.lanname NOT IN ('internal', 'c')`

// putOff finds the tables whose rows are loaded after those of the others: the server computes generated columns as rows come, and a function
// that is called for them may read other tables, whatever it says of itself.
func (c *copier) putOff(ctx context.Context) error {
	return c.onTarget(ctx, "look at generated columns", func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, callingColumns)
		if err != nil {
			return err
		}
		calling := map[sanitize.Relation]bool{}
		var t sanitize.Relation
		_, err = pgx.ForEachRow(rows, []any{&t.Schema, &t.Name}, func() error {
			calling[t] = true
			return nil
		})
		for _, l := range c.loads {
			if l.late = calling[sanitize.Relation{Schema: l.table.Schema, Name: l.table.Name}]; l.late {
				c.res.Computed = append(c.res.Computed, l.table.String())
			}
		}
		slices.Sort(c.res.Computed)
		return err
	})
}

// inTurns loads what there is, and then what has to wait for that, with a worker for each job.
func inTurns[T any](ctx context.Context, jobs int, all []T, late func(T) bool, work func(ctx context.Context, todo <-chan T) error) error {
	for _, turn := range []bool{false, true} {
		todo := make(chan T, len(all))
		for _, one := range all {
			if late(one) == turn {
				todo <- one
			}
		}
		close(todo)
		group, ctx := errgroup.WithContext(ctx)
		for range min(jobs, len(todo)) {
			group.Go(func() error { return work(ctx, todo) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// loadAll copies the rows of all tables, a worker each for as many as there are jobs.
func (c *copier) loadAll(ctx context.Context, view *frozen) error {
	var pieces []piece
	for _, l := range c.loads {
		for _, where := range l.pieces {
			pieces = append(pieces, piece{l, where})
		}
	}
	err := inTurns(ctx, c.opts.Jobs, pieces, func(p piece) bool { return p.late }, func(ctx context.Context, todo <-chan piece) error {
		return c.work(ctx, view, todo)
	})
	c.tellTables()
	return err
}

// tellTables puts what is known of each table into the result.
func (c *copier) tellTables() {
	for _, l := range c.loads {
		c.res.Tables = append(c.res.Tables, l.result)
	}
	slices.SortFunc(c.res.Tables, func(a, b Table) int {
		return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
	})
}
