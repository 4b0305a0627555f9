package sanitize

import (
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/sanitize/mask"
)

// chooser fits the sections data: and subset: of the rules to a database.
type chooser struct {
	*planner
	db        Database               // as it is, not as the masks see it
	verbatim  map[Relation]bool      // bookkeeping
	lines     map[Relation]shareLine // of data: and of the tables named whole, by table and leaf
	roots     []shareLine
	selection *Selection
	keys      []ForeignKey // declared and virtual, less those that are broken
	within    map[Relation]bool
}

// amended is the database as the masks see it: tables that are verbatim by the rules, and those without rows and rules, need none.
func (r *Rules) amended(db Database) (Database, map[Relation]*rule) {
	listed, kept, empty := map[Relation]bool{}, map[Relation]*rule{}, map[Relation]bool{}
	for _, t := range r.tables {
		listed[t.table] = true
	}
	for _, l := range r.shares.data {
		switch {
		case l.Share == ShareVerbatim:
			kept[l.table] = &rule{Rule: mask.Rule{Name: "keep"}, at: l.at}
		case l.Share == ShareNone && !listed[l.table]:
			empty[l.table] = true
		}
	}
	db.Tables = slices.Clone(db.Tables)
	for i := range db.Tables {
		t := &db.Tables[i]
		name := Relation{t.Schema, t.Name}
		if t.Yielding && (listed[name] || kept[name] != nil || empty[name]) {
			t.Verbatim, t.Blank = false, nil
		}
		if t.Verbatim { // bookkeeping
			delete(kept, name)
			continue
		}
		t.Verbatim = kept[name] != nil || empty[name] && !r.fills(t.Partitions)
		empty[name] = t.Verbatim && kept[name] == nil
	}
	if len(kept)+len(empty) == 0 {
		return db, nil
	}
	// A column does not follow the key of a table that has neither rows nor rules.
	db.ForeignKeys = slices.DeleteFunc(slices.Clone(db.ForeignKeys), func(k ForeignKey) bool { return empty[k.Child] || empty[k.Parent] })
	return db, kept
}

// fills says whether some of the leaves have rows although their table has none.
func (r *Rules) fills(leaves []Relation) bool {
	return slices.ContainsFunc(r.shares.data, func(l shareLine) bool { return l.Share != ShareNone && slices.Contains(leaves, l.table) })
}

// choose finds out how much of each table of the database is copied; what is wrong becomes issues of the planner.
func (p *planner) choose(db Database) *Selection {
	c := &chooser{
		planner: p, db: db, verbatim: map[Relation]bool{}, lines: map[Relation]shareLine{}, within: map[Relation]bool{},
		selection: &Selection{parts: map[Relation]Part{}},
	}
	for _, t := range db.Tables {
		c.verbatim[Relation{t.Schema, t.Name}] = t.Verbatim
	}
	for _, l := range p.rules.shares.data {
		c.line(l)
	}
	if s := p.rules.shares.subset; s != nil {
		c.subset(s)
	}
	for _, k := range c.allKeys() {
		k.Child, k.Parent = p.roots[k.Child], p.roots[k.Parent]
		if !c.selection.Broken(k.Child, k.ChildColumns) {
			c.keys = append(c.keys, k)
		}
	}
	c.walk()
	c.fill()
	c.checkParents()
	return c.selection
}

// line takes note of how much of a table is wanted.
func (c *chooser) line(l shareLine) {
	root, known := c.planner.roots[l.table]
	first, twice := c.lines[l.table]
	switch {
	case !known:
		c.unknown(l.table, l.at)
	case c.verbatim[root] && l.Share != ShareAll && l.Share != ShareVerbatim:
		c.issue(l.at, "table %s is bookkeeping and copied as it is", l.table)
	case l.Share == ShareVerbatim && root != l.table:
		c.issue(l.at, "%s is a partition of %s and follows its rules; only %s can be verbatim", l.table, root, root)
	case twice && (first.Share != l.Share || l.Share == ShareRows):
		if !first.wants(l) {
			c.issue(l.at, "%s is named in line %d already, with data %s", l.table, first.at.line, first.Share)
		}
	default:
		c.lines[l.table] = l
	}
}

// wants says that the data: line of a table agrees with naming it whole.
func (l shareLine) wants(o shareLine) bool { return l.Share == ShareVerbatim && o.Share == ShareAll }

func (c *chooser) unknown(table Relation, at position) {
	c.err.Unmatched = append(c.err.Unmatched, c.at(at, "%s", c.misplacedTable(table)))
}

// subset resolves the section of that name.
func (c *chooser) subset(s *subsetLines) {
	for _, l := range s.whole {
		c.line(l)
	}
	for _, l := range s.roots {
		root, known := c.planner.roots[l.table]
		line, twice := c.lines[l.table]
		switch {
		case !known:
			c.unknown(l.table, l.at)
		case root != l.table:
			c.issue(l.at, "%s is a partition of %s; a subset begins with %s", l.table, root, root)
		case c.verbatim[l.table]:
			c.issue(l.at, "table %s is bookkeeping and copied as it is", l.table)
		case twice:
			c.issue(l.at, "%s is a root of the subset, but line %d says how much of it there is already", l.table, line.at.line)
		default:
			c.roots = append(c.roots, l)
		}
	}
	for _, k := range s.keys {
		if c.resolved(k.from) && c.resolved(k.to) {
			c.selection.Keys = append(c.selection.Keys, VirtualKey{k.foreignKey(), c.at(k.at, "")})
		}
	}
	for _, b := range s.breaks {
		if c.resolved(b) && c.breakable(b) {
			c.selection.Breaks = append(c.selection.Breaks, Break{Table: b.table, Columns: b.columns})
		}
	}
}

