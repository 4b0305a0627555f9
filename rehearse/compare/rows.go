package compare

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// CountRows counts the rows of every table and populated materialised view that holds rows itself, by OID; with only, of those alone.
//
// Counts are exact and read each table once. A table with classic children is counted with ONLY, so that no row counts twice.
// Partitioned tables have no count of their own: [DiffRows] adds up their partitions. To count anew what a migration touched, lay the
// result over the counts from before (maps.Copy). A materialised view that is not populated counts 0. Foreign tables are not read.
func CountRows(ctx context.Context, q catalog.Querier, tables []catalog.Table, only map[uint32]bool) (map[uint32]int64, error) {
	counts := make(map[uint32]int64, len(tables))
	for _, t := range tables {
		if t.Kind != 'r' && t.Kind != 'm' || only != nil && !only[t.OID] {
			continue
		}
		if !t.Populated {
			counts[t.OID] = 0
			continue
		}
		n, err := count(ctx, q, t)
		if err != nil {
			return nil, fmt.Errorf("count %s: %w", t, err)
		}
		counts[t.OID] = n
	}
	return counts, nil
}

func count(ctx context.Context, q catalog.Querier, t catalog.Table) (int64, error) {
	rows, err := q.Query(ctx, "SELECT pg_catalog.count(*) FROM ONLY "+t.String(), pgx.QueryExecModeExec)
	if err != nil {
		return 0, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowTo[int64])
}

// Rows is how many rows a database's tables had at one time.
type Rows struct {
	Tables []catalog.Table
	Counts map[uint32]int64 // by OID, as [CountRows] gives them
}

// Delta is what statements did to the rows of one table.
type Delta struct {
	Inserted, Updated, Deleted int64
	Truncated                  bool
}

// DiffRows lists the tables whose rows changed, that came or went, or that were replaced by another of their name, ordered by name.
//
// Tables are matched by OID, then by name. A partition tree is one entry under its topmost table, the sum of its partitions; a partition
// that is attached or detached is told where it comes to or leaves the sum. deltas are by OID and may be nil; method says how they were
// obtained. A table whose count is the same is listed when its delta says that rows changed. goose's version tables are left out, and
// so are materialised views and foreign tables, which hold rows of other tables or of other servers.
func DiffRows(before, after Rows, deltas map[uint32]Delta, method report.Method) []report.TableRows {
	was, is := before.roots(), after.roots()
	deltasOf := map[uint32]Delta{}
	for oid, d := range deltas {
		root := after.rootOf(oid, before.rootOf(oid, oid))
		sum := deltasOf[root]
		deltasOf[root] = Delta{sum.Inserted + d.Inserted, sum.Updated + d.Updated, sum.Deleted + d.Deleted, sum.Truncated || d.Truncated}
	}
	byName := map[string]uint32{} // of those that are no more
	for oid, t := range was {
		if _, still := is[oid]; !still {
			byName[t.name] = oid
		}
	}
	var out []report.TableRows
	for oid, t := range is {
		r := rowsOf(t.name, deltasOf[oid], method)
		r.After = &t.rows
		if old, ok := was[oid]; ok {
			r.Before = &old.rows
		} else if old, ok := byName[t.name]; ok {
			rows := was[old].rows
			r.Before, r.Replaced = &rows, true
			delete(byName, t.name)
		}
		if r.Before == nil || *r.Before != *r.After || r.Replaced || r.Truncated || r.Inserted+r.Updated+r.Deleted > 0 {
			out = append(out, r)
		}
	}
	for name, oid := range byName {
		rows := was[oid].rows
		r := rowsOf(name, deltasOf[oid], method)
		r.Before = &rows
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b report.TableRows) int { return cmp.Compare(a.Table, b.Table) })
	return out
}

func rowsOf(table string, d Delta, method report.Method) report.TableRows {
	return report.TableRows{Table: table, Inserted: d.Inserted, Updated: d.Updated, Deleted: d.Deleted, Truncated: d.Truncated, Method: method}
}

type tableRows struct {
	name string
	rows int64
}

// roots adds the partitions up under their topmost table.
func (r Rows) roots() map[uint32]tableRows {
	roots := map[uint32]tableRows{}
	for _, t := range r.Tables {
		if t.GooseVersions || t.Kind != 'r' && t.Kind != 'p' {
			continue
		}
		oid := t.OID
		if t.Root != 0 {
			oid = t.Root
		}
		sum := roots[oid]
		if oid == t.OID {
			sum.name = t.String()
		}
		sum.rows += r.Counts[t.OID]
		roots[oid] = sum
	}
	return roots
}

// rootOf is the topmost table above, or otherwise when the table is not there.
func (r Rows) rootOf(oid, otherwise uint32) uint32 {
	for _, t := range r.Tables {
		if t.OID == oid {
			if t.Root != 0 {
				return t.Root
			}
			return oid
		}
	}
	return otherwise
}
