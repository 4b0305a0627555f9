package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// What has to be done after the context is over is bounded: ending sessions, and the After of a migration that ran too long.
const (
	cleanupTimeout = time.Minute
	afterTimeout   = 5 * time.Minute
)

var errLeftOpen = errors.New("a transaction was left open")

// Options say where and how to apply a plan.
type Options struct {
	// Target connects to staging as the role, and with the parameters, that migrations have in production. Each call gives a fresh copy.
	Target func() *pgx.ConnConfig
	// Watch connects to the same database as a superuser, for the observer.
	Watch func() *pgx.ConnConfig
	Table string // the version table, as SQL names it; "" is DefaultTable, which is goose's. Plain files have none
	// SessionEach opens a new session for each migration. Otherwise all share one, as with `goose up`, and what one of them sets for the
	// session holds for the next.
	SessionEach bool

	// Command is what a plan made by [Command] needs.
	Command CommandOptions
	// Aside are the tables in which tools keep their books, by quoted and qualified names: nothing is told of them.
	Aside []string

	// Before and After, when set, are called around each migration, outside what is measured; an error ends the run. After may add to
	// the migration. It is called for one that failed or ran too long too, when no session of it is left; for the latter with a context
	// of five minutes, since that of Apply is over.
	Before func(ctx context.Context, m *report.Migration) error
	After  func(ctx context.Context, m *report.Migration, o *observe.Observation) error

	// Observe says what is recorded; all of it where it is the zero value. Its Log is not used.
	Observe observe.Options

	Log *slog.Logger
}

// Run is what became of a plan.
type Run struct {
	Migrations  []report.Migration // all of the plan, also those never reached
	NotMeasured []report.NotMeasured
}

// Apply applies a plan to staging, one migration after the other, until one fails. A migration that fails, or is still running at the
// deadline of ctx (outcome timed_out), is no error. Errors are [ErrOutOfOrder], [ErrLost], those of Before and After, of connecting, of goose's
// preparations, and that of ctx when it was cancelled or its deadline passed between two migrations. The run holds in each case what happened
// until then. No session is left.
func Apply(ctx context.Context, p *Plan, o Options) (_ *Run, err error) {
	run := &Run{}
	for _, m := range p.Pending {
		run.Migrations = append(run.Migrations, blank(m))
	}
	if p.Drift != nil && len(p.Drift.OutOfOrder) > 0 && !p.Drift.Allowed {
		return run, fmt.Errorf("%w: %s", ErrOutOfOrder, strings.Join(p.Drift.OutOfOrder, ", "))
	}
	if len(p.Pending) == 0 {
		return run, nil
	}
	a, err := Open(ctx, p, o)
	if err != nil {
		return run, err
	}
	defer func() {
		err = errors.Join(err, a.Close(ctx))
	}()
	for i := range p.Pending {
		if err := ctx.Err(); err != nil {
			return run, fmt.Errorf("before %s: %w", p.Pending[i].Name, err)
		}
		var missed []report.NotMeasured
		run.Migrations[i], missed, err = a.Up(ctx, i)
		run.NotMeasured = append(run.NotMeasured, missed...)
		if err != nil || run.Migrations[i].Outcome != report.Applied {
			return run, err
		}
	}
	return run, nil
}

// blank is a migration that has not been run.
func blank(m Migration) report.Migration {
	return report.Migration{
		Version: m.Version, Name: m.Name, File: m.File, Transaction: m.Transaction, Empty: m.Empty(), HasDown: m.HasDown,
		Command: m.Command != "", Migrator: m.Migrator, Outcome: report.NotRun,
	}
}

// Applier applies the migrations of a plan one at a time, up and down, in whatever order its caller wants. It is for one goroutine.
type Applier struct {
	plan     *Plan
	o        Options
	log      *slog.Logger
	recorder *observe.Recorder
	with     migrator
	down     bool // it is being taken back
}

// migrator is what applies a migration, in sessions of which the Recorder hears.
type migrator interface {
	// open makes sure that there are sessions, or will be.
	open(ctx context.Context) error
	// apply applies one, or takes it back. A *failedError says that the migration failed; other errors that it did not get its chance.
	apply(ctx context.Context, m Migration, up bool) error
	// close ends the sessions that are there, as far as this side of them is concerned; the next migration opens others.
	close() error
	// ignores tells queries that are no statements of the migration, where any is taken for one.
	ignores(sql string) bool
}

// failedError says that a migration failed, as the tool that applied it has it.
type failedError struct{ err error }

func (e *failedError) Error() string { return e.err.Error() }
func (e *failedError) Unwrap() error { return e.err }