// resolved makes sure that there are such columns.
func (c *chooser) resolved(l columnsLine) bool {
	root, known := c.planner.roots[l.table]
	if !known {
		c.unknown(l.table, l.at)
		return false
	}
	if root != l.table {
		c.issue(l.at, "%s is a partition of %s; name %s", l.table, root, root)
		return false
	}
	for _, name := range l.columns {
		if c.cells[cellKey{l.table, name}] == nil {
			c.err.Unmatched = append(c.err.Unmatched,
				c.at(l.at, "table %s has no column %s%s", l.table, quoteIdent(name), didYouMean(name, c.columnNames(l.table))))
			return false
		}
	}
	return true
}

// allKeys are the foreign keys that the database or the rules declare.
func (c *chooser) allKeys() []ForeignKey {
	keys := slices.Clone(c.db.ForeignKeys)
	for _, k := range c.selection.Keys {
		keys = append(keys, k.ForeignKey)
	}
	return keys
}

// breakable makes sure that the columns are those of a foreign key of the database and can be NULL.
func (c *chooser) breakable(l columnsLine) bool {
	b := Break{Table: l.table, Columns: l.columns}
	if !slices.ContainsFunc(c.db.ForeignKeys, func(k ForeignKey) bool { return b.Breaks(c.planner.roots[k.Child], k.ChildColumns) }) {
		c.issue(l.at, "no foreign key of %s has the column %s", l.table, strings.Join(l.columns, ", "))
		return false
	}
	for _, name := range l.columns {
		if column := c.cells[cellKey{l.table, name}].column; column.NotNull || column.Generated {
			c.issue(l.at, "%s cannot be NULL, so that its key cannot be broken", l.table.column(name))
			return false
		}
	}
	return true
}

// walk goes through the foreign keys, from the roots on.
func (c *chooser) walk() {
	closed := map[Relation]bool{}
	for _, t := range c.db.Tables {
		name := Relation{t.Schema, t.Name}
		line, named := c.lines[name]
		closed[name] = t.Verbatim || named && line.Share != ShareRows
	}
	var roots []Relation
	for _, l := range c.roots {
		roots = append(roots, l.table)
		c.selection.parts[l.table] = Part{Share: ShareRoot, Rows: l.rows, Percent: l.percent, At: c.at(l.rowsAt, "")}
	}
	var links []link
	for _, k := range c.keys {
		links = append(links, link{k.Child, k.Parent})
	}
	c.selection.Rounds = roundsOf(links, roots, closed)
	for _, round := range c.selection.Rounds {
		for _, t := range round.Down {
			c.enter(t, ShareReached)
		}
		for _, t := range round.Referenced {
			c.enter(t, ShareReferenced)
		}
	}
}

// enter gives a table of the subset its share, unless it is a root.
func (c *chooser) enter(table Relation, share Share) {
	c.within[table] = true
	if _, root := c.selection.parts[table]; !root {
		c.selection.parts[table] = Part{Share: share}
	}
}

// fill applies the lines of data: and gives leaves the share of their table.
func (c *chooser) fill() {
	for name, l := range c.lines {
		root := c.planner.roots[name]
		part := Part{Share: l.Share, Rows: l.rows, At: c.at(l.rowsAt, "")}
		if c.within[root] && l.Share == ShareRows {
			part.Share = c.selection.parts[root].Share
		}
		switch {
		case !c.within[root]:
		case l.Share == ShareAll:
			c.issue(l.at, "%s is part of a table in the subset; name %s whole, or leave the line out", name, root)
		case part.Share == ShareReferenced:
			c.issue(l.at, "%s has just the rows that the subset references: rows: has no effect on it", name)
		}
		c.selection.parts[name] = part
	}
	for _, t := range c.db.Tables {
		part, ok := c.selection.parts[Relation{t.Schema, t.Name}]
		for _, leaf := range t.Partitions {
			if _, own := c.lines[leaf]; ok && !own {
				c.selection.parts[leaf] = part
			}
		}
	}
}

// checkParents finds the foreign keys whose rows would lose what they reference. A subset keeps that, but from a table without rows.
func (c *chooser) checkParents() {
	for _, t := range c.db.Tables {
		name := Relation{t.Schema, t.Name}
		at, less := c.lacks(t)
		if !less {
			continue
		}
		for _, k := range c.db.ForeignKeys {
			child := c.planner.roots[k.Child]
			if c.planner.roots[k.Parent] == name && !c.selection.Broken(child, k.ChildColumns) && !c.empty(child) {
				c.err.Orphans = true
				c.issue(at, "%s has not all its rows, and %s references it (foreign key %s)", name, child, quoteIdent(k.Name))
			}
		}
	}
}

// lacks says which line takes rows away from a table although others may reference them.
func (c *chooser) lacks(t Table) (position, bool) {
	for _, name := range append([]Relation{{t.Schema, t.Name}}, t.Partitions...) {
		l, ok := c.lines[name]
		if ok && (l.Share == ShareNone || l.Share == ShareRows && !c.within[Relation{t.Schema, t.Name}]) {
			return l.at, true
		}
	}
	return position{}, false
}

// empty says that no row of a table is copied, nor of its leaves.
func (c *chooser) empty(table Relation) bool {
	for _, leaf := range c.tables[table].Partitions {
		if c.selection.Part(leaf.Schema, leaf.Name).Share != ShareNone {
			return false
		}
	}
	return c.selection.Part(table.Schema, table.Name).Share == ShareNone
}
