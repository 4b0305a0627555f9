package compare

import (
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// pair is an object before and after; either may be missing.
type pair struct {
	before, after *catalog.Object
	same          bool // matched by identity, not by name
}

// matching is every object of two readings in one pair each.
type matching struct {
	sameDatabase bool
	pairs        []pair             // those with an object after in its order, then those dropped
	beforeAt     map[catalog.ID]int // index in pairs by the identity before
	afterAt      map[catalog.ID]int // and by the identity after
	columns      map[int][]pair     // the columns on both sides, by the index of their table's pair
}

// of is the pair of the object that has this identity after.
func (m *matching) of(id catalog.ID) (pair, bool) {
	i, ok := m.afterAt[id]
	if !ok {
		return pair{}, false
	}
	return m.pairs[i], true
}

// at is the index of the pair of the object named by p's side that counts: after where there is one; -1 without.
func (m *matching) at(p pair, ref func(*catalog.Object) catalog.ID) int {
	index, o := m.afterAt, p.after
	if o == nil {
		index, o = m.beforeAt, p.before
	}
	if i, ok := index[ref(o)]; ok {
		return i
	}
	return -1
}

// match pairs the objects: by identity, then parents before their parts by kind and name within what they belong to.
func match(before, after catalog.Schema, sameDatabase bool) *matching {
	s := &matcher{
		before: before, after: after, partner: make([]int, len(after)), taken: make([]bool, len(before)),
	}
	for i := range s.partner {
		s.partner[i] = -1
	}
	if sameDatabase {
		s.byIdentity()
	}
	s.identified = append([]int(nil), s.partner...)
	// Tables have no parent, columns and indexes have tables, sequences have columns: three rounds, and one for what moved elsewhere.
	for range 3 {
		s.byKey(s.keyWithin)
	}
	s.byKey(func(o *catalog.Object, _ bool) (key, bool) { return key{kind: o.Kind, name: o.Name}, true })
	return s.done(sameDatabase)
}

type matcher struct {
	before, after catalog.Schema
	partner       []int // index in before of the partner of each object after, -1 without
	identified    []int // partner, by identity alone
	taken         []bool
	afterOf       map[catalog.ID]catalog.ID // identity before of each object with a partner -> its partner's
}

func (s *matcher) byIdentity() {
	at := make(map[catalog.ID]int, len(s.before))
	for i := range s.before {
		if id := s.before[i].ID; id != (catalog.ID{}) {
			at[id] = i
		}
	}
	for j := range s.after {
		if i, ok := at[s.after[j].ID]; ok {
			s.partner[j], s.taken[i] = i, true
		}
	}
}

// byKey pairs what is still alone on both sides and has the same key.
func (s *matcher) byKey(keyOf func(o *catalog.Object, isAfter bool) (key, bool)) {
	s.afterOf = make(map[catalog.ID]catalog.ID, len(s.after))
	for j, i := range s.partner {
		if i >= 0 {
			s.afterOf[s.before[i].ID] = s.after[j].ID
		}
	}
	alone := map[key]int{}
	for i := range s.before {
		if s.taken[i] {
			continue
		}
		if k, ok := keyOf(&s.before[i], false); ok {
			alone[k] = i
		}
	}
	for j := range s.after {
		if s.partner[j] >= 0 {
			continue
		}
		k, ok := keyOf(&s.after[j], true)
		if !ok {
			continue
		}
		if i, found := alone[k]; found {
			s.partner[j], s.taken[i] = i, true
			delete(alone, k)
		}
	}
}

// key is what identifies an object where identities do not: its kind and its name, within its parent or with its schema.
type key struct {
	kind   string
	parent catalog.ID
	name   string
}

// keyWithin is an object's kind and name within its parent, which must have a partner itself, so that a table's new name does not
// part it from its columns.
func (s *matcher) keyWithin(o *catalog.Object, isAfter bool) (key, bool) {
	switch {
	case o.Kind == "database": // the current one, whatever its name
		return key{kind: o.Kind}, true
	case o.Parent == (catalog.ID{}) || o.Label == "":
		return key{kind: o.Kind, name: o.Name}, true
	case isAfter:
		return key{kind: o.Kind, parent: o.Parent, name: o.Label}, true
	}
	parent, ok := s.afterOf[o.Parent]
	return key{kind: o.Kind, parent: parent, name: o.Label}, ok
}

func (s *matcher) done(sameDatabase bool) *matching {
	m := &matching{
		sameDatabase: sameDatabase, columns: map[int][]pair{},
		beforeAt: make(map[catalog.ID]int, len(s.before)), afterAt: make(map[catalog.ID]int, len(s.after)),
	}
	for j, i := range s.partner {
		p := pair{after: &s.after[j]}
		if i >= 0 {
			p.before, p.same = &s.before[i], s.identified[j] >= 0
		}
		m.add(p)
	}
	for i := range s.before {
		if !s.taken[i] {
			m.add(pair{before: &s.before[i]})
		}
	}
	for _, p := range m.pairs {
		if p.before != nil && p.after != nil && (p.after.Kind == "column" || p.after.Kind == "attribute") {
			table := m.at(p, parent)
			m.columns[table] = append(m.columns[table], p)
		}
	}
	return m
}

func (m *matching) add(p pair) {
	i := len(m.pairs)
	if p.before != nil && p.before.ID != (catalog.ID{}) {
		m.beforeAt[p.before.ID] = i
	}
	if p.after != nil && p.after.ID != (catalog.ID{}) {
		m.afterAt[p.after.ID] = i
	}
	m.pairs = append(m.pairs, p)
}

func parent(o *catalog.Object) catalog.ID { return o.Parent }

func origin(o *catalog.Object) catalog.ID { return o.Origin }

// schema is the identity of the schema an object is in; 2615 is pg_namespace in every version.
func schema(o *catalog.Object) catalog.ID {
	if o.Schema == 0 {
		return catalog.ID{}
	}
	return catalog.ID{Class: 2615, Object: o.Schema}
}
