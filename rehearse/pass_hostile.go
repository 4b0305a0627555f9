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
	"github.com/rehearse-db/rehearse/snapshot"
)

// mostHold is the longest that transactions of the hostile pass last, unless somebody wants more.
const mostHold = 10 * time.Second

// mostRounds is how often a migration in several transactions finds others in its way: each of its transactions may wait for them.
const mostRounds = 4

// watchActivity asks the source how long others' transactions last there, for the hostile pass. What cannot be had is not worth a rehearsal.
func (r *rehearsal) watchActivity(ctx context.Context, src origin, w *work) {
	source, ok := src.(*snapshot.Source)
	wanted := slices.ContainsFunc(r.wanted(), func(p pass) bool { return p.name == hostileName })
	if !ok || !wanted || len(w.todo.Pending) == 0 {
		return
	}
	a, err := source.Activity(ctx)
	if err != nil {
		r.cfg.Log.Info("the source does not tell how old its transactions are", "error", err)
		return
	}
	r.activity = a
}

const hostileName = "hostile"

// hostility is what the migrations are to meet.
func (p *passing) hostility() *report.Hostility {
	a := p.activity
	h := &report.Hostility{LockTimeout: report.Duration(p.cfg.MigrationLockTimeout)}
	if a == nil {
		h.Hold, h.HoldFrom = p.hold(nil, "")
		h.WriterHold, h.WriterHoldFrom = h.Hold, h.HoldFrom
		return h
	}
	h.Hold, h.HoldFrom = p.hold(&a.Longest, "transaction")
	h.WriterHold, h.WriterHoldFrom = p.hold(&a.LongestWriter, "transaction that writes")
	h.Clients, h.Hidden = a.Open, a.Hidden
	seen := func(d time.Duration) *report.Duration {
		if a.Hidden > 0 && d == 0 {
			return nil
		}
		longest := report.Duration(d)
		return &longest
	}
	h.Longest, h.LongestWriter = seen(a.Longest), seen(a.LongestWriter)
	return h
}

// hold is how long transactions of a kind go on when somebody waits for them, and where that is from; longest is the age of the oldest
// of them at the source, nil where that is not known.
func (p *passing) hold(longest *time.Duration, kind string) (report.Duration, string) {
	least := p.cfg.MigrationLockTimeout + time.Second
	switch {
	case p.cfg.HostileHold > 0:
		return report.Duration(p.cfg.HostileHold), "as asked for"
	case longest == nil:
		return report.Duration(least), "a second more than the lock_timeout, since how long transactions last at the source is not known"
	case *longest < least:
		return report.Duration(least), "a second more than the lock_timeout, since no " + kind + " at the source was seen to last longer"
	case *longest > mostHold:
		return report.Duration(mostHold), "the most that a rehearsal waits; the oldest " + kind + " at the source was older"
	}
	return report.Duration(*longest), "as the oldest " + kind + " at the source"
}

// crowded is the hostile pass: a clone of the copy on which the migrations are applied, one after the other, among others' transactions.
type crowded struct {
	*passing
	h     *report.Hostility
	name  string // of the clone
	at    staging.Server
	plain *migrate.Applier // nil between two clones
	oids  []uint32         // of the tables that production has
	role  bool             // the role has a lock_timeout of its own
	begun time.Time
}

// hostile applies each migration that locks a table against writes, or that waits for others by itself, among long transactions: under a
// lock_timeout first and then, when that ended it, without. What fails leaves the state as it was, or the clone is given up for one of before.
func hostile(ctx context.Context, p *passing) (note string, err error) {
	last := -1
	for i := range p.applied {
		if _, yes := p.contested(i); yes {
			last = i
		}
	}
	if last < 0 {
		return "no migration waits for transactions of others", nil
	}
	c := &crowded{passing: p, h: p.hostility(), begun: time.Now()}
	p.result.Hostility = c.h
	defer closing(ctx, &err, "end the hostile pass", c.close)
	if err := c.clone(ctx, p.pristine); err != nil {
		return "", err
	}
	// golang-migrate empties its table before a file, and others lock theirs: a dump would have them wait there, and what migrates meet nobody.
	if c.oids, err = observe.Tables(ctx, c.at.Config(), p.work.aside()...); err != nil {
		return "", err
	}
	if c.role, err = c.roleHasTimeout(ctx); err != nil {
		return "", err
	}
	var met int
	for i := range last + 1 {
		tables, yes := p.contested(i)
		if !yes {
			if err := c.quiet(ctx, i); err != nil {
				return "", err
			}
			continue
		}
		if why := c.late(); why != "" {
			p.result.NotMeasured = append(p.result.NotMeasured, report.NotMeasured{
				What: "what becomes of " + p.result.Migrations[i].Name + " and those after it among long transactions of others", Why: why,
			})
			break
		}
		if err := c.meet(ctx, i, tables); err != nil {
			return "", err
		}
		met++
	}
	return fmt.Sprintf("%s among transactions of %s", count(met, "migration"), c.h.Hold), nil
}

// late says why there is no time for another migration; "" when there is.
func (c *crowded) late() string {
	if c.cfg.PassTime == 0 {
		return ""
	}
	spent := time.Since(c.begun)
	for _, ph := range c.result.Phases {
		if strings.HasPrefix(ph.Name, "pass: ") {
			spent += time.Duration(ph.Duration)
		}
	}
	if spent+time.Duration(c.h.Hold+c.h.WriterHold+c.h.LockTimeout) > c.cfg.PassTime {
		return fmt.Sprintf("%s were spent on passes, and %s are allowed", report.Duration(spent), report.Duration(c.cfg.PassTime))
	}
	return ""
}

