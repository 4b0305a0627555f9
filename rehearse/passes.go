package rehearse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// pass is a further rehearsal of what is pending: the first one says what migrations do, each pass asks one more question of them. It
// works on clones of the copy as it was before the first migration, and adds what it saw to the result.
type pass struct {
	name string // as Config.Passes has it
	asks string // the question, for people
	cost int    // how often it applies all that is pending, about
	run  func(ctx context.Context, p *passing) (note string, err error)
	// asked says that a setting of its own asks for it, which then has no name in Config.Passes; nil: the name does.
	asked func(cfg *Config) bool
}

// passes are all there are, in their order.
var passes = []pass{
	{name: "probe", asks: "how long reads and writes of an application would have waited", cost: 1, run: probe},
	{name: "remedy", asks: "whether the remedies proposed lead to the same end, and how long others wait then", cost: 2, run: remedy},
	{name: hostileName, asks: "what becomes of migrations among long transactions of others", cost: 3, run: hostile},
	{name: "down", asks: "whether there is a way back from each migration, and which columns' values each changed", cost: 4, run: wayBack},
	{name: "kill", asks: "what becomes of migrations that are killed half way when their migrator is run again", cost: 2, run: kill},
	{name: "queries", asks: "which queries of the application stop working or lose their plan", cost: 1, run: queries},
	{name: "curve", asks: "how the times of migrations grow with the rows", cost: 5, run: scale, asked: func(cfg *Config) bool { return len(cfg.Scale) > 0 }},
	{name: "repeat", asks: "how much the times of migrations vary", run: repeat, asked: func(cfg *Config) bool { return cfg.Repeat > 0 }},
}

// ofFiles are the passes that take migrations apart or back, which a command does not let them.
var ofFiles = map[string]bool{"remedy": true, "down": true}

// PassNames are the names that Config.Passes may have, in the order in which they are carried out.
func PassNames() []string {
	names := make([]string, 0, len(passes))
	for _, p := range passes {
		if p.asked == nil {
			names = append(names, p.name)
		}
	}
	return names
}

// passing is what a pass works with.
type passing struct {
	*rehearsal
	work     *work
	server   staging.Server
	all      staging.Databases
	pristine string   // the clone that nobody can change
	applied  int      // so many of the pending migrations were applied by the first pass; only these are asked about
	reached  int      // and so many begun, the one that failed included
	belonged []string // roles and tablespaces of before the pass
}

// wanted are the passes that were asked for.
func (r *rehearsal) wanted() []pass {
	return slices.DeleteFunc(slices.Clone(passes), func(p pass) bool {
		if p.asked != nil {
			return !p.asked(&r.cfg)
		}
		return r.cfg.Passes != nil && !slices.Contains(r.cfg.Passes, p.name)
	})
}

// again carries out the passes. One that cannot be carried out, or that the deadline of ctx ends, leaves its question open, which is told; only a
// staging server that is down, or a context that was cancelled, ends the rehearsal.
func (r *rehearsal) again(ctx context.Context, w *work, server staging.Server) (err error) {
	wanted := r.wanted()
	p := &passing{rehearsal: r, work: w, server: server, all: staging.DatabasesOf(server)}
	for _, m := range r.result.Migrations {
		if m.Outcome != report.NotRun {
			p.reached++
		}
		if m.Outcome == report.Applied {
			p.applied++
		}
	}
	if len(wanted) == 0 || p.reached == 0 {
		return nil
	}
	if p.timeIsOver(ctx, wanted...) {
		return nil
	}
	if p.pristine, err = p.all.Pristine(ctx); err != nil {
		return &StagingError{Err: r.because(ctx, server, fmt.Errorf("find the copy from before the migrations: %w", err))}
	}
	restore, err := r.setAside(ctx, server)
	if err != nil {
		return &StagingError{Err: r.because(ctx, server, err)}
	}
	defer closing(ctx, &err, "give roles that migrations made their names back", restore)
	for _, one := range wanted {
		if err = p.carryOut(ctx, one); err != nil {
			return err
		}
	}
	if !r.keepsPristine() {
		ctx, cancel := lastReading(ctx)
		defer cancel()
		if err = p.all.Drop(ctx, p.pristine); err != nil {
			return &StagingError{Err: r.because(ctx, server, err)}
		}
	}
	return err
}

// keepsPristine says that a clone of the copy from before the migrations stays with staging.
func (r *rehearsal) keepsPristine() bool { return r.cfg.Staging.Pristine && r.cfg.Keep != KeepNever }

// carryOut carries out one pass, where there is time for it.
func (p *passing) carryOut(ctx context.Context, one pass) error {
	if p.timeIsOver(ctx, one) {
		return nil
	}
	why := p.tooLong(one)
	if p.cfg.MigrateCommand != "" && ofFiles[one.name] {
		why = "a command migrates: what it is made of, and its way back, are its own"
	}
	if why != "" {
		p.open(one, why)
		return nil
	}
	err := p.phase("pass: "+one.name, func() (string, error) { return p.tidily(ctx, one.run) })
	switch {
	case err == nil || p.timeIsOver(ctx, one):
		return nil
	case ctx.Err() != nil:
		return &StagingError{Err: p.because(ctx, p.server, err)}
	}
	if down := p.server.Down(ctx); down != nil {
		return &StagingError{Err: down}
	}
	p.cfg.Log.Info("pass could not be carried out", "pass", one.name, "error", err)
	p.open(one, whyOpen(err))
	return nil
}

