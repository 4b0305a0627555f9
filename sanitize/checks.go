package sanitize

import (
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/sanitize/mask"
)

// This file decides whether CHECK constraints of tables and domains still hold when columns that they read are masked. Each row of the source
// meets them, so it is enough that a mask makes no condition false that was not: by what it promises to keep, or by what it gives whatever
// the value is. The author of a rule may take it on with checked: true.

// answer is the set of what a condition can be: any of these bits.
type answer uint8

const (
	isTrue answer = 1 << iota
	isFalse
	isNull
	anything = isTrue | isFalse | isNull
)

// limit gives columns the most characters that their checks allow, so that masks keep to it as they do in varchar(n).
func (p *planner) limit() {
	for i := range p.db.Tables {
		t := &p.db.Tables[i]
		for _, k := range t.Checks {
			parseCondition(k.Definition).atoms(func(a atom, negated bool) {
				name := checkedColumn(k, a.term.column)
				c := p.cells[cellKey{Relation{t.Schema, t.Name}, name}]
				if n := a.mostCharacters(); c != nil && n > 0 && !negated && isText(c.column) && (c.limit == 0 || n < c.limit) {
					c.limit = n
				}
			})
		}
	}
}

// checkedColumn is the column that a check calls by a name.
func checkedColumn(k Check, name string) string {
	if k.Domain != "" && strings.EqualFold(name, "value") && len(k.Columns) == 1 {
		return k.Columns[0]
	}
	return name
}

// maxLength is how many characters a value of the column can have, by its type and its checks; 0 is no limit.
func (c *cell) maxLength() int {
	if n := c.column.MaxLength; n > 0 && (c.limit == 0 || n < c.limit) {
		return n
	}
	return c.limit
}

// checkChecks finds constraints that masks may break.
func (p *planner) checkChecks() {
	for i := range p.db.Tables {
		t := &p.db.Tables[i]
		for _, k := range t.Checks {
			cond := parseCondition(k.Definition)
			for _, name := range p.readBy(t, k) {
				c := p.cells[cellKey{Relation{t.Schema, t.Name}, name}]
				if c == nil || c.mask == nil || c.column.Generated || c.rule.checked || p.holds(t, k, cond, c, c.mask) {
					continue
				}
				p.issue(c.rule.at, "%s: mask %s does not ensure %s; %s; checked: true beside mask: takes it on you, and the copy stops where it is broken",
					c, c.mask.Name, describeCheck(k), p.waysOut(t, k, cond, c))
			}
		}
	}
}

func describeCheck(k Check) string {
	if k.Domain != "" {
		return "CHECK constraint " + quoteIdent(k.Name) + " of domain " + k.Domain
	}
	return "CHECK constraint " + quoteIdent(k.Name)
}

// readBy are the columns that a check reads, be it through a generated one.
func (p *planner) readBy(t *Table, k Check) []string {
	var names []string
	for _, name := range k.Columns {
		c := p.cells[cellKey{Relation{t.Schema, t.Name}, name}]
		if c != nil && c.column.Generated {
			names = append(names, mentioned(t, c.column.Expression)...)
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// waysOut names the masks that would keep a check.
func (p *planner) waysOut(t *Table, k Check, cond condition, c *cell) string {
	return wouldDo(p.satisfying(c, furtherRules(cond, k, c), func(m *mask.Mask) bool { return p.holds(t, k, cond, c, m) }))
}

// holds reports whether a mask of a column keeps a check true or NULL in every row.
func (p *planner) holds(t *Table, k Check, cond condition, c *cell, m *mask.Mask) bool {
	if m.Keep() {
		return true
	}
	j := &checking{t: t, k: k, c: c, m: m}
	value, fixed := m.Const()
	switch {
	case m.Null() && j.strict(cond):
		return true // whatever was compared with it is NULL now, which makes no CHECK false that was true
	case fixed:
		return j.evaluate(cond, value)&isFalse == 0
	}
	return j.picked(cond) || j.within(cond) || j.kept(cond, false)
}

// picked reports whether none of the few values that the mask can give makes the condition false. NULL stays NULL, as it was.
func (j *checking) picked(cond condition) bool {
	picks := j.m.Picks()
	for _, value := range picks {
		if j.evaluate(cond, value)&isFalse != 0 {
			return false
		}
	}
	return len(picks) > 0
}

// checking is the question whether one check survives one mask of one column.
type checking struct {
	t *Table
	k Check
	c *cell
	m *mask.Mask
}

// reads reports whether an atom reads the column, and whether it reads nothing else and was understood.
func (j *checking) reads(n condition) (reads, understood bool) {
	if n.atom.op != "" {
		return checkedColumn(j.k, n.atom.term.column) == j.c.column.Name, true
	}
	if j.k.Domain != "" {
		return true, false // there is nothing else that a domain's check could read
	}
	names := mentioned(j.t, n.text)
	for _, g := range j.t.Columns {
		if g.Generated && slices.Contains(names, g.Name) && slices.Contains(mentioned(j.t, g.Expression), j.c.column.Name) {
			return true, false
		}
	}
	return slices.Contains(names, j.c.column.Name), false
}

// strict reports whether every atom that reads the column is NULL when it is.
func (j *checking) strict(n condition) bool {
	for _, part := range n.parts {
		if !j.strict(part) {
			return false
		}
	}
	if n.op != "" {
		return true
	}
	reads, understood := j.reads(n)
	return !reads || understood && n.atom.op != "null" && n.atom.op != "not null"
}

// kept reports whether no atom that reads the column can turn the condition false. Below NOT an atom must not become true either.
func (j *checking) kept(n condition, negated bool) bool {
	for _, part := range n.parts {
		if !j.kept(part, negated != (n.op == "not")) {
			return false
		}
	}
	if n.op != "" {
		return true
	}
	reads, understood := j.reads(n)
	return !reads || understood && j.ensured(n.atom, negated)
}

// evaluate gives what a condition can be when the column has a value in every row; nil is NULL. Nothing is known of other columns.
func (j *checking) evaluate(n condition, value []byte) answer {
	var parts []answer
	for _, part := range n.parts {
		parts = append(parts, j.evaluate(part, value))
	}
	switch n.op {
	case "not":
		return parts[0].not()
	case "and", "or":
		all := parts[0]
		for _, other := range parts[1:] {
			if n.op == "or" {
				all = all.not().and(other.not()).not()
			} else {
				all = all.and(other)
			}
		}
		return all
	}
	if reads, understood := j.reads(n); !reads || !understood {
		return anything
	}
	return n.atom.evaluate(j.c.column, value)
}

func (a answer) not() answer {
	is := a & isNull
	if a&isTrue != 0 {
		is |= isFalse
	}
	if a&isFalse != 0 {
		is |= isTrue
	}
	return is
}

// and is SQL's: false wins over NULL.
func (a answer) and(b answer) answer {
	is := (a | b) & isFalse
	if a&isTrue != 0 && b&isTrue != 0 {
		is |= isTrue
	}
	if a&isNull != 0 && b&(isNull|isTrue) != 0 || b&isNull != 0 && a&isTrue != 0 {
		is |= isNull
	}
	return is
}