// Open connects what watches the migrations; a session for them is opened with the first.
func Open(ctx context.Context, p *Plan, o Options) (*Applier, error) {
	a := &Applier{plan: p, o: o, log: cmp.Or(o.Log, slog.New(slog.DiscardHandler))}
	o.Observe.Log, o.Observe.Aside = a.log, o.Aside
	var err error
	if a.recorder, err = observe.Open(ctx, o.Watch(), o.Observe); err != nil {
		return nil, err
	}
	switch {
	case p.command != "":
		a.with = &commandMigrator{o: o, log: a.log, recorder: a.recorder}
	case p.set.ofFiles():
		a.o.SessionEach = o.SessionEach || p.set.by == report.Plain // as psql has it
		a.with = &fileMigrator{o: o, log: a.log, recorder: a.recorder}
	default:
		a.with = &gooseMigrator{set: p.set, o: o, log: a.log, recorder: a.recorder}
	}
	return a, nil
}

// Up applies the plan's ith migration, from 0. What failed or ran too long is in the outcome, as [Apply] has it, and so are the errors.
func (a *Applier) Up(ctx context.Context, i int) (m report.Migration, missed []report.NotMeasured, err error) {
	m = blank(a.plan.Pending[i])
	missed, err = a.migrate(ctx, a.plan.Pending[i], &m, true)
	return m, missed, err
}

// Down takes the plan's ith migration back. The result is as Up gives it: of a way down that succeeded the outcome is applied.
func (a *Applier) Down(ctx context.Context, i int) (m report.Migration, missed []report.NotMeasured, err error) {
	m = blank(a.plan.Pending[i])
	missed, err = a.migrate(ctx, a.plan.Pending[i], &m, false)
	return m, missed, err
}

// Disconnect ends the sessions of migrations and waits until the server is rid of them, so that the database can be cloned. The next
// migration opens one anew; what watches stays connected, to the database that Options.Watch names.
func (a *Applier) Disconnect(ctx context.Context) error { return a.closeSessions(ctx) }

// Close ends all sessions.
func (a *Applier) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*cleanupTimeout)
	defer cancel()
	return errors.Join(a.closeSessions(ctx), a.recorder.Close(ctx))
}

// closeSessions ends the migrating sessions and waits until the server is rid of them.
func (a *Applier) closeSessions(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	err := a.with.close()
	if terminated := a.recorder.Terminate(ctx); terminated != nil {
		return terminated
	}
	if err != nil {
		a.log.Debug("close the migrating session", "error", err)
	}
	return nil
}

// migrate applies one migration, or takes it back, and fills in m.
func (a *Applier) migrate(ctx context.Context, src Migration, m *report.Migration, up bool) ([]report.NotMeasured, error) {
	if a.o.Before != nil {
		if err := a.o.Before(ctx, m); err != nil {
			return nil, fmt.Errorf("before %s: %w", m.Name, err)
		}
	}
	if err := a.with.open(ctx); err != nil {
		return nil, err
	}
	if err := a.recorder.Start(ctx, src.Go || src.Command != "", a.with.ignores); err != nil {
		return nil, fmt.Errorf("observe %s: %w", m.Name, err)
	}
	a.down = !up
	runErr := a.with.apply(ctx, src, up)
	if runErr == nil && a.recorder.InTransaction() {
		runErr = errLeftOpen
	}
	overtime := ctx.Err()

	after, cancel := ctx, context.CancelFunc(func() {})
	if overtime != nil {
		after, cancel = context.WithTimeout(context.WithoutCancel(ctx), afterTimeout)
	}
	defer cancel()
	seen := a.recorder.Stop(after)
	if runErr == nil && seen.Abandoned {
		runErr = errLeftOpen
	}
	fill(m, seen)
	err := a.judge(after, src, m, seen, runErr, overtime)
	if runErr != nil || a.o.SessionEach || src.Command != "" {
		err = errors.Join(err, a.closeSessions(after))
	}
	if a.o.After != nil && err == nil {
		if hook := a.o.After(after, m, seen); hook != nil {
			err = fmt.Errorf("after %s: %w", m.Name, hook)
		}
	}
	return seen.NotMeasured, err
}

// fill copies what was seen.
func fill(m *report.Migration, o *observe.Observation) {
	m.Statements, m.Locks, m.Rewrites = o.Statements, o.Locks, o.Rewrites
	m.Duration, m.Commit = report.Duration(o.Duration), report.Duration(o.Commit)
	m.Slept, m.Observing = report.Duration(o.Slept), report.Duration(o.Observing)
	m.WAL, m.Waited = o.WAL, report.Duration(o.Waited)
}

