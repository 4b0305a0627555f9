// Package observe records what each statement of a migration does to a database, while it does it.
//
// A [Recorder] is a [pgx.QueryTracer] on the migrating session and a second session, the watcher, beside it. Nothing is predicted from
// the text of the SQL: PostgreSQL is asked what happened. Three sources are used, and a figure says which one it came from.
//
//   - Inside a transaction the recorder asks on the migrating connection itself, after each statement and before the commit. PostgreSQL
//     keeps every lock on a relation until the transaction ends, so the set of locks is complete ([report.Exact]); so are the counters
//     of scans and changed rows of that transaction. The question stands in a savepoint that is always rolled back: it can neither
//     fail nor be slowed down by what the migration set (search_path, role, timeouts), nor leave anything behind. It is never asked
//     straight after BEGIN or SET, where it would make a following SET TRANSACTION fail.
//   - Outside a transaction the locks are gone when the statement has ended. The watcher looks at pg_locks at intervals of at most
//     [Interval] while it runs ([report.Sampled]). A statement too short to be seen is named in [Observation.NotMeasured].
//   - New storage shows as a changed file node. TRUNCATE, VACUUM FULL and CLUSTER change it too: the reason is told from the command
//     tag and from what changed in the catalogs.
//
// Time spent asking is measured and belongs to no statement, no migration and no exposure: all durations are read from a clock that
// stands still meanwhile.
package observe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// Interval is the longest pause between two looks of the watcher at a running statement.
const Interval = 25 * time.Millisecond

// What asking inside a transaction may cost: a question after each of a migration's first statements, and beyond them a share of its time. What is
// over it is not asked one by one, where it changes rows alone and is over at once, but together, before the next that is asked, and in any case
// before the commit.
const (
	askedAlways = 100
	askingShare = 50 // one part in so many
	overAtOnce  = 10 * time.Millisecond
)

// RowsUncounted is how [report.NotMeasured.What] begins where rows may have been changed that no counter has.
const RowsUncounted = "full scans and rows"

// Recorder watches the sessions of one run of migrations. Set it as the Tracer of their configuration, then call Start before and
// Stop after each migration; between Stop and Start nothing is recorded. A measurement that fails never fails the migration: it
// becomes a [report.NotMeasured]. It is safe for use by several sessions at once.
type Recorder struct {
	o       Options
	log     *slog.Logger
	watcher *watcher

	mu       sync.Mutex
	sessions map[Conn]*session
	run      *run                 // nil between migrations
	rels     map[uint32]*relation // as the last migration left them; nil where that is not known
	aside    map[uint32]bool      // the tables of Options.Aside that have been seen
}

// Source is a statement about to be sent, and where it stands.
type Source struct {
	SQL   string
	File  string
	Lines []int // the line of the file, 1-based, of each line of SQL; nil when it is not known
}

// line is the file's line of the statement's nth line, counted from nought; 0 when it is not known.
func (s Source) line(n int) int {
	if n < 0 || n >= len(s.Lines) {
		return 0
	}
	return s.Lines[n]
}

// Change is how many rows of one table statements inserted, updated and deleted, counted by the server. Rows that TRUNCATE removes
// are in no counter.
type Change struct {
	Inserted, Updated, Deleted int64
	Truncated                  bool
}

func (c Change) plus(d Change) Change {
	return Change{
		Inserted: c.Inserted + d.Inserted, Updated: c.Updated + d.Updated, Deleted: c.Deleted + d.Deleted,
		Truncated: c.Truncated || d.Truncated,
	}
}

