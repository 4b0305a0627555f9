// Package report is the outcome of a rehearsal as data, and its renderings.
//
// [Result] is the public contract: its JSON form is versioned ([SchemaVersion]), changes are additive, and
// every other form (text, Markdown) is a view of it. The package is pure: it knows no database, no clock and
// no terminal, so whatever it says can be tested with a literal.
//
// Three rules hold for every value in here. A figure carries how it was obtained ([Method]). What could not be
// measured is a [NotMeasured], never a zero. No row value, no DSN and no host name of the source is stored.
package report

import "time"

// SchemaVersion is the version of the JSON form of [Result]. It grows only when a field changes its meaning.
const SchemaVersion = 1

// Verdict is the judgement of a rehearsal, one of four and never a score.
type Verdict string

// The four verdicts.
const (
	Go               Verdict = "go"
	GoWithConditions Verdict = "go_with_conditions"
	NoGo             Verdict = "no_go"
	Inconclusive     Verdict = "inconclusive"
)

// Method says how a figure was obtained.
type Method string

// The methods, from the strongest to the weakest.
const (
	Exact     Method = "exact"     // counted or read from the server inside the migration's own session
	Sampled   Method = "sampled"   // seen by a second session that looked at intervals
	Estimated Method = "estimated" // computed from other figures
)

// Result is one rehearsal: what was copied, what each migration did, and what follows from it.
type Result struct {
	SchemaVersion int       `json:"schema_version"`
	ID            string    `json:"id"` // the run's id, also the label of its staging server
	Tool          Tool      `json:"tool"`
	StartedAt     time.Time `json:"started_at"`
	Duration      Duration  `json:"duration"`

	Verdict   Verdict `json:"verdict"`
	Reason    string  `json:"reason"`     // one sentence: why this verdict
	ExitCode  int     `json:"exit_code"`  // the code the command ends with
	ExitCodes []int   `json:"exit_codes"` // every code that applies, the deciding one first

	Stopped      *Stop         `json:"stopped,omitempty"` // set when the rehearsal could not be carried to its end
	Subject      *Subject      `json:"subject,omitempty"` // nil: the files and the version table were not read
	Source       Server        `json:"source"`
	Staging      Server        `json:"staging"`
	Session      Session       `json:"session"`
	Snapshot     Snapshot      `json:"snapshot"`
	Masking      Masking       `json:"masking"`
	Audit        Audit         `json:"audit,omitzero"`
	Fidelity     *Fidelity     `json:"fidelity,omitempty"` // nil when no column is masked, or the copy was not made
	Phases       []Phase       `json:"phases"`
	Migrations   []Migration   `json:"migrations"`          // pending ones, in the order of application; those never reached have outcome "not_run"
	Probing      *Probing      `json:"probing,omitempty"`   // nil: nothing was probed
	Queries      *Queries      `json:"queries,omitempty"`   // nil: no query was looked at
	Hostility    *Hostility    `json:"hostility,omitempty"` // nil: nothing was applied among long transactions of others
	Scaling      *Scaling      `json:"scaling,omitempty"`   // nil: nothing was applied to copies with fewer rows
	Checks       []Assertion   `json:"checks,omitempty"`
	CheckCommand *CheckCommand `json:"check_command,omitempty"`
	Drift        *Drift        `json:"drift,omitempty"`
	Schema       []Change      `json:"schema"` // the whole difference, before the first against after the last migration
	Rows         []TableRows   `json:"rows"`   // tables whose rows changed over all migrations
	Sizes        []Size        `json:"sizes"`  // tables and indexes whose size changed over all migrations
	Leftovers    []Leftover    `json:"leftovers"`
	StayInvalid  []Leftover    `json:"stay_invalid,omitempty"` // indexes that were INVALID before the migrations and are still
	Policy       Policy        `json:"policy"`
	Overrides    []Override    `json:"overrides,omitempty"` // of pending migrations, in the order of application
	Findings     []Finding     `json:"findings"`
	Differences  []Difference  `json:"differences"` // how staging differed from production
	NotMeasured  []NotMeasured `json:"not_measured"`
}

