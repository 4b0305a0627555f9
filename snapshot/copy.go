package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/archive"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// Tools runs PostgreSQL's client programs where the staging server is: in its container, or on this machine.
type Tools interface {
	// Exec runs "pg_dump" or "pg_restore" of the server's major version. The environment reaches no command line.
	Exec(ctx context.Context, program string, args, env []string, stdout, stderr io.Writer) error
	// Reach makes what dial connects to reachable there, under an IP address and a port, until it is closed.
	Reach(ctx context.Context, dial func(ctx context.Context) (io.ReadWriteCloser, error)) (hostaddr string, port uint16, close func() error, err error)
	// TempPath is an absolute path there that programs and server can write; the file goes with the server.
	TempPath(name string) string
	// Self is the environment with which programs there reach the server itself: PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSWORD.
	Self() []string
}

// Target is the empty database that receives the copy, on a server that may be changed and thrown away.
type Target struct {
	Config func() *pgx.ConnConfig // as a superuser; each call gives a fresh copy
	Tools  Tools
	// Empty makes the database anew, for a second try after a standby's recovery has cancelled the first; nil: there is none.
	Empty func(ctx context.Context) error
}

// CopyOptions says how to copy. The zero value is usable.
type CopyOptions struct {
	Jobs   int           // tables at a time, and indexes at a time; 0 means 2. The source has Jobs+1 sessions of ours
	PgDump string        // path of a pg_dump on this machine to use instead of the staging server's own
	MaxAge time.Duration // give up when the snapshot has been held for so long; 0 means no limit
	// RateLimit bounds the COPY data read from the source, in bytes a second, all workers together; 0 means no limit.
	RateLimit int64
	// Archive gets the masked rows of every table as they are loaded, and what else a restore needs; nil for none. It is for the caller
	// to finish it, when the copy has succeeded, or to give it up.
	Archive *archive.Writer
	// Watch gives who sees the values of a masked column, by its place in the table's plan, as they pass; nil for nobody. It is called once for
	// each passage of a worker through a table, or a piece of one, concurrently, and again for a copy that begins anew. A watcher belongs to its
	// passage. Copy only: what is restored was masked long ago.
	Watch func(t *sanitize.TablePlan, column int) sanitize.Watcher
	// Counts are asked of the source in the frozen view while rows are copied; see Result.Counts. All of them together may take no longer
	// than one query of the catalog, SourceOptions.StatementTimeout.
	Counts   []Count
	Progress func(Event)  // called by one goroutine at a time; must be quick
	Log      *slog.Logger // nil discards

	splitFrom int64 // size from which a table may be split; 0 means worthSplitting
}

// Event tells how far a copy is.
type Event struct {
	Phase  string // as in Result.Phases
	Table  string // the table just finished, as SQL has it; "" for mere growth
	Tables int    // finished
	Rows   int64  // in finished tables
	Bytes  int64  // of COPY data read
	// TotalTables and TotalBytes are what there is; TotalBytes is the size on the source's disk, with TOAST, and so an estimate of Bytes.
	TotalTables int
	TotalBytes  int64
	// Steps are what has been done of TotalSteps of what follows the rows: indexes, keys, statistics.
	Steps, TotalSteps int
}

// Result tells what was copied.
type Result struct {
	TakenAt       time.Time     // start of the view, by the source's clock
	LSN           string        // position in the source's WAL at that moment (of a standby: replayed)
	HeldFor       time.Duration // how long the source had to keep the view
	Tables        []Table       // in order of schema and name
	LargeObjects  int           // number of those copied, blank or as they are
	Phases        []Phase
	RestoreErrors []RestoreError // objects that the staging server refused
	LeftOut       []string       // what was not copied, in words
	Computed      []string       // tables with generated columns that functions of the database's own compute, anew
	Retried       string         // why this is the second copy from the start, "" when it is the first
	Broken        []BrokenKey
	Counts        []Counted // the answers to CopyOptions.Counts, in their order; nil where there was no time for any
	// Objects are all of the source's, to hold the copy's against; nil where the source did not let them be read.
	Objects catalog.Schema
}

// Table is one table copied.
type Table struct {
	Schema, Name string
	Rows         int64
	Bytes        int64 // of COPY data, before masking
	Masked       bool  // some column is not kept
	Binary       bool  // in COPY's binary format, else in text
	Duration     time.Duration
	Rerouted     bool // Rows left this partition, and lie in those that their key belongs to: it is masked, or another server hashes it otherwise

	Part sanitize.Part // how much of it was to be copied
	// SourceRows is how many rows the source's table has, counted (SourceRowsExact) or estimated by pg_class. Of a whole table it is Rows.
	SourceRows      int64
	SourceRowsExact bool
}

// BrokenKey is a foreign key broken as the rules ask: so many Rows had a row there that is not in the copy, and have NULL in Columns.
type BrokenKey struct {
	Schema, Table string
	Columns       []string
	Rows          int64
}

