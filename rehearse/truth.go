package rehearse

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/sanitize/profile"
	"github.com/rehearse-db/rehearse/snapshot"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// watch profiles the masked columns of a copy, those of partitions together with their table.
func (r *rehearsal) watch(tables []catalog.Table) func(*sanitize.TablePlan, int) sanitize.Watcher {
	roots := map[sanitize.Relation]sanitize.Relation{}
	at := map[uint32]catalog.Table{}
	for _, t := range tables {
		at[t.OID] = t
	}
	for _, t := range tables {
		if root, ok := at[t.Root]; ok {
			roots[sanitize.Relation{Schema: t.Schema, Name: t.Name}] = sanitize.Relation{Schema: root.Schema, Name: root.Name}
		}
	}
	r.profiles = profile.NewSet()
	return func(t *sanitize.TablePlan, column int) sanitize.Watcher {
		of := sanitize.Relation{Schema: t.Schema, Name: t.Name}
		of = cmp.Or(roots[of], of)
		return r.profiles.Watcher(of.Schema, of.Name, t.Columns[column].Name)
	}
}

// watchers lets two see what one may.
func watchers(a, b func(*sanitize.TablePlan, int) sanitize.Watcher) func(*sanitize.TablePlan, int) sanitize.Watcher {
	if a == nil {
		return b
	}
	return func(t *sanitize.TablePlan, column int) sanitize.Watcher {
		first, second := a(t, column), b(t, column)
		switch {
		case first == nil:
			return second
		case second == nil:
			return first
		}
		return bothWatchers{first, second}
	}
}

type bothWatchers struct{ first, second sanitize.Watcher }

// Saw implements sanitize.Watcher.
func (w bothWatchers) Saw(was, is []byte) {
	w.first.Saw(was, is)
	w.second.Saw(was, is)
}

// SawPart implements sanitize.PartWatcher.
func (w bothWatchers) SawPart(mask string, was, is []byte) {
	for _, one := range []sanitize.Watcher{w.first, w.second} {
		if one, ok := one.(sanitize.PartWatcher); ok {
			one.SawPart(mask, was, is)
		}
	}
}

// emptied makes staging empty for a second copy, which is profiled anew.
func (r *rehearsal) emptied(server staging.Server) func(context.Context) error {
	return func(ctx context.Context) error {
		if r.profiles != nil {
			r.profiles.Reset()
		}
		return server.Empty(ctx)
	}
}

// profiled records what was seen of the masked columns, with the statements that name them.
func (r *rehearsal) profiled(w *work) {
	columns := w.profiles
	if r.profiles != nil {
		columns = r.columns(w.plan)
	}
	if len(columns) == 0 {
		return
	}
	f := r.fidelity()
	f.Columns = columns
	for i := range f.Columns {
		c := &f.Columns[i]
		for _, k := range w.checks {
			if k.said.Table == c.Table && slices.Contains(k.said.Columns, c.Column) {
				c.Touches = append(c.Touches, report.Touch{Migration: k.said.Migration, File: k.said.File, Line: k.said.Line, What: k.said.What})
			}
		}
	}
	slices.SortStableFunc(f.Columns, func(a, b report.ColumnFidelity) int { return cmp.Compare(len(b.Touches), len(a.Touches)) })
}

// fidelity is that part of the result.
func (r *rehearsal) fidelity() *report.Fidelity {
	if r.result.Fidelity == nil {
		r.result.Fidelity = &report.Fidelity{}
	}
	return r.result.Fidelity
}

// columns are the masked ones with their profiles.
func (r *rehearsal) columns(plan *sanitize.Plan) []report.ColumnFidelity {
	seen := map[[3]string]profile.Column{}
	for _, c := range r.profiles.Columns() {
		seen[[3]string{c.Schema, c.Table, c.Name}] = c
	}
	var all []report.ColumnFidelity
	for _, t := range plan.Tables() {
		for _, c := range t.Columns {
			if c.Mask.Keep() {
				continue
			}
			f := report.ColumnFidelity{Table: qualified(t.Schema, t.Name), Column: c.Name, Mask: c.Mask.Name}
			_, fixed := c.Mask.Const()
			if p, ok := seen[[3]string{t.Schema, t.Name, c.Name}]; ok || !fixed {
				before, after := profileFacts(p.Before), profileFacts(p.After)
				f.Before, f.After, f.Differs = &before, &after, report.Compare(before, after)
			}
			all = append(all, f)
		}
	}
	return all
}

