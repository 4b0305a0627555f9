package sanitize

import (
	"regexp"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// fallback is one entry of the section defaults: which columns it is for, and their rule. A column must be all that it asks for.
type fallback struct {
	number int            // in the file's order, from 1
	name   *regexp.Regexp // of the column's name; nil for any
	table  *regexp.Regexp // of schema.table as SQL writes it; nil for any
	types  []string       // as format_type or pg_type have them; empty for any
	rule   *rule
}

// matches says whether the default is for a column.
func (f *fallback) matches(c *cell) bool {
	return (f.name == nil || f.name.MatchString(c.column.Name)) &&
		(f.table == nil || f.table.MatchString(c.relation().String())) &&
		(len(f.types) == 0 || slices.Contains(f.types, c.column.Type) || slices.Contains(f.types, c.column.BaseType))
}

// fallbacks reads the section defaults:.
func (p *parser) fallbacks(n *yaml.Node) []*fallback {
	if !p.allowed(n) || n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		p.add(place(n), "defaults must be a list, such as - {type: boolean, class: public}, not %s", kindName(n))
		return nil
	}
	var all []*fallback
	for i, item := range n.Content {
		if f := p.fallback(item); f != nil {
			f.number = i + 1
			f.rule.byDefault = f.number
			all = append(all, f)
		}
	}
	return all
}

// fallback reads one default; nil after an issue.
func (p *parser) fallback(n *yaml.Node) *fallback {
	const what = "a default"
	entries, ok := p.mapping(n, what)
	if !ok {
		return nil
	}
	before := len(p.issues)
	f := &fallback{}
	var rest []entry
	for _, e := range entries {
		switch e.key {
		case "name":
			f.name = p.pattern(e)
		case "table":
			f.table = p.pattern(e)
		case "type":
			f.types = p.typeNames(e)
		case "class", "mask":
			if f.rule != nil {
				p.add(e.at, "a default has class: or mask:, not both")
			} else if f.rule = p.decision(e, what); f.rule == nil {
				return nil
			}
		default:
			rest = append(rest, e)
		}
	}
	if f.name == nil && len(f.types) == 0 && len(p.issues) == before {
		p.add(place(n), "a default without name: or type: would decide for every column; say which it is for")
	}
	if f.rule == nil {
		p.add(place(n), "a default lacks class: or mask:")
		return nil
	}
	for _, e := range rest {
		p.attribute(f.rule, e, what)
	}
	f.rule.at = place(n)
	if f.rule.Name == "keep" && f.rule.reason == "" {
		p.add(place(n), "a default that keeps values needs a reason: it decides for columns that nobody has looked at")
	}
	if len(p.issues) > before {
		return nil
	}
	return f
}

// decision reads class: or mask: of a default.
func (p *parser) decision(e entry, what string) *rule {
	if e.value.Kind != yaml.ScalarNode {
		p.add(place(e.value), "%s: must be a name, not %s", e.key, kindName(e.value))
		return nil
	}
	if _, known := p.classes[e.value.Value]; e.key == "class" && !known {
		p.add(place(e.value), "no class is called %q%s", e.value.Value, didYouMean(e.value.Value, p.classNames()))
		return nil
	}
	return p.named(e.value, what)
}

// pattern reads a regular expression.
func (p *parser) pattern(e entry) *regexp.Regexp {
	re, err := regexp.Compile(e.value.Value)
	if e.value.Kind != yaml.ScalarNode || e.value.Value == "" || err != nil {
		p.add(place(e.value), "%s: must be a regular expression, such as \"^(created|updated)_at$\"", e.key)
		return nil
	}
	return re
}

// typeNames reads one name of a type, or a list of them. What people call a type is what PostgreSQL calls it, or its short name.
func (p *parser) typeNames(e entry) []string {
	nodes := []*yaml.Node{e.value}
	if e.value.Kind == yaml.SequenceNode {
		nodes = e.value.Content
	}
	var names []string
	for _, n := range nodes {
		if n.Kind != yaml.ScalarNode || strings.TrimSpace(n.Value) == "" {
			p.add(place(n), "type: must be the name of a type, such as boolean, or a list of names")
			return nil
		}
		names = append(names, n.Value)
	}
	if len(names) == 0 {
		p.add(place(e.value), "type: names no type")
	}
	return names
}

// fallBack gives columns that neither have a line nor follow a key the rule of the first default that is for them. Tables that are not
// listed get none: a default decides for columns, not for tables that nobody has seen.
func (p *planner) fallBack() {
	if len(p.rules.defaults) == 0 {
		return
	}
	listed := p.listed()
	for _, c := range p.wanting() {
		if !listed[c.relation()] {
			continue
		}
		if i := slices.IndexFunc(p.rules.defaults, func(f *fallback) bool { return f.matches(c) }); i >= 0 {
			c.rule = p.rules.defaults[i].rule
		}
	}
	p.follow()
}

// listed are the tables that the rules name.
func (p *planner) listed() map[Relation]bool {
	all := make(map[Relation]bool)
	for _, list := range [][]*tableRules{p.rules.tables, p.rules.pending} {
		for _, t := range list {
			all[t.table] = true
		}
	}
	return all
}
