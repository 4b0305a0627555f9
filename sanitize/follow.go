package sanitize

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
)

// This file lets masks run along foreign keys. Columns are nodes, each pair of a foreign key is an edge from child to parent.

// connect draws the edges. Pairs with a column that is unknown, or references itself, tie nothing.
func (p *planner) connect() {
	for _, fk := range append(slices.Clone(p.db.ForeignKeys), p.virtual()...) {
		for i := range min(len(fk.ChildColumns), len(fk.ParentColumns)) {
			child := p.cells[cellKey{p.roots[fk.Child], fk.ChildColumns[i]}]
			parent := p.cells[cellKey{p.roots[fk.Parent], fk.ParentColumns[i]}]
			if child == nil || parent == nil || child == parent || tied(child, parent) {
				continue
			}
			e := &edge{name: fk.Name, child: child, parent: parent}
			child.parents = append(child.parents, e)
			parent.kids = append(parent.kids, e)
		}
	}
	p.narrow()
}

// virtual are the keys that the rules declare, as far as there are such columns: masks run along them too, or nothing would join any more.
func (p *planner) virtual() []ForeignKey {
	if p.rules.shares.subset == nil {
		return nil
	}
	var keys []ForeignKey
	for _, k := range p.rules.shares.subset.keys {
		keys = append(keys, k.foreignKey())
	}
	return keys
}

func (k keyLine) foreignKey() ForeignKey {
	return ForeignKey{
		Name: fmt.Sprintf("of line %d", k.at.line), Child: k.from.table, Parent: k.to.table, ChildColumns: k.from.columns, ParentColumns: k.to.columns,
	}
}

// tied reports whether the two columns have an edge already; partitions repeat the foreign keys of their table.
func tied(child, parent *cell) bool {
	return slices.ContainsFunc(child.parents, func(e *edge) bool { return e.parent == parent })
}

// narrow gives all columns that foreign keys tie together the smallest length limit among them, so that one value gets one
// result on both sides.
func (p *planner) narrow() {
	seen := make(map[*cell]bool)
	for _, start := range p.order {
		if seen[start] || len(start.parents)+len(start.kids) == 0 {
			continue
		}
		group := []*cell{start}
		seen[start] = true
		width := 0
		for i := 0; i < len(group); i++ {
			if n := group[i].maxLength(); n > 0 && (width == 0 || n < width) {
				width = n
			}
			for _, next := range group[i].neighbours() {
				if !seen[next] {
					seen[next] = true
					group = append(group, next)
				}
			}
		}
		key := keyOf(group)
		for _, c := range group {
			c.width, c.subject = width, key
		}
	}
}

// keyOf is the column that those tied together identify something by: the first by name of those that reference no other.
func keyOf(group []*cell) *cell {
	return slices.MinFunc(group, func(a, b *cell) int {
		return cmp.Or(min(len(a.parents), 1)-min(len(b.parents), 1), cmp.Compare(a.String(), b.String()))
	})
}

func (c *cell) neighbours() []*cell {
	var all []*cell
	for _, e := range c.parents {
		all = append(all, e.parent)
	}
	for _, e := range c.kids {
		all = append(all, e.child)
	}
	return all
}