func profileFacts(p profile.Profile) report.Profile {
	f := report.Profile{
		Rows: p.Rows, Nulls: p.Nulls, Empty: p.Empty, Spaced: p.Spaced, NonASCII: p.NonASCII, Integers: p.Integers, Numbers: p.Numbers, Dates: p.Dates,
		Digits: p.Digits, Chars: report.Lengths(p.Chars), Bytes: report.Lengths(p.Bytes), Buckets: p.Buckets, Distinct: p.Distinct, Folded: p.Folded,
		Method: report.Exact,
	}
	if !p.Exact && p.Rows > 0 {
		f.Method = report.Estimated
	}
	for _, s := range p.Shapes {
		f.Shapes = append(f.Shapes, report.Shape{Shape: s.Text, Count: s.Count})
	}
	return f
}

// counts are what the source is asked, in the order of the checks.
func (w *work) counts() []snapshot.Count {
	var all []snapshot.Count
	for _, k := range w.checks {
		if k.count != nil {
			all = append(all, *k.count)
		}
	}
	return all
}

// counted records the source's answers.
func (r *rehearsal) counted(w *work, answers []snapshot.Counted) {
	i := 0
	for k := range w.checks {
		c := &w.checks[k]
		if c.count == nil {
			continue
		}
		c.said.SQL = c.count.SQL()
		if i >= len(answers) {
			c.said.Why = "there was no time for it while rows were copied"
			continue
		}
		a := answers[i]
		i++
		c.said.Why, c.said.Took = a.Why, report.Duration(a.Took)
		r.fidelity().Took += report.Duration(a.Took)
		if a.Why == "" {
			c.said.Source = &a.N
		}
	}
}

// truth counts in the copy what was counted at the source, before anything is migrated or measured, and concludes.
func (r *rehearsal) truth(ctx context.Context, src origin, w *work, server staging.Server) error {
	if len(w.checks) == 0 {
		return nil
	}
	return r.phase("check masked values", func() (string, error) {
		conn, err := r.reading(ctx, src, server)
		if err != nil {
			return "", &StagingError{Err: err}
		}
		defer conn.Close(context.WithoutCancel(ctx))
		asked := 0
		for i := range w.checks {
			k := &w.checks[i]
			if k.said.Source != nil {
				asked++
				if err := k.inCopy(ctx, conn); err != nil {
					return "", &StagingError{Err: r.because(ctx, server, err)}
				}
			}
			k.said.Conclude()
			r.fidelity().Checks = append(r.fidelity().Checks, k.said)
		}
		return count(len(w.checks), "statement") + " on masked columns, " + count(asked, "count") + " at the source", nil
	})
}

// inCopy counts in the copy. What the server refuses is told; an error is a session lost.
func (k *check) inCopy(ctx context.Context, conn *pgx.Conn) error {
	var n int64
	err := conn.QueryRow(ctx, k.said.SQL).Scan(&n)
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg):
		k.said.Why = "the copy refused the count (SQLSTATE " + pg.Code + ")"
		return nil
	case err != nil:
		return err
	}
	k.said.Staging = &n
	return nil
}

// reading is a session of staging that only reads, under the limits and the search path of the source's sessions.
func (r *rehearsal) reading(ctx context.Context, src origin, server staging.Server) (*pgx.Conn, error) {
	cfg := inUTF8(server.Config())
	cfg.RuntimeParams["default_transaction_read_only"] = "on"
	cfg.RuntimeParams["statement_timeout"] = milliseconds(r.cfg.StatementTimeout)
	cfg.RuntimeParams["search_path"] = "pg_catalog"
	if path := src.Server().SearchPath; path != "" {
		cfg.RuntimeParams["search_path"] += ", " + path
	}
	return pgx.ConnectConfig(ctx, cfg)
}
