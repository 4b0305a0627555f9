package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Some says what is read of certain relations.
type Some struct {
	Relations []uint32 // by OID
	// Kinds are queries of [Read] whose objects are relations or belong to one: "relations", "columns", "constraints", "indexes", "sequences",
	// "triggers", "rules", "policies", "statistics". Comments and security labels are not read.
	Kinds            []string
	Tables, HalfDone bool
}

// Part is what was read: the schema of the kinds asked for, tables without columns, keys and checks, and the sizes of the relations and their
// indexes. A relation that is no more has nothing.
type Part struct {
	Schema    Schema
	Tables    []Table
	Sizes     []Size
	HalfDones []HalfDone
}

// ReadSome reads what there is to certain relations of a database of which everything else is known, where [Read] would take seconds. Everything is
// asked at once, in one transaction; conn must be idle. The version is server_version_num.
func ReadSome(ctx context.Context, conn *pgx.Conn, version int, s Some) (p Part, err error) {
	batch := &pgx.Batch{}
	batch.Queue(prepare)
	for _, kind := range s.Kinds {
		if err := queue(batch, "objects/"+kind+".sql", version, s.Relations, scanObject, func(o []Object) { p.Schema = append(p.Schema, o...) }); err != nil {
			return p, err
		}
	}
	err = queue(batch, "plan/sizes.sql", version, s.Relations, scanSize, func(all []Size) { p.Sizes = all })
	if err == nil && s.Tables {
		err = queue(batch, "plan/relations.sql", version, s.Relations, scanTable, func(all []tableOf) {
			for _, t := range all {
				p.Tables = append(p.Tables, t.settled())
			}
		})
	}
	if err == nil && s.HalfDone {
		err = queue(batch, "plan/half_done.sql", version, s.Relations, scanHalfDone, func(all []HalfDone) { p.HalfDones = all })
	}
	if err != nil {
		return p, err
	}
	if err := conn.SendBatch(ctx, batch).Close(); err != nil {
		return p, fmt.Errorf("read some relations: %w", err)
	}
	return p, nil
}

// queue adds an embedded query about some relations to a batch.
func queue[T any](batch *pgx.Batch, file string, version int, relations []uint32, scan pgx.RowToFunc[T], done func([]T)) error {
	sql, err := load(file, version, true)
	if err != nil {
		return err
	}
	batch.Queue(sql, relations).Query(func(rows pgx.Rows) error {
		all, err := pgx.CollectRows(rows, scan)
		if err != nil {
			return fmt.Errorf("read the catalog (%s): %w", file, err)
		}
		done(all)
		return nil
	})
	return nil
}

// Root is the relation that an object is or belongs to, as [ReadSome] takes it; 0 for what belongs to none.
func (o Object) Root() uint32 {
	switch {
	case o.Parent.Class == classOfRelations:
		return o.Parent.Object
	case o.Parent == ID{} && o.ID.Class == classOfRelations:
		return o.ID.Object
	}
	return 0
}

// classOfRelations is pg_class's own OID, which is the same in every version.
const classOfRelations = 1259

// Changes are how often rows of each of PostgreSQL's own catalogs were inserted, updated or deleted, as far as sessions have handed their counters
// over. It wants PostgreSQL 15 and track_counts. Source: pg_stat_get_tuples_inserted and its like, for relations of initdb.
func Changes(ctx context.Context, conn *pgx.Conn) (map[string]int64, error) {
	const query = `SELECT c.relname::text, pg_catalog.pg_stat_get_tuples_inserted(c.oid) + pg_catalog.pg_stat_get_tuples_updated(c.oid)
		+ pg_catalog.pg_stat_get_tuples_deleted(c.oid)
		FROM pg_catalog.pg_class c WHERE c.oid < 16384 AND c.relkind = 'r' AND c.relnamespace = 11`
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("read how often catalogs were changed: %w", err)
	}
	all := map[string]int64{}
	var name string
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&name, &n}, func() error { all[name] = n; return nil })
	if err != nil {
		return nil, fmt.Errorf("read how often catalogs were changed: %w", err)
	}
	return all, nil
}
