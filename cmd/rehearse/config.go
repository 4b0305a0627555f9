package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/xrash/smetrics"
)

// The configuration file is one more source of flags: every key stands for a flag of the same meaning, so that precedence is
// flag > REHEARSE_<FLAG> > file > default, and a value is checked in one place. Paths in the file are relative to the file.
var configKeys = map[string]string{
	"version":                       "",
	"masks":                         "masks",
	"mask_programs":                 "mask-programs",
	"jobs":                          "jobs",
	"timeout":                       "timeout",
	"strict":                        "strict",
	"checks":                        "", // a list of its own, see configParser.checkList
	"check_command":                 "check-command",
	"no_audit":                      "no-audit",
	"source.url_env":                "source-env",
	"source.lock_timeout":           "lock-timeout",
	"source.statement_timeout":      "statement-timeout",
	"source.max_snapshot_age":       "max-snapshot-age",
	"source.rate_limit":             "rate-limit",
	"migrations.dir":                "migrations",
	"migrations.migrator":           "migrator",
	"migrations.pending_from":       "pending-from",
	"migrations.command":            "migrate-command",
	"migrations.table":              "table",
	"migrations.allow_missing":      "allow-missing",
	"migrations.session":            "session",
	"migrations.role":               "role",
	"passes.names":                  "passes",
	"passes.time":                   "pass-time",
	"passes.hostile_hold":           "hostile-hold",
	"passes.lock_timeout":           "migration-lock-timeout",
	"passes.repeat":                 "repeat",
	"passes.scale_curve":            "scale-curve",
	"passes.queries":                "queries",
	"staging.provider":              "provider",
	"staging.image":                 "image",
	"staging.pull":                  "pull",
	"staging.pg_bindir":             "pg-bindir",
	"staging.keep":                  "keep",
	"staging.ttl":                   "ttl",
	"snapshot.dir":                  "snapshot-dir",
	"snapshot.max_age":              "max-archive-age",
	"snapshot.encrypt_to":           "encrypt-to",
	"snapshot.identity":             "identity",
	"store.push":                    "store-push",
	"store.pull":                    "store-pull",
	"store.fetch":                   "store-fetch",
	"staging.copies":                "copies",
	"staging.pristine":              "pristine",
	"policy.max_total_time":         "max-total-time",
	"policy.max_migration_time":     "max-migration-time",
	"policy.max_reads_blocked":      "max-reads-blocked",
	"policy.max_writes_blocked":     "max-writes-blocked",
	"policy.allow_rewrite_below":    "allow-rewrite-below",
	"policy.unexpected_row_changes": "unexpected-row-changes",
	"policy.require_down":           "require-down",
	"policy.deny":                   "deny",
	"receipt.file":                  "receipt",
	"receipt.public_key":            "public-key",
	"receipt.allow_unsigned":        "allow-unsigned",
	"receipt.max_age":               "max-age",
	"receipt.require":               "require",
	"policy.max_wal":                "max-wal",
	"policy.max_disk_peak":          "max-disk-peak",
	"policy.broken_queries":         "broken-queries",
}

// pathFlags are flags whose value in the file is relative to the file.
var pathFlags = map[string]bool{
	"masks": true, "migrations": true, "pg-bindir": true, "snapshot-dir": true, "identity": true, "encrypt-to": true, "receipt": true, "public-key": true, "queries": true,
}

// The files that init writes and the other commands look for.
const (
	configName   = "rehearse.yaml"
	defaultMasks = "rehearse.masks.yaml"
)

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
		return &usageProblem{text: "configuration: " + unwrapPath(err).Error(), hint: "--config names the file; without it rehearse.yaml is looked for"}
	}
	p := parseConfig(src)
	given := map[string]bool{}
	for _, s := range p.settings {
		given[s.flag] = given[s.flag] || c.IsSet(s.flag)
	}
	for _, s := range p.settings {
		if s.flag == "" || !hasFlag(c, s.flag) || given[s.flag] {
			continue
		}
		value := s.value
		if pathFlags[s.flag] && !filepath.IsAbs(value) && !(s.flag == "encrypt-to" && strings.HasPrefix(value, "age1")) {
			value = besides(path, value)
		}
		if err := c.Set(s.flag, value); err != nil {
			p.mistake(s.at, "%s: %s", s.key, whatIsWrong(c, s.flag, value, err))
		}
	}
	return p.errors(path)
}

// besides is a path of the file as seen from the working directory.
func besides(file, path string) string {
	return fromHere(filepath.Join(filepath.Dir(file), path))
}

// fromHere is a path as a person in the working directory would write it: relative when it lies below.
func fromHere(path string) string {
	if wd, err := os.Getwd(); err == nil && filepath.IsAbs(path) {
		if rel, err := filepath.Rel(wd, path); err == nil && filepath.IsLocal(rel) {
			return rel
		}
	}
	return path
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
			return fromHere(path), nil
		}
		_, err := os.Stat(filepath.Join(dir, ".git"))
		if err == nil || dir == filepath.Dir(dir) {
			return "", nil
		}
		dir = filepath.Dir(dir)
	}
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
