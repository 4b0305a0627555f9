package catalog

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Table is a relation that holds rows or stands for such, with what a copier and a mask planner need to know of it.
type Table struct {
	OID         uint32
	Kind        byte // pg_class.relkind: 'r' ordinary, 'p' partitioned, 'f' foreign, 'm' materialised view
	Schema      string
	Name        string
	Persistence byte // pg_class.relpersistence: 'p' permanent, 'u' unlogged
	Owner       string
	Comment     string
	Bytes       int64   // size of the main fork, 0 for kinds that have no storage
	ToastBytes  int64   // size of the main fork of its TOAST table
	Rows        float64 // pg_class.reltuples: an estimate, -1 (before PostgreSQL 14: 0) when never analysed

	IsPartition bool     // attached to a partitioned table
	Root        uint32   // topmost partitioned table above, or the table itself when it is one; 0 otherwise
	Inherits    []uint32 // parents by classic inheritance, in order
	HasChildren bool     // has partitions or classic children: reading it without ONLY reads theirs too
	Populated   bool     // false for a materialised view that was never refreshed

	RowSecurity       bool // ENABLE ROW LEVEL SECURITY
	ForceRowSecurity  bool // FORCE: also for the owner
	RowSecurityActive bool // the current role would be shown only rows the policies let through

	CanSelect bool   // the current role may use the schema and select every column
	CanLock   bool   // it has SELECT on the table as a whole, without which it cannot lock it, as pg_dump does
	Extension string // the extension whose configuration table it is
	Condition string // which rows of a configuration table are the database's own ("WHERE ..."); "" for all

	GooseVersions bool // shaped like goose's version table: id, version_id bigint, is_applied boolean, tstamp

	Columns []Column // in order of attnum
	Unique  []UniqueKey
	Checks  []Check
}

// Column is one column of a [Table] that was not dropped.
type Column struct {
	Name   string
	Number int16 // attnum
	// Type is format_type without modifier, qualified unless in pg_catalog: "character varying", "shop.email", "text[]".
	Type string
	// BaseType is pg_type.typname below all domains: "varchar", "int8", "jsonb", "_text" for text[], "citext".
	BaseType   string
	TypeKind   byte     // pg_type.typtype of the column's own type: b base, c composite, d domain, e enum, m multirange, r range
	Labels     []string // labels of an enum (also below a domain or in an array), in order
	Fields     []Field  // of a composite type (also below a domain or in an array), in order
	MaxLength  int      // n of varchar(n) or char(n), also below a domain or in an array, in characters; 0 without
	NotNull    bool     // of the column or of a domain on its way down
	Generated  string   // "", "stored" or "virtual"
	Expression string   // pg_get_expr of a generated column
	Identity   string   // "", "always" or "by default"
	HasDefault bool     // a DEFAULT of the column itself, not one of its domain
	CanSelect  bool     // the current role may select this column, the schema aside
	Comment    string
}

// Field is a part of a composite type, with what a [Column] has of the same names.
type Field struct {
	Name      string
	BaseType  string
	TypeKind  byte
	Labels    []string
	MaxLength int
	NotNull   bool // of a domain
}

// UniqueKey is a primary key, a unique or exclusion constraint, or a unique index of no constraint.
type UniqueKey struct {
	Name             string
	Constraint       bool // false: an index alone
	Primary          bool
	Exclusion        bool
	Partial          bool     // has a predicate
	Expression       bool     // has expressions among its keys
	Columns          []string // plain key columns, in order
	Definition       string   // pg_get_indexdef; of an exclusion constraint pg_get_constraintdef, which has its operators
	Referenced       []string // every column that keys, expressions and predicate read, in order of attnum
	Deferrable       bool
	NullsNotDistinct bool
}

// ForeignKey is a foreign key as declared, its columns pairwise.
type ForeignKey struct {
	OID                       uint32
	Name                      string
	Child                     uint32
	ChildSchema, ChildTable   string
	Parent                    uint32
	ParentSchema, ParentTable string
	ChildColumns              []string
	ParentColumns             []string
	Operators                 []string // that compare them, parent's column first, as SQL writes them qualified
	Valid                     bool     // false: NOT VALID
	Definition                string   // pg_get_constraintdef, its names qualified as far as the session's search_path asks for it
}

