package sanitize

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// This file tells what may have been renamed: a rule that matches nothing beside something new that has no rule.

// lostColumn is a line for a column that is not there.
type lostColumn struct {
	name string
	rule *rule
}

func (p *planner) unmatchedTable(t *tableRules, text string) {
	if _, known := p.roots[t.table]; known {
		p.err.Unmatched = append(p.err.Unmatched, p.at(t.at, "%s", text))
		return
	}
	p.lostTables = append(p.lostTables, t)
}

func (p *planner) unmatchedColumn(table Relation, name string, r *rule) {
	if p.lostColumns == nil {
		p.lostColumns = make(map[Relation][]lostColumn)
	}
	p.lostColumns[table] = append(p.lostColumns[table], lostColumn{name, r})
}

// tellLost reports the rules that match nothing, each with what it may be for now, and notes the rules that the new names may have had.
func (p *planner) tellLost(unlisted []*Table, missing []*cell) {
	p.formerly = make(map[*cell]*rule)
	for _, t := range p.lostTables {
		text := p.misplacedTable(t.table)
		if now := p.renamedTable(t, unlisted); now != nil {
			text = fmt.Sprintf("there is no table %s; renamed to %s?", t.table, Relation{now.Schema, now.Name})
			for _, name := range t.order {
				if c := p.cells[cellKey{Relation{now.Schema, now.Name}, name}]; c != nil {
					p.formerly[c] = t.columns[name]
				}
			}
		}
		p.err.Unmatched = append(p.err.Unmatched, p.at(t.at, "%s", text))
	}
	for table, lost := range p.lostColumns {
		added := slices.DeleteFunc(slices.Clone(missing), func(c *cell) bool { return c.relation() != table })
		for _, l := range lost {
			hint := didYouMean(l.name, p.columnNames(table))
			if len(lost) == 1 && len(added) == 1 {
				hint = "; renamed to " + quoteIdent(added[0].column.Name) + "?"
				p.formerly[added[0]] = l.rule
			}
			p.err.Unmatched = append(p.err.Unmatched, p.at(l.rule.at, "table %s has no column %s%s", table, quoteIdent(l.name), hint))
		}
	}
}

// renamedTable is the table without rules that has most of the columns that the lost one has rules for; nil when there is none like it.
func (p *planner) renamedTable(lost *tableRules, unlisted []*Table) *Table {
	var best *Table
	most := 0
	for _, t := range unlisted {
		names := p.columnNames(Relation{t.Schema, t.Name})
		found := 0
		for _, name := range lost.order {
			if slices.Contains(names, name) {
				found++
			}
		}
		if found >= 2 && 10*found >= 6*len(lost.order) && found > most {
			best, most = t, found
		}
	}
	return best
}

// flow writes a rule as it stands in the file, on one line.
func flow(n *yaml.Node) string {
	var parts []string
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			parts = append(parts, flow(n.Content[i])+": "+flow(n.Content[i+1]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case yaml.SequenceNode:
		for _, item := range n.Content {
			parts = append(parts, flow(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	if n.Style == 0 && !strings.ContainsAny(n.Value, "\n,[]{}#:") || n.Tag != "!!str" {
		return n.Value
	}
	return strconv.Quote(n.Value)
}
