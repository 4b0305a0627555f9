package rehearse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/compare"
	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// wayBack goes up, down and up again with each migration, from the state that those before it leave, and compares with that state: the schema, and
// what tables hold.
func wayBack(ctx context.Context, p *passing) (note string, err error) {
	w := &walk{passing: p, began: time.Now()}
	if w.base, err = p.all.Clone(ctx, p.pristine, ""); err != nil {
		return "", err
	}
	defer closing(ctx, &err, "drop a clone", func(ctx context.Context) error { return p.all.Drop(ctx, w.base) })
	for i := range p.applied {
		if w.late(i) {
			break
		}
		p.cfg.Progress(Event{Phase: "pass: down", State: PhaseRunning, Note: p.result.Migrations[i].Name})
		if err := w.step(ctx, i); err != nil {
			return "", fmt.Errorf("the way back of %s: %w", p.result.Migrations[i].Name, err)
		}
		w.walked++
	}
	return count(w.walked, "migration") + " taken back", nil
}

// walk is the pass "down".
type walk struct {
	*passing
	base   string // the database in the state before the next migration; nobody is connected to it
	began  time.Time
	walked int
}

// late ends the walk where passes have taken the time that they may, and says so.
func (w *walk) late(i int) bool {
	if w.cfg.PassTime == 0 || w.spent()+time.Since(w.began) <= w.cfg.PassTime {
		return false
	}
	var names []string
	for _, m := range w.result.Migrations[i:w.applied] {
		names = append(names, m.ShortName())
	}
	w.result.NotMeasured = append(w.result.NotMeasured, report.NotMeasured{
		What: "the way back of " + list(names), Why: fmt.Sprintf("passes had taken the %s that they may", report.Duration(w.cfg.PassTime)),
	})
	return true
}

// step walks one migration on a clone of the base, and brings the base into the state after it: the clone takes its place where it came
// through the walk as it would have without.
func (w *walk) step(ctx context.Context, i int) (err error) {
	before, err := w.belongings(ctx)
	if err != nil {
		return err
	}
	name, err := w.all.Clone(ctx, w.base, "")
	if err != nil {
		return err
	}
	usable, err := w.there(ctx, i, staging.At(w.server, name))
	if err == nil && usable {
		name, w.base = w.base, name
	}
	if dropped := w.all.Drop(context.WithoutCancel(ctx), name); err != nil || dropped != nil || usable {
		return errors.Join(err, dropped)
	}
	if err := w.removeNew(ctx, before); err != nil {
		return err
	}
	if i+1 == w.applied && !touchesServer(&w.result.Migrations[i]) {
		return nil
	}
	return w.forward(ctx, i)
}

// forward applies a migration to the base.
func (w *walk) forward(ctx context.Context, i int) (err error) {
	a, err := w.applier(ctx, staging.At(w.server, w.base), observe.Options{TimesOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close(ctx)) }()
	m, _, err := a.Up(ctx, i)
	if err == nil && m.Outcome != report.Applied {
		return w.otherwise(m, i)
	}
	return err
}

// there is the walk of one migration on a database of its own.
type there struct {
	*walk
	i       int
	m       *report.Migration // as the first rehearsal saw it
	at      staging.Server
	applier *migrate.Applier
	seen    *observe.Observation // of what ran last

	before, after catalog.Schema // the migration
	up            *observe.Observation
	back          *report.Back
}

// there walks up, and down and up again where there is a down. usable tells whether the database is now as one where the migration was
// applied once.
func (w *walk) there(ctx context.Context, i int, at staging.Server) (usable bool, err error) {
	t := &there{walk: w, i: i, m: &w.result.Migrations[i], at: at, back: &report.Back{}}
	if t.before, err = t.schema(ctx); err != nil {
		return false, err
	}
	t.applier, err = w.applierThen(ctx, at, observe.Options{}, func(_ context.Context, _ *report.Migration, o *observe.Observation) error {
		t.seen = o
		return nil
	})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, t.applier.Close(ctx)) }()
	if err := t.goUp(ctx); err != nil {
		return false, err
	}
	source := w.work.todo.Pending[i]
	if t.byName() {
		return true, nil
	}
	did := len(t.m.Contents) > 0 || len(compare.ByName(w.asBefore(t.before, t.m), t.after))+len(compare.Schema(t.before, t.after)) > 0
	if !source.HasDown && !source.EmptyDown {
		t.m.Back = t.back
		t.back.Verdict = report.BackNone
		if !did {
			t.back.Verdict = report.BackNothing
		}
		return true, nil
	}
	down, err := t.goDown(ctx)
	if err != nil {
		return false, err
	}
	t.back.Conclude(did, down)
	t.m.Back = t.back
	if t.back.Failure == nil {
		err = t.upAgain(ctx)
	}
	b := t.back
	return (b.Verdict == report.BackReversible || b.Verdict == report.BackNothing) && b.Again != nil && b.Again.Outcome == report.Applied && len(b.Again.Differences) == 0, err
}

// byName tells, and says, that a migration changed the database under its name: a clone has another one, so that nothing was seen of it here.
func (t *there) byName() bool {
	if !slices.ContainsFunc(t.m.Schema, ofDatabase) || slices.ContainsFunc(compare.Schema(t.before, t.after), ofDatabase) {
		return false
	}
	t.result.NotMeasured = append(t.result.NotMeasured, report.NotMeasured{
		What: "the way back of " + t.m.ShortName(), Why: "it changes the database under its name, and is taken back in a clone, which has another one",
	})
	return true
}