// Tables lists every table, partitioned table, foreign table and materialised view, ordered by schema and name, each with its
// columns and unique keys.
//
// Temporary tables and tables that belong to an extension are left out; an extension's configuration tables are in, under
// [Table].Extension. Sizes need a lock that ALTER TABLE holds back: set lock_timeout, and never ask while a migration runs.
// Sources: pg_class, pg_attribute, pg_type, pg_index, pg_inherits, pg_extension.
func Tables(ctx context.Context, q Querier) ([]Table, error) {
	var tables []Table
	err := within(ctx, q, func(ctx context.Context, r reader) (err error) {
		tables, err = readTables(ctx, r)
		return err
	})
	return tables, err
}

func readTables(ctx context.Context, r reader) ([]Table, error) {
	rows, err := list(ctx, r, "plan/relations.sql", scanTable)
	if err != nil {
		return nil, err
	}
	columns, err := list(ctx, r, "plan/columns.sql", scanColumn)
	if err != nil {
		return nil, err
	}
	keys, err := list(ctx, r, "plan/keys.sql", scanKey)
	if err != nil {
		return nil, err
	}
	checks, err := list(ctx, r, "plan/checks.sql", scanCheck)
	if err != nil {
		return nil, err
	}
	at := make(map[uint32]*Table, len(rows))
	for i := range rows {
		at[rows[i].OID] = &rows[i].Table
	}
	for _, c := range columns {
		if t := at[c.table]; t != nil {
			t.Columns = append(t.Columns, c.Column)
		}
	}
	for _, k := range keys {
		if t := at[k.table]; t != nil {
			t.Unique = append(t.Unique, k.UniqueKey)
		}
	}
	for _, c := range checks {
		if t := at[c.table]; t != nil {
			t.Checks = append(t.Checks, c.Check)
		}
	}
	tables := make([]Table, len(rows))
	for i, row := range rows {
		tables[i] = row.settled()
	}
	return tables, nil
}

// tableOf is a row of plan/relations.sql.
type tableOf struct {
	Table
	usage bool // the current role may use the schema
}

// settled fills what follows from the columns.
func (t tableOf) settled() Table {
	t.GooseVersions = t.Kind == 'r' && gooseShaped(t.Columns)
	if t.CanLock = t.CanSelect; !t.CanSelect && t.usage && len(t.Columns) > 0 {
		t.CanSelect = !slices.ContainsFunc(t.Columns, func(c Column) bool { return !c.CanSelect })
	}
	return t.Table
}

// gooseShaped says whether the columns are those of goose's version table for PostgreSQL; a team may have added its own behind them.
func gooseShaped(columns []Column) bool {
	types := map[string]string{}
	for _, c := range columns {
		types[c.Name] = c.BaseType
	}
	id, ok := types["id"]
	return ok && (id == "int4" || id == "int8") && types["version_id"] == "int8" && types["is_applied"] == "bool" &&
		(types["tstamp"] == "timestamp" || types["tstamp"] == "timestamptz")
}

func scanTable(row pgx.CollectableRow) (t tableOf, err error) {
	err = row.Scan(&t.OID, &t.Kind, &t.Schema, &t.Name, &t.Persistence, &t.Owner, &t.Comment, &t.Bytes, &t.ToastBytes, &t.Rows,
		&t.IsPartition, &t.Root, &t.Inherits, &t.HasChildren, &t.Populated,
		&t.RowSecurity, &t.ForceRowSecurity, &t.RowSecurityActive, &t.CanSelect, &t.usage, &t.Extension, &t.Condition)
	return t, err
}

type columnOf struct {
	table uint32
	Column
}

func scanColumn(row pgx.CollectableRow) (c columnOf, err error) {
	var fields string
	err = row.Scan(&c.table, &c.Number, &c.Name, &c.Type, &c.BaseType, &c.TypeKind, &c.Labels, &c.MaxLength, &fields, &c.NotNull,
		&c.Generated, &c.Identity, &c.HasDefault, &c.Expression, &c.CanSelect, &c.Comment)
	if err == nil && fields != "[]" {
		err = json.Unmarshal([]byte(fields), &c.Fields)
	}
	c.Generated = map[string]string{"s": "stored", "v": "virtual"}[c.Generated]
	c.Identity = map[string]string{"a": "always", "d": "by default"}[c.Identity]
	return c, err
}

type keyOf struct {
	table uint32
	UniqueKey
}