// Stop is why a rehearsal ended before every pending migration had its turn. Reason is written for people and holds
// neither row values nor host names; ExitCode is the command's code for it (2, 12, 20 to 23, 129, 130, 143; 1 for an internal error).
type Stop struct {
	Phase    string `json:"phase"`
	Reason   string `json:"reason"`
	ExitCode int    `json:"exit_code"`
}

// Tool is the program that made the result.
type Tool struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
}

// Server describes one of the two servers. No host name is kept.
type Server struct {
	Database   string            `json:"database"`
	Version    string            `json:"version"`     // server_version, such as "15.18"
	VersionNum int               `json:"version_num"` // server_version_num, such as 150018
	Standby    bool              `json:"standby,omitempty"`
	Provider   string            `json:"provider,omitempty"` // staging: "container" or "local"
	Image      string            `json:"image,omitempty"`    // staging: the image or the directory of the binaries
	SizeBytes  int64             `json:"size_bytes,omitempty"`
	Encoding   string            `json:"encoding,omitempty"`
	Collate    string            `json:"collate,omitempty"`
	CType      string            `json:"ctype,omitempty"`
	Settings   map[string]string `json:"settings,omitempty"`   // settings in force that matter to timings and plans
	Extensions map[string]string `json:"extensions,omitempty"` // name -> version
	Kept       bool              `json:"kept,omitempty"`       // staging: left running after the run
}

// Session says as whom and how the migrations were applied, since that decides what they do.
type Session struct {
	Role         string            `json:"role"`        // the role migrations ran as
	RoleReason   string            `json:"role_reason"` // why that one: "owner of public.goose_db_version", "--role", ...
	Superuser    bool              `json:"superuser"`   // whether that role is one
	Parameters   map[string]string `json:"parameters"`  // connection parameters carried over from the source's URL
	TimeZone     string            `json:"time_zone"`
	Boundaries   string            `json:"boundaries"`    // "one session for all migrations" or "a new session for each migration"
	VersionTable string            `json:"version_table"` // quoted, schema qualified
}

// Phase is one step of the run with its wall time.
type Phase struct {
	Name     string   `json:"name"`
	Duration Duration `json:"duration"`
	Note     string   `json:"note,omitempty"`
}

// Outcome is what became of one migration.
type Outcome string

// The outcomes.
const (
	Applied  Outcome = "applied"
	Failed   Outcome = "failed"
	TimedOut Outcome = "timed_out"
	NotRun   Outcome = "not_run"
)

