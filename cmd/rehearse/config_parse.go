package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/sanitize"
)

// position is a place in the file; both count from 1.
type position struct{ line, column int }

func place(n *yaml.Node) position { return position{n.Line, n.Column} }

// setting is a value of the configuration file and where it stands.
type setting struct {
	key, flag, value string
	at               position
}

// configParser gathers the settings of a file, and all its mistakes.
type configParser struct {
	settings  []setting
	mistakes  []configMistake
	versioned bool
	checks    []rehearse.Check
}

type configMistake struct {
	at   position
	text string
}

func parseConfig(src []byte) *configParser {
	p := &configParser{}
	if root := p.document(src); root != nil {
		p.mapping("", root)
	}
	if !p.versioned && len(p.mistakes) == 0 {
		p.mistake(position{1, 1}, `the line "version: 1" is missing`)
	}
	return p
}

// document is the root of the only document of the file, nil when there is none to read.
func (p *configParser) document(src []byte) *yaml.Node {
	loader, err := yaml.NewLoader(bytes.NewReader(src))
	if err != nil {
		p.syntax(err)
		return nil
	}
	var doc, second yaml.Node
	switch err := loader.Load(&doc); {
	case errors.Is(err, io.EOF), err == nil && (len(doc.Content) == 0 || isNull(doc.Content[0])):
		return nil
	case err != nil:
		p.syntax(err)
		return nil
	}
	if err := loader.Load(&second); err == nil {
		p.mistake(place(&second), "a second document begins here; the configuration is one document")
	} else if !errors.Is(err, io.EOF) {
		p.syntax(err)
	}
	return doc.Content[0]
}

// syntax reports YAML that cannot be read.
func (p *configParser) syntax(err error) {
	line, column, text := sanitize.YAMLError(err)
	p.mistake(position{line, column}, "%s", text)
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func (p *configParser) mistake(at position, format string, args ...any) {
	p.mistakes = append(p.mistakes, configMistake{at, fmt.Sprintf(format, args...)})
}

// errors are the mistakes in the order of the file, nil when there are none.
func (p *configParser) errors(path string) error {
	if len(p.mistakes) == 0 {
		return nil
	}
	slices.SortStableFunc(p.mistakes, func(a, b configMistake) int {
		return cmp.Or(cmp.Compare(a.at.line, b.at.line), cmp.Compare(a.at.column, b.at.column))
	})
	var all configErrors
	for _, m := range p.mistakes {
		all = append(all, fmt.Sprintf("%s:%d:%d: %s", path, m.at.line, m.at.column, m.text))
	}
	return all
}

func (p *configParser) mapping(prefix string, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		what := "the file"
		if prefix != "" {
			what = strings.TrimSuffix(prefix, ".")
		}
		p.mistake(place(n), "%s must be a mapping of keys to values", what)
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if first, twice := seen[name.Value]; twice {
			p.mistake(place(name), "key %q is written twice, first in line %d", prefix+name.Value, first)
			continue
		}
		seen[name.Value] = name.Line
		p.entry(prefix+name.Value, name, value)
	}
}

func (p *configParser) entry(key string, name, value *yaml.Node) {
	flag, known := configKeys[key]
	switch {
	case !known && isSection(key) && isNull(value): // a section whose every line is a comment
	case !known && isSection(key):
		p.mapping(key+".", value)
	case !known:
		if near := nearest(key, knownKeys()); near != "" {
			p.mistake(place(name), "unknown key %q; did you mean %q?", key, near)
		} else {
			p.mistake(place(name), "unknown key %q; known are %s", key, strings.Join(knownKeys(), ", "))
		}
	case key == "checks":
		p.checkList(value)
	case listKeys[key] && value.Kind == yaml.SequenceNode:
		p.list(key, flag, value)
	case tableKeys[key] && value.Kind == yaml.MappingNode:
		p.byTable(key, flag, value)
	case value.Kind != yaml.ScalarNode:
		p.mistake(place(value), "%s must be a single value", key)
	case isNull(value):
		p.mistake(place(name), "%s has no value", key)
	case key == "version":
		p.versioned = true
		if value.Value != "1" {
			p.mistake(place(value), "version %s is not known to this program, which reads version 1", value.Value)
		}
	default:
		p.settings = append(p.settings, setting{key, flag, value.Value, place(value)})
	}
}

// listKeys may be lists of words, which their flag takes joined by commas.
var listKeys = map[string]bool{"policy.deny": true, "passes.scale_curve": true}

func (p *configParser) list(key, flag string, value *yaml.Node) {
	var words []string
	for _, n := range value.Content {
		if n.Kind != yaml.ScalarNode || isNull(n) {
			p.mistake(place(n), "%s is a list of single values", key)
			return
		}
		words = append(words, n.Value)
	}
	p.settings = append(p.settings, setting{key, flag, strings.Join(words, ","), place(value)})
}

// tableKeys are the keys whose value may be a mapping of tables to values, "any" for those that it does not name.
var tableKeys = map[string]bool{"policy.max_reads_blocked": true, "policy.max_writes_blocked": true}

// byTable gathers one setting for each table.
func (p *configParser) byTable(key, flag string, n *yaml.Node) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		first, twice := seen[name.Value]
		switch {
		case twice:
			p.mistake(place(name), "key %q is written twice, first in line %d", key+"."+name.Value, first)
		case value.Kind != yaml.ScalarNode || isNull(value):
			p.mistake(place(value), "%s.%s must be a time such as 500ms", key, name.Value)
		case name.Value == "any":
			p.settings = append(p.settings, setting{key, flag, value.Value, place(value)})
		default:
			p.settings = append(p.settings, setting{key, flag, name.Value + "=" + value.Value, place(value)})
		}
		seen[name.Value] = name.Line
	}
}

func isSection(key string) bool {
	for k := range configKeys {
		if strings.HasPrefix(k, key+".") {
			return true
		}
	}
	return false
}

func knownKeys() []string { return slices.Sorted(maps.Keys(configKeys)) }
