package rehearse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// At how many points a migration is killed: fewer where many are pending.
const (
	mostPoints  = 10
	leastPoints = 3
	allPoints   = 100 // of all migrations together, about
)

// killing is the pass that terminates migrations half way and runs their migrator again.
type killing struct {
	*passing
	base string    // a clone with the migrations applied that come before the present one
	most int       // points of one migration
	end  time.Time // no point is begun after it; zero: no limit

	cloning report.Duration // how long it took to make base, and takes for any other clone
	once    report.Duration // and the present migration, where it commits as it goes, with all that its migrator does before

	before, control *state                     // of the present migration: without it, and with it undisturbed
	resumed         *state                     // as the latest kill left it after which a second run came to the end; nil before one
	tables          map[string]bool            // that it touches
	changed         map[string]bool            // those whose values it may change
	spare           map[column]bool            // whose values two undisturbed runs do not agree on
	twice           bool                       // they were asked for
	seen            map[report.KillOutcome]int // points by outcome
}

// kill asks of each migration what becomes of it when its backend is terminated half way and its migrator is run again on a new session.
func kill(ctx context.Context, p *passing) (_ string, err error) {
	k := &killing{passing: p, end: p.until(), seen: map[report.KillOutcome]int{}}
	k.most = min(mostPoints, max(leastPoints, allPoints/max(1, p.applied)))
	defer closing(ctx, &err, "drop roles that a pass made", p.forget)
	started := time.Now()
	if k.base, err = p.all.Clone(ctx, p.pristine, ""); err != nil {
		return "", err
	}
	k.cloning = report.Duration(time.Since(started))
	defer closing(ctx, &err, "drop a clone", func(ctx context.Context) error { return p.all.Drop(ctx, k.base) })
	for i := range p.applied {
		if k.late(p.result.Migrations[i].Duration + k.cloning) {
			names := make([]string, 0, p.applied-i)
			for _, m := range p.result.Migrations[i:p.applied] {
				names = append(names, m.ShortName())
			}
			k.result.NotMeasured = append(k.result.NotMeasured, report.NotMeasured{
				What: "what a kill half way leaves of " + list(names), Why: "the time allowed for passes was over",
			})
			break
		}
		if err := k.migration(ctx, i); err != nil {
			return "", fmt.Errorf("kill %s half way: %w", p.result.Migrations[i].Name, err)
		}
	}
	return k.note(), nil
}

// until is when the time for passes is over; zero for never.
func (p *passing) until() time.Time {
	if p.cfg.PassTime == 0 {
		return time.Time{}
	}
	left := p.cfg.PassTime
	for _, ph := range p.result.Phases {
		if strings.HasPrefix(ph.Name, "pass: ") {
			left -= time.Duration(ph.Duration)
		}
	}
	return time.Now().Add(left)
}

// late says that there is no time for something that takes so long.
func (k *killing) late(need report.Duration) bool {
	return !k.end.IsZero() && time.Now().Add(time.Duration(need)).After(k.end)
}

func (k *killing) note() string {
	var parts []string
	for _, o := range []struct {
		outcome report.KillOutcome
		words   string
	}{{report.KillResumes, "resume"}, {report.KillNeedsCleanup, "need a clean-up"}, {report.KillDiffers, "end otherwise"}, {report.KillWedged, "wedged"}} {
		if n := k.seen[o.outcome]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, o.words))
		}
	}
	if len(parts) == 0 {
		return "nothing to kill"
	}
	return "of the points, " + strings.Join(parts, ", ")
}

// migration kills one, and leaves base with it applied.
func (k *killing) migration(ctx context.Context, i int) (err error) {
	m := &k.result.Migrations[i]
	most, rolls := k.most, rollsBack(m) && !k.work.todo.Pending[i].Go
	if rolls && m.Migrator == report.GolangMigrate { // whose entry stays, so that each point takes clones of its own; they all come to the same
		most, rolls = leastPoints, false
	}
	all, leftOut := points(m, most)
	k.tables, k.changed, k.spare, k.twice, k.resumed = touched(m), changed(m), map[column]bool{}, false, nil
	found := &report.Kill{Statements: len(m.Statements), LeftOut: leftOut}
	values := k.changed
	if rolls { // the server undoes them all, or counts show that it did not
		values = nil
	}
	if k.before, err = k.look(ctx, k.at(k.base), k.tables, values); err != nil {
		return err
	}
	if rolls {
		if rolls, err = k.rolledBack(ctx, i, all, found); err != nil {
			return err
		}
	}
	if !rolls {
		if err := k.piecemeal(ctx, i, all, found); err != nil {
			return err
		}
	}
	if len(found.Points) == 0 {
		if found.LeftOut != "" {
			k.result.NotMeasured = append(k.result.NotMeasured, report.NotMeasured{What: "what a kill half way leaves of " + m.ShortName(), Why: found.LeftOut})
		}
		return nil
	}
	found.Outcome = found.Worst().Outcome
	for c := range k.spare {
		found.NotCompared = append(found.NotCompared, c.String())
	}
	slices.Sort(found.NotCompared)
	for _, p := range found.Points {
		k.seen[p.Outcome]++
	}
	m.Kill = found
	return nil
}

func (k *killing) at(database string) staging.Server { return staging.At(k.server, database) }

// touched are the tables that a migration was seen to lock, read whole, rewrite or change.
func touched(m *report.Migration) map[string]bool {
	tables := map[string]bool{}
	for _, s := range m.Statements {
		for _, l := range s.Locks {
			tables[l.Table] = true
		}
		for _, c := range s.Scans {
			tables[c.Table] = true
		}
	}
	for _, e := range m.Locks {
		tables[e.Table] = true
	}
	maps.Copy(tables, changed(m))
	return tables
}