// meet applies one migration among others' transactions.
func (c *crowded) meet(ctx context.Context, i int, tables []string) (err error) {
	m := &c.result.Migrations[i]
	before := ""
	if !whole(m) || m.Migrator == report.GolangMigrate { // whose entry stays
		if before, err = c.keep(ctx); err != nil {
			return err
		}
		defer closing(ctx, &err, "drop a clone", func(ctx context.Context) error { return c.all.Drop(ctx, before) })
	}
	h := &report.Hostile{Tables: tables, OwnTimeout: c.role || c.setsTimeout(i)}
	limited, err := c.run(ctx, i, tables, true)
	if err != nil {
		return err
	}
	h.Plain = limited
	if limited.Outcome != report.Applied {
		if err := c.back(ctx, before); err != nil {
			return err
		}
		if h.Plain, err = c.run(ctx, i, tables, false); err != nil {
			return err
		}
		if limited.Refused() && !(h.OwnTimeout && h.Plain.Refused()) {
			h.Limited = &limited
		}
	}
	if h.Plain.Outcome != report.Applied {
		if err := c.back(ctx, before); err != nil {
			return err
		}
		if err := c.quiet(ctx, i); err != nil {
			return err
		}
	}
	for _, by := range h.Plain.HeldUp {
		h.WaitedFor = append(h.WaitedFor, by.By)
	}
	m.Hostile = h
	return nil
}

// run applies a migration once, under the lock_timeout or with what it has by itself.
func (c *crowded) run(ctx context.Context, i int, tables []string, limited bool) (run report.HostileRun, err error) {
	a, err := c.open(ctx, limited)
	if err != nil {
		return run, err
	}
	if limited {
		defer func() { err = errors.Join(err, a.Close(ctx)) }()
	}
	before, err := c.leftovers(ctx)
	if err != nil {
		return run, err
	}
	canaries := observe.Release(ctx, c.at.Config, tables[:min(len(tables), c.probes())])
	defer canaries.Stop()
	canaries.Settle(ctx, settling)
	rounds := 1
	if !whole(&c.result.Migrations[i]) {
		rounds = mostRounds
	}
	hold := observe.Holds{Readers: time.Duration(c.h.Hold), Writers: time.Duration(c.h.WriterHold)}
	crowd, err := observe.Gather(ctx, c.at.Config, tables, c.oids, hold, rounds)
	if err != nil {
		return run, err
	}
	from := time.Now()
	m, _, err := a.Up(ctx, i)
	to := time.Now()
	crowd.Leave(ctx)
	if err != nil {
		return run, err
	}
	canaries.Settle(ctx, settling)
	run = report.HostileRun{Outcome: m.Outcome, Duration: m.Duration, Failure: m.Failure, HeldUp: crowd.WaitedFor(), Blocked: canaries.Waits(from, to)}
	if m.Outcome != report.Applied {
		after, err := c.leftovers(ctx)
		if err != nil {
			return run, err
		}
		run.Leftovers = compare.DiffLeftovers(before, after)
	}
	return run, nil
}

// quiet applies a migration with nobody in its way.
func (c *crowded) quiet(ctx context.Context, i int) error {
	a, err := c.open(ctx, false)
	if err != nil {
		return err
	}
	m, _, err := a.Up(ctx, i)
	if err == nil && m.Outcome != report.Applied {
		err = c.otherwise(m, i)
	}
	return err
}

// open gives what applies migrations: under the lock_timeout in a session of its own, else in that which is kept.
func (c *crowded) open(ctx context.Context, limited bool) (*migrate.Applier, error) {
	if !limited && c.plain != nil {
		return c.plain, nil
	}
	target, err := c.target(ctx, c.work, c.at)
	if err != nil {
		return nil, err
	}
	connect := target
	if limited {
		connect = func() *pgx.ConnConfig {
			cfg := target()
			cfg.RuntimeParams["lock_timeout"] = fmt.Sprint(time.Duration(c.h.LockTimeout).Milliseconds())
			return cfg
		}
	}
	options := c.applying(c.work, connect, c.at)
	options.Observe = observe.Options{TimesOnly: true}
	a, err := migrate.Open(ctx, c.work.todo, options)
	if err == nil && !limited {
		c.plain = a
	}
	return a, err
}

// clone makes the database that is worked on.
func (c *crowded) clone(ctx context.Context, from string) (err error) {
	if c.name, err = c.all.Clone(ctx, from, ""); err == nil {
		c.at = staging.At(c.server, c.name)
	}
	return err
}

// keep makes a clone of the state before a migration; its name is given.
func (c *crowded) keep(ctx context.Context) (string, error) {
	if err := c.disconnect(ctx); err != nil {
		return "", err
	}
	return c.all.Clone(ctx, c.name, "")
}

// back returns to the state that was kept; without one nothing of what failed has stayed.
func (c *crowded) back(ctx context.Context, kept string) error {
	if kept == "" {
		return nil
	}
	if err := c.close(ctx); err != nil {
		return err
	}
	return c.clone(ctx, kept)
}

func (c *crowded) disconnect(ctx context.Context) error {
	if c.plain == nil {
		return nil
	}
	err := c.plain.Close(ctx)
	c.plain = nil
	return err
}

// close gives the clone up.
func (c *crowded) close(ctx context.Context) error {
	err := c.disconnect(ctx)
	if c.name != "" {
		err = errors.Join(err, c.all.Drop(ctx, c.name))
		c.name = ""
	}
	return err
}

// leftovers are the things half done that the database has now.
func (c *crowded) leftovers(ctx context.Context) (found []report.Leftover, err error) {
	err = connected(ctx, inUTF8(c.at.Config()), func(conn *pgx.Conn) error {
		found, err = compare.Leftovers(ctx, conn)
		return err
	})
	return found, err
}