// Migration is what one migration did.
type Migration struct {
	Version     int64           `json:"version"`
	Name        string          `json:"name"`        // file name without directory
	File        string          `json:"file"`        // path as given
	Transaction bool            `json:"transaction"` // false: NO TRANSACTION
	Empty       bool            `json:"empty,omitempty"`
	HasDown     bool            `json:"has_down"`
	Migrator    Migrator        `json:"migrator,omitempty"` // what applies its file; "" is goose, or a command
	Command     bool            `json:"command,omitempty"`  // a command of the user's applied it, whatever it consists of; Name is the command
	Outcome     Outcome         `json:"outcome"`
	Duration    Duration        `json:"duration"` // first statement sent until the commit was acknowledged, without our own probes
	Commit      Duration        `json:"commit"`
	Slept       Duration        `json:"slept"`     // part of the duration spent in pg_sleep, sampled
	Waited      Duration        `json:"waited"`    // part of the duration spent waiting for locks of other sessions of staging, sampled
	Observing   Duration        `json:"observing"` // what our probes cost, not part of Duration
	WAL         int64           `json:"wal_bytes"`
	Statements  []Statement     `json:"statements"`
	Failure     *Failure        `json:"failure,omitempty"`
	Locks       []Exposure      `json:"locks"`
	Probed      bool            `json:"probed,omitempty"` // it was applied once more while others asked for its tables: Blocked has all of them that had to wait
	Blocked     []Blocked       `json:"blocked,omitempty"`
	Kill        *Kill           `json:"kill,omitempty"`     // nil: it was not killed half way
	Repeat      *Repeat         `json:"repeat,omitempty"`   // nil: its time was taken once
	Curve       *Curve          `json:"curve,omitempty"`    // nil: not applied to copies with fewer rows
	Hostile     *Hostile        `json:"hostile,omitempty"`  // nil: not applied among long transactions of others
	Remedies    []Remedied      `json:"remedies,omitempty"` // tried on clones
	Rewrites    []Rewrite       `json:"rewrites"`
	Rows        []TableRows     `json:"rows"`
	Sizes       []Size          `json:"sizes"`
	Schema      []Change        `json:"schema"`
	Leftovers   []Leftover      `json:"leftovers"` // left behind by this migration
	Disk        *Disk           `json:"disk,omitempty"`
	Left        Left            `json:"left,omitzero"`
	Queries     *Affected       `json:"queries,omitempty"`  // nil: no query was looked at
	Contents    []TableContents `json:"contents,omitempty"` // whose values this migration changed; nil: none, or not compared (see Back)
	Back        *Back           `json:"back,omitempty"`     // nil: not asked
}

// Statement is one statement of a migration as it was sent.
type Statement struct {
	SQL         string    `json:"sql"` // comments and runs of white space folded, cut at 2,000 characters
	File        string    `json:"file"`
	Line        int       `json:"line"` // 1-based; 0 when it could not be found in the file
	Tag         string    `json:"tag"`  // command tag without the count: "ALTER TABLE"
	Duration    Duration  `json:"duration"`
	Tags        []string  `json:"tags,omitempty"`    // with counts, of a text of several statements, as far as the client hears of them
	Session     int       `json:"session,omitempty"` // numbered from 1, where the migration worked on several connections
	Rows        *int64    `json:"rows,omitempty"`    // rows affected, where the command tag has a count
	Transaction bool      `json:"transaction"`       // ran inside a transaction block
	Failure     *Failure  `json:"failure,omitempty"`
	Locks       []Lock    `json:"locks"` // taken or strengthened by this statement
	Rewrites    []Rewrite `json:"rewrites"`
	Scans       []Scan    `json:"scans"` // full scans of existing tables
	WAL         int64     `json:"wal_bytes"`
	Slept       Duration  `json:"slept"`
	Waited      Duration  `json:"waited"`               // for locks of other sessions of staging
	WaitedFor   []string  `json:"waited_for,omitempty"` // who had them: "autovacuum worker", or the name of an application
}

