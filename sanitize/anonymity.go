package sanitize

import (
	"slices"
	"strconv"

	yaml "go.yaml.in/yaml/v4"
)

// Anonymity is a wish of the rules: of every row there should be K alike in some columns, those by which somebody could be recognised who
// is known to be in the table. It is counted in the copy, values as they are there.
type Anonymity struct {
	Table   Relation
	Columns []string
	K       int64
	Fail    bool // a copy with smaller groups is handed to nobody; otherwise it is told
	// Text are those of Columns whose types have no equality, to be compared by their text form.
	Text []string
}

// anonymityLine is one entry of k_anonymity:.
type anonymityLine struct {
	at position
	Anonymity
}

const leastK = 2 // every group has one row

// anonymity reads the section k_anonymity:, a list.
func (p *parser) anonymity(n *yaml.Node) []anonymityLine {
	const form = "{table: shop.customers, columns: [postcode, birth_date, sex], k: 5}"
	if !p.allowed(n) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		p.add(place(n), "k_anonymity must be a list of %s, not %s", form, kindName(n))
		return nil
	}
	var all []anonymityLine
	for _, item := range n.Content {
		before := len(p.issues)
		l := p.anonymityLine(item)
		switch {
		case len(p.issues) > before:
		case l.Table.Name == "" || len(l.Columns) == 0 || l.K == 0:
			p.add(place(item), "an entry of k_anonymity needs table, columns and k, such as %s", form)
		default:
			all = append(all, l)
		}
	}
	return all
}

func (p *parser) anonymityLine(item *yaml.Node) anonymityLine {
	l := anonymityLine{at: place(item)}
	entries, _ := p.mapping(item, "an entry of k_anonymity")
	for _, e := range entries {
		switch e.key {
		case "table":
			table, err := ParseRelation(e.value.Value)
			if err != nil || e.value.Kind != yaml.ScalarNode {
				p.add(place(e.value), "table must be the name of one, such as shop.customers")
			}
			l.Table = table
		case "columns":
			l.Columns = p.groupColumns(e.value)
		case "k":
			k, err := strconv.ParseInt(e.value.Value, 10, 64)
			if err != nil || k < leastK || e.value.Kind != yaml.ScalarNode {
				p.add(place(e.value), "k must be a number of rows, at least %d", leastK)
			}
			l.K = k
		case "fail":
			if e.value.Kind != yaml.ScalarNode || e.value.Tag != "!!bool" || e.value.Decode(&l.Fail) != nil {
				p.add(place(e.value), "fail must be true or false")
			}
		default:
			p.add(e.at, "unknown key %q in an entry of k_anonymity%s", e.key, didYouMean(e.key, []string{"table", "columns", "k", "fail"}))
		}
	}
	return l
}

// groupColumns reads the columns of an entry, each once.
func (p *parser) groupColumns(n *yaml.Node) []string {
	var names []string
	for _, c := range p.list(n, "columns") {
		if slices.Contains(names, c.Value) {
			p.add(place(c), "column %s is named twice", quoteIdent(c.Value))
			continue
		}
		names = append(names, c.Value)
	}
	return names
}

// checkAnonymity fits the wishes to the database.
func (p *planner) checkAnonymity() []Anonymity {
	var all []Anonymity
	for _, l := range p.rules.anonymity {
		root, known := p.roots[l.Table]
		if !known || root != l.Table {
			p.err.Unmatched = append(p.err.Unmatched, p.at(l.at, "k_anonymity: %s", p.misplacedTable(l.Table)))
			continue
		}
		a := l.Anonymity
		for _, name := range a.Columns {
			c := p.cells[cellKey{l.Table, name}]
			if c == nil {
				p.err.Unmatched = append(p.err.Unmatched,
					p.at(l.at, "k_anonymity: table %s has no column %s%s", l.Table, quoteIdent(name), didYouMean(name, p.columnNames(l.Table))))
				continue
			}
			if !comparable(c.column) {
				a.Text = append(a.Text, name)
			}
		}
		all = append(all, a)
	}
	return all
}

// comparable says whether rows can be grouped by a column as it is. Of composite types and arrays nothing is known here: as text they can.
func comparable(c *Column) bool {
	switch c.BaseType {
	case "json", "xml", "point", "line", "lseg", "box", "path", "polygon", "circle":
		return false
	}
	return c.TypeKind != 'c' && c.BaseType != "" && c.BaseType[0] != '_'
}

// Anonymity lists how many rows should be alike in which columns, as the rules ask.
func (p *Plan) Anonymity() []Anonymity { return slices.Clone(p.anonymity) }
