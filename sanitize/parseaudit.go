package sanitize

import (
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// acceptLine is one table of the section audit: allow:, with a reason for each column that may hold what the audit of a copy finds.
type acceptLine struct {
	table   Relation
	at      position
	columns []entry
}

// audit reads the section audit:.
func (p *parser) audit(n *yaml.Node) []acceptLine {
	entries, _ := p.optionalMapping(n, "audit")
	var all []acceptLine
	for _, e := range entries {
		if e.key != "allow" {
			p.add(e.at, "unknown key %q in audit%s", e.key, didYouMean(e.key, []string{"allow"}))
			continue
		}
		for _, t := range p.tableEntries(e.value, "allow") {
			columns, _ := p.mapping(t.value, "what is allowed in "+t.table.String())
			line := acceptLine{table: t.table, at: t.at}
			for _, c := range columns {
				if c.value.Kind != yaml.ScalarNode || c.value.Tag == "!!null" || strings.TrimSpace(c.value.Value) == "" {
					p.add(place(c.value), "why column %s may hold it must be a text", quoteIdent(c.key))
					continue
				}
				line.columns = append(line.columns, c)
			}
			all = append(all, line)
		}
	}
	return all
}

// accept finds the columns of the section audit: allow:.
func (p *planner) accept() map[Relation]map[string]string {
	accepted := map[Relation]map[string]string{}
	for _, l := range p.rules.accepted {
		if i := slices.IndexFunc(p.db.Views, func(v View) bool { return l.table == Relation{v.Schema, v.Name} }); i >= 0 {
			accepted[l.table] = p.acceptIn(l, p.db.Views[i].Columns)
			continue
		}
		root, known := p.roots[l.table]
		if !known || root != l.table {
			p.err.Unmatched = append(p.err.Unmatched, p.at(l.at, "audit: %s", p.misplacedTable(l.table)))
			continue
		}
		reasons := p.acceptIn(l, p.columnNames(l.table))
		accepted[l.table] = reasons
		for _, leaf := range p.tables[l.table].Partitions {
			accepted[leaf] = reasons
		}
	}
	return accepted
}

// acceptIn gives the reasons of the columns of one table, or of a materialised view.
func (p *planner) acceptIn(l acceptLine, columns []string) map[string]string {
	reasons := map[string]string{}
	for _, c := range l.columns {
		if !slices.Contains(columns, c.key) {
			p.err.Unmatched = append(p.err.Unmatched, p.at(c.at, "audit: table %s has no column %s%s", l.table, quoteIdent(c.key), didYouMean(c.key, columns)))
			continue
		}
		reasons[c.key] = strings.TrimSpace(c.value.Value)
	}
	return reasons
}

// Accepted tells why what the audit of a copy finds in a column is no leak, as the rules say; false when they do not.
func (p *Plan) Accepted(schema, table, column string) (reason string, ok bool) {
	reason, ok = p.accepted[Relation{schema, table}][column]
	return reason, ok
}
