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
// Tables are matched by OID, then by name. A partition tree is one entry under its topmost table, the sum of its partitions; those that
// changed, came or went are listed in it. A table that was attached or detached kept its rows: it is told under the partitioned table
// only. deltas are by OID and may be nil; method says how they were obtained, and where the counts of a table do not bear exact ones out
// they are told as estimated. A table whose count is the same is listed when its delta says that rows changed. goose's version tables are left out, and so are materialised views and foreign tables, which hold rows of
// other tables or of other servers.
func DiffRows(before, after Rows, deltas map[uint32]Delta, method report.Method) []report.TableRows {
	d := rowDiff{was: before.units(), is: after.units(), deltas: deltas}
	deltasOf := d.sums()
	byName := map[string]*unit{} // of those that are no more
	for oid, t := range d.was {
		if t.root == oid && d.is[oid] == nil {
			byName[t.name] = t
		}
	}
	var out []report.TableRows
	for oid, t := range d.is {
		if t.root != oid {
			continue
		}
		r := rowsOf(t.name, deltasOf[oid], method)
		r.After, r.Parents = &t.sum, t.parents
		if old := d.was[oid]; old != nil {
			r.Before, r.Partitions = old.rowsAsRoot(), d.partitions(oid)
		} else if old := byName[t.name]; old != nil {
			r.Before, r.Replaced = &old.sum, true
			delete(byName, t.name)
		}
		if r.Method == report.Exact && !addsUp(r) {
			r.Method = report.Estimated
		}
		if r.Before == nil || *r.Before != *r.After || r.Replaced || r.Truncated || r.Inserted+r.Updated+r.Deleted > 0 || len(r.Partitions) > 0 {
			out = append(out, r)
		}
	}
	for name, old := range byName {
		r := rowsOf(name, deltasOf[old.oid], method)
		r.Before, r.Parents = &old.sum, old.parents
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b report.TableRows) int { return cmp.Compare(a.Table, b.Table) })
	return out
}

// addsUp tells whether the counts bear the delta out. A function that truncates is one reason why they do not.
func addsUp(r report.TableRows) bool {
	moved := slices.ContainsFunc(r.Partitions, func(p report.PartitionRows) bool { return p.Before == nil || p.After == nil || p.Moved != "" })
	return r.Before == nil || r.Replaced || r.Truncated || moved || *r.Before+r.Inserted-r.Deleted == *r.After
}

func rowsOf(table string, d Delta, method report.Method) report.TableRows {
	return report.TableRows{Table: table, Inserted: d.Inserted, Updated: d.Updated, Deleted: d.Deleted, Truncated: d.Truncated, Method: method}
}

// unit is a table at one time: its own rows, and the sum with those of its partitions where it is the topmost.
type unit struct {
	oid, root uint32 // root is oid itself where nothing is above
	name      string
	holds     bool // rows of its own
	own, sum  int64
	parents   []string
}

// rowsAsRoot is the sum, or the own rows of what was a partition.
func (u *unit) rowsAsRoot() *int64 {
	if u.root == u.oid {
		return &u.sum
	}
	return &u.own
}

// units are the tables that [DiffRows] tells of, by OID.
func (r Rows) units() map[uint32]*unit {
	units := map[uint32]*unit{}
	inherits := map[uint32][]uint32{}
	for _, t := range r.Tables {
		if t.Bookkeeping() != "" || t.Kind != 'r' && t.Kind != 'p' {
			continue
		}
		units[t.OID] = &unit{oid: t.OID, root: cmp.Or(t.Root, t.OID), name: t.String(), holds: t.Kind == 'r', own: r.Counts[t.OID]}
		inherits[t.OID] = t.Inherits
	}
	for _, u := range units {
		if top := units[u.root]; top != nil {
			top.sum += u.own
		}
		for next := slices.Clone(inherits[u.oid]); len(next) > 0; next = next[1:] {
			if p := units[next[0]]; p != nil && !slices.Contains(u.parents, p.name) {
				u.parents = append(u.parents, p.name)
				next = append(next, inherits[p.oid]...)
			}
		}
	}
	return units
}

// rowDiff is two states of the tables, and what statements did between.
type rowDiff struct {
	was, is map[uint32]*unit
	deltas  map[uint32]Delta
}

// sums adds the deltas up under the topmost tables of after, or of before where a table is no more.
func (d rowDiff) sums() map[uint32]Delta {
	sums := map[uint32]Delta{}
	for oid, delta := range d.deltas {
		root := oid
		if u := cmp.Or(d.is[oid], d.was[oid]); u != nil {
			root = u.root
		}
		sum := sums[root]
		sums[root] = Delta{sum.Inserted + delta.Inserted, sum.Updated + delta.Updated, sum.Deleted + delta.Deleted, sum.Truncated || delta.Truncated}
	}
	return sums
}

// partitions lists those of a partitioned table that changed, came or went, ordered by name.
func (d rowDiff) partitions(root uint32) []report.PartitionRows {
	var out []report.PartitionRows
	for oid, old := range d.was {
		now := d.is[oid]
		if !old.holds || oid == root {
			continue
		}
		p := d.partition(old)
		switch {
		case old.root == root && now != nil && now.root != root:
			p.Moved = "detached"
		case old.root != root && now != nil && now.root == root:
			p.Moved = "attached"
		case old.root != root || now != nil && now.own == old.own && d.deltas[oid] == (Delta{}):
			continue
		}
		if now != nil {
			p.Table, p.After = now.name, &now.own
		}
		out = append(out, p)
	}
	for oid, now := range d.is {
		if now.holds && now.root == root && oid != root && d.was[oid] == nil && now.own > 0 {
			out = append(out, report.PartitionRows{Table: now.name, After: &now.own})
		}
	}
	slices.SortFunc(out, func(a, b report.PartitionRows) int { return cmp.Compare(a.Table, b.Table) })
	return out
}

func (d rowDiff) partition(old *unit) report.PartitionRows {
	delta := d.deltas[old.oid]
	return report.PartitionRows{
		Table: old.name, Before: &old.own, Inserted: delta.Inserted, Updated: delta.Updated, Deleted: delta.Deleted, Truncated: delta.Truncated,
	}
}
