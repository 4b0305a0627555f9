package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
	"github.com/rehearse-db/rehearse/sanitize"
)

// prepare reads the configuration file into the flags, before a command reads the flags.
func prepare(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		if err := coherent(c); err != nil {
			return err
		}
		given := onCommandLine(c)
		if err := applyConfig(c); err != nil {
			return err
		}
		// In the environment and the configuration it may be meant for stage.
		if slices.Contains(given, "pristine") && c.Bool("pristine") && choiceOf(c, "keep") == "never" {
			return &usageProblem{text: "--pristine has no effect: staging is not kept", hint: "--keep always, or --keep on-failure, keeps it"}
		}
		if err := sensible(c); err != nil {
			return err
		}
		if err := oneMigrator(c, given); err != nil {
			return err
		}
		return action(c)
	}
}

const mostJobs = 256 // each is a session of the source

const leastRate = 64 << 10

const mostRepeats = 100 // each takes as long as the migrations

const mostCopies = 1000 // each has the size of the copy

// sensible checks the numbers, wherever they come from. A budget that is none because of a slip would be worse than an error.
func sensible(c *cli.Context) error {
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		switch f.(type) {
		case *cli.DurationFlag:
			if d := c.Duration(name); d < 0 || d > 0 && d < time.Millisecond {
				return &usageProblem{text: fmt.Sprintf("--%s %s: at least 1ms, or 0", name, d)}
			}
		case *cli.IntFlag, *cli.Int64Flag:
			if c.Int64(name) < 0 || c.Int(name) < 0 {
				return &usageProblem{text: fmt.Sprintf("--%s %v: less than 0", name, c.Value(name))}
			}
		}
	}
	if n := c.Int("jobs"); hasFlag(c, "jobs") && (n < 1 || n > mostJobs) {
		return &usageProblem{text: fmt.Sprintf("--jobs %d: from 1 to %d tables can be copied at a time", n, mostJobs)}
	}
	if n := c.Int("repeat"); n == 1 || n > mostRepeats {
		return &usageProblem{text: fmt.Sprintf("--repeat %d: a spread takes from 2 to %d runs", n, mostRepeats)}
	}
	if n := c.Int("copies"); hasFlag(c, "copies") && (n < 1 || n > mostCopies) {
		return &usageProblem{text: fmt.Sprintf("--copies %d: from 1 to %d databases can be made", n, mostCopies)}
	}
	if n := sizeOf(c, "rate-limit"); n >= 0 && n < leastRate {
		return &usageProblem{text: fmt.Sprintf("--rate-limit %s: the copy would hardly end", report.Bytes(n)), hint: "at least 64kB a second, or any"}
	}
	if err := knownCodes(c); err != nil {
		return err
	}
	if hasFlag(c, "migration-lock-timeout") && c.Duration("migration-lock-timeout") == 0 {
		return &usageProblem{text: "--migration-lock-timeout 0s: without a limit nothing is tried under one", hint: "such as --migration-lock-timeout 2s; --passes says which passes there are"}
	}
	for _, name := range []string{"max-wal", "max-disk-peak"} {
		if hasFlag(c, name) && sizeOf(c, name) == 0 {
			return &usageProblem{text: fmt.Sprintf("--%s 0: no migration does without", name), hint: "any is no limit"}
		}
	}
	if hasFlag(c, "ttl") && c.Duration("ttl") == 0 {
		return &usageProblem{text: "--ttl 0s: staging must end at some time", hint: "such as --ttl 8h"}
	}
	return nil
}

// rules reads the masking rules.
func rules(c *cli.Context) (*sanitize.Rules, error) {
	path := c.String("masks")
	if path == "" {
		return nil, &usageProblem{text: "masking rules: --masks names no file", hint: "without --masks it is " + defaultMasks}
	}
	src, err := os.ReadFile(path)
	if err != nil {
		p := &usageProblem{text: "masking rules: " + unwrapPath(err).Error(), hint: "--masks names the file of the masking rules"}
		if errors.Is(err, fs.ErrNotExist) {
			p.hint = "rehearse sanitize init --masks " + path + " writes a complete starter file from the source"
		}
		return nil, p
	}
	return sanitize.ParseRules(path, src)
}

// lockPath is the file of reviewed decisions beside the masking rules: rehearse.masks.lock.
func lockPath(c *cli.Context) string {
	path := c.String("masks")
	return strings.TrimSuffix(path, filepath.Ext(path)) + ".lock"
}

// lock reads the file of reviewed decisions; nil when there is none.
func lock(c *cli.Context) (*sanitize.Lock, error) {
	path := lockPath(c)
	src, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, &usageProblem{text: "lock of the masking rules: " + unwrapPath(err).Error(), hint: "it stands beside the masking rules; rehearse sanitize check --write-lock writes it"}
	}
	return sanitize.ParseLock(path, src)
}