// follow hands rules from keys to the columns that reference them, breadth first, until nothing more can inherit.
func (p *planner) follow() {
	var queue []*cell
	for _, c := range p.order {
		if c.rule != nil && !c.column.Generated {
			queue = append(queue, c)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		parent := queue[0]
		for _, e := range parent.kids {
			if e.child.rule == nil && !e.child.column.Generated {
				e.child.rule, e.child.follows = parent.rule, e
				queue = append(queue, e.child)
			}
		}
	}
}

// wanting are the columns that need a line of their own: those without a rule, less those that would inherit one from another
// that is wanting. Of a circle of columns that reference each other only the first one counts.
func (p *planner) wanting() []*cell {
	var roots, rest []*cell
	for _, c := range p.order {
		switch {
		case c.rule != nil || c.column.Generated:
		case slices.ContainsFunc(c.parents, func(e *edge) bool { return !e.parent.column.Generated }):
			rest = append(rest, c)
		default:
			roots = append(roots, c)
		}
	}
	reached := make(map[*cell]bool)
	for _, c := range roots {
		c.reach(reached)
	}
	for _, c := range rest {
		if !reached[c] && c.leads() {
			roots = append(roots, c)
			c.reach(reached)
		}
	}
	slices.SortFunc(roots, func(a, b *cell) int { return a.index - b.index })
	return roots
}

// reach marks every column that would inherit c's rule.
func (c *cell) reach(reached map[*cell]bool) {
	if reached[c] {
		return
	}
	reached[c] = true
	for _, e := range c.kids {
		if e.child.rule == nil {
			e.child.reach(reached)
		}
	}
}

// leads reports whether every column that c could inherit from could as well inherit from c: they reference each other in a
// circle, and none outside of it will give the circle a rule.
func (c *cell) leads() bool {
	below := make(map[*cell]bool)
	c.reach(below)
	above := []*cell{c}
	seen := map[*cell]bool{c: true}
	for i := 0; i < len(above); i++ {
		if !below[above[i]] {
			return false
		}
		for _, e := range above[i].parents {
			if !e.parent.column.Generated && !seen[e.parent] {
				seen[e.parent] = true
				above = append(above, e.parent)
			}
		}
	}
	return true
}

// checkForeignKeys finds foreign keys whose two sides would be masked differently, and so would no longer match.
func (p *planner) checkForeignKeys() {
	for _, child := range p.order {
		for _, e := range child.parents {
			p.checkForeignKey(e)
		}
	}
}

// checkFull finds references that must be NULL as a whole or not at all, and of which masks make a part NULL.
func (p *planner) checkFull() {
	for _, fk := range p.db.ForeignKeys {
		var null, other *cell
		for _, name := range fk.ChildColumns {
			switch c := p.cells[cellKey{p.roots[fk.Child], name}]; {
			case c == nil || c.mask == nil:
			case c.mask.Null():
				null = c
			default:
				other = c
			}
		}
		if fk.Full && null != nil && other != nil {
			p.issue(null.rule.at, "%s becomes NULL and %s does not, but foreign key %s has all its columns NULL or none (MATCH FULL); null on both would do, or another mask on this one",
				null, other, quoteIdent(fk.Name))
		}
	}
}

func (p *planner) checkForeignKey(e *edge) {
	child, parent := e.child, e.parent
	switch {
	case child.column.Generated || child.rule == nil:
	case parent.column.Generated:
		if child.rule.Name != "keep" {
			p.issue(child.rule.at, "%s references %s, which the server generates (foreign key %s); it can only be kept", child, parent, e.name)
		}
	case parent.rule == nil:
		// The parent is told as uncovered; when the child has a rule there is nothing to compare it with yet.
	case !sameRule(child.rule, parent.rule) && child.own:
		p.issue(child.rule.at, "%s has %s but references %s, which has %s (foreign key %s); leave it out and it follows the key",
			child, child.rule.describe(), parent, parent.rule.describe(), e.name)
	case !sameRule(child.rule, parent.rule):
		p.issue(child.rule.at, "%s follows %s with %s but also references %s, which has %s (foreign key %s); all of them need the same mask",
			child, child.source(), child.rule.describe(), parent, parent.rule.describe(), e.name)
	case child.mask != nil && child.mask.Local():
		p.issue(child.rule.at, "%s references %s (foreign key %s), and %s depends on more than the value: the two would no longer agree", child, parent, e.name, child.rule.describe())
	case child.column.BaseType != parent.column.BaseType && !p.sameOnBoth(child, parent):
		p.issue(parent.rule.at, "%s (%s) references %s (%s), and %s gives different results for the two types; keep both",
			child, child.column.BaseType, parent, parent.column.BaseType, parent.rule.Name)
	}
}

// source names where an inherited rule came from.
func (c *cell) source() string {
	if c.follows == nil {
		return "its table's"
	}
	return c.follows.parent.String()
}

// sameOnBoth reports whether a mask maps one value alike in two columns of different types. Integers are mapped within the
// range of their type, and smallint's is one range of its own.
func (p *planner) sameOnBoth(a, b *cell) bool {
	if a.mask == nil || b.mask == nil || a.mask.Keep() {
		return true
	}
	if _, constant := a.mask.Const(); constant {
		return true
	}
	return a.column.BaseType != "int2" && b.column.BaseType != "int2"
}

func sameRule(a, b *rule) bool {
	return a == b || a.Name == b.Name && a.domain() == b.domain() &&
		(len(a.Params)+len(b.Params) == 0 || reflect.DeepEqual(a.Params, b.Params))
}

func (r *rule) domain() string {
	if r.Domain == "" {
		return r.Name
	}
	return r.Domain
}

// describe names mask and, when it is not the mask's own, domain.
func (r *rule) describe() string {
	text := "mask " + r.Name
	if r.Domain != "" && r.Domain != r.Name {
		text += " in domain " + quoteIdent(r.Domain)
	}
	if len(r.Params) > 0 {
		text += " with parameters"
	}
	return text
}
