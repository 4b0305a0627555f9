package sanitize

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"github.com/rehearse-db/rehearse/sanitize/detect"
)

// literalRules is the section schema_literals: what becomes of personal data in the definitions of a schema.
type literalRules struct {
	warn  bool
	allow map[string]string // object -> reason
	at    map[string]position
}

// schemaLiterals reads the section: fail, warn, or a mapping with allow:.
func (p *parser) schemaLiterals(n *yaml.Node) literalRules {
	l := literalRules{allow: make(map[string]string), at: make(map[string]position)}
	if n.Kind == yaml.ScalarNode {
		l.warn = p.literalLevel(n)
		return l
	}
	entries, _ := p.mapping(n, "schema_literals")
	for _, e := range entries {
		switch e.key {
		case "level":
			l.warn = p.literalLevel(e.value)
		case "allow":
			objects, _ := p.optionalMapping(e.value, "allow of schema_literals")
			for _, o := range objects {
				if o.value.Kind != yaml.ScalarNode || strings.TrimSpace(o.value.Value) == "" || o.value.Tag == "!!null" {
					p.add(o.at, "%q needs the reason why it may stay: \"view shop.staff\": the address is the company's own", o.key)
				}
				l.allow[o.key], l.at[o.key] = o.value.Value, o.at
			}
		default:
			p.add(e.at, "unknown key %q%s", e.key, didYouMean(e.key, []string{"allow", "level"}))
		}
	}
	return l
}

func (p *parser) literalLevel(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Value != "fail" && n.Value != "warn" {
		p.add(place(n), "schema_literals is one of fail, warn, or {allow: {\"view shop.staff\": the reason why}}")
	}
	return n.Value == "warn"
}

// Definition is one text of a schema: an object's default, body, comment and the like.
type Definition struct {
	Object string // kind and name as SQL writes it: view shop.staff
	Part   string // definition, default, comment ...
	Text   string
}

// Literal is personal data in a definition. What it is stands nowhere.
type Literal struct {
	Object string
	Part   string
	Kinds  []string // such as "1 e-mail address", "2 phone numbers"
}

// String names the object and what kinds of data it holds.
func (l Literal) String() string {
	return fmt.Sprintf("%s, %s: %s", l.Object, l.Part, strings.Join(l.Kinds, ", "))
}

// LiteralError says that a schema holds personal data, which a copy of it would too.
type LiteralError struct {
	File     string
	Literals []Literal
	Unused   []Issue // what is allowed without need
}

// Error names the objects, one a line.
func (e *LiteralError) Error() string {
	var lines []string
	if n := len(e.Literals); n == 1 {
		lines = append(lines, "1 definition of the schema holds what looks like personal data:")
	} else if n > 1 {
		lines = append(lines, fmt.Sprintf("%d definitions of the schema hold what looks like personal data:", n))
	}
	for _, l := range e.Literals {
		lines = append(lines, "  "+l.String())
	}
	for _, i := range e.Unused {
		lines = append(lines, i.String())
	}
	return strings.Join(lines, "\n")
}

// CheckLiterals looks for personal data in the definitions of a schema. What the rules do not allow is a *[LiteralError], and
// so is what they allow without need; where they only want to be warned it comes back without an error.
func (r *Rules) CheckLiterals(definitions []Definition) ([]Literal, error) {
	e := &LiteralError{File: r.file}
	used := make(map[string]bool)
	for _, d := range definitions {
		kinds := detect.Inside(d.Text)
		if len(kinds) == 0 {
			continue
		}
		if _, ok := r.literals.allow[d.Object]; ok {
			used[d.Object] = true
			continue
		}
		e.Literals = append(e.Literals, Literal{Object: d.Object, Part: d.Part, Kinds: kinds})
	}
	for _, object := range slices.Sorted(maps.Keys(r.literals.allow)) {
		if at := r.literals.at[object]; !used[object] {
			e.Unused = append(e.Unused, Issue{File: r.file, Line: at.line, Column: at.column, Text: fmt.Sprintf("schema_literals allows %s, in which there is nothing to allow", object)})
		}
	}
	if len(e.Unused) > 0 || len(e.Literals) > 0 && !r.literals.warn {
		return e.Literals, e
	}
	return e.Literals, nil
}
