package sanitize

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"github.com/rehearse-db/rehearse/sanitize/mask"
)

// parser walks the nodes of a rules file and gathers issues as it goes.
type parser struct {
	file    string
	masks   []mask.Info
	classes map[string]*class
	shares  shares
	objects LargeObjects
	issues  []Issue

	groups   []anonymityLine
	pending  []*tableRules
	defaults []*fallback
	literals literalRules
	accepted []acceptLine
}

// class is a named rule. It is read when it is first used, so that the order of classes does not matter.
type class struct {
	node          *yaml.Node
	rule          *rule
	reading, done bool
}

// entry is one key of a mapping with its value.
type entry struct {
	key   string
	at    position // of the key
	value *yaml.Node
}

func (p *parser) add(at position, format string, args ...any) {
	p.issues = append(p.issues, Issue{File: p.file, Line: at.line, Column: at.column, Text: fmt.Sprintf(format, args...)})
}

func place(n *yaml.Node) position { return position{n.Line, n.Column} }

// document returns the root of the only document in src, or nil after an issue.
func (p *parser) document(src []byte) *yaml.Node {
	loader, err := yaml.NewLoader(bytes.NewReader(src))
	if err != nil {
		p.syntax(err)
		return nil
	}
	var doc, second yaml.Node
	if err := loader.Load(&doc); err == io.EOF || err == nil && (len(doc.Content) == 0 || doc.Content[0].Tag == "!!null") {
		p.add(position{1, 1}, "the file is empty; it must begin with version: %s", version)
		return nil
	} else if err != nil {
		p.syntax(err)
		return nil
	}
	if err := loader.Load(&second); err == nil {
		p.add(place(&second), "a second YAML document begins here; a rules file is one document")
	} else if err != io.EOF {
		p.syntax(err)
	}
	return doc.Content[0]
}

// syntax reports YAML that cannot be read.
func (p *parser) syntax(err error) {
	line, column, text := YAMLError(err)
	p.add(position{line, column}, "%s", text)
}

// YAMLError tells where and why a file is not YAML, from an error of the reader, in its words but where those do not help.
func YAMLError(err error) (line, column int, text string) {
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		return 1, 1, "not YAML: the file cannot be read"
	}
	text = strings.TrimSpace(load.Message + " " + load.ContextMsg)
	if strings.HasPrefix(text, "found character that cannot start any token") {
		text = "a tab, @, % or ` can begin nothing here; indent with spaces, and put such values into quotes"
	}
	return max(load.Mark.Line, 1), max(load.Mark.Column, 1), "not YAML: " + text
}

// body reads the top level of a file of version 1.
func (p *parser) body(root *yaml.Node) []*tableRules {
	entries, ok := p.mapping(root, "the file")
	if !ok {
		return nil
	}
	known := []string{"version", "classes", "large_objects", "schema_literals", "defaults", "tables", "pending", "data", "subset", "k_anonymity", "audit"}
	var tables, pending, defaults *yaml.Node
	versioned := false
	for _, e := range entries {
		switch e.key {
		case "version":
			versioned = true
			p.version(e.value)
		case "classes":
			p.declareClasses(e.value)
		case "large_objects":
			p.objects = p.largeObjects(e.value)
		case "schema_literals":
			p.literals = p.schemaLiterals(e.value)
		case "defaults":
			defaults = e.value
		case "tables":
			tables = e.value
		case "pending":
			pending = e.value
		case "data":
			p.shares.data = p.data(e.value)
		case "subset":
			p.shares.subset = p.subset(e)
		case "k_anonymity":
			p.groups = p.anonymity(e.value)
		case "audit":
			p.accepted = p.audit(e.value)
		default:
			p.add(e.at, "unknown key %q%s", e.key, didYouMean(e.key, known))
		}
	}
	if !versioned {
		p.add(place(root), "version is missing; write version: %s", version)
	}
	for _, name := range p.classNames() {
		p.class(name)
	}
	if defaults != nil { // classes are known only now
		p.defaults = p.fallbacks(defaults)
	}
	p.pending = p.tables(pending, "pending")
	return p.tables(tables, "tables")
}

func (p *parser) version(n *yaml.Node) {
	if n.Kind != yaml.ScalarNode || n.Value != version {
		p.add(place(n), "unknown version; this program reads version %s", version)
	}
}

func (p *parser) tables(n *yaml.Node, section string) []*tableRules {
	var all []*tableRules
	for _, e := range p.tableEntries(n, section) {
		all = append(all, p.table(e.table, e.entry))
	}
	return all
}

func (p *parser) table(table Relation, e entry) *tableRules {
	t := &tableRules{table: table, at: e.at, columns: make(map[string]*rule)}
	entries, _ := p.optionalMapping(e.value, "the rules of "+table.String())
	for _, c := range entries {
		t.order = append(t.order, c.key)
		t.columns[c.key] = p.rule(c.value, "column "+quoteIdent(c.key))
		if t.columns[c.key] != nil {
			t.columns[c.key].at = c.at
			t.columns[c.key].node = c.value
		}
	}
	return t
}

// optionalMapping is mapping, and takes nothing at all for an empty one.
func (p *parser) optionalMapping(n *yaml.Node, what string) ([]entry, bool) {
	if n == nil || n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil, true
	}
	return p.mapping(n, what)
}

// mapping returns the entries of a mapping whose keys are distinct scalars; other keys become issues and are left out.
func (p *parser) mapping(n *yaml.Node, what string) ([]entry, bool) {
	if !p.allowed(n) {
		return nil, false
	}
	if n.Kind != yaml.MappingNode {
		p.add(place(n), "%s must be a mapping (key: value), not %s", what, kindName(n))
		return nil, false
	}
	var entries []entry
	seen := make(map[string]position)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		first, twice := seen[k.Value]
		switch {
		case k.Tag == "!!merge":
			p.add(place(k), "merge keys (<<) are not read here; use classes")
		case k.Kind != yaml.ScalarNode:
			p.add(place(k), "a key must be a plain text, not %s", kindName(k))
		case twice:
			p.add(place(k), "key %q is written twice, first in line %d", k.Value, first.line)
		case p.allowed(k) && p.allowed(v):
			seen[k.Value] = place(k)
			entries = append(entries, entry{key: k.Value, at: place(k), value: v})
		}
	}
	return entries, true
}

// allowed refuses anchors, aliases and tags of other types.
func (p *parser) allowed(n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		p.add(place(n), "anchors and aliases are not read here; use classes")
	case n.Tag != "" && !strings.HasPrefix(n.Tag, "!!"):
		p.add(place(n), "the tag %s means nothing here", n.Tag)
	default:
		return true
	}
	return false
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	if n.Tag == "!!null" {
		return "nothing"
	}
	return "a single value"
}

func (p *parser) maskNames() []string {
	var names []string
	for _, m := range p.masks {
		names = append(names, m.Name)
	}
	return names
}

func (p *parser) classNames() []string {
	var names []string
	for name := range p.classes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
