package sanitize

import (
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// shares is what a rules file says of how much of each table is copied: its sections data: and subset:.
type shares struct {
	data   []shareLine
	subset *subsetLines // nil without the section
}

// shareLine is one table of data:, of the roots of subset:, or of those that stay whole.
type shareLine struct {
	table Relation
	at    position
	Share
	rows    string
	rowsAt  position
	percent float64
}

type subsetLines struct {
	at     position
	roots  []shareLine
	whole  []shareLine
	keys   []keyLine
	breaks []columnsLine
}

type keyLine struct {
	at       position
	from, to columnsLine
}

// columnsLine is a table with columns of it: shop.orders(customer_id, tenant_id).
type columnsLine struct {
	at      position
	table   Relation
	columns []string
}

// data reads the section data:.
func (p *parser) data(n *yaml.Node) []shareLine {
	var all []shareLine
	for _, e := range p.tableEntries(n, "data") {
		l := shareLine{table: e.table, at: e.at}
		switch n := e.value; {
		case n.Kind == yaml.MappingNode:
			l.Share = ShareRows
			p.picks(&l, n, "the data of "+e.table.String(), false)
			if l.rows == "" {
				continue
			}
		case n.Kind == yaml.ScalarNode && (n.Value == string(ShareAll) || n.Value == string(ShareNone) || n.Value == string(ShareVerbatim)):
			l.Share = Share(n.Value)
		default:
			p.add(place(n), "the data of %s must be all, none, verbatim, or {rows: \"a condition in SQL\"}", e.table)
			continue
		}
		all = append(all, l)
	}
	return all
}

// picks reads which rows of a table are meant: rows: a condition, or percent: a number.
func (p *parser) picks(l *shareLine, n *yaml.Node, what string, percent bool) {
	known := []string{"rows"}
	if percent {
		known = append(known, "percent")
	}
	entries, ok := p.mapping(n, what)
	for _, e := range entries {
		switch {
		case e.key == "rows":
			l.rows, l.rowsAt = p.condition(e.value), place(e.value)
		case e.key == "percent" && percent:
			l.percent = p.percent(e.value)
		default:
			p.add(e.at, "unknown key %q in %s%s", e.key, what, didYouMean(e.key, known))
		}
	}
	if ok && len(entries) != 1 {
		p.add(place(n), "%s must have one key of %s", what, strings.Join(known, ", "))
	}
}

// condition reads a condition in SQL; "" after an issue.
func (p *parser) condition(n *yaml.Node) string {
	if !p.allowed(n) {
		return ""
	}
	if n.Kind != yaml.ScalarNode || strings.TrimSpace(n.Value) == "" {
		p.add(place(n), "rows must be a condition in SQL, as after WHERE")
		return ""
	}
	if why := badCondition(n.Value); why != "" {
		p.add(place(n), "rows must be one condition in SQL: %s", why)
		return ""
	}
	return strings.TrimSpace(n.Value)
}

func (p *parser) percent(n *yaml.Node) float64 {
	if p.allowed(n) && n.Kind == yaml.ScalarNode && (n.Tag == "!!int" || n.Tag == "!!float") {
		var f float64
		if n.Decode(&f) == nil && f > 0 && f <= 100 {
			return f
		}
	}
	p.add(place(n), "percent must be a number above 0 and up to 100")
	return 0
}

// subset reads the section subset:.
func (p *parser) subset(e entry) *subsetLines {
	s := &subsetLines{at: e.at}
	entries, _ := p.optionalMapping(e.value, "subset")
	for _, e := range entries {
		switch e.key {
		case "roots":
			s.roots = p.roots(e.value)
		case "whole":
			for _, item := range p.list(e.value, "whole") {
				if table, err := ParseRelation(item.Value); err != nil {
					p.add(place(item), "%q is not the name of a table: %v", item.Value, err)
				} else {
					s.whole = append(s.whole, shareLine{table: table, at: place(item), Share: ShareAll})
				}
			}
		case "keys":
			s.keys = p.keys(e.value)
		case "break":
			for _, item := range p.list(e.value, "break") {
				if l, ok := p.columnsOf(item); ok {
					s.breaks = append(s.breaks, l)
				}
			}
		default:
			p.add(e.at, "unknown key %q in subset%s", e.key, didYouMean(e.key, []string{"roots", "whole", "keys", "break"}))
		}
	}
	if len(s.roots)+len(s.breaks) == 0 && len(p.issues) == 0 {
		p.add(e.at, "subset lacks roots: the tables to begin with, such as roots: {shop.customers: {percent: 5}}")
	}
	return s
}

func (p *parser) roots(n *yaml.Node) []shareLine {
	var all []shareLine
	for _, e := range p.tableEntries(n, "roots") {
		l := shareLine{table: e.table, at: e.at, Share: ShareRoot}
		p.picks(&l, e.value, "the root "+e.table.String(), true)
		all = append(all, l)
	}
	return all
}

// keys reads virtual foreign keys.
func (p *parser) keys(n *yaml.Node) []keyLine {
	var all []keyLine
	if n.Kind != yaml.SequenceNode {
		p.add(place(n), "keys must be a list of {from: table(column), to: table(column)}, not %s", kindName(n))
		return nil
	}
	for _, item := range n.Content {
		entries, ok := p.mapping(item, "a key")
		if !ok {
			continue
		}
		l, before := keyLine{at: place(item)}, len(p.issues)
		for _, e := range entries {
			switch e.key {
			case "from":
				l.from, _ = p.columnsOf(e.value)
			case "to":
				l.to, _ = p.columnsOf(e.value)
			default:
				p.add(e.at, "unknown key %q in a key; it has from and to", e.key)
			}
		}
		switch {
		case len(p.issues) > before:
		case len(l.from.columns) == 0 || len(l.from.columns) != len(l.to.columns):
			p.add(l.at, "a key needs from and to, each a table with as many columns: {from: audit.events(actor_email), to: shop.customers(email)}")
		default:
			all = append(all, l)
		}
	}
	return all
}

// list returns the items of a list of single values.
func (p *parser) list(n *yaml.Node, what string) []*yaml.Node {
	if !p.allowed(n) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		p.add(place(n), "%s must be a list, not %s", what, kindName(n))
		return nil
	}
	var items []*yaml.Node
	for _, item := range n.Content {
		if item.Kind != yaml.ScalarNode || !p.allowed(item) {
			p.add(place(item), "%s must be a list of single values, not %s", what, kindName(item))
			continue
		}
		items = append(items, item)
	}
	return items
}