func scanKey(row pgx.CollectableRow) (k keyOf, err error) {
	err = row.Scan(&k.table, &k.Name, &k.Constraint, &k.Primary, &k.Exclusion, &k.Partial, &k.Expression, &k.Columns,
		&k.Definition, &k.Referenced, &k.Deferrable, &k.NullsNotDistinct)
	return k, err
}

// ForeignKeys lists the foreign keys as declared, ordered by child schema, child table and name; the copies PostgreSQL makes of
// them on partitions are left out. Source: pg_constraint.
func ForeignKeys(ctx context.Context, q Querier) ([]ForeignKey, error) {
	return listWithin(ctx, q, "plan/foreign_keys.sql", func(row pgx.CollectableRow) (k ForeignKey, err error) {
		err = row.Scan(&k.OID, &k.Name, &k.Child, &k.ChildSchema, &k.ChildTable, &k.Parent, &k.ParentSchema, &k.ParentTable,
			&k.ChildColumns, &k.ParentColumns, &k.Operators, &k.Valid, &k.Definition)
		return k, err
	})
}

// Sequence is a sequence and the column that owns it.
type Sequence struct {
	OID        uint32
	Schema     string
	Name       string
	OwnerTable uint32 // of the column that owns it by OWNED BY, serial or identity; 0 without
	// OwnerSchema, OwnerName and OwnerColumn name that column.
	OwnerSchema, OwnerName, OwnerColumn string
	Identity                            bool // it is the column's identity
	CanSelect                           bool // the current role may read last_value
}

// Sequences lists the sequences that are not an extension's, ordered by schema and name. Sources: pg_class, pg_depend.
func Sequences(ctx context.Context, q Querier) ([]Sequence, error) {
	return listWithin(ctx, q, "plan/sequences.sql", func(row pgx.CollectableRow) (s Sequence, err error) {
		err = row.Scan(&s.OID, &s.Schema, &s.Name, &s.OwnerTable, &s.OwnerSchema, &s.OwnerName, &s.OwnerColumn, &s.Identity, &s.CanSelect)
		return s, err
	})
}

// MatView is a materialised view.
type MatView struct {
	OID       uint32
	Schema    string
	Name      string
	Populated bool // false: WITH NO DATA and never refreshed
	CanSelect bool // for the current role
}

// MatViews lists the materialised views in the order to refresh them: each after those its query reads, be it through views.
// What functions read is not seen. Sources: pg_class, pg_rewrite, pg_depend.
func MatViews(ctx context.Context, q Querier) ([]MatView, error) {
	views, err := listWithin(ctx, q, "plan/matviews.sql", func(row pgx.CollectableRow) (v viewNode, err error) {
		err = row.Scan(&v.OID, &v.kind, &v.Schema, &v.Name, &v.Populated, &v.CanSelect, &v.reads)
		return v, err
	})
	if err != nil {
		return nil, err
	}
	return refreshOrder(views), nil
}

type viewNode struct {
	MatView
	kind  byte // 'v' or 'm'
	reads []uint32
}

// refreshOrder walks the views depth first. Views cannot be circular but by dropping to CREATE OR REPLACE tricks; a circle ends the walk.
func refreshOrder(views []viewNode) []MatView {
	at := make(map[uint32]viewNode, len(views))
	for _, v := range views {
		at[v.OID] = v
	}
	var order []MatView
	seen := make(map[uint32]bool, len(views))
	var visit func(oid uint32)
	visit = func(oid uint32) {
		v, ok := at[oid]
		if !ok || seen[oid] {
			return
		}
		seen[oid] = true
		for _, read := range v.reads {
			visit(read)
		}
		if v.kind == 'm' {
			order = append(order, v.MatView)
		}
	}
	for _, v := range views {
		visit(v.OID)
	}
	return order
}

// listWithin is list in a prepared session of its own.
func listWithin[T any](ctx context.Context, q Querier, file string, scan pgx.RowToFunc[T]) ([]T, error) {
	var all []T
	err := within(ctx, q, func(ctx context.Context, r reader) (err error) {
		all, err = list(ctx, r, file, scan)
		return err
	})
	return all, err
}

// String is the name as SQL has it: shop."Order".
func (t Table) String() string { return ident(t.Schema, t.Name) }

// String is the name as SQL has it.
func (s Sequence) String() string { return ident(s.Schema, s.Name) }

// String is the name as SQL has it.
func (v MatView) String() string { return ident(v.Schema, v.Name) }