// changed are the tables whose rows a migration was seen to change, which it made, or rewrote.
func changed(m *report.Migration) map[string]bool {
	tables := map[string]bool{}
	for _, r := range m.Rewrites {
		tables[r.Table] = true
	}
	for _, r := range m.Rows {
		tables[r.Table] = true
	}
	return tables
}

// rollsBack says that a migration ran in one transaction, as far as its statements show. What is seen after a kill decides.
func rollsBack(m *report.Migration) bool {
	return m.Transaction && !slices.ContainsFunc(m.Statements, func(s report.Statement) bool {
		return !s.Transaction || slices.Contains([]string{"COMMIT", "PREPARE TRANSACTION"}, s.Tag)
	})
}

// rolledBack kills a migration on base itself, where each kill is to leave nothing, and then applies it, which is the second run of all
// of them. It is false when something did stay: then base is made anew, and each point needs a clone of its own.
func (k *killing) rolledBack(ctx context.Context, i int, all []point, found *report.Kill) (bool, error) {
	m := &k.result.Migrations[i]
	for n, where := range all {
		if k.late(m.Duration) {
			found.LeftOut = fmt.Sprintf("killed at %d of %d points: the time allowed for passes was over", n, len(all))
			break
		}
		_, hit, err := k.strike(ctx, k.at(k.base), i, where)
		if err != nil {
			return true, err
		}
		if !hit {
			continue
		}
		after, err := k.look(ctx, k.at(k.base), k.tables, nil)
		if err != nil {
			return true, err
		}
		if len(after.stayed(k.before)) > 0 {
			found.Points = nil
			if k.before, err = k.rebase(ctx, i, k.changed); err != nil {
				return true, err
			}
			return false, nil
		}
		found.Points = append(found.Points, k.told(m, where))
	}
	failure, err := k.up(ctx, k.base, i)
	if err != nil {
		return true, err
	}
	if k.control, err = k.look(ctx, k.at(k.base), k.tables, nil); err != nil {
		return true, err
	}
	_, err = k.alone(ctx, i, failure, found)
	return true, err
}

// told is a point of a migration at which nothing has happened yet.
func (k *killing) told(m *report.Migration, where point) report.KillPoint {
	p := report.KillPoint{Statement: where.statement, Inside: where.inside, Outcome: report.KillResumes}
	if where.statement <= len(m.Statements) {
		p.Line = m.Statements[where.statement-1].Line
	}
	return p
}

// alone judges how a migration ended that ran on a session of its own: one that counts on what an earlier one left in the session they
// share cannot be run again after a kill. Where it is odd so, base is made anew with all of them in one session.
func (k *killing) alone(ctx context.Context, i int, failure *report.Failure, found *report.Kill) (odd bool, err error) {
	m := &k.result.Migrations[i]
	d := deviation{words: []string{"it"}}
	if failure == nil {
		d = k.control.asFirst(k.before, m, k.leaves(i))
	}
	if d.none() || failure == nil && (i == 0 || k.cfg.Session == "each") {
		return false, nil
	}
	if len(found.Points) == 0 {
		found.Points = []report.KillPoint{k.told(m, point{statement: 1})}
	}
	for n := range found.Points {
		p := &found.Points[n]
		p.Outcome, p.Failure = report.KillWedged, failure
		if failure == nil {
			p.Outcome, p.Differs, p.DataDiffers = report.KillDiffers, d.words, d.data
		}
	}
	_, err = k.rebase(ctx, i+1, nil)
	return true, err
}

// leaves says that a migration before the ith may have left something in the session.
func (k *killing) leaves(i int) bool {
	return slices.ContainsFunc(k.result.Migrations[:i], func(m report.Migration) bool {
		return slices.ContainsFunc(m.Statements, func(s report.Statement) bool {
			return s.Tag == "SET" || s.Tag == "SELECT" && strings.Contains(s.SQL, "set_config")
		})
	})
}

// rebase makes base anew, with the first n migrations applied in one session.
func (k *killing) rebase(ctx context.Context, n int, values map[string]bool) (s *state, err error) {
	if err := errors.Join(k.all.Drop(ctx, k.base), k.forget(ctx)); err != nil {
		return nil, err
	}
	if k.base, err = k.all.Clone(ctx, k.pristine, ""); err != nil {
		return nil, err
	}
	a, err := k.applier(ctx, k.at(k.base), observe.Options{TimesOnly: true})
	if err != nil {
		return nil, err
	}
	for i := range n {
		m, _, err := a.Up(ctx, i)
		if err == nil && m.Outcome != report.Applied {
			err = k.otherwise(m, i)
		}
		if err != nil {
			return nil, errors.Join(err, a.Close(ctx))
		}
	}
	if err := a.Close(ctx); err != nil {
		return nil, err
	}
	return k.look(ctx, k.at(k.base), k.tables, values)
}

// up has the migrator apply the ith migration on a new session. A migration that it has an entry of is not run again.
func (k *killing) up(ctx context.Context, database string, i int) (failed *report.Failure, err error) {
	a, err := k.applier(ctx, k.at(database), observe.Options{TimesOnly: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Close(ctx)) }()
	m, _, err := a.Up(ctx, i)
	switch {
	case migrate.IsApplied(err):
		return nil, nil
	case err != nil:
		return nil, err
	case m.Outcome == report.Applied:
		return nil, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case m.Failure == nil:
		return &report.Failure{Message: "no reason was recorded"}, nil
	}
	return m.Failure, nil
}