// judge sets the outcome. It returns an error when the migration did not get its chance.
func (a *Applier) judge(ctx context.Context, src Migration, m *report.Migration, o *observe.Observation, err, overtime error) error {
	var failed *failedError
	switch {
	case err == nil:
		m.Outcome = report.Applied
		return nil
	case errors.Is(overtime, context.DeadlineExceeded):
		m.Outcome = report.TimedOut
		m.Failure = timedOut(m)
	case overtime != nil:
		m.Outcome = report.NotRun
		if len(m.Statements) > 0 {
			m.Outcome = report.Failed
			m.Failure = &report.Failure{Message: "interrupted"}
		}
	case errors.Is(err, errLeftOpen):
		m.Outcome = report.Failed
		m.Failure = leftOpen(m)
		m.Failure.StaysApplied = staysApplied(m, o, a.down)
		return nil
	case !errors.As(err, &failed):
		return fmt.Errorf("apply %s: %w", m.Name, err)
	default:
		m.Outcome = report.Failed
		m.Failure = failure(m, failed.err)
	}
	if m.Failure != nil {
		m.Failure.StaysApplied = staysApplied(m, o, a.down)
		m.Failure.Recorded = a.recorded(ctx, src)
	}
	switch {
	case overtime != nil && m.Outcome != report.TimedOut:
		return fmt.Errorf("apply %s: %w", m.Name, overtime)
	case m.Outcome == report.Failed && src.Command != "" && a.recorder.Ping(ctx) != nil:
		return fmt.Errorf("apply %s: %w", m.Name, ErrLost)
	case m.Outcome == report.Failed && src.Command == "" && !src.Go && !saidByServer(err) && !isDirty(err) && !a.endedItself(ctx, err):
		return fmt.Errorf("apply %s: %w", m.Name, ErrLost)
	}
	return nil
}

// saidByServer tells an error that the server sent for the migration's sake from one of the connection or of the server's own end
// (SQLSTATE class 08, 57P01 to 57P05).
func saidByServer(err error) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && !strings.HasPrefix(pe.Code, "08") && !strings.HasPrefix(pe.Code, "57P")
}

// endedItself tells a migration that terminated its own session: nobody else would, and the server is still there.
func (a *Applier) endedItself(ctx context.Context, err error) bool {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) || pe.Code != "57P01" {
		return false
	}
	return a.recorder.Ping(ctx) == nil
}

// leftOpen is the failure of a migration that begins a transaction and does not end it. goose is content with that: what it did, and the entry
// in the version table, are undone when the session ends, or committed by whatever comes next in it.
func leftOpen(m *report.Migration) *report.Failure {
	f := &report.Failure{Message: "it left a transaction open, so that neither what it did there nor the version is committed", File: m.File}
	if m.Command {
		f.Message = "it ended with success and left a transaction open, so that what it did there is undone"
	} else if m.Migrator == report.Plain {
		f.Message = "it left a transaction open, so that what it did there is undone"
	}
	for _, st := range m.Statements {
		if st.Tag == "BEGIN" || st.Tag == "START TRANSACTION" {
			f.Line = st.Line
		}
	}
	return f
}

// timedOut is the failure of a migration that was stopped: that of its last statement.
func timedOut(m *report.Migration) *report.Failure {
	f := &report.Failure{Message: "stopped, since it had not ended within the time allowed", File: m.File}
	if n := len(m.Statements); n > 0 {
		f.Line = m.Statements[n-1].Line
		m.Statements[n-1].Failure = &report.Failure{Message: f.Message, File: f.File, Line: f.Line}
	}
	return f
}

// failure is that of the statement that failed or, when none did, of the commit or of goose's own entry in the version table.
func failure(m *report.Migration, err error) *report.Failure {
	if exit := (*exitError)(nil); errors.As(err, &exit) {
		return exit.failure(m)
	}
	if n := len(m.Statements); n > 0 && m.Statements[n-1].Failure != nil {
		f := *m.Statements[n-1].Failure
		return &f
	}
	f := observe.Failure(err)
	f.File = m.File
	switch {
	case f.SQLState != "" && len(m.Statements) == 0 && m.Migrator == report.GolangMigrate:
		f.Message = "before the first statement, in golang-migrate's own entry: " + f.Message
	case f.SQLState != "":
		f.Message = "after the last statement: " + f.Message
	}
	return f
}

// staysApplied says what of a migration that failed stays in the database; "" when nothing does.
func staysApplied(m *report.Migration, o *observe.Observation, down bool) string {
	var lines []string
	var stay int
	for i, st := range m.Statements {
		if o.Durable[i] {
			stay++
			if st.Line > 0 {
				lines = append(lines, itoa(int64(st.Line)))
			}
		}
	}
	var parts []string
	if stay > 0 {
		text := fmt.Sprintf("%d of the %d statements sent", stay, len(m.Statements))
		if len(lines) > 0 {
			text += " (line " + strings.Join(lines, ", ") + ")"
		}
		parts = append(parts, text)
	}
	if n := len(m.Statements); n > 0 && !m.Statements[n-1].Transaction {
		if first, _, _ := strings.Cut(strings.ToUpper(m.Statements[n-1].SQL), " "); first == "CALL" || first == "DO" {
			parts = append(parts, "what the "+first+" that failed had committed itself")
		}
	}
	if len(parts) == 0 {
		return ""
	}
	text := strings.Join(parts, ", and ")
	switch {
	case m.Command, m.Migrator != "": // which keeps its own books, or none
		return text
	case down:
		return text + "; the version is still recorded as applied"
	}
	return text + "; the version is not recorded as applied"
}