// maskKey is the key of the pseudonyms, or one made for this run.
func maskKey() (key sanitize.Key, ephemeral bool, err error) {
	s, err := secret("REHEARSE_MASK_KEY")
	if err != nil {
		return key, false, err
	}
	if s == "" {
		return sanitize.NewKey(), true, nil
	}
	if key, err = sanitize.ParseKey(s); err != nil {
		return key, false, &usageProblem{text: "REHEARSE_MASK_KEY: " + err.Error(), hint: "openssl rand -hex 32 makes a good one"}
	}
	return key, false, nil
}

// migrations opens the directory of the migrations.
func migrations(c *cli.Context) (fs.FS, string, error) {
	if c.String("migrate-command") != "" {
		return nil, "", nil
	}
	const hint = "--migrations, or dir: under migrations: in rehearse.yaml, names the directory of the files"
	dir := c.String("migrations")
	info, err := os.Stat(dir)
	switch {
	case dir == "":
		return nil, dir, &usageProblem{text: "migrations: no directory is named", hint: hint}
	case err != nil:
		return nil, dir, &usageProblem{text: "migrations: " + unwrapPath(err).Error(), hint: hint}
	case !info.IsDir():
		return nil, dir, &usageProblem{text: fmt.Sprintf("migrations: %s is not a directory", dir), hint: hint}
	}
	return os.DirFS(dir), dir, nil
}

// config gathers what the flags of a command say; a flag that the command does not have keeps its default.
func config(c *cli.Context) (rehearse.Config, error) {
	cfg := rehearse.Config{
		LockTimeout: c.Duration("lock-timeout"), StatementTimeout: c.Duration("statement-timeout"),
		MaxSnapshotAge: c.Duration("max-snapshot-age"), RateLimit: max(0, sizeOf(c, "rate-limit")),
		Migrator: migratorOf(c), PendingFrom: c.String("pending-from"), VersionTable: c.String("table"), To: c.Int64("to"), AllowMissing: c.Bool("allow-missing"),
		Session: choiceOf(c, "session"), Role: c.String("role"),
		Staging: rehearse.Staging{
			Provider: choiceOf(c, "provider"), Image: c.String("image"), Pull: choiceOf(c, "pull"),
			BinDir: c.String("pg-bindir"), TTL: c.Duration("ttl"), Copies: c.Int("copies"), Pristine: c.Bool("pristine"),
		},
		MigrateCommand: c.String("migrate-command"), CommandOutput: commandOutput(c),
		HostileHold: c.Duration("hostile-hold"), MigrationLockTimeout: c.Duration("migration-lock-timeout"),
		PassTime: c.Duration("pass-time"), Repeat: c.Int("repeat"), Scale: sharesOf(c, "scale-curve"), Keep: rehearse.Keep(choiceOf(c, "keep")), NoAudit: c.Bool("no-audit"), Jobs: c.Int("jobs"), PgDump: c.String("pg-dump"),
		Policy: policy(c), Tool: version(), Log: logger(c),
	}
	if restoring(c) {
		return archivedConfig(c, cfg)
	}
	var err error
	if cfg.Source, err = sourceConfig(c); err != nil {
		return cfg, err
	}
	cfg.Programs = c.Bool("mask-programs")
	if hasFlag(c, "masks") {
		if cfg.Rules, err = rules(c); err != nil {
			return cfg, err
		}
		cfg.LockFile = lockPath(c)
		if cfg.Lock, err = lock(c); err != nil {
			return cfg, err
		}
	}
	if cfg.Key, cfg.Ephemeral, err = maskKey(); err != nil {
		return cfg, err
	}
	if hasFlag(c, "migrations") {
		cfg.Migrations, cfg.MigrationsDir, err = migrations(c)
	}
	return cfg, err
}

// archivedConfig is the part that does not come from the flags of the source, for a snapshot that is restored.
func archivedConfig(c *cli.Context, cfg rehearse.Config) (_ rehearse.Config, err error) {
	cfg.MaxArchiveAge = c.Duration("max-archive-age")
	if hasFlag(c, "migrations") {
		if cfg.Migrations, cfg.MigrationsDir, err = migrations(c); err != nil {
			return cfg, err
		}
	}
	cfg.Archive, err = openSnapshot(c)
	return cfg, err
}

// passNames are the further rehearsals asked for; nil for all.
func passNames(c *cli.Context) ([]string, error) {
	switch c.String("passes") {
	case "all":
		return nil, nil
	case "none":
		return []string{}, nil
	}
	known := rehearse.PassNames()
	var names []string
	for name := range strings.SplitSeq(c.String("passes"), ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(known, name) {
			return nil, &usageProblem{text: fmt.Sprintf("--passes: there is no %q", name), hint: "there are " + strings.Join(known, ", ") + "; or all, or none"}
		}
		names = append(names, name)
	}
	return names, nil
}