// Phase is a part of the copy with the time it took: "guard", "prepare", "choose rows", "schema", "data", "break keys", "indexes",
// "rest of the schema", "sequences", "views", "settings".
// Indexes, keys and statistics are begun while other tables are still being loaded: "indexes" is what is left of them then.
type Phase struct {
	Name     string
	Duration time.Duration
}

// RestoreError is an object of the schema that the staging server refused.
type RestoreError struct {
	Object string // as pg_restore lists it: "VIEW v"
	Reason string // the server's message
}

// copier is one run of Copy.
type copier struct {
	src     *Source
	plan    *sanitize.Plan
	sel     *sanitize.Selection   // of the plan, or as far as an archive has it
	objects sanitize.LargeObjects // likewise
	target  Target
	opts    CopyOptions
	log     *slog.Logger

	desc    *Description // of the frozen view
	loads   []*load      // tables to copy, largest first
	tally   tally
	limit   *limiter
	archive string // path of the schema archive, where Tools are
	seqs    []sequenceState
	res     Result

	post    postData
	tasks   *schedule
	later   []*postEntry
	working chan error        // ends the tasks; nil when they have ended
	fail    func(cause error) // ends the copy's context

	mu sync.Mutex // guards what tasks add to res, and the gates

	madeSchemas map[uint32]bool // oids in the source of schemas created before the dump is restored
	notCopied   []string        // what of the result's LeftOut no restore can find out
	checks      []check         // set aside while rows are loaded
}

// Copy freezes the source, checks that the plan still covers it, and loads it, masked, into the empty database of target.
//
// Schema objects the target refuses are told in the result; everything else that goes wrong ends the copy: *[SourceError], *[PrivilegeError],
// *[ChangedError], *[TargetError], *[DumpError], *sanitize.ValueError, *archive.Error, [ErrSameCluster], [ErrNotEmpty]. What the
// recovery of a standby has cancelled is tried a second time, from the start, where target can be emptied; the result says so. The
// source is left without an open transaction in any case; the target is left as it is.
func Copy(ctx context.Context, src *Source, plan *sanitize.Plan, target Target, opts CopyOptions) (*Result, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	res, err := copyOnce(ctx, src, plan, target, opts)
	first := src.recovery(err)
	switch {
	case first == nil || ctx.Err() != nil:
		return res, err
	case target.Empty == nil:
		return nil, first
	}
	return copyAgain(ctx, src, plan, target, opts, first)
}

func copyOnce(ctx context.Context, src *Source, plan *sanitize.Plan, target Target, opts CopyOptions) (*Result, error) {
	c := newCopier(src, plan, target, opts)
	if err := c.witnessed(ctx, c.run); err != nil {
		return nil, err
	}
	return &c.res, nil
}

func newCopier(src *Source, plan *sanitize.Plan, target Target, opts CopyOptions) *copier {
	if opts.Jobs <= 0 {
		opts.Jobs = 2
	}
	if opts.splitFrom == 0 {
		opts.splitFrom = worthSplitting
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	sel := &sanitize.Selection{}
	if plan != nil {
		sel = plan.Selection()
	}
	return &copier{src: src, plan: plan, sel: sel, objects: plan.LargeObjects(), target: target, opts: opts, log: opts.Log, limit: newLimiter(opts.RateLimit)}
}

func (c *copier) run(ctx context.Context) error {
	if c.opts.Archive != nil {
		c.opts.Archive.Restart() // a copy that begins anew keeps nothing of the one before
	}
	if err := c.phase(ctx, "guard", c.guard); err != nil {
		return err
	}
	if err := c.fill(ctx, c.frozenPart); err != nil {
		return err
	}
	return c.archiveRest(ctx)
}

// fill has the rows loaded, and does everything that comes after them, for which no source is needed: as far as it can, meanwhile.
func (c *copier) fill(parent context.Context, rows func(ctx context.Context) error) error {
	ctx, fail := context.WithCancelCause(parent)
	c.fail = fail
	defer c.stopTasks()
	err := rows(ctx)
	if err == nil && len(c.sel.Breaks) > 0 {
		err = c.phase(ctx, "break keys", c.breakKeys)
	}
	for _, p := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"indexes", c.finishTasks},
		{"rest of the schema", c.finishSchema},
		{"sequences", c.setSequences},
		{"views", c.refreshViews},
		{"settings", c.applySettings},
	} {
		if err != nil {
			break
		}
		err = c.phase(ctx, p.name, p.do)
	}
	if err != nil && ctx.Err() != nil && parent.Err() == nil {
		return context.Cause(ctx) // a task failed; the rest are consequences
	}
	if err != nil {
		return err
	}
	c.res.LeftOut = append(c.res.LeftOut, c.leftOutside()...)
	return nil
}

