package rehearse

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/sanitize/audit"
	"github.com/rehearse-db/rehearse/sanitize/profile"
	"github.com/rehearse-db/rehearse/snapshot"
	"github.com/rehearse-db/rehearse/snapshot/archive"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// Run performs one rehearsal: freeze the source, copy it masked into staging, apply every pending migration there, and judge what they
// did. A migration that fails is a finding in the result; an error means that the rehearsal could not be carried out, and comes without
// a result, in a *[StoppedError], unless all that failed was to end or remove what was started. Whatever was started is ended and removed before Run returns,
// unless cfg.Keep says that staging stays.
func Run(ctx context.Context, cfg Config) (reached *report.Result, err error) {
	r := begin(cfg)
	defer r.forgetKey()
	defer func() {
		if err != nil && reached == nil {
			err = &StoppedError{Phase: r.last, Err: err, r: r}
		}
	}()
	src, err := r.origin(ctx)
	if err != nil {
		return nil, err
	}
	defer closing(ctx, &err, "close the source", src.Close)

	work, err := r.plan(ctx, src) // everything that can stop a rehearsal before anything is started
	if err != nil {
		return nil, err
	}
	if work.stopped() {
		return r.judge(), nil
	}

	server, err := r.start(ctx, src, work)
	if err != nil {
		return nil, err
	}
	defer r.end(ctx, &err, server)

	r.watchActivity(ctx, src, work)
	if err := r.copy(ctx, src, work, server); err != nil { // production is frozen only inside this call
		return nil, err
	}
	if err := r.copied(ctx, work, server); err != nil {
		return nil, err
	}
	if err := r.truth(ctx, src, work, server); err != nil {
		return nil, err
	}
	if _, err := r.clone(ctx, server, 1, r.keepsPristine() || len(r.wanted()) > 0 && len(work.todo.Pending) > 0); err != nil {
		return nil, err
	}
	if err := r.measure(ctx, server); err != nil {
		return nil, err
	}
	if err := r.migrate(ctx, work, server); err != nil {
		return nil, err
	}
	if err := r.checkCommand(ctx, server); err != nil {
		return nil, err
	}
	if err := r.again(ctx, work, server); err != nil {
		return nil, err
	}
	r.unchanged(work)
	return r.judge(), nil
}

// rehearsal is one run: what was asked for, and the result as far as it is known.
type rehearsal struct {
	cfg       Config
	started   time.Time
	result    *report.Result
	last      string                   // the phase that began last
	archive   *archive.Writer          // keeps what is copied; nil for none
	objects   catalog.Schema           // the source's, as of the copy
	collector *audit.Collector         // of the fingerprints of masked values, while the source is copied
	login     func() *pgx.ConnConfig   // of the role that applies migrations, to staging
	leaked    bool                     // the copy holds what it must not: it goes in any case
	activity  *snapshot.Activity       // the source's, when it was copied; nil where nobody asked or it was not told
	checking  bool                     // only the rules are checked: their lock is compared by who asked for that
	profiles  *profile.Set             // of the masked columns, as rows pass; nil when they come from an archive
	outside   map[int64]catalog.Schema // what belongs to the whole server, as it was before each migration
}

func begin(cfg Config) *rehearsal {
	cfg.setDefaults()
	now := time.Now()
	suffix := make([]byte, 2)
	_, _ = rand.Read(suffix) // never fails, says its documentation
	return &rehearsal{cfg: cfg, started: now, result: &report.Result{
		SchemaVersion: report.SchemaVersion, Tool: cfg.Tool, StartedAt: now.UTC(),
		ID: now.UTC().Format("20060102-150405-") + hex.EncodeToString(suffix),
	}}
}

// work is what a rehearsal has to do, known before anything is started.
type work struct {
	desc *snapshot.Description
	plan *sanitize.Plan // nil when the rows come masked out of an archive
	// programs are those that masks ask; nil where they may not
	programs *programs
	notes    []string            // where the plan and its lock differ in what stops nothing
	masked   map[string][]string // columns by table, as the archive has them
	audited  report.Audit        // of the copy that the archive has
	params   map[string]string   // of the connections to the source
	by       report.Migrator     // of the set
	set      *migrate.Set
	table    versionTable
	todo     *migrate.Plan
	profiles []report.ColumnFidelity // of the masked columns, as the archive has them
	schema   *report.Fingerprint     // of the source, as the archive has it
	checks   []check                 // of what is to do, those that masked values decide
	role     string
	// rerouted are the partitions that were copied with another partition key than the source's, as masks changed it.
	rerouted []snapshot.Table
	shapes   []tried  // the application's queries
	environ  []string // of the command that migrates; nil where files are applied
}

