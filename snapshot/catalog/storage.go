package catalog

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Size is the storage of a table, a materialised view or an index.
type Size struct {
	OID       uint32
	Kind      string // "table" (also a materialised view; with its TOAST table, without indexes) or "index"
	Name      string // qualified and quoted
	Table     uint32 // of an index its table; else the relation itself
	TableName string
	Bytes     int64 // main forks only
}

// Sizes lists the storage of every table, materialised view and index by name.
// It waits for whoever holds ACCESS EXCLUSIVE on one of them: never ask while a migration runs. Source: pg_relation_size.
func Sizes(ctx context.Context, q Querier) ([]Size, error) {
	return listWithin(ctx, q, "plan/sizes.sql", scanSize)
}

func scanSize(row pgx.CollectableRow) (s Size, err error) {
	err = row.Scan(&s.OID, &s.Kind, &s.Name, &s.Table, &s.TableName, &s.Bytes)
	return s, err
}

// HalfDone is an object that is there but does not work, or not yet.
type HalfDone struct {
	Kind   string // "invalid index", "constraint not valid", "trigger disabled", "foreign key not enforced", ...
	Object string // quoted
	Table  string // the table or domain it belongs to; "" without
	SQL    string // what finishes it or takes it away; "" where no one statement does
}

// HalfDones lists invalid indexes, constraints NOT VALID, disabled triggers, foreign keys and rules, materialised views without data,
// partitions half detached and prepared transactions, by kind, table and name.
func HalfDones(ctx context.Context, q Querier) ([]HalfDone, error) {
	return listWithin(ctx, q, "plan/half_done.sql", scanHalfDone)
}

func scanHalfDone(row pgx.CollectableRow) (h HalfDone, err error) {
	err = row.Scan(&h.Kind, &h.Object, &h.Table, &h.SQL)
	return h, err
}