// fileQueries reads the file of --queries.
func fileQueries(c *cli.Context, cfg *rehearse.Config) error {
	path := c.String("queries")
	if path == "" {
		return nil
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return &usageProblem{text: "queries: " + unwrapPath(err).Error(), hint: "--queries names a file of SQL queries, separated by semicolons"}
	}
	if cfg.Queries, err = rehearse.ParseQueries(path, string(src)); err != nil {
		return &usageProblem{text: "queries: " + err.Error(), hint: "it holds SELECT, INSERT, UPDATE, DELETE and the like, separated by semicolons, with $1 or literals for values"}
	}
	cfg.QueriesFile = filepath.Base(path)
	return nil
}

func policy(c *cli.Context) verdict.Policy {
	return verdict.Policy{
		MaxTotalTime: c.Duration("max-total-time"), MaxMigrationTime: c.Duration("max-migration-time"),
		AllowRewriteBelow: sizeOf(c, "allow-rewrite-below"), UnexpectedRowChanges: choiceOf(c, "unexpected-row-changes"), Strict: c.Bool("strict"), Deny: deniedCodes(c),
		MaxReadsBlocked: budgetOf(c, "max-reads-blocked"), MaxWritesBlocked: budgetOf(c, "max-writes-blocked"),
		RequireDown: strings.TrimPrefix(choiceOf(c, "require-down"), "none"),
		MaxWAL:      max(0, sizeOf(c, "max-wal")), MaxDiskPeak: max(0, sizeOf(c, "max-disk-peak")), BrokenQueries: choiceOf(c, "broken-queries"),
	}
}

// deniedCodes are the codes of --deny.
func deniedCodes(c *cli.Context) []string {
	var codes []string
	for _, list := range c.StringSlice("deny") {
		for code := range strings.SplitSeq(list, ",") {
			if code = strings.TrimSpace(code); code != "" {
				codes = append(codes, code)
			}
		}
	}
	return codes
}

// knownCodes refuses a --deny that would deny nothing because of a slip.
func knownCodes(c *cli.Context) error {
	for _, code := range deniedCodes(c) {
		if slices.Contains(verdict.Codes(), code) {
			continue
		}
		p := &usageProblem{text: fmt.Sprintf("--deny: there is no finding %s", discreet(code)), hint: "docs/findings.md lists the codes"}
		if near := nearest(code, verdict.Codes()); near != "" {
			p.hint = fmt.Sprintf("did you mean %s?", near)
		}
		return p
	}
	return nil
}

// sizeOf is a flag's number of bytes, -1 for any and for a command without the flag.
func sizeOf(c *cli.Context, name string) int64 {
	if s, ok := c.Generic(name).(*size); ok {
		return s.bytes
	}
	return -1
}

// bounded runs the work of a command, all of it within --timeout.
func bounded(c *cli.Context, work func(ctx context.Context) error) error {
	d := c.Duration("timeout")
	if d <= 0 {
		return work(c.Context)
	}
	end := time.Now().Add(d)
	ctx, cancel := context.WithDeadline(c.Context, end)
	defer cancel()
	err := work(ctx)
	// By the clock, not by ctx.Err: a connection that shares the deadline may notice it first.
	if err != nil && !time.Now().Before(end) {
		return &timeoutError{after: d, err: err}
	}
	return err
}

// timeoutError says that --timeout ended the work. Other time limits, of a connection or a statement, are errors of their own.
type timeoutError struct {
	after time.Duration
	err   error
}

func (e *timeoutError) Error() string {
	return fmt.Sprintf("not finished after %s, the time --timeout allows: %v", e.after, e.err)
}

func (e *timeoutError) Unwrap() error { return e.err }

// reportTargets parses --report FORMAT=PATH.
func reportTargets(c *cli.Context) (map[string]string, error) {
	targets := map[string]string{}
	for _, r := range c.StringSlice("report") {
		format, path, ok := strings.Cut(r, "=")
		if _, known := renderers[format]; !ok || !known || path == "" {
			return nil, &usageProblem{text: fmt.Sprintf("--report %s is not FORMAT=PATH", r), hint: "for example --report markdown=report.md; formats are text, markdown, json"}
		}
		if other, twice := targets[path]; twice && other != format {
			return nil, &usageProblem{text: fmt.Sprintf("--report writes %s twice, as %s and as %s", path, other, format), hint: "give each format a file of its own"}
		}
		targets[path] = format
	}
	return targets, nil
}