// Observation is what one migration did.
type Observation struct {
	Statements []report.Statement
	// Durable says, for each of Statements, whether its effect stays whatever happens later: it ran outside a transaction, or the
	// transaction it ran in was committed.
	Durable []bool

	Locks    []report.Exposure // one for each table and kind of blocking, those that block most first
	Rewrites []report.Rewrite

	Duration  time.Duration // from the first statement sent to the end of the commit
	Commit    time.Duration // of all commits in the migration
	Observing time.Duration // what asking cost; in no other figure
	Slept     time.Duration // time in pg_sleep, sampled
	Waited    time.Duration // time of waiting for locks of other sessions, sampled
	WAL       int64         // bytes of WAL the server wrote meanwhile

	// Changes are rows changed by committed work, by the OID of the table; tables made by the migration are in it. The server counts what
	// was undone inside a transaction too, by an exception block or a savepoint. ChangesMethod is Exact unless it was seen to be
	// otherwise, then Estimated: something was undone (pg_xact_status), or a part outside a transaction on a server before 15, whose counters come late.
	Changes       map[uint32]Change
	ChangesMethod report.Method
	// Bound says that the migration changed nothing but relations that it locked, with what belongs to them, and rows: each statement ran in a
	// transaction, whose locks are known, and is of a kind that locks what it changes. Locked are the OIDs of those relations, new ones
	// included, ordered; indexes are among them, TOAST tables may be. Changes of privileges, types, functions and the like are not bound.
	Bound  bool
	Locked []uint32
	// Moved are the OIDs, in order, of sequences that were not locked so, from which values may have been taken or which were set: all of them where
	// Bound is true, since nextval and setval keep a lock until the transaction ends, even out of what was undone in it.
	Moved []uint32

	// Touched are the OIDs, in order, of the tables that were locked for writing or more, rewritten or changed. Only these can differ.
	Touched []uint32

	// Abandoned says that a session ended in the middle of a transaction that had changed something, which is undone with that.
	Abandoned bool

	NotMeasured []report.NotMeasured
}

// Options say what a [Recorder] records. The zero value has it record everything.
type Options struct {
	// TimesOnly has it ask nothing while a migration runs, so that locks are held no longer than they would be without it: only statements,
	// their times and how they ended are recorded, no locks, rewrites, scans or rows.
	TimesOnly bool
	// Sent, when set, is called after each statement of a migration, when its end has been recorded: n counts them from 1 since Start, and pid is
	// the backend that ran it. It must not call the Recorder.
	Sent func(n int, pid uint32)
	// Sending, when set, is called before each statement of a migration is sent. All else is as for Sent.
	Sending func(n int, pid uint32)
	// Aside are tables, by their quoted and qualified names, that nobody but the migrations' tool uses: what is done to them is not recorded.
	Aside []string
	Log   *slog.Logger
}

// Open connects the watcher: as a superuser of the server the migrations run on, since it looks at sessions of any role.
func Open(ctx context.Context, watch *pgx.ConnConfig, o Options) (*Recorder, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	w, err := openWatcher(ctx, watch)
	if err != nil {
		return nil, err
	}
	return &Recorder{o: o, log: o.Log, watcher: w, sessions: map[Conn]*session{}}, nil
}

// Close ends the watcher's session.
func (r *Recorder) Close(ctx context.Context) error { return r.watcher.close(ctx) }

// Ping asks whether the server still answers, on a new session when the watcher's was ended.
func (r *Recorder) Ping(ctx context.Context) error {
	_, err := r.watcher.counting(ctx)
	return err
}

// InTransaction tells whether any of the sessions has a transaction open.
func (r *Recorder) InTransaction() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for conn := range r.sessions {
		if !conn.IsClosed() && conn.TxStatus() != 'I' {
			return true
		}
	}
	return false
}