// goUp applies the migration and tells which values it changed.
func (t *there) goUp(ctx context.Context) error {
	m, _, err := t.applier.Up(ctx, t.i)
	if err != nil {
		return err
	}
	if m.Outcome != report.Applied {
		return errors.Join(t.otherwise(m, t.i), ctx.Err())
	}
	t.up = t.seen
	if t.after, err = t.schema(ctx); err != nil {
		return err
	}
	t.m.Contents, err = t.contents(ctx, t.up)
	return err
}

// goDown takes it back and compares with before. did tells whether the down did anything.
func (t *there) goDown(ctx context.Context) (did bool, err error) {
	tables := t.locked([]report.Migration{*t.m})
	canaries := observe.Release(ctx, t.at.Config, tables[:min(len(tables), t.probes())])
	defer canaries.Stop()
	canaries.Settle(ctx, settling)
	from := time.Now()
	m, missed, err := t.applier.Down(ctx, t.i)
	to := time.Now()
	canaries.Settle(ctx, settling)
	canaries.Stop()
	if err == nil && m.Outcome == report.TimedOut {
		err = ctx.Err()
	}
	if err != nil {
		return false, err
	}
	b := t.back
	b.Duration, b.Locks, b.Rewrites, b.Statements, b.WAL, b.Failure = m.Duration, m.Locks, m.Rewrites, m.Statements, m.WAL, m.Failure
	b.Blocked = canaries.Waits(from, to)
	for _, n := range missed {
		t.result.NotMeasured = append(t.result.NotMeasured, report.NotMeasured{What: "on the way down of " + t.m.ShortName() + ": " + n.What, Why: n.Why})
	}
	if b.Failure != nil {
		return true, nil
	}
	down := t.seen
	now, err := t.schema(ctx)
	if err != nil {
		return false, err
	}
	b.NotRestored, b.Moved = withoutOrder(compare.ByName(t.asBefore(t.before, t.m), now))
	if b.Data, err = t.contents(ctx, t.up, down); err != nil {
		return false, err
	}
	b.Lost = report.Losses(b.Data)
	return len(down.Changes)+len(down.Rewrites)+len(compare.Schema(t.after, now)) > 0, nil
}

// upAgain applies it once more and compares with after the first time.
func (t *there) upAgain(ctx context.Context) error {
	m, _, err := t.applier.Up(ctx, t.i)
	if err == nil && m.Outcome == report.TimedOut {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	again := &report.Again{Outcome: m.Outcome, Duration: m.Duration, Locks: m.Locks, Failure: m.Failure}
	if m.Outcome == report.Applied {
		now, err := t.schema(ctx)
		if err != nil {
			return err
		}
		again.Differences, _ = withoutOrder(compare.ByName(t.after, now))
	}
	t.back.Again = again
	return nil
}

// schema reads what the database holds.
func (t *there) schema(ctx context.Context) (s catalog.Schema, err error) {
	err = t.session(ctx, t.at, func(conn *pgx.Conn) error {
		s, err = catalog.Read(ctx, conn)
		return err
	})
	return s, err
}

// contents compares with the base what migrations that were seen to do so and so can have changed.
func (t *there) contents(ctx context.Context, seen ...*observe.Observation) (all []report.TableContents, err error) {
	err = t.session(ctx, staging.At(t.server, t.base), func(base *pgx.Conn) error {
		return t.session(ctx, t.at, func(now *pgx.Conn) error {
			before, err1 := compare.Hold(ctx, base)
			after, err2 := compare.Hold(ctx, now)
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			all, err = compare.Contents(ctx, before, after, suspects(seen))
			return err
		})
	})
	return all, err
}

// session works on a database as staging's superuser, and leaves nobody connected.
func (t *there) session(ctx context.Context, at staging.Server, f func(*pgx.Conn) error) error {
	return connected(ctx, inUTF8(at.Config()), f)
}

// suspects are the tables in which rows were counted as changed. Where the server could not count, it is all of them.
func suspects(seen []*observe.Observation) compare.Suspects {
	s := compare.Suspects{Changed: map[uint32]bool{}}
	for _, o := range seen {
		for oid := range o.Changes {
			s.Changed[oid] = true
		}
		s.All = s.All || slices.ContainsFunc(o.NotMeasured, func(n report.NotMeasured) bool { return strings.HasPrefix(n.What, observe.RowsUncounted) })
	}
	return s
}

// withoutOrder takes out what differs in the order of columns alone, and names the tables.
func withoutOrder(changes []report.Change) (rest []report.Change, moved []string) {
	for _, c := range changes {
		all := len(c.Attributes)
		c.Attributes = slices.DeleteFunc(slices.Clone(c.Attributes), func(a report.AttributeChange) bool { return a.Name == "column order" })
		if len(c.Attributes) < all {
			moved = append(moved, c.Name)
		}
		if len(c.Attributes) < all && len(c.Attributes)+len(c.Children) == 0 {
			continue
		}
		rest = append(rest, c)
	}
	return rest, moved
}