// frozenPart is everything that needs the view: the schema, the rows, and where the sequences stand.
func (c *copier) frozenPart(parent context.Context) (err error) {
	ctx, view, err := c.src.freeze(parent, c.opts.MaxAge)
	if err != nil {
		return err
	}
	defer func() {
		if lost := context.Cause(ctx); err != nil && lost != nil && parent.Err() == nil {
			err = lost // the rest are consequences
		}
		err = errors.Join(err, view.release(parent))
		c.res.TakenAt, c.res.LSN, c.res.HeldFor = view.at, view.lsn, view.held
	}()
	err = c.phase(ctx, "prepare", func(ctx context.Context) error { return c.prepare(ctx, view) })
	if err != nil {
		return err
	}
	if !c.sel.Whole() {
		if err := c.phase(ctx, "choose rows", func(ctx context.Context) error { return c.part(ctx, view) }); err != nil {
			return err
		}
	}
	if err := c.phase(ctx, "schema", func(ctx context.Context) error { return c.copySchema(ctx, view) }); err != nil {
		return err
	}
	c.startTasks(parent)
	return c.phase(ctx, "data", func(ctx context.Context) error {
		if err := c.chooseFormat(ctx); err != nil {
			return err
		}
		objects := c.readObjects(ctx, view)
		err := c.loadAll(ctx, view)
		if objects(err != nil); err != nil {
			return err
		}
		if err := c.copyLargeObjects(ctx, view); err != nil {
			return err
		}
		return view.do("read the sequences", func(tx *pgx.Conn) error { return c.readSequences(ctx, tx) })
	})
}

// prepare looks at the frozen source and creates what the schema will name.
func (c *copier) prepare(ctx context.Context, view *frozen) error {
	err := view.do("describe the database", func(tx *pgx.Conn) (err error) {
		if c.desc, err = describe(ctx, tx); err == nil && c.objects != sanitize.NoLargeObjects {
			c.desc.LargeObjects, err = catalog.LargeObjects(ctx, tx)
		}
		return err
	})
	if err != nil {
		return c.src.naming(ctx, err)
	}
	if err := c.desc.readable(c.src.server.User); err != nil {
		return err
	}
	if err := c.desc.covers(c.plan); err != nil {
		return err
	}
	c.loads = c.queue()
	return c.makeReady(ctx)
}

// makeReady creates what the schema will name.
func (c *copier) makeReady(ctx context.Context) error {
	return c.onTarget(ctx, "create roles and extensions", func(conn *pgx.Conn) error {
		if err := c.createRoles(ctx, conn); err != nil {
			return err
		}
		return c.createExtensions(ctx, conn)
	})
}

// phase runs one part and remembers how long it took.
func (c *copier) phase(ctx context.Context, name string, do func(context.Context) error) error {
	start := time.Now()
	c.tally.enter(name, c.opts.Progress)
	err := do(ctx)
	c.res.Phases = append(c.res.Phases, Phase{Name: name, Duration: time.Since(start)})
	c.log.Debug("copy", "phase", name, "took", time.Since(start), "failed", err != nil)
	return err
}

// guard makes sure that what will be written to is neither the source nor anything of value.
func (c *copier) guard(ctx context.Context) error {
	return c.onTarget(ctx, "look at the target", func(conn *pgx.Conn) error {
		var identifier string
		var started time.Time
		var relations int
		err := conn.QueryRow(ctx, `SELECT (SELECT system_identifier::text FROM pg_control_system()), pg_postmaster_start_time(),
  (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'))`,
		).Scan(&identifier, &started, &relations)
		source := c.src.server
		switch {
		case err != nil:
			return err
		case identifier == source.SystemIdentifier, source.SystemIdentifier == "" && started.Equal(source.Started):
			return fmt.Errorf("copy into %s: %w", conn.Config().Database, ErrSameCluster)
		case relations > 0:
			return fmt.Errorf("copy into %s, which has %d relations: %w", conn.Config().Database, relations, ErrNotEmpty)
		}
		return nil
	})
}

// onTarget runs f with a session of its own on the target.
func (c *copier) onTarget(ctx context.Context, doing string, f func(conn *pgx.Conn) error) error {
	conn, err := c.target.session(ctx, c.src.server)
	if err != nil {
		return err
	}
	defer closeConn(ctx, conn)
	return asTargetError(doing, f(conn))
}

// session connects with settings under which anything the source holds can be loaded: no triggers, no keys, no timeouts, the text
// forms of the source, and the search path its own sessions have, since CHECK constraints and generated columns may call functions
// that rely on it.
func (t Target) session(ctx context.Context, source Server) (*pgx.Conn, error) {
	cfg := t.Config()
	encoding := "UTF8"
	if source.Encoding == "SQL_ASCII" {
		encoding = "SQL_ASCII"
	}
	cfg.RuntimeParams = map[string]string{
		"application_name": "rehearse", "session_replication_role": "replica", "default_transaction_read_only": "off",
		"statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0", "synchronous_commit": "off",
		"client_encoding": encoding, "DateStyle": "ISO, MDY", "IntervalStyle": "postgres", "TimeZone": "UTC", "lc_monetary": "C",
		"xmloption": "content", "search_path": source.SearchPath, "standard_conforming_strings": "on",
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, targetError("connect", err)
	}
	return conn, nil
}

// asTargetError makes an error of the target of anything that is not already told apart.
func asTargetError(doing string, err error) error {
	if err == nil || isOurs(err) || errors.Is(err, ErrSameCluster) || errors.Is(err, ErrNotEmpty) {
		return err
	}
	return targetError(doing, err)
}