// Failure is why a statement or a migration failed. Detail is kept only from staging, whose values are masked,
// and with the values of keys and rows taken out.
type Failure struct {
	SQLState string `json:"sqlstate,omitempty"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
	Table    string `json:"table,omitempty"`
	Column   string `json:"column,omitempty"`

	// Columns are those of the key that the server's detail names, plain names in order: email, tenant_id.
	Columns []string `json:"columns,omitempty"`

	Constraint   string `json:"constraint,omitempty"`
	File         string `json:"file,omitempty"`
	Line         int    `json:"line,omitempty"`
	StaysApplied string `json:"stays_applied,omitempty"` // what of the migration stays in the database, in words
	Recorded     string `json:"recorded,omitempty"`      // what golang-migrate's table says of it where that keeps it from going on: "version 2, dirty"

	Offenders []Offenders `json:"offenders,omitempty"` // rows in the way, where the failure is about rows that were there
}

// Lock is a lock on a table that existed before the migration.
type Lock struct {
	Table  string `json:"table"`
	Object string `json:"object,omitempty"` // the index, when the lock is on an index of Table
	Mode   string `json:"mode"`             // as PostgreSQL's documentation names it: "ACCESS EXCLUSIVE"
	Method Method `json:"method"`
}

// Exposure is how long a table stayed locked: from the first statement that held the mode to the end of the commit.
type Exposure struct {
	Table  string   `json:"table"`
	Object string   `json:"object,omitempty"` // the index, when that is locked harder or longer than Table itself
	Mode   string   `json:"mode"`             // the strongest
	Held   Duration `json:"held"`
	Blocks string   `json:"blocks"`         // "reads and writes", "writes", "schema changes"
	Line   int      `json:"line,omitempty"` // of the statement that took it
	Method Method   `json:"method"`
}

// Rewrite is new storage for a relation that existed before.
type Rewrite struct {
	Table  string `json:"table"`
	Index  string `json:"index,omitempty"` // set when an index was rebuilt rather than its table rewritten
	Reason string `json:"reason"`          // "column type", "volatile default", "truncate", "vacuum full or cluster", ...
	Bytes  int64  `json:"bytes"`           // size of the new storage
}

// Scan is a full read of a table by a statement.
type Scan struct {
	Table string `json:"table"`
	Count int64  `json:"count"`
	Rows  int64  `json:"rows"` // read by the session itself; parallel workers are not in it
}

// TableRows is the exact number of rows of a table before and after, and what happened between.
type TableRows struct {
	Table     string `json:"table"`
	Root      string `json:"root,omitempty"` // the topmost partitioned table, when Table is a partition
	Before    *int64 `json:"before"`         // nil: the table did not exist
	After     *int64 `json:"after"`          // nil: the table does not exist any more
	Inserted  int64  `json:"inserted"`
	Updated   int64  `json:"updated"`
	Deleted   int64  `json:"deleted"`
	Replaced  bool   `json:"replaced,omitempty"` // another table stands under the same name
	Truncated bool   `json:"truncated,omitempty"`
	Method    Method `json:"method"` // of inserted, updated, deleted

	// Parents are the tables that Table inherits from without being a partition, nearest first: a statement on one reaches Table too.
	Parents []string `json:"parents,omitempty"`

	// Partitions are those of a partitioned table that changed, came or went. Their rows are part of the sums above.
	Partitions []PartitionRows `json:"partitions,omitempty"`

	// Through are the triggers, rules and foreign keys by which changes of other rows can have reached these, each of which something has set off.
	Through []Through `json:"through,omitempty"`
}

// PartitionRows is what happened to one partition, whatever its level below the partitioned table.
type PartitionRows struct {
	Table     string `json:"table"`
	Before    *int64 `json:"before"` // nil: the table did not exist
	After     *int64 `json:"after"`  // nil: the table does not exist any more
	Inserted  int64  `json:"inserted"`
	Updated   int64  `json:"updated"`
	Deleted   int64  `json:"deleted"`
	Truncated bool   `json:"truncated,omitempty"`
	Moved     string `json:"moved,omitempty"` // "attached": its rows count only after; "detached": only before
}

// Size is the size of a relation before and after.
type Size struct {
	Relation string `json:"relation"`
	Kind     string `json:"kind"` // "table" (with TOAST, without indexes) or "index"
	Table    string `json:"table"`
	Before   int64  `json:"before_bytes"`
	After    int64  `json:"after_bytes"`
}

// Change is one difference of the schema. Children of a changed parent are folded under it.
type Change struct {
	Action     string            `json:"action"` // "added", "dropped", "changed", "renamed", "replaced" (dropped and made anew under its name)
	Kind       string            `json:"kind"`   // "table", "column", "index", ...
	Name       string            `json:"name"`   // quoted as SQL would have it
	OldName    string            `json:"old_name,omitempty"`
	Attributes []AttributeChange `json:"attributes,omitempty"`
	Children   []Change          `json:"children,omitempty"`
}

// AttributeChange is one attribute of an object, before and after, in PostgreSQL's own words.
type AttributeChange struct {
	Name   string `json:"name"` // "type", "default", "definition", ...
	Before string `json:"before"`
	After  string `json:"after"`
}

// Leftover is something half done that a migration left behind.
type Leftover struct {
	Kind   string `json:"kind"` // "invalid index", "constraint not valid", ...
	Object string `json:"object"`
	Table  string `json:"table"`
	SQL    string `json:"sql,omitempty"` // what cleans it up
}

// Drift is where the version table and the migration files disagree.
type Drift struct {
	MissingFiles []int64  `json:"missing_files,omitempty"` // applied in the source, no file
	OutOfOrder   []string `json:"out_of_order,omitempty"`  // files below the newest applied version that were never applied
	Allowed      bool     `json:"allowed"`                 // --allow-missing
}

// Policy is the set of budgets in force.
type Policy struct {
	MaxTotalTime         Duration `json:"max_total_time"`                // 0: no limit
	MaxMigrationTime     Duration `json:"max_migration_time"`            // 0: no limit
	AllowRewriteBelow    int64    `json:"allow_rewrite_below_bytes"`     // -1: any size
	UnexpectedRowChanges string   `json:"unexpected_row_changes"`        // "fail" or "warn"
	MaxWAL               int64    `json:"max_wal_bytes,omitempty"`       // of each migration; 0: no limit
	MaxDiskPeak          int64    `json:"max_disk_peak_bytes,omitempty"` // of each migration; 0: no limit
	BrokenQueries        string   `json:"broken_queries,omitempty"`      // "fail", "condition" or "warn"
	Strict               bool     `json:"strict"`                        // conditions end with code 11
	RequireDown          string   `json:"require_down,omitempty"`        // "reversible" or "schema"; empty: nothing is asked of the way back
	// How long a migration may keep others from a table, in all; nil: no limit.
	MaxReadsBlocked  *BlockedBudget `json:"max_reads_blocked,omitempty"`
	MaxWritesBlocked *BlockedBudget `json:"max_writes_blocked,omitempty"`
	Deny             []string       `json:"deny,omitempty"` // codes of findings that fail, whatever their level
}

// Finding is a fact that matters to the verdict. Codes are stable and documented.
type Finding struct {
	Code      string `json:"code"` // "migration-failed", "rows-lost", "rewrite-over-budget", ...
	Level     Level  `json:"level"`
	Migration int64  `json:"migration,omitempty"` // version; 0: the whole rehearsal
	Object    string `json:"object,omitempty"`
	Text      string `json:"text"`         // what happened, with figure, unit and method
	Do        string `json:"do,omitempty"` // what to do about it, as exact as possible; lines that begin with four spaces are SQL to be copied
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"`
	ExitCode  int    `json:"exit_code,omitempty"` // the code it stands for, when it decides
}

// Level is the weight of a finding.
type Level string

// The levels. Fail makes a NO-GO, Condition a GO WITH CONDITIONS, Unknown an INCONCLUSIVE.
const (
	Fail      Level = "fail"
	Unknown   Level = "unknown"
	Condition Level = "condition"
	Warn      Level = "warn"
	Info      Level = "info"
)

// Difference is one way in which staging was not production, with its effect on the conclusions.
type Difference struct {
	What    string `json:"what"` // "setting work_mem", "extension postgis", "version", "user mapping", ...
	Source  string `json:"source,omitempty"`
	Staging string `json:"staging,omitempty"`
	Effect  string `json:"effect,omitempty"`
}

// NotMeasured names what this rehearsal could not see, and why.
type NotMeasured struct {
	What   string `json:"what"`
	Why    string `json:"why"`
	Needed bool   `json:"needed,omitempty"` // the policy cannot be judged without it: the verdict is INCONCLUSIVE
}
