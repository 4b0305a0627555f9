package sanitize

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/sanitize/mask"
)

// This file decides whether unique keys stay unique, from what masks promise and what an index reads. It would rather refuse a
// key that holds than accept one that breaks after hours of copying.

// need is what a unique key asks of one of its columns.
type need int

const (
	needDistinct need = iota // distinct values must stay distinct
	needCase                 // and stay so under lower() or upper()
	needNulls                // only NULL and not NULL must stay apart
	needKeep                 // nothing is known but that the value itself would do
)

// demand is a need of a key for a column, and why.
type demand struct {
	column string
	need   need
	why    string // "must stay unique"
}

func (p *planner) checkUnique() {
	for i := range p.db.Tables {
		t := &p.db.Tables[i]
		for _, u := range t.Unique {
			if p.implied(t, u) || p.alwaysNull(t, u) {
				continue
			}
			for _, d := range throughGenerated(t, demands(t, u)) {
				p.checkDemand(t, u, d)
			}
		}
	}
}

func (p *planner) checkDemand(t *Table, u UniqueKey, d demand) {
	c := p.cells[cellKey{Relation{t.Schema, t.Name}, d.column}]
	if c == nil || c.mask == nil || c.column.Generated || satisfies(c.mask, d.need) {
		return
	}
	p.issue(c.rule.at, "%s %s, which mask %s on %s does not ensure; %s", quoteIdent(u.Name), d.why, c.mask.Name, c, p.wayOut(c, d.need))
}

// checkPartitionKeys refuses masks on columns that decide into which partition a row belongs.
func (p *planner) checkPartitionKeys() {
	for i := range p.db.Tables {
		t := &p.db.Tables[i]
		for _, name := range t.PartitionKey {
			c := p.cells[cellKey{Relation{t.Schema, t.Name}, name}]
			if c != nil && c.mask != nil && !c.mask.Keep() {
				p.issue(c.rule.at, "%s is part of the partition key, and a masked value would belong to another partition; only keep would do", c)
			}
		}
	}
}

func satisfies(m *mask.Mask, n need) bool {
	switch {
	case m.Keep():
		return true
	case n == needDistinct:
		return m.Keeps.Has(mask.KeepsUniqueness)
	case n == needCase:
		return m.Keeps.Has(mask.KeepsUniqueness | mask.KeepsCaseUniqueness)
	case n == needNulls:
		return m.Keeps.Has(mask.KeepsNulls)
	}
	return false
}

// wayOut names the masks that would satisfy a key.
func (p *planner) wayOut(c *cell, n need) string {
	return wouldDo(p.satisfying(c, nil, func(m *mask.Mask) bool { return satisfies(m, n) }))
}

// satisfying names the masks that have what is asked for, found by compiling each for the column: by itself, else with the parameters under
// which it promises more, or with those of further rules.
func (p *planner) satisfying(c *cell, further []mask.Rule, has func(m *mask.Mask) bool) []string {
	var names []string
	does := func(r mask.Rule) bool {
		m, err := mask.Compile(r, c.target(), p.keys)
		return err == nil && has(m)
	}
	for _, info := range mask.Catalogue() {
		rules := []mask.Rule{{Name: info.Name}}
		for _, params := range info.Variants {
			rules = append(rules, mask.Rule{Name: info.Name, Params: params})
		}
		for _, r := range further {
			if r.Name == info.Name {
				rules = append(rules, r)
			}
		}
		if i := slices.IndexFunc(rules, does); i >= 0 {
			if i > 0 && info.Name == c.rule.Name { // what was asked for, but for a parameter
				names = append([]string{written(rules[i])}, names...)
				continue
			}
			names = append(names, written(rules[i]))
		}
	}
	return names
}

// written is a rule as a rules file has it; its parameters are texts and numbers.
func written(r mask.Rule) string {
	if len(r.Params) == 0 {
		return r.Name
	}
	var b strings.Builder
	b.WriteString("{mask: " + r.Name)
	for _, name := range slices.Sorted(maps.Keys(r.Params)) {
		fmt.Fprintf(&b, ", %s: %v", name, r.Params[name])
	}
	return b.String() + "}"
}

func wouldDo(names []string) string {
	if len(names) == 1 {
		return "only " + names[0] + " would do"
	}
	return "these would do: " + strings.Join(names, ", ")
}

