// Package sanitize turns rules and a database's columns into a plan of masks, closed by default.
//
// A column without a rule, a table without rules and a rule that matches nothing are errors, all told at once,
// before anything is copied. Nothing is copied as it is unless a rule says keep. The package is pure: it sees
// columns as plain data and rows as bytes of PostgreSQL's COPY text format; it opens no connection and no file.
//
// A rules file names a mask for every column, by itself or through a class:
//
//	version: 1
//	classes:
//	  person.email: {mask: email}
//	tables:
//	  shop.customers:
//	    id: keep
//	    email: person.email
//	    card: {mask: digits, keep_prefix: 6, keep_suffix: 4, luhn: true}
//	  '"My Schema"."T.1"': {note: redact_text}   # names as SQL writes them, without folding to lower case
//
// Three things need no line: generated columns, which the server computes again; leaves of partitioned tables, which follow the
// table at the top; and columns of foreign keys, which take the mask of the key they reference, so that joins survive.
//
// The section k_anonymity: asks that of every row there are some alike in given columns; [Plan.Anonymity] is what to count.
// The section defaults: decides by name and type about columns of listed tables that have neither a line nor a key to follow; the section
// pending: has rules for what is still to come, which may match nothing. A [Lock] is what a person has reviewed of a plan.
//
// The sections data: and subset: say how much of each table is copied; [Plan.Selection] is what follows from them. The section audit: says
// which columns may hold what the audit of a copy finds, and why: audit: {allow: {shop.offices: {email: "printed on our letters"}}}.
//
// The way through the package is [ParseRules], [Rules.Plan], [TablePlan.Row], [Row.Append]; [Starter] writes a first draft of a file, and [Update]
// adds to one.
//
// Output is masked, never anonymous: deterministic masks are pseudonyms, and whoever holds the key can make them again.
package sanitize

// Database is what the planner must know of the source: its tables and how they hang together.
type Database struct {
	Tables      []Table
	ForeignKeys []ForeignKey
	Views       []View
}

// View is a materialised view: its rows are made of the copied ones and take no rules, but the audit of a copy reads them.
type View struct {
	Schema, Name string
	Columns      []string
}

// Table is one table that holds rows of its own: an ordinary table or a partitioned one (whose leaves follow its rules).
type Table struct {
	Schema, Name string
	Columns      []Column
	Unique       []UniqueKey
	Checks       []Check // that rows meet when they are loaded
	// Partitions are the leaves below a partitioned table, each as Schema, Name. They are copied one by one under the rules of this table.
	Partitions []Relation
	// PartitionKey are the columns that a partition key of this table, at any level, reads. They can only be kept: a masked
	// value would belong to another partition.
	PartitionKey []string
	// Verbatim tables are bookkeeping (goose's version table): copied as they are, no rule needed, a rule for them is an error.
	Verbatim bool
	// Yielding is a verbatim table that has rules all the same where they name it. Blank are its columns that are NULL in the copy unless
	// rules name the table: what the server said of failures, which can quote data.
	Yielding bool
	Blank    []string
}

// Relation names a table.
type Relation struct{ Schema, Name string }

// Column is one column as pg_attribute has it.
type Column struct {
	Name      string
	Type      string   // format_type without modifier of the column, such as "character varying", "shop.email"
	BaseType  string   // the pg_catalog type name below domains: "text", "varchar", "int8", "jsonb", "_text" for text[]; extension types by name: "citext"
	TypeKind  byte     // pg_type.typtype of the column's own type: 'b', 'c' composite, 'd' domain, 'e' enum, 'r' range, 'm' multirange
	Labels    []string // labels of an enum, in order
	Fields    []Field  // of a composite type, or of the one that an array is of, in order
	MaxLength int      // n of varchar(n) or char(n) in characters, 0 without
	NotNull   bool
	Generated bool // computed by the server: needs no rule, a rule for it is an error
	// Expression is how a generated column is computed, as pg_get_expr has it. Without it nothing can be said of unique keys over the column.
	Expression string
	Comment    string
}

// Field is a part of a composite type, with what a [Column] has of the same names. The fields of composite types within are not known.
type Field struct {
	Name      string
	BaseType  string
	TypeKind  byte
	Labels    []string
	MaxLength int
	NotNull   bool
}

// UniqueKey is a unique or exclusion constraint or a unique index.
type UniqueKey struct {
	Name       string
	Columns    []string // plain key columns, without those of INCLUDE
	Expression bool     // has expression columns too; Definition tells which
	Definition string   // pg_get_indexdef; one that does not begin with CREATE UNIQUE INDEX is an exclusion constraint's
	Referenced []string // every column that key, expressions and predicate read
}

// Check is a CHECK constraint of a table, or of the domain that a column of it is of.
type Check struct {
	Name       string
	Definition string   // pg_get_constraintdef
	Columns    []string // that it reads
	Domain     string   // whose constraint it is; then Columns is the column, which Definition calls VALUE. "" for the table's own
}

// ForeignKey is a reference from columns of one table to columns of another, pairwise.
type ForeignKey struct {
	Name          string
	Child, Parent Relation
	ChildColumns  []string
	ParentColumns []string
	Full          bool // MATCH FULL: all columns of a reference are NULL, or none
}
