package snapshot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// countedBelow is the size of a table up to which its rows are counted; of larger ones the source's statistics tell how many there are.
const countedBelow = 64 << 20

// sourceRows is how many rows a table of the source has.
type sourceRows struct {
	n     int64
	exact bool // counted, or else the estimate of pg_class
}

// prepare gathers the tables and the keys between them.
func (s *selector) prepare(ctx context.Context, desc *Description) error {
	s.at, s.under, s.order = map[uint32]*leaf{}, map[sanitize.Relation][]*leaf{}, map[sanitize.Relation]int{}
	tables := map[uint32]catalog.Table{}
	for _, t := range desc.Tables {
		tables[t.OID] = t
	}
	for _, t := range desc.Tables {
		if holdsRows(t) {
			s.hold(t, topmost(tables, t.OID))
		}
	}
	for _, round := range s.sel.Rounds {
		for _, table := range slices.Concat(round.Down, round.Referenced) {
			s.order[table] = len(s.order)
		}
	}
	below, err := s.leaves(ctx, tables)
	if err != nil {
		return err
	}
	for _, k := range desc.ForeignKeys {
		s.key(tables, below, k)
	}
	for _, v := range s.sel.Keys {
		s.key(tables, below, declared(desc, v.ForeignKey))
	}
	for _, leaves := range s.under {
		shareKeys(leaves)
	}
	return nil
}

// shareKeys lets the keys that some partitions of a table have count for all of them: that one lacks them is mostly forgotten, and its rows would
// hang together with nothing.
func shareKeys(leaves []*leaf) {
	var keys []*selectKey
	add := func(to []*selectKey, k *selectKey) []*selectKey {
		if slices.ContainsFunc(to, func(o *selectKey) bool { return o.from == k.from && o.match == k.match }) {
			return to
		}
		return append(to, k)
	}
	for _, l := range leaves {
		for _, k := range l.keys {
			keys = add(keys, k)
		}
	}
	for _, l := range leaves {
		for _, k := range keys {
			l.keys = add(l.keys, k)
		}
	}
}

// topmost is the table whose rules a table follows.
func topmost(tables map[uint32]catalog.Table, oid uint32) sanitize.Relation {
	t := tables[oid]
	if root, ok := tables[t.Root]; ok {
		t = root
	}
	return sanitize.Relation{Schema: t.Schema, Name: t.Name}
}

func (s *selector) hold(t catalog.Table, root sanitize.Relation) {
	h := &leaf{table: t, root: root, part: s.sel.Part(t.Schema, t.Name)}
	if t.Condition != "" && h.part.Share != sanitize.ShareNone { // what an extension's configuration table has of its own is taken whole
		h.part = sanitize.Part{Share: sanitize.ShareAll}
	}
	if !h.part.Whole() {
		h.rows, h.pending, h.reached = newRowSet(), newRowSet(), newRowSet()
	}
	s.all = append(s.all, h)
	s.at[t.OID], s.under[root] = h, append(s.under[root], h)
}

// leaves lists the tables with rows of their own below each partitioned one.
func (s *selector) leaves(ctx context.Context, tables map[uint32]catalog.Table) (func(oid uint32) []*leaf, error) {
	rows, err := s.conn.Query(ctx, sqlLeaves)
	if err != nil {
		return nil, err
	}
	children := map[uint32][]uint32{}
	var child, parent uint32
	if _, err := pgx.ForEachRow(rows, []any{&child, &parent}, func() error {
		children[parent] = append(children[parent], child)
		return nil
	}); err != nil {
		return nil, err
	}
	var below func(oid uint32) []*leaf
	below = func(oid uint32) []*leaf {
		if tables[oid].Kind != 'p' {
			if h := s.at[oid]; h != nil {
				return []*leaf{h}
			}
			return nil
		}
		var all []*leaf
		for _, c := range children[oid] {
			all = append(all, below(c)...)
		}
		return all
	}
	return below, nil
}

// key adds a foreign key to the tables that have it, unless it is broken.
func (s *selector) key(tables map[uint32]catalog.Table, below func(uint32) []*leaf, k catalog.ForeignKey) {
	child := topmost(tables, k.Child)
	if s.sel.Broken(child, k.ChildColumns) {
		return
	}
	key := &selectKey{parent: topmost(tables, k.Parent), parents: below(k.Parent), from: only(tables[k.Parent])}
	key.match, key.nulls = matching(k)
	for _, h := range below(k.Child) {
		h.keys = append(h.keys, key)
	}
}

// only is a table in a FROM clause: with its partitions, without those that inherit from it otherwise, as foreign keys see it.
func only(t catalog.Table) string {
	if t.Kind == 'p' {
		return ident(t.Schema, t.Name)
	}
	return "ONLY " + ident(t.Schema, t.Name)
}

// matching says of a row p of the parent and c of the child that the key ties them, and of a row of the child that the key ties it to none.
func matching(k catalog.ForeignKey) (match, nulls string) {
	var both, none []string
	for i := range k.ChildColumns {
		operator := "="
		if i < len(k.Operators) {
			operator = k.Operators[i]
		}
		both = append(both, fmt.Sprintf("p.%s %s c.%s", ident(k.ParentColumns[i]), operator, ident(k.ChildColumns[i])))
		none = append(none, ident(k.ChildColumns[i])+" IS NULL")
	}
	return strings.Join(both, " AND "), strings.Join(none, " OR ")
}

// declared is a key of the rules as the catalog would have it.
func declared(desc *Description, k sanitize.ForeignKey) catalog.ForeignKey {
	fk := catalog.ForeignKey{Name: k.Name, ChildColumns: k.ChildColumns, ParentColumns: k.ParentColumns}
	for _, t := range desc.Tables {
		switch (sanitize.Relation{Schema: t.Schema, Name: t.Name}) {
		case k.Child:
			fk.Child = t.OID
		case k.Parent:
			fk.Parent = t.OID
		}
		if k.Child == k.Parent {
			fk.Parent = fk.Child
		}
	}
	return fk
}

// count finds out how many rows the source has in the tables that are not whole.
func (s *selector) count(ctx context.Context) error {
	for _, h := range s.all {
		if h.rows == nil {
			continue
		}
		if h.table.Bytes > countedBelow && h.table.Rows > 0 {
			h.source.n = max(int64(h.table.Rows), int64(h.rows.len()))
			continue
		}
		if _, err := s.conn.Exec(ctx, sqlLetGo); err != nil {
			return s.src.failed("count "+h.table.String(), err)
		}
		if err := s.conn.QueryRow(ctx, fmt.Sprintf(sqlCount, h.name())).Scan(&h.source.n); err != nil {
			return s.src.failed("count "+h.table.String(), err)
		}
		h.source.exact = true
	}
	return nil
}
