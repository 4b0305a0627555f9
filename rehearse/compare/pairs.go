package compare

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// Holding is the tables of one database, with what tells whether their storage is another than that of a clone of it.
type Holding struct {
	Tables []catalog.Table
	Files  map[uint32]uint32 // pg_class.relfilenode by OID, as [Files] reads it; a clone has those of what it was made from
}

// Suspects says which tables may have other contents than in the clone from before.
type Suspects struct {
	All     bool            // nobody saw which
	Changed map[uint32]bool // OIDs of tables in which rows were inserted, updated or deleted
}

// side is one table, or a partitioned table with all that is below it, in one database.
type side struct {
	catalog.Table
	leaves  []uint32 // OIDs of those that hold the rows
	without []uint32 // leaves that are compared for themselves
}

// from is its rows as SQL reads them.
func (s *side) from() string {
	if s.Kind != 'p' {
		return "ONLY " + s.String()
	}
	if len(s.without) == 0 {
		return s.String()
	}
	oids := make([]string, len(s.without))
	for i, oid := range s.without {
		oids[i] = strconv.FormatUint(uint64(oid), 10)
	}
	return s.String() + " WHERE tableoid NOT IN (" + strings.Join(oids, ", ") + ")"
}

// pairing is a table before and after; either may be missing.
type pairing struct {
	before, after *side
}

// sides groups tables under the topmost partitioned one. Version tables of tools, foreign tables and materialised views, which hold
// rows of others, are left out.
func sides(tables []catalog.Table) (tops map[uint32]*side, topOf map[uint32]uint32) {
	tops, topOf = map[uint32]*side{}, map[uint32]uint32{}
	for _, t := range tables {
		if t.Bookkeeping() != "" || t.Kind != 'r' && t.Kind != 'p' {
			continue
		}
		topOf[t.OID] = cmp.Or(t.Root, t.OID)
		if topOf[t.OID] == t.OID {
			tops[t.OID] = &side{Table: t}
		}
	}
	for _, t := range tables {
		if top := tops[topOf[t.OID]]; top != nil && t.Kind == 'r' {
			top.leaves = append(top.leaves, t.OID)
		}
	}
	return tops, topOf
}

// pairs matches the tables of two databases: by OID, then by name. A table that was attached to a partitioned one, or detached, is a pair for
// itself, since its rows are where they were.
func pairs(before, after []catalog.Table) []pairing {
	was, wasTop := sides(before)
	is, isTop := sides(after)
	partner := map[uint32]uint32{} // OID after by OID before
	byName := map[string]uint32{}
	for oid, t := range is {
		if was[oid] != nil {
			partner[oid] = oid
		} else {
			byName[t.String()] = oid
		}
	}
	for oid, t := range was {
		if _, ok := partner[oid]; ok {
			continue
		}
		if other, ok := byName[t.String()]; ok {
			partner[oid] = other
		}
	}
	var out []pairing
	single := map[uint32]bool{}
	for _, t := range before {
		top, ok := isTop[t.OID]
		if t.Kind != 'r' || !ok || wasTop[t.OID] == 0 || partner[wasTop[t.OID]] == top {
			continue
		}
		single[t.OID] = true
		out = append(out, pairing{before: &side{Table: t, leaves: []uint32{t.OID}}, after: alone(after, t.OID)})
		was[wasTop[t.OID]].exclude(t.OID)
		is[top].exclude(t.OID)
	}
	for oid, t := range was {
		if !single[oid] {
			out = append(out, pairing{before: t, after: is[partner[oid]]})
		}
	}
	slices.SortFunc(out, func(a, b pairing) int { return cmp.Compare(a.before.String(), b.before.String()) })
	return out
}

// alone is one table for itself.
func alone(tables []catalog.Table, oid uint32) *side {
	i := slices.IndexFunc(tables, func(t catalog.Table) bool { return t.OID == oid })
	return &side{Table: tables[i], leaves: []uint32{oid}}
}

func (s *side) exclude(leaf uint32) {
	s.without = append(s.without, leaf)
	s.leaves = slices.DeleteFunc(slices.Clone(s.leaves), func(oid uint32) bool { return oid == leaf })
}

// columnPair is a column before and after.
type columnPair struct {
	before, after catalog.Column
	same          bool // the same column by its number, whatever its name
}

// columns matches by number where the table is the same, then by name. dropped are those that are only before. Columns that are generated
// on both sides are left out: they say what others say.
func (p pairing) columns() (both []columnPair, dropped []catalog.Column) {
	taken := map[int16]bool{}
	match := func(c catalog.Column, same bool, is func(catalog.Column) bool) bool {
		i := slices.IndexFunc(p.after.Columns, func(a catalog.Column) bool { return !taken[a.Number] && is(a) })
		if i < 0 {
			return false
		}
		a := p.after.Columns[i]
		taken[a.Number] = true
		if c.Generated == "" || a.Generated == "" {
			both = append(both, columnPair{before: c, after: a, same: same})
		}
		return true
	}
	var rest []catalog.Column
	for _, c := range p.before.Columns {
		if p.before.OID != p.after.OID || !match(c, true, func(a catalog.Column) bool { return a.Number == c.Number }) {
			rest = append(rest, c)
		}
	}
	for _, c := range rest {
		if !match(c, false, func(a catalog.Column) bool { return a.Name == c.Name }) && c.Generated == "" {
			dropped = append(dropped, c)
		}
	}
	slices.SortFunc(both, func(a, b columnPair) int { return cmp.Compare(a.before.Number, b.before.Number) })
	return both, dropped
}

// key finds the columns by which rows are matched: those of a primary key, else of another unique key without NULL, of before or of after.
// Whether they tell rows apart on both sides shows when they are read. nil: there is none.
func (p pairing) key(both []columnPair) []columnPair {
	find := func(t catalog.Table, of func(columnPair) catalog.Column) []columnPair {
		keys := slices.Clone(t.Unique)
		slices.SortStableFunc(keys, func(a, b catalog.UniqueKey) int {
			return cmp.Or(cmp.Compare(truth(b.Primary), truth(a.Primary)), cmp.Compare(len(a.Columns), len(b.Columns)))
		})
		for _, k := range keys {
			if k.Partial || k.Expression || k.Exclusion || len(k.Columns) == 0 {
				continue
			}
			var found []columnPair
			for _, name := range k.Columns {
				i := slices.IndexFunc(both, func(c columnPair) bool { return of(c).Name == name && of(c).NotNull })
				if i >= 0 {
					found = append(found, both[i])
				}
			}
			if len(found) == len(k.Columns) {
				return found
			}
		}
		return nil
	}
	if k := find(p.before.Table, func(c columnPair) catalog.Column { return c.before }); k != nil {
		return k
	}
	return find(p.after.Table, func(c columnPair) catalog.Column { return c.after })
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
