package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/xrash/smetrics"
	"go.yaml.in/yaml/v4"
)

// The configuration file is one more source of flags: every key stands for a flag of the same meaning, so that precedence is
// flag > REHEARSE_<FLAG> > file > default, and a value is checked in one place. Paths in the file are relative to the file.
var configKeys = map[string]string{
	"version":                       "",
	"masks":                         "masks",
	"jobs":                          "jobs",
	"timeout":                       "timeout",
	"strict":                        "strict",
	"source.url_env":                "source-env",
	"source.lock_timeout":           "lock-timeout",
	"source.statement_timeout":      "statement-timeout",
	"migrations.dir":                "migrations",
	"migrations.table":              "table",
	"migrations.allow_missing":      "allow-missing",
	"migrations.session":            "session",
	"migrations.role":               "role",
	"staging.provider":              "provider",
	"staging.image":                 "image",
	"staging.pull":                  "pull",
	"staging.pg_bindir":             "pg-bindir",
	"staging.keep":                  "keep",
	"staging.ttl":                   "ttl",
	"policy.max_total_time":         "max-total-time",
	"policy.max_migration_time":     "max-migration-time",
	"policy.allow_rewrite_below":    "allow-rewrite-below",
	"policy.unexpected_row_changes": "unexpected-row-changes",
}

// pathFlags are flags whose value in the file is relative to the file.
var pathFlags = map[string]bool{"masks": true, "migrations": true, "pg-bindir": true}

const configName = "rehearse.yaml"

// setting is a value of the configuration file and where it stands.
type setting struct {
	key, flag, value string
	line, column     int
}

// configErrors are the mistakes of a configuration file, all of them, each with file:line:column.
type configErrors []string

func (e configErrors) Error() string {
	if len(e) == 1 {
		return e[0]
	}
	return fmt.Sprintf("%d mistakes in the configuration:\n    %s", len(e), strings.Join(e, "\n    "))
}

// applyConfig finds and reads the configuration file and sets the flags that neither the command line nor the environment set.
func applyConfig(c *cli.Context) error {
	path, err := findConfig(c.String("config"))
	if err != nil || path == "" {
		return err
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return &usageProblem{text: "configuration: " + err.Error(), hint: "--config names the file; without it rehearse.yaml is looked for"}
	}
	settings, mistakes := parseConfig(path, src)
	for _, s := range settings {
		if s.flag == "" || !hasFlag(c, s.flag) || c.IsSet(s.flag) {
			continue
		}
		if pathFlags[s.flag] && !filepath.IsAbs(s.value) {
			s.value = besides(path, s.value)
		}
		if err := c.Set(s.flag, s.value); err != nil {
			mistakes = append(mistakes, fmt.Sprintf("%s:%d:%d: %s: %v", path, s.line, s.column, s.key, err))
		}
	}
	if len(mistakes) > 0 {
		return mistakes
	}
	return nil
}

// besides is a path of the file as seen from the working directory.
func besides(file, path string) string {
	joined := filepath.Join(filepath.Dir(file), path)
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, joined); err == nil && filepath.IsLocal(rel) {
			return rel
		}
	}
	return joined
}

func hasFlag(c *cli.Context, name string) bool {
	for _, n := range flagNames(c) {
		if n == name {
			return true
		}
	}
	return false
}

// findConfig is the file asked for, or rehearse.yaml of the working directory or of one above it, up to the repository's root; "" for none.
func findConfig(asked string) (string, error) {
	if asked != "" {
		return asked, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("working directory: %w", err)
	}
	for {
		path := filepath.Join(dir, configName)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		_, err := os.Stat(filepath.Join(dir, ".git"))
		if err == nil || dir == filepath.Dir(dir) {
			return "", nil
		}
		dir = filepath.Dir(dir)
	}
}

// parseConfig gives the settings of a file and all its mistakes.
func parseConfig(path string, src []byte) ([]setting, configErrors) {
	var doc yaml.Node
	if err := yaml.Load(src, &doc); err != nil {
		return nil, yamlMistakes(path, err)
	}
	p := configParser{path: path}
	if len(doc.Content) > 0 {
		p.mapping("", doc.Content[0])
	}
	if !p.versioned && len(p.mistakes) == 0 {
		p.mistakes = append(p.mistakes, path+`:1:1: the line "version: 1" is missing`)
	}
	return p.settings, p.mistakes
}

func yamlMistakes(path string, err error) configErrors {
	var load *yaml.LoadErrors
	var mistakes configErrors
	if errors.As(err, &load) {
		for _, e := range load.Errors {
			mistakes = append(mistakes, fmt.Sprintf("%s:%d:%d: %v", path, e.Mark.Line, e.Mark.Column, e.Message))
		}
		return mistakes
	}
	return configErrors{path + ": " + strings.TrimPrefix(err.Error(), "yaml: ")}
}

type configParser struct {
	path      string
	settings  []setting
	mistakes  configErrors
	versioned bool
}

func (p *configParser) mistake(n *yaml.Node, format string, args ...any) {
	p.mistakes = append(p.mistakes, fmt.Sprintf("%s:%d:%d: ", p.path, n.Line, n.Column)+fmt.Sprintf(format, args...))
}

func (p *configParser) mapping(prefix string, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		what := "the file"
		if prefix != "" {
			what = strings.TrimSuffix(prefix, ".")
		}
		p.mistake(n, "%s must be a mapping of keys to values", what)
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		p.entry(prefix+n.Content[i].Value, n.Content[i], n.Content[i+1])
	}
}

func (p *configParser) entry(key string, name, value *yaml.Node) {
	flag, known := configKeys[key]
	switch {
	case !known && isSection(key):
		p.mapping(key+".", value)
	case !known:
		if near := nearest(key, knownKeys()); near != "" {
			p.mistake(name, "unknown key %q; did you mean %q?", key, near)
		} else {
			p.mistake(name, "unknown key %q; known are %s", key, strings.Join(knownKeys(), ", "))
		}
	case value.Kind != yaml.ScalarNode:
		p.mistake(value, "%s must be a single value", key)
	case key == "version":
		p.versioned = true
		if value.Value != "1" {
			p.mistake(value, "version %s is not known to this program, which reads version 1", value.Value)
		}
	default:
		p.settings = append(p.settings, setting{key, flag, value.Value, value.Line, value.Column})
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

func knownKeys() []string {
	var keys []string
	for k := range configKeys {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// nearest is the name most like the one given, "" when none is near.
func nearest(name string, names []string) string {
	best, score := "", 0.82
	for _, n := range names {
		if s := smetrics.JaroWinkler(name, n, 0.7, 4); s > score {
			best, score = n, s
		}
	}
	return best
}
