package rehearse

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/compare"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// ofRelations are the catalogs whose rows belong to one relation each, which whoever changes them has locked; or tell nothing that is compared
// (statistics of values, dependencies). Rows of pg_type are among them, since every table has a type of its own.
var ofRelations = map[string]bool{
	"pg_class": true, "pg_attribute": true, "pg_attrdef": true, "pg_constraint": true, "pg_index": true, "pg_type": true, "pg_sequence": true,
	"pg_trigger": true, "pg_policy": true, "pg_depend": true, "pg_shdepend": true, "pg_statistic": true,
}

// afterSome brings the reading up to date by what a migration changed, and tells the difference: a database of thousands of tables takes seconds
// to read, a small migration changes one. It gives nil where it cannot: the server's counters say that catalogs changed of which no lock
// tells, or a name changed, with which the texts of others may. The whole database is read at the end in any case.
func (m *meter) afterSome(ctx context.Context, mig *report.Migration, o *observe.Observation, deltas map[uint32]compare.Delta) (*step, error) {
	changed, err := m.changes(ctx)
	if err != nil || changed == nil || !o.Bound {
		return nil, err
	}
	for name := range changed {
		if !ofRelations[name] {
			return nil, nil
		}
	}
	relations := m.relationsOf(o)
	if relations == nil {
		return nil, nil
	}
	was := m.last.of(relations)
	want := m.wanted(relations, changed)
	part, err := catalog.ReadSome(ctx, m.conn, m.version, want)
	if err != nil {
		return nil, err
	}
	if renames(was.schema, part.Schema) {
		return nil, nil
	}
	now := was.with(part, want)
	if now.rows.Counts, err = compare.CountRows(ctx, m.conn, now.rows.Tables, uncounted(mig, o, was.rows, now.rows)); err != nil {
		return nil, err
	}
	for _, t := range now.rows.Tables {
		n, known := was.rows.Counts[t.OID]
		if _, counted := now.rows.Counts[t.OID]; known && !counted {
			now.rows.Counts[t.OID] = n + deltas[t.OID].Inserted - deltas[t.OID].Deleted
		}
	}
	m.differences(mig, was, now, deltas, o.ChangesMethod)
	m.last.replace(relations, was, now)
	return &step{was: was, is: now, relations: relations}, nil
}

// changes are the catalogs that changed since it was asked last, with how often; nil where that cannot be known.
func (m *meter) changes(ctx context.Context) (map[string]int64, error) {
	if m.version < 150000 {
		return nil, nil
	}
	now, err := catalog.Changes(ctx, m.conn)
	if err != nil {
		return nil, err
	}
	before := m.counters
	m.counters = now
	changed := map[string]int64{}
	for name, n := range now {
		if n != before[name] {
			changed[name] = n - before[name]
		}
	}
	if before == nil {
		return nil, nil
	}
	return changed, nil
}

// wanted is what has to be read of relations, by what of the catalogs changed.
func (m *meter) wanted(relations []uint32, changed map[string]int64) catalog.Some {
	s := catalog.Some{Relations: relations, HalfDone: changed["pg_index"]+changed["pg_constraint"]+changed["pg_trigger"] > 0}
	var newOnes, indexes bool
	for _, oid := range relations {
		_, isTable := m.last.tables[oid]
		_, isIndex := m.last.indexes[oid]
		newOnes, indexes = newOnes || !isTable && !isIndex, indexes || isIndex
	}
	s.Tables = newOnes && changed["pg_class"] > 0
	for _, k := range []struct {
		kind   string
		wanted bool
	}{
		{"relations", changed["pg_class"] > 0},
		{"columns", changed["pg_attribute"]+changed["pg_attrdef"] > 0},
		{"constraints", changed["pg_constraint"]+changed["pg_index"] > 0 || indexes && changed["pg_class"] > 0},
		{"indexes", changed["pg_index"]+changed["pg_constraint"] > 0 || indexes && changed["pg_class"] > 0},
		{"sequences", changed["pg_sequence"] > 0 || newOnes && changed["pg_class"] > 0},
		{"triggers", changed["pg_trigger"] > 0},
		{"policies", changed["pg_policy"] > 0},
	} {
		if k.wanted {
			s.Kinds = append(s.Kinds, k.kind)
		}
	}
	return s
}