// stopped says that there is nothing to rehearse: production and the files disagree, and nobody allowed that.
func (w *work) stopped() bool { return w.todo.Drift != nil && !w.todo.Drift.Allowed }

func (r *rehearsal) open(ctx context.Context) (src *snapshot.Source, err error) {
	err = r.phase("connect", func() (string, error) {
		if r.cfg.Source == nil {
			return "", errors.New("no source is given: Config.Source is nil")
		}
		src, err = snapshot.Open(ctx, r.cfg.Source, snapshot.SourceOptions{
			LockTimeout: r.cfg.LockTimeout, StatementTimeout: r.cfg.StatementTimeout, Log: r.cfg.Log,
		})
		if err != nil {
			return "", err
		}
		s := src.Server()
		r.result.Source = sourceFacts(s)
		return fmt.Sprintf("%s, PostgreSQL %s, %s", s.Database, s.Version, size(s.SizeBytes)), nil
	})
	return src, err
}

// judge ends the result: every fact is in it, the verdict is left.
func (r *rehearsal) judge() *report.Result {
	r.result.Duration = report.Duration(time.Since(r.started))
	verdict.Judge(r.cfg.Policy, r.result)
	return r.result
}

// phase runs one step of the story, tells its progress and keeps its time.
func (r *rehearsal) phase(name string, step func() (note string, err error)) error {
	started := time.Now()
	r.last = name
	r.cfg.Progress(Event{Phase: name, State: PhaseStarted})
	note, err := step()
	e := Event{Phase: name, State: PhaseDone, Elapsed: time.Since(started), Note: note}
	if err != nil {
		e.State = PhaseFailed
	}
	r.cfg.Progress(e)
	r.result.Phases = append(r.result.Phases, report.Phase{Name: name, Duration: report.Duration(e.Elapsed), Note: note})
	r.cfg.Log.Info("phase ended", "phase", name, "elapsed", e.Elapsed, "note", note, "failed", err != nil)
	return err
}

// StoppedError says that a rehearsal stopped before it came to a verdict.
type StoppedError struct {
	Phase string // in which it stopped, as in Result.Phases
	Err   error

	r *rehearsal
}

func (e *StoppedError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *StoppedError) Unwrap() error { return e.Err }

// Result is what was seen until then, INCONCLUSIVE. Code is the exit code that the error stands for, and reason one sentence for people,
// without values of rows or names of hosts, which Error may have.
func (e *StoppedError) Result(code int, reason string) *report.Result {
	e.r.result.Stopped = &report.Stop{Phase: e.Phase, Reason: reason, ExitCode: code}
	return e.r.judge()
}

const closeTimeout = 45 * time.Second

// closing runs a cleanup on a context that a cancelled one does not end, and joins its error.
func closing(ctx context.Context, err *error, doing string, f func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if cerr := f(ctx); cerr != nil {
		*err = errors.Join(*err, &CleanupError{Doing: doing, Err: cerr})
	}
}

// CleanupError says that something started could not be ended or removed.
type CleanupError struct {
	Doing string
	Err   error
}

func (e *CleanupError) Error() string { return fmt.Sprintf("%s: %v", e.Doing, e.Err) }

// Unwrap gives the cause.
func (e *CleanupError) Unwrap() error { return e.Err }

// StagingError says that the staging server, or a connection to it, failed, and that no migration is to blame for it.
type StagingError struct{ Err error }

func (e *StagingError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *StagingError) Unwrap() error { return e.Err }

// SameServerError says that staging turned out to be the source's own cluster.
type SameServerError struct{ SystemIdentifier string }

func (e *SameServerError) Error() string {
	return "staging is the same PostgreSQL cluster as the source: nothing was written"
}

// end stops staging, or keeps it where that was asked for.
func (r *rehearsal) end(ctx context.Context, err *error, server staging.Server) {
	failed := *err != nil || r.result.ExitCode != 0
	keep := r.cfg.Keep
	if few := (*AnonymityError)(nil); errors.As(*err, &few) || r.leaked {
		keep = KeepNever // nobody is to have this copy
	}
	if keep == KeepAlways || keep == KeepOnFailure && failed {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		kerr := server.Keep(ctx, r.started.Add(r.cfg.Staging.TTL))
		if kerr == nil {
			r.result.Staging.Kept = true
			if r.cfg.Kept != nil {
				r.cfg.Kept(server.Info())
			}
			return
		}
		*err = errors.Join(*err, &CleanupError{Doing: "keep staging", Err: kerr})
	}
	closing(ctx, err, "remove staging", server.Stop)
}