// columnsOf reads a table with columns.
func (p *parser) columnsOf(n *yaml.Node) (columnsLine, bool) {
	l := columnsLine{at: place(n)}
	if p.allowed(n) && n.Kind == yaml.ScalarNode {
		var ok bool
		if l.table, l.columns, ok = parseColumns(n.Value); ok {
			return l, true
		}
	}
	p.add(place(n), "want a table and columns of it as SQL writes them, such as shop.orders(customer_id), not %s", kindName(n))
	return l, false
}

// parseColumns reads schema.table(column, ...) as SQL writes it, without folding to lower case.
func parseColumns(s string) (table Relation, columns []string, ok bool) {
	var end byte
	if table.Schema, end, s = cutIdentAndByte(s); end != '.' {
		return table, nil, false
	}
	if table.Name, end, s = cutIdentAndByte(s); end != '(' {
		return table, nil, false
	}
	for {
		var column string
		column, end, s = cutIdentAndByte(strings.TrimLeft(s, " "))
		columns = append(columns, column)
		if end != ',' {
			return table, columns, end == ')' && s == ""
		}
	}
}

// cutIdentAndByte takes an identifier and the byte behind it, with blanks in between, off the front of s; 0 is no such byte.
func cutIdentAndByte(s string) (ident string, end byte, rest string) {
	if strings.HasPrefix(s, `"`) {
		var ok bool
		if ident, rest, ok = cutIdent(s); !ok {
			return "", 0, ""
		}
	} else {
		i := strings.IndexAny(s, `."(), `)
		if i <= 0 {
			return "", 0, ""
		}
		ident, rest = s[:i], s[i:]
	}
	if rest = strings.TrimLeft(rest, " "); rest == "" {
		return "", 0, ""
	}
	return ident, rest[0], rest[1:]
}

// tableEntry is one entry of a mapping whose keys are tables.
type tableEntry struct {
	entry
	table Relation
}

// tableEntries reads a mapping whose keys are tables, each named once.
func (p *parser) tableEntries(n *yaml.Node, what string) []tableEntry {
	entries, _ := p.optionalMapping(n, what)
	var all []tableEntry
	seen := make(map[Relation]position)
	for _, e := range entries {
		table, err := ParseRelation(e.key)
		if err != nil {
			p.add(e.at, "%q is not the name of a table: %v", e.key, err)
			continue
		}
		if first, ok := seen[table]; ok {
			p.add(e.at, "table %s is listed twice, first in line %d", table, first.line)
			continue
		}
		seen[table] = e.at
		all = append(all, tableEntry{e, table})
	}
	return all
}