// kindsOf are the kinds of objects that the queries of catalog.Some give.
var kindsOf = map[string][]string{
	"relations": {"table", "view", "materialized view", "foreign table"}, "columns": {"column", "attribute"}, "constraints": {"constraint"},
	"indexes": {"index"}, "sequences": {"sequence"}, "triggers": {"trigger"}, "policies": {"policy"},
}

// with is what a part of a reading is now: what was read anew, without what is no more, and the rest as it was. Comments stay what they were: had one
// changed, more would have been read.
func (r *reading) with(p catalog.Part, want catalog.Some) reading {
	now := reading{sizes: p.Sizes, leftovers: r.leftovers}
	if want.HalfDone {
		now.leftovers = compare.LeftoversOf(p.HalfDones)
	}
	anew := map[string]bool{}
	for _, query := range want.Kinds {
		for _, kind := range kindsOf[query] {
			anew[kind] = true
		}
	}
	old := map[catalog.ID]catalog.Object{}
	gone := map[uint32]bool{}
	for _, o := range r.schema {
		old[o.ID] = o
		if anew[o.Kind] && o.ID.Object == o.Root() && o.ID.Sub == 0 {
			gone[o.ID.Object] = true
		}
	}
	for _, o := range p.Schema {
		for name, text := range old[o.ID].Attrs {
			if name == "comment" || strings.HasPrefix(name, "security label ") {
				o.Attrs[name] = text
			}
		}
		delete(gone, o.ID.Object)
		now.schema = append(now.schema, o)
	}
	for _, o := range r.schema {
		if !anew[o.Kind] && !gone[o.Root()] {
			now.schema = append(now.schema, o)
		}
	}
	for _, t := range r.rows.Tables {
		if !gone[t.OID] {
			now.rows.Tables = append(now.rows.Tables, t)
		}
	}
	markVersionTables(p.Tables, now.schema)
	for _, t := range p.Tables {
		if _, known := r.rows.Counts[t.OID]; !known && !slices.ContainsFunc(now.rows.Tables, func(k catalog.Table) bool { return k.OID == t.OID }) {
			now.rows.Tables = append(now.rows.Tables, t)
		}
	}
	return now
}

// relationsOf are those to be read again: locked, those whose rows changed, and the partitions beside them; nil where an index was locked without its table.
func (m *meter) relationsOf(o *observe.Observation) []uint32 {
	tables := append([]uint32{}, o.Touched...) // never nil: a migration may have locked nothing
	locked := map[uint32]bool{}
	for _, oid := range o.Locked {
		locked[oid] = true
	}
	for _, oid := range o.Locked {
		if table, isIndex := m.last.indexes[oid]; isIndex && !locked[table] {
			return nil
		}
		tables = append(tables, oid)
	}
	tables = append(tables, m.siblings(tables)...)
	slices.Sort(tables)
	return slices.Compact(tables)
}

// siblings are all of the trees that some partitions are of: rows are told of the topmost table, as the sum of all.
func (m *meter) siblings(some []uint32) []uint32 {
	roots := map[uint32]bool{}
	for _, oid := range some {
		roots[m.last.tables[oid].Root] = true
	}
	if delete(roots, 0); len(roots) == 0 {
		return nil
	}
	var all []uint32
	for oid, t := range m.last.tables {
		if roots[t.Root] {
			all = append(all, oid)
		}
	}
	return all
}

// renames tells whether something that is on both sides has another name than before.
func renames(before, after catalog.Schema) bool {
	names := make(map[catalog.ID]string, len(before))
	for _, o := range before {
		names[o.ID] = o.Name
	}
	return slices.ContainsFunc(after, func(o catalog.Object) bool {
		name, known := names[o.ID]
		return known && name != o.Name
	})
}

// markVersionTables does for tables read without their columns what catalog.Tables does for others.
func markVersionTables(tables []catalog.Table, schema catalog.Schema) {
	types := map[uint32]map[string]string{}
	for _, o := range schema {
		if o.Kind == "column" {
			if types[o.Parent.Object] == nil {
				types[o.Parent.Object] = map[string]string{}
			}
			types[o.Parent.Object][o.Label] = o.Attrs["type"]
		}
	}
	for i, t := range tables {
		c := types[t.OID]
		tables[i].GooseVersions = t.Kind == 'r' && (c["id"] == "integer" || c["id"] == "bigint") && c["version_id"] == "bigint" &&
			c["is_applied"] == "boolean" && strings.HasPrefix(c["tstamp"], "timestamp")
	}
}

