package report

import "time"

// Snapshot is the frozen view of the source that was copied.
type Snapshot struct {
	TakenAt time.Time   `json:"taken_at"`
	LSN     string      `json:"lsn"`
	HeldFor Duration    `json:"held_for"` // how long the source kept the snapshot open
	Tables  []TableCopy `json:"tables"`
	Rows    int64       `json:"rows"`
	Bytes   int64       `json:"bytes"` // COPY bytes read from the source

	// Archive is the file the rows came from: then the source was not asked, and HeldFor is 0.
	Archive *Archive `json:"archive,omitempty"`
	// Retried is why this is the second copy from the start, "" when it is the first.
	Retried string `json:"retried,omitempty"`

	// BrokenKeys are foreign keys whose columns were set to NULL, as the rules ask, where what they name is not in the copy.
	BrokenKeys []BrokenKey `json:"broken_keys,omitempty"`

	// SchemaErrors are the objects that could not be made in staging, so that nothing is known about them.
	SchemaErrors []SchemaError `json:"schema_errors,omitempty"`
}

// Archive is a masked copy that was kept as a file.
type Archive struct {
	Name      string    `json:"name"` // without its directory
	ID        string    `json:"id"`   // the run that made it
	CreatedAt time.Time `json:"created_at"`
	Age       Duration  `json:"age"` // from the moment it shows until this run
}

// BrokenKey is a foreign key that the rules break.
type BrokenKey struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"` // plain names
	Rows    int64    `json:"rows"`    // in which they were set to NULL
}

// SchemaError is one object of the source that could not be made in staging.
type SchemaError struct {
	Object string `json:"object"` // as pg_restore names it: "VIEW shop.loop"
	Reason string `json:"reason"` // without row values and host names
}

// TableCopy is one copied table.
type TableCopy struct {
	Table    string   `json:"table"`
	Rows     int64    `json:"rows"`
	Bytes    int64    `json:"bytes"`
	Masked   []string `json:"masked,omitempty"` // names of the masked columns
	Duration Duration `json:"duration"`

	// Part says which rows were copied where it is not all of them: PartNone, PartRows, PartRoot, PartReached or PartReferenced. The rest
	// is told of such tables only.
	Part             string `json:"part,omitempty"`
	Root             string `json:"root,omitempty"`               // the topmost partitioned table, when Table is a partition
	SourceRows       int64  `json:"source_rows,omitempty"`        // how many the source has
	SourceRowsMethod Method `json:"source_rows_method,omitempty"` // counted, or estimated by pg_class
}

// Masking sums up what the rules did.
type Masking struct {
	RulesFile string         `json:"rules_file,omitempty"`
	RulesHash string         `json:"rules_hash,omitempty"` // SHA-256 of the file
	KeyID     string         `json:"key_id,omitempty"`
	Ephemeral bool           `json:"ephemeral_key"` // the key was made for this run and thrown away
	Columns   int            `json:"columns"`
	Masked    int            `json:"masked"`
	Kept      int            `json:"kept"`
	ByMask    map[string]int `json:"by_mask,omitempty"`

	ColumnMasks []ColumnMask `json:"column_masks,omitempty"` // every masked column

	OtherKey  *OtherKey    `json:"other_key,omitempty"`   // an earlier result that this one cannot be compared with by pseudonyms
	Anonymity []GroupSizes `json:"k_anonymity,omitempty"` // as the rules ask, in the copy as it was loaded
	// Programs are those that were given raw values, on the machine of the rehearsal, to mask them.
	Programs []MaskProgram `json:"programs,omitempty"`
	// Literals are definitions of the source's schema with what looks like personal data in them, which the copy has too.
	Literals []SchemaLiteral `json:"schema_literals,omitempty"`
	// Ahead is where the rules do not fit the schema that the pending migrations make; nil when they do, or nobody looked.
	Ahead *MaskingAhead `json:"ahead,omitempty"`
}

// MaskProgram is a program that masks a column. Its arguments are not kept.
type MaskProgram struct {
	Table   string `json:"table"`
	Column  string `json:"column"`
	Program string `json:"program"`
}

// MaskingAhead is what the masking rules lack for the schema after the migrations. Names are quoted as SQL would have them.
type MaskingAhead struct {
	Tables    []string `json:"tables,omitempty"`     // have no rules
	Columns   []string `json:"columns,omitempty"`    // have no rule
	ByDefault []string `json:"by_default,omitempty"` // only a default decides, and the lock file has no line
	Unmatched []string `json:"unmatched,omitempty"`  // rules that match nothing any more, or do not fit, with their place in the file
	Rules     string   `json:"rules,omitempty"`      // lines for the rules file, under pending:
	Lock      []string `json:"lock,omitempty"`       // lines for the lock file
}

// ColumnMask is the mask of one column, and whether distinct values stay distinct under it.
type ColumnMask struct {
	Table    string `json:"table"` // quoted, schema qualified, as in TableCopy
	Column   string `json:"column"`
	Mask     string `json:"mask"`
	Distinct bool   `json:"distinct"`
}