// timeIsOver leaves questions open where the time limit of the whole rehearsal has come: what was seen until then has a verdict.
func (p *passing) timeIsOver(ctx context.Context, left ...pass) bool {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return false
	}
	for _, one := range left {
		p.open(one, "the time allowed for the whole rehearsal was over")
	}
	return true
}

// whyOpen is why a pass could not be carried out, in words that hold no data.
func whyOpen(err error) string {
	if different := (*DifferentError)(nil); errors.As(err, &different) {
		return different.Error()
	}
	if thin := (*thinError)(nil); errors.As(err, &thin) {
		return thin.Error()
	}
	return observe.Reason(err)
}

// open says that a pass left its question open.
func (p *passing) open(one pass, why string) {
	p.result.NotMeasured = append(p.result.NotMeasured, report.NotMeasured{What: one.asks, Why: why})
}

// tooLong says why there is no time for a pass; "" when there is.
func (p *passing) tooLong(one pass) string {
	if p.cfg.PassTime == 0 {
		return ""
	}
	var first time.Duration
	for _, m := range p.result.Migrations {
		first += time.Duration(m.Duration)
	}
	spent := p.spent()
	if need := time.Duration(one.cost) * first; spent+need > p.cfg.PassTime {
		return fmt.Sprintf("pass %s would take about %s more, with %s spent on passes before and %s allowed",
			one.name, report.Duration(need), report.Duration(spent), report.Duration(p.cfg.PassTime))
	}
	return ""
}

// spent is the time of the passes before.
func (p *passing) spent() (d time.Duration) {
	for _, ph := range p.result.Phases {
		if strings.HasPrefix(ph.Name, "pass: ") {
			d += time.Duration(ph.Duration)
		}
	}
	return d
}

// onClone has f work on a clone of a database, the pristine one where from is "", and drops it then. Nobody may be connected to from.
func (p *passing) onClone(ctx context.Context, from string, f func(at staging.Server) error) (err error) {
	if from == "" {
		from = p.pristine
		defer closing(ctx, &err, "drop roles that a pass made", p.forget)
	}
	name, err := p.all.Clone(ctx, from, "")
	if err != nil {
		return err
	}
	defer closing(ctx, &err, "drop a clone", func(ctx context.Context) error { return p.all.Drop(ctx, name) })
	return f(staging.At(p.server, name))
}

// applier opens what applies the pending migrations to a database of staging, as the first pass did it: with the same role, parameters
// and version table.
func (p *passing) applier(ctx context.Context, at staging.Server, o observe.Options) (*migrate.Applier, error) {
	return p.applierThen(ctx, at, o, nil)
}

// applierThen is an applier that calls after when a migration has ended, as migrate.Options has it.
func (p *passing) applierThen(ctx context.Context, at staging.Server, o observe.Options, after func(context.Context, *report.Migration, *observe.Observation) error) (*migrate.Applier, error) {
	target, err := p.target(ctx, p.work, at)
	if err != nil {
		return nil, err
	}
	options := p.applying(p.work, target, at)
	options.Observe, options.After = o, after
	return migrate.Open(ctx, p.work.todo, options)
}

// setAside renames the roles and tablespaces that the first pass made, so that a pass can make them again: they belong to the whole server, not
// to the database that was cloned. restore gives them their names back. What is changed otherwise stays changed.
func (r *rehearsal) setAside(ctx context.Context, server staging.Server) (restore func(context.Context) error, err error) {
	var undo []string
	var statements []string
	for _, c := range r.result.Schema {
		kind := strings.ToUpper(c.Kind)
		if c.Action != "added" || kind != "ROLE" && kind != "TABLESPACE" {
			continue
		}
		aside := pgx.Identifier{fmt.Sprintf("rehearse aside %d", len(undo)+1)}.Sanitize()
		statements = append(statements, "ALTER "+kind+" "+c.Name+" RENAME TO "+aside)
		undo = append(undo, "ALTER "+kind+" "+aside+" RENAME TO "+c.Name)
	}
	if err := execute(ctx, server, statements); err != nil {
		return nil, fmt.Errorf("set aside roles that migrations made: %w", err)
	}
	return func(ctx context.Context) error { return execute(ctx, server, undo) }, nil
}

// execute runs statements as staging's superuser, in one transaction.
func execute(ctx context.Context, server staging.Server, statements []string) error {
	if len(statements) == 0 {
		return nil
	}
	return connected(ctx, server.Config(), func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, strings.Join(statements, ";\n"))
		return err
	})
}

// connected calls f with a session of its own at staging.
func connected(ctx context.Context, cfg *pgx.ConnConfig, f func(conn *pgx.Conn) error) (err error) {
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("connect to staging: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	return f(conn)
}