// uncounted are the tables whose rows have to be counted: new ones, and those whose number does not follow from the server's exact counters, since
// they were emptied or got new storage by something other than a rewrite.
func uncounted(mig *report.Migration, o *observe.Observation, was, now compare.Rows) map[uint32]bool {
	suspect := map[string]bool{}
	for _, st := range mig.Statements {
		for _, w := range st.Rewrites {
			if w.Index == "" && st.Tag != "ALTER TABLE" {
				suspect[w.Table] = true
			}
		}
	}
	count := map[uint32]bool{}
	for _, t := range now.Tables {
		_, known := was.Counts[t.OID]
		if !known || o.ChangesMethod != report.Exact || t.Kind == 'm' || suspect[t.String()] || o.Changes[t.OID].Truncated {
			count[t.OID] = true
		}
	}
	return count
}

// of is the part of a reading that catalog.ReadSome would read.
func (r *reading) of(oids []uint32) reading {
	part := reading{rows: compare.Rows{Counts: map[uint32]int64{}}}
	names := map[string]bool{}
	for _, oid := range oids {
		part.schema = append(part.schema, r.objects[oid]...)
		if t, ok := r.tables[oid]; ok {
			part.rows.Tables = append(part.rows.Tables, t)
			names[t.String()] = true
			if n, ok := r.rows.Counts[oid]; ok {
				part.rows.Counts[oid] = n
			}
		}
		part.sizes = append(part.sizes, r.sizesOf[oid]...)
	}
	for _, l := range r.leftovers {
		if names[l.Table] {
			part.leftovers = append(part.leftovers, l)
		}
	}
	return part
}

// index makes the parts of a reading findable by the relation they belong to.
func (r *reading) index() {
	r.objects, r.tables, r.sizesOf, r.indexes = map[uint32]catalog.Schema{}, map[uint32]catalog.Table{}, map[uint32][]catalog.Size{}, map[uint32]uint32{}
	r.file(r.schema, r.rows.Tables, r.sizes)
	r.schema, r.rows.Tables, r.sizes = nil, nil, nil
}

func (r *reading) file(schema catalog.Schema, tables []catalog.Table, sizes []catalog.Size) {
	for _, o := range schema {
		r.objects[o.Root()] = append(r.objects[o.Root()], o)
	}
	for _, t := range tables {
		r.tables[t.OID] = t
	}
	for _, s := range sizes {
		r.sizesOf[s.Table] = append(r.sizesOf[s.Table], s)
		if s.Kind == "index" {
			r.indexes[s.OID] = s.Table
		}
	}
}

// replace puts a new part in the place of what was there of the relations.
func (r *reading) replace(oids []uint32, was, now reading) {
	for _, oid := range oids {
		delete(r.objects, oid)
		delete(r.tables, oid)
		delete(r.sizesOf, oid)
		delete(r.rows.Counts, oid)
	}
	r.file(now.schema, now.rows.Tables, now.sizes)
	maps.Copy(r.rows.Counts, now.rows.Counts)
	r.leftovers = slices.DeleteFunc(slices.Clone(r.leftovers), func(l report.Leftover) bool { return slices.Contains(was.leftovers, l) })
	r.leftovers = append(r.leftovers, now.leftovers...)
}

// whole puts the parts of an indexed reading together again, in the order of a reading of everything.
func (r *reading) whole() reading {
	w := reading{rows: compare.Rows{Counts: maps.Clone(r.rows.Counts)}, leftovers: r.leftovers}
	for _, t := range r.tables {
		w.rows.Tables = append(w.rows.Tables, t)
	}
	for _, sizes := range r.sizesOf {
		w.sizes = append(w.sizes, sizes...)
	}
	for _, objects := range r.objects {
		w.schema = append(w.schema, objects...)
	}
	slices.SortFunc(w.schema, func(a, b catalog.Object) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	slices.SortFunc(w.rows.Tables, func(a, b catalog.Table) int {
		return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
	})
	slices.SortFunc(w.sizes, func(a, b catalog.Size) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.OID, b.OID)) })
	return w
}
