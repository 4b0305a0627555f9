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
	TableReplaced       = "table-replaced"
	TableEmptied        = "table-emptied"
	TableDropped        = "table-dropped"
	MigrationOverBudget = "migration-time-over-budget"
	TotalOverBudget     = "total-time-over-budget"
	RewriteOverBudget   = "rewrite-over-budget"
	InvalidIndex        = "invalid-index"
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
	BlocksReads         = "blocks-reads"
	BlocksWrites        = "blocks-writes"
	Rewrite             = "rewrite"
	FullScan            = "full-scan-under-lock"
	ConstraintNotValid  = "constraint-not-valid"
	LeftBehind          = "left-behind"
	NoDown              = "no-down"
	EmptyMigration      = "empty-migration"
	NoPending           = "no-pending"
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
		RunStopped, LeakedValue, PersonalForm, DriftMissingFile, DriftOutOfOrder, MigrationFailed, HalfApplied, MigrationTimedOut, OnlyAtSource, OnlyInCopy, RowsLost, RowsUnexpected,
		TableReplaced, TableEmptied, TableDropped, MigrationOverBudget, TotalOverBudget, RewriteOverBudget,
		InvalidIndex, FailurePassedOver, GoMigration, SchemaRestore, NotMeasured, MigrationNotRun, NotChecked, NotAudited, MaskingAhead, PartOfRows, KAnonymity, BlocksReads, BlocksWrites, Rewrite, FullScan,
		ConstraintNotValid, LeftBehind, NoDown, EmptyMigration, NoPending,
	}
}

func rank(code string) int { return slices.Index(Codes(), code) }