// Start begins the record of one migration: it reads which relations there are. With anyStatement set, every query that
// is neither transaction control nor named by ignore counts as a statement of the migration (that of a Go migration); else only those
// announced.
func (r *Recorder) Start(ctx context.Context, anyStatement bool, ignore func(sql string) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	start := time.Now()
	var rels map[uint32]*relation
	wal, counting, err := r.watcher.beginning(ctx)
	if err != nil {
		return err
	}
	if !r.o.TimesOnly {
		if rels = r.rels; rels == nil {
			if rels, err = r.watcher.relations(ctx); err != nil {
				return err
			}
			r.aside = map[uint32]bool{}
			setAside(rels, r.aside, r.o.Aside)
		}
		r.rels = nil
	}
	if ignore == nil {
		ignore = func(string) bool { return false }
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.run = &run{
		epoch: time.Now(), anyStatement: anyStatement, ignore: ignore,
		rels: rels, walStart: wal, wal: wal, method: report.Exact,
		changes: map[uint32]Change{}, touched: map[uint32]bool{}, locked: map[uint32]bool{}, moved: map[uint32]bool{}, numbers: map[*session]int{},
	}
	r.run.setup = time.Since(start)
	if !r.o.TimesOnly && !counting {
		r.run.miss(RowsUncounted+" inserted, updated and deleted", "track_counts is off")
	}
	return nil
}

// Announce says that the next query with exactly this text is a statement of the migration.
func (r *Recorder) Announce(s Source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.run != nil {
		r.run.announced = &s
	}
}

// Stop ends the record and returns it. Without a Start before it the record is empty.
func (r *Recorder) Stop(ctx context.Context) *Observation {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.run
	r.run = nil
	if u == nil {
		return &Observation{ChangesMethod: report.Exact}
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	for conn, s := range r.sessions {
		s.end(u, u.now(), false)
		r.handOver(ctx, u, conn)
	}
	u.ask(func() { r.keep(ctx, u) })
	return u.observation()
}

// handOver has an idle session make its counters visible to others.
func (r *Recorder) handOver(ctx context.Context, u *run, conn Conn) {
	if r.o.TimesOnly || r.watcher.version < 150000 || conn.IsClosed() || conn.TxStatus() != 'I' {
		return
	}
	u.ask(func() {
		if _, err := settle(ctx, conn, r.watcher.version); err != nil {
			u.unbound = true
		}
	})
}

// Terminate ends the sessions that are still there, and waits until the server has rolled back what they did and is rid of them. A
// connection that pgx gave up, as it does when a context is over, can leave one that runs on.
func (r *Recorder) Terminate(ctx context.Context) error {
	r.mu.Lock()
	pids := make([]int64, 0, len(r.sessions))
	for _, s := range r.sessions {
		pids = append(pids, int64(s.pid))
	}
	clear(r.sessions)
	r.mu.Unlock()
	return r.watcher.terminate(ctx, pids)
}

// detach is a context for a question that must not be cut off half way, since pgx gives up a connection whose context is over in the
// middle of a query.
func detach(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
}

// run is the record of one migration in the making.
type run struct {
	epoch     time.Time
	setup     time.Duration // spent before the clock ran
	observing time.Duration // the clock stood still for so long
	allowed   time.Duration // of it, for what is asked always

	anyStatement bool
	ignore       func(string) bool
	announced    *Source

	rels     map[uint32]*relation // relations of before, in the state last seen
	stats    map[uint32]counters  // of the whole server, read after the latest statement outside a transaction; nil when out of date
	walStart int64
	wal      int64

	completed int64 // the number after that of the newest transaction that had ended when last asked; 0 when not known

	abandoned   bool
	statements  []*statement
	numbers     map[*session]int
	holds       []*hold
	rewrites    []report.Rewrite
	changes     map[uint32]Change
	asked       int // so many statements were asked together with others
	touched     map[uint32]bool
	locked      map[uint32]bool // for more than reading and writing rows, new ones too
	moved       map[uint32]bool // sequences locked for less
	unbound     bool            // not all that was changed is locked
	method      report.Method
	commit      time.Duration
	started     bool
	first, last time.Duration
	missed      []report.NotMeasured
}

// statement is one report.Statement in the making.
type statement struct {
	report.Statement
	src     Source
	durable bool
	session int
}

// now is the time since the start of the record without what was spent on asking.
func (u *run) now() time.Duration { return time.Since(u.epoch) - u.observing }

// ask stops the clock while f runs.
func (u *run) ask(f func()) {
	start := time.Now()
	f()
	u.observing += time.Since(start)
}

// miss notes once what could not be measured.
func (u *run) miss(what, why string) {
	n := report.NotMeasured{What: what, Why: why}
	if !slices.Contains(u.missed, n) {
		u.missed = append(u.missed, n)
	}
}

func (u *run) observation() *Observation {
	if u.asked > 0 {
		u.miss(fmt.Sprintf("which of %d statements in %s took which locks, and what each of them read, changed and wrote", u.asked, u.statements[0].File),
			"each was over at once, and asking after each would have cost more than 2 % of the migration's time; what they did together is known")
	}
	o := &Observation{
		Locks: u.exposures(), Rewrites: u.rewrites, Duration: u.last - u.first, Commit: u.commit,
		Observing: u.setup + u.observing, WAL: max(0, u.wal-u.walStart), Changes: u.changes, ChangesMethod: u.method,
		Touched: slices.Sorted(maps.Keys(u.touched)), Abandoned: u.abandoned, NotMeasured: u.missed,
		Bound: !u.unbound, Locked: slices.Sorted(maps.Keys(u.locked)), Moved: slices.Sorted(maps.Keys(u.moved)),
	}
	for _, s := range u.statements {
		o.Statements = append(o.Statements, s.Statement)
		o.Durable = append(o.Durable, s.durable)
		o.Slept += time.Duration(s.Slept)
		o.Waited += time.Duration(s.Waited)
	}
	u.apart(o.Statements)
	return o
}

// Reason says why asking failed, in words that hold no data.
func Reason(err error) string {
	if f := Failure(err); f != nil && f.SQLState != "" {
		return "the server answered SQLSTATE " + f.SQLState
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	return "the connection to the server failed"
}
