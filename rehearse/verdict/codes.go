package verdict

import "slices"

// The codes of findings. They are stable: a code is never given another meaning. docs/findings.md explains each.
const (
	RunStopped          = "run-stopped"
	LeakedValue         = "leaked-value"
	PersonalForm        = "personal-form"
	NotAudited          = "not-audited"
	DriftMissingFile    = "drift-missing-file"
	DriftOutOfOrder     = "drift-out-of-order"
	MigrationFailed     = "migration-failed"
	HalfApplied         = "half-applied"
	MigrationTimedOut   = "migration-timed-out"
	RowsLost            = "rows-lost"
	RowsUnexpected      = "rows-unexpected"
	RowsIndirect        = "rows-indirect"
	TableReplaced       = "table-replaced"
	TableEmptied        = "table-emptied"
	TableDropped        = "table-dropped"
	ColumnDropped       = "column-dropped"
	ValuesRounded       = "values-rounded"
	MigrationOverBudget = "migration-time-over-budget"
	TotalOverBudget     = "total-time-over-budget"
	RewriteOverBudget   = "rewrite-over-budget"
	CheckFailed         = "check-failed"
	BlockedOverBudget   = "blocked-over-budget"
	InvalidIndex        = "invalid-index"
	StallsBehindReaders = "stalls-behind-readers"
	StallsBehindWriters = "stalls-behind-writers"
	LeftByLockTimeout   = "left-by-lock-timeout"
	FailsByLockTimeout  = "fails-by-lock-timeout"
	GoMigration         = "go-migration"
	FailurePassedOver   = "failure-passed-over"
	SchemaRestore       = "schema-restore-incomplete"
	NotMeasured         = "not-measured"
	MigrationNotRun     = "migration-not-run"
	OnlyAtSource        = "only-at-source"
	OnlyInCopy          = "only-in-masked-copy"
	NotChecked          = "not-checked-at-source"
	MaskingAhead        = "masking-ahead"
	PartOfRows          = "part-of-rows"
	KAnonymity          = "k-anonymity"
	SchemaLiteral       = "schema-literal"
	KillWedged          = "kill-wedged"
	KillDiffers         = "kill-differs"
	KillNeedsCleanup    = "kill-needs-cleanup"
	TimesVary           = "times-vary"
	TimeInferred        = "time-over-budget-inferred"
	BlocksReads         = "blocks-reads"
	BlocksWrites        = "blocks-writes"
	RowsLocked          = "rows-locked"
	Rewrite             = "rewrite"
	FullScan            = "full-scan-under-lock"
	ConstraintNotValid  = "constraint-not-valid"
	LeftBehind          = "left-behind"
	OverrideExpired     = "override-expired"
	DownFails           = "down-fails"
	DownNoOp            = "down-noop"
	DownLossy           = "down-lossy"
	DownIncomplete      = "down-incomplete"
	DownLeaves          = "down-leaves"
	UpAgainFails        = "up-again-fails"
	UpAgainDiffers      = "up-again-differs"
	ColumnsNotJudged    = "columns-not-judged"
	NoDown              = "no-down"
	EmptyMigration      = "empty-migration"
	NoPending           = "no-pending"
	QueryBreaks         = "query-breaks"
	PlanWorse           = "plan-worse"
	PlanUntilAnalyze    = "plan-until-analyze"
	PlanBetter          = "plan-better"
	StatisticsLost      = "statistics-lost"
	DeadRows            = "dead-rows"
	SequenceBehind      = "sequence-behind"
	SequenceNearEnd     = "sequence-near-end"
	WALOverBudget       = "wal-over-budget"
	DiskOverBudget      = "disk-over-budget"
)

// Words of the contract that decide something here.
const (
	policyFail           = "fail"
	kindInvalidIndex     = "invalid index"
	kindNotValid         = "constraint not valid"
	blocksReadsAndWrites = "reads and writes"
	blocksWritesOnly     = "writes"
)

// Codes returns every code, in the order in which findings of one level are told.
func Codes() []string {
	return []string{
		LeakedValue, PersonalForm, RunStopped, DriftMissingFile, DriftOutOfOrder, MigrationFailed, HalfApplied, MigrationTimedOut, OnlyAtSource,
		OnlyInCopy, RowsLost, RowsUnexpected, RowsIndirect, TableReplaced, TableEmptied, TableDropped, ColumnDropped, ValuesRounded, MigrationOverBudget, TotalOverBudget,
		RewriteOverBudget, WALOverBudget, DiskOverBudget, QueryBreaks, SequenceBehind, BlockedOverBudget, CheckFailed, InvalidIndex, FailurePassedOver,
		StallsBehindReaders, StallsBehindWriters, LeftByLockTimeout, GoMigration, SchemaRestore, NotMeasured, MigrationNotRun, NotChecked, NotAudited,
		MaskingAhead, PartOfRows, KAnonymity, KillWedged, KillDiffers, KillNeedsCleanup, TimesVary, TimeInferred, SchemaLiteral, BlocksReads,
		BlocksWrites, RowsLocked, Rewrite, FullScan, PlanWorse,
		PlanUntilAnalyze, DeadRows, StatisticsLost, SequenceNearEnd, PlanBetter, DownFails, DownNoOp, DownLossy, DownIncomplete, UpAgainFails,
		UpAgainDiffers, ColumnsNotJudged, FailsByLockTimeout, ConstraintNotValid, LeftBehind, DownLeaves, OverrideExpired, NoDown, EmptyMigration,
		NoPending,
	}
}

func rank(code string) int { return slices.Index(Codes(), code) }
