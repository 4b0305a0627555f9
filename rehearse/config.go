package rehearse

import (
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/archive"
)

// Config is everything a rehearsal needs: Source and Rules unless there is an Archive, Migrations for [Run] and [Plan]. The zero value of a field that has a
// default means the default.
type Config struct {
	Source           *pgx.ConnConfig // where production is; see snapshot.ParseSource
	LockTimeout      time.Duration   // at the source; 2 s
	StatementTimeout time.Duration   // of queries of the source's catalog; 5 min
	MaxSnapshotAge   time.Duration   // give up when the source's snapshot has been held for so long; 0: no limit
	RateLimit        int64           // bytes of rows read from the source a second, by all jobs together; 0: no limit

	Rules *sanitize.Rules
	// Lock is what a person has reviewed of what the rules decide; nil for none, which rules with defaults do not go without. LockFile is
	// its name for messages.
	Lock      *sanitize.Lock
	LockFile  string
	Key       sanitize.Key // the zero Key: one is made for this run
	Ephemeral bool         // Key was made for this run; it is wiped as soon as the rows are copied, or the call fails
	Programs  bool         // masks may give raw values to programs on this machine

	Migrations    fs.FS  // the directory of the migrations
	MigrationsDir string // its name in reports
	// GoMigrations are those written in Go, as a goose Provider is given them (goose.WithGoMigrations); migrate.Registered lists those that
	// packages of this program have registered with goose. With them Migrations may be nil.
	GoMigrations []*migrate.GoMigration
	// Migrator is whose files they are; "" finds out by their names and annotations: goose's, golang-migrate's or, with PendingFrom, plain ones.
	Migrator     report.Migrator
	PendingFrom  string // of plain files, in the order of their names, the first that the source has not
	VersionTable string // "" finds the one table that has the migrator's columns
	To           int64  // 0: all pending migrations
	AllowMissing bool   // of goose's
	Session      string // "shared" (default) or "each"

	// MigrateCommand, when set, is run by a shell instead of applying Migrations, with DATABASE_URL and PG* leading it to staging.
	// CommandOutput gets what it says, in the first rehearsal; nil for nowhere.
	MigrateCommand string
	CommandOutput  io.Writer

	// Passes are the further rehearsals wanted, of PassNames: nil for all, empty for none. None begins that would take longer than PassTime with
	// those before it, judged by the first rehearsal; 0: no limit.
	Passes   []string
	PassTime time.Duration
	// Queries are queries of the application, each with $1 and so on in the place of values or with literals, which become such; for the pass
	// "queries", beside what pg_stat_statements of the source has. QueriesFile is where they are from. See ParseQueries.
	Queries     []string
	QueriesFile string
	Repeat      int // apply all again so often, on fresh clones and unobserved, for how much times vary; 0: not
	// Scale are shares of the rows, between 0 and 1: all is applied again to copies of these sizes and to the whole one, unobserved, for how
	// times grow with the rows; empty: not.
	Scale []float64
	// HostileHold is how long the transactions last that the pass "hostile" has in a migration's way; 0: as long as the oldest one at the source,
	// for those that write as the oldest that does, at least a second longer than MigrationLockTimeout and at most 10 s.
	// MigrationLockTimeout is the lock_timeout under which that pass tries migrations; 2 s.
	HostileHold          time.Duration
	MigrationLockTimeout time.Duration
	Role                 string // "" means the owner of the version table

	// Archive is restored instead of copying a source: then Source, Rules and Key are not needed, and nothing that limits or protects a
	// source has a meaning. It is closed in any case.
	Archive       *archive.Reader
	MaxArchiveAge time.Duration // refuse an archive taken longer ago; 0: no limit

	Checks       []Check   // asked before the migrations and after them
	CheckCommand string    // run by sh -c on a clone of the migrated copy; its exit status decides
	CheckOutput  io.Writer // takes what it writes; nil: nobody

	Staging Staging
	NoAudit bool // do not scan a fresh copy for what its masks were to take out; the report says so
	Keep    Keep
	Jobs    int    // 4
	PgDump  string // a pg_dump on this host to use instead of staging's own

	Policy verdict.Policy
	Tool   report.Tool

	Log      *slog.Logger
	Progress func(Event)        // may be called from several goroutines
	Kept     func(staging.Info) // called when staging is left running
}

// Staging is which throwaway server is wanted.
type Staging struct {
	Provider string // "auto" (default), "container" or "local"
	Image    string
	Pull     string
	BinDir   string
	StateDir string        // where local servers have their data; "" means os.TempDir. staging.List must be told the same
	TTL      time.Duration // 4 h

	Copies   int  // for Stage: databases with the same copy, 1 at least; the others are clones of the first
	Pristine bool // where staging is kept: with a clone from before any migration, see staging.Databases.Pristine
}

// Keep says when the staging server stays after the run.
type Keep string

// When staging stays.
const (
	KeepNever     Keep = "never"
	KeepOnFailure Keep = "on-failure" // whenever the verdict is not GO, or there is none
	KeepAlways    Keep = "always"
)

func (c *Config) setDefaults() {
	setDefault(&c.LockTimeout, 2*time.Second)
	setDefault(&c.StatementTimeout, 5*time.Minute)
	setDefault(&c.MigrationLockTimeout, 2*time.Second)
	setDefault(&c.Jobs, 4)
	setDefault(&c.Keep, KeepNever)
	setDefault(&c.Session, "shared")
	setDefault(&c.LockFile, "lock file")
	setDefault(&c.Staging.Provider, "auto")
	setDefault(&c.Staging.TTL, 4*time.Hour)
	if c.Key.IsZero() {
		c.Key, c.Ephemeral = sanitize.NewKey(), true
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Progress == nil {
		c.Progress = func(Event) {}
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
