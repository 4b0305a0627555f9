package main

import (
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v4"

	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// checkList reads the only key that no flag stands for: a list of checks, each a mapping.
func (p *configParser) checkList(list *yaml.Node) {
	if list.Kind != yaml.SequenceNode {
		p.mistake(place(list), "checks is a list, such as [{name: no orphans, sql: \"SELECT ...\", expect: no rows}]")
		return
	}
	p.settings = append(p.settings, setting{key: "checks", at: place(list)})
	for _, n := range list.Content {
		if n.Kind != yaml.MappingNode {
			p.mistake(place(n), "a check is a mapping of name, sql and expect")
			continue
		}
		c := rehearse.Check{}
		fields := map[string]*string{"name": &c.Name, "sql": &c.SQL, "expect": &c.Expect}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			field := fields[key.Value]
			switch {
			case field == nil:
				p.mistake(place(key), "unknown key %q of a check; known are expect, name, sql", key.Value)
			case value.Kind != yaml.ScalarNode || strings.TrimSpace(value.Value) == "" || isNull(value):
				p.mistake(place(value), "%s of a check must be a single value", key.Value)
			case *field != "":
				p.mistake(place(key), "key %q is written twice", key.Value)
			default:
				*field = value.Value
			}
		}
		p.completed(n, c)
	}
}

// completed takes up a check that has all it needs.
func (p *configParser) completed(n *yaml.Node, c rehearse.Check) {
	switch {
	case c.Name == "" || c.SQL == "" || c.Expect == "":
		p.mistake(place(n), "a check has a name, sql and what to expect")
	case !slices.Contains(report.Expectations(), c.Expect):
		p.mistake(place(n), "check %q expects %q; known are %s", c.Name, c.Expect, strings.Join(report.Expectations(), ", "))
	case slices.ContainsFunc(p.checks, func(other rehearse.Check) bool { return other.Name == c.Name }):
		p.mistake(place(n), "there is a check %q already", c.Name)
	default:
		p.checks = append(p.checks, c)
	}
}

// configuredChecks are those of the configuration file, whose mistakes were told when its flags were read.
func configuredChecks(c *cli.Context) ([]rehearse.Check, error) {
	path, err := findConfig(c.String("config"))
	if err != nil || path == "" {
		return nil, err
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, &usageProblem{text: "configuration: " + unwrapPath(err).Error()}
	}
	return parseConfig(src).checks, nil
}