// implied reports whether another unique key holds for certain and makes this one hold too: its columns are among this one's
// plain columns, none can be NULL, and all stay distinct.
func (p *planner) implied(t *Table, u UniqueKey) bool {
	if !isUniqueIndex(u) {
		return false
	}
	return slices.ContainsFunc(t.Unique, func(other UniqueKey) bool {
		if other.Expression || !isUniqueIndex(other) || len(other.Referenced) > len(other.Columns) || len(other.Columns) == 0 {
			return false
		}
		return !slices.ContainsFunc(other.Columns, func(name string) bool {
			c := p.cells[cellKey{Relation{t.Schema, t.Name}, name}]
			sound := c != nil && c.column.NotNull && c.mask != nil && satisfies(c.mask, needDistinct)
			return !sound || !slices.Contains(u.Columns, name)
		})
	})
}

// alwaysNull reports whether a key cannot be violated because a mask makes one of its columns NULL in every row.
func (p *planner) alwaysNull(t *Table, u UniqueKey) bool {
	if !isUniqueIndex(u) || strings.Contains(u.Definition, "NULLS NOT DISTINCT") {
		return false
	}
	return slices.ContainsFunc(u.Columns, func(name string) bool {
		c := p.cells[cellKey{Relation{t.Schema, t.Name}, name}]
		return c != nil && c.mask != nil && c.mask.Null()
	})
}

// isUniqueIndex tells a unique key from an exclusion constraint, whose index is not unique.
func isUniqueIndex(u UniqueKey) bool {
	return u.Definition == "" || strings.HasPrefix(u.Definition, "CREATE UNIQUE INDEX ")
}

// demands lists what a key asks of each column it reads, once per column, the strictest.
func demands(t *Table, u UniqueKey) []demand {
	if !isUniqueIndex(u) {
		return demandAll(u, needKeep, "excludes rows by comparing values")
	}
	def, ok := splitIndex(u.Definition)
	if !ok && (u.Expression || len(u.Referenced) > len(u.Columns)) {
		return demandAll(u, needKeep, "is unique in a way that could not be understood")
	}
	found := make(map[string]demand)
	ask := func(d demand) {
		if old, ok := found[d.column]; !ok || d.need > old.need {
			found[d.column] = d
		}
	}
	for _, name := range u.Columns {
		ask(demand{name, needDistinct, "must stay unique"})
	}
	for _, part := range def.parts {
		for _, d := range expressionDemands(t, u, part) {
			ask(d)
		}
	}
	for _, d := range predicateDemands(t, def.predicate) {
		ask(d)
	}
	included := mentioned(t, def.options)
	for _, name := range u.Referenced {
		if _, ok := found[name]; !ok && !slices.Contains(included, name) {
			ask(demand{name, needKeep, "reads it in a way that could not be understood"})
		}
	}
	var all []demand
	for _, c := range t.Columns {
		if d, ok := found[c.Name]; ok {
			all = append(all, d)
		}
	}
	return all
}

func demandAll(u UniqueKey, n need, why string) []demand {
	var all []demand
	for _, name := range append(slices.Clone(u.Columns), u.Referenced...) {
		if !slices.ContainsFunc(all, func(d demand) bool { return d.column == name }) {
			all = append(all, demand{name, n, why})
		}
	}
	return all
}

// throughGenerated replaces demands on generated columns by demands on what they are computed from.
func throughGenerated(t *Table, all []demand) []demand {
	var out []demand
	for _, d := range all {
		i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == d.column })
		if i < 0 || !t.Columns[i].Generated {
			out = append(out, d)
			continue
		}
		expr := t.Columns[i].Expression
		for _, name := range mentioned(t, expr) {
			n := needKeep
			if d.need == needDistinct && isFolded(expr, name) {
				n = needCase
			}
			out = append(out, demand{name, n, d.why + " in " + quoteIdent(d.column) + ", which is computed from it"})
		}
	}
	return out
}

// expressionDemands are the needs of one element of an index. A plain column has none beyond those of u.Columns.
func expressionDemands(t *Table, u UniqueKey, part string) []demand {
	names := mentioned(t, part)
	if len(names) == 1 && isPlain(part, names[0]) {
		return nil
	}
	if len(names) == 1 && isFolded(part, names[0]) {
		return []demand{{names[0], needCase, "must stay unique under lower() and upper()"}}
	}
	var all []demand
	for _, name := range names {
		all = append(all, demand{name, needKeep, "must stay unique by an expression over it"})
	}
	return all
}

// predicateDemands are the needs of a partial index: rows must not enter or leave it. A test for NULL alone is safe under any
// mask that keeps NULLs.
func predicateDemands(t *Table, predicate string) []demand {
	if predicate == "" {
		return nil
	}
	var all []demand
	for _, name := range mentioned(t, predicate) {
		d := demand{name, needKeep, "is unique only where a condition on it holds"}
		if testsNull(predicate, name) {
			d = demand{name, needNulls, "is unique only where it is NULL, or is not"}
		}
		all = append(all, d)
	}
	return all
}
