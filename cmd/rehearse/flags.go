package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// env is the environment variable of a flag: REHEARSE_ and its name.
func env(flag string) []string {
	return []string{"REHEARSE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))}
}

func stringFlag(name, value, usage string) cli.Flag {
	return &cli.StringFlag{Name: name, Value: value, Usage: usage, EnvVars: env(name)}
}

func boolFlag(name, usage string) cli.Flag {
	return &cli.BoolFlag{Name: name, Usage: usage, EnvVars: env(name), DisableDefaultText: true}
}

func durationFlag(name string, value time.Duration, usage string) cli.Flag {
	return &cli.DurationFlag{Name: name, Value: value, Usage: usage, EnvVars: env(name)}
}

// choiceFlag is a string out of a fixed set, checked when it is parsed, whatever it came from.
func choiceFlag(name, value, usage string, choices ...string) cli.Flag {
	return &cli.GenericFlag{
		Name: name, Value: &choice{value: value, choices: choices},
		Usage: fmt.Sprintf("%s: %s", usage, strings.Join(choices, ", ")), EnvVars: env(name), DefaultText: value,
	}
}

type choice struct {
	value   string
	choices []string
}

func (c *choice) Set(s string) error {
	for _, choice := range c.choices {
		if s == choice {
			c.value = s
			return nil
		}
	}
	return fmt.Errorf("%s is not one of %s", discreet(s), strings.Join(c.choices, ", "))
}

func (c *choice) String() string { return c.value }

func choiceOf(c *cli.Context, name string) string {
	if v, ok := c.Generic(name).(*choice); ok {
		return v.value
	}
	return ""
}

// sizeFlag is a number of bytes with a unit, such as 1GB or 500MiB; "any" is -1.
func sizeFlag(name string, usage string) cli.Flag {
	return &cli.GenericFlag{Name: name, Value: &size{bytes: -1}, Usage: usage, EnvVars: env(name), DefaultText: "any"}
}

type size struct{ bytes int64 }

// Set reads a size as [report.ParseBytes] does.
func (s *size) Set(v string) error {
	if v == "any" {
		s.bytes = -1
		return nil
	}
	n, err := report.ParseBytes(v)
	if err != nil {
		return fmt.Errorf("%w or any", err)
	}
	s.bytes = n
	return nil
}

func (s *size) String() string {
	if s.bytes < 0 {
		return "any"
	}
	return report.Bytes(s.bytes)
}

// globalFlags are few: everything else stands after the command.
func globalFlags() []cli.Flag { return nil }

// commonFlags are the flags of every command that does something.
func commonFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag("config", "", "configuration `FILE`; without it rehearse.yaml is searched upward to the repository's root"),
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no progress, errors only", EnvVars: env("quiet"), DisableDefaultText: true},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "log what is done to stderr; twice for every detail", EnvVars: env("verbose"), Count: new(int), DisableDefaultText: true},
		choiceFlag("log-format", "text", "format of the log", "text", "json"),
		choiceFlag("progress", "auto", "how progress is shown on stderr", "auto", "tty", "plain", "json", "none"),
		choiceFlag("color", "auto", "colour on a terminal", "auto", "always", "never"),
		stringFlag("state-dir", ".rehearse", "`DIR` where the results of runs are kept"),
	}
}

func sourceFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "source", Usage: "`URL` of the source; better in REHEARSE_SOURCE_URL or REHEARSE_SOURCE_URL_FILE, where ps does not show it"},
		stringFlag("source-env", "", "`NAME` of another environment variable that holds the URL of the source"),
		durationFlag("lock-timeout", 2*time.Second, "how long a statement may wait for a lock of the source"),
		durationFlag("statement-timeout", 5*time.Minute, "how long a query of the source's catalog may run, and all counts there of rows that migrations would break on; reading a table is not limited by it"),
	}
}

func maskFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag("masks", defaultMasks, "`FILE` of the masking rules"),
		boolFlag("mask-programs", "let rules with the mask exec give raw values to programs on this machine"),
	}
}

func migrationFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag("migrations", "migrations", "`DIR` with the migrations, of goose, of golang-migrate, or plain SQL; see docs/migrators.md"),
		choiceFlag("migrator", "auto", "whose files these are; auto tells by their names and annotations", "auto", "goose", "golang-migrate", "plain"),
		stringFlag("pending-from", "", "plain SQL: `FILE` that is the first pending one, in the order of names; nothing else says so"),
		stringFlag("migrate-command", "", "`CMD` that migrates instead, run by sh -c with DATABASE_URL and PG* leading to staging; see docs/migrators.md"),
		stringFlag("table", "", "`NAME` of the version table, as SQL would name it; found by its columns when there is one only"),
		&cli.Int64Flag{Name: "to", Usage: "apply pending migrations up to `VERSION` only", EnvVars: env("to"), DefaultText: "all"},
		boolFlag("allow-missing", "go on when the version table and the files disagree, as goose's own --allow-missing does"),
		choiceFlag("session", "shared", "sessions of the migrations; shared: one for all, as goose up has; each: a new one for each", "shared", "each"),
		stringFlag("role", "", "`ROLE` that applies the migrations; the owner of the version table when not given"),
	}
}

func stagingFlags() []cli.Flag {
	return []cli.Flag{
		choiceFlag("provider", "auto", "where staging runs; auto takes a container where an engine answers, else local binaries", "auto", "container", "local"),
		stringFlag("image", "", "container: `IMAGE` instead of postgres:<major version of the source>"),
		choiceFlag("pull", "missing", "container: when to pull the image", "missing", "never", "always"),
		stringFlag("pg-bindir", "", "local: `DIR` with initdb and postgres"),
		boolFlag("no-audit", "hand out a fresh copy without scanning it for what its masks were to take out; the report says so"),
		stringFlag("pg-dump", "", "`PATH` of a pg_dump on this host to use instead of staging's own"),
		durationFlag("ttl", 4*time.Hour, "staging ends by itself after this, whatever becomes of this command"),
		&cli.IntFlag{Name: "jobs", Aliases: []string{"j"}, Usage: "tables copied and indexes built at once", Value: 4, EnvVars: env("jobs")},
		sizeFlag("rate-limit", "read rows from the source no faster than `SIZE` a second, all jobs together, such as 20MB; any"),
		durationFlag("max-snapshot-age", 0, "give up when rows are still being copied after this: their snapshot holds back vacuum at the source; 0 is never"),
	}
}

func copiesFlag() cli.Flag {
	return &cli.IntFlag{Name: "copies", Usage: "databases with the same masked copy; all but the first are clones, each made in a fraction of its time", Value: 1, EnvVars: env("copies")}
}

func pristineFlag() cli.Flag {
	return boolFlag("pristine", "where staging is kept, keep beside it a copy that nobody can change, for rehearse staging clone to make databases from")
}

func keepFlag() cli.Flag {
	return choiceFlag("keep", "never", "leave the staging server running", "never", "on-failure", "always")
}

func timeoutFlag() cli.Flag {
	return durationFlag("timeout", 0, "give up after this, all in all; 0 is never")
}

func passFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag("queries", "", "`FILE` of the application's queries, separated by semicolons, beside those that pg_stat_statements of the source has"),
		stringFlag("passes", "all", "further rehearsals on clones of the copy, as a `LIST` of names; all, or none; names: "+strings.Join(rehearse.PassNames(), ", ")),
		&cli.DurationFlag{
			Name: "hostile-hold", Usage: "pass hostile: how long others' transactions last; 0 is as long as the oldest at the source, a second more than --migration-lock-timeout at least and 10 s at most",
			EnvVars: env("hostile-hold"), DefaultText: "as at the source",
		},
		durationFlag("migration-lock-timeout", 2*time.Second, "pass hostile: the lock_timeout under which migrations are tried; those that set their own keep it"),
		durationFlag("pass-time", time.Hour, "no further rehearsal begins that would take longer than this with those before it; 0 is no limit"),
		&cli.IntFlag{Name: "repeat", Usage: "time all migrations again `N` times, on fresh clones and unobserved: least, median, most; from 2", EnvVars: env("repeat")},
		sharesFlag("scale-curve", "time all migrations again on copies with fewer rows, for how times grow; a quarter and a half, or --scale-curve=0.1,0.3,0.6"),
	}
}

func checkFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag("check-command", "", "`COMMAND` run by sh -c on a clone of the migrated copy, to which DATABASE_URL and PG* lead; a status other than 0 is NO-GO"),
	}
}

func policyFlags() []cli.Flag {
	return []cli.Flag{
		durationFlag("max-total-time", 0, "budget of all migrations together; 0 is none"),
		durationFlag("max-migration-time", 0, "budget of each migration; 0 is none"),
		budgetFlag("max-reads-blocked", "how long a migration may keep reads from a table: `TIME`, or TABLE=TIME for one table, repeatable; 0 is no limit"),
		budgetFlag("max-writes-blocked", "how long a migration may keep writes from a table: `TIME`, or TABLE=TIME for one table, repeatable; 0 is no limit"),
		sizeFlag("allow-rewrite-below", "tables smaller than this `SIZE` may be rewritten, such as 1GB; any"),
		sizeFlag("max-wal", "budget of the WAL that each migration writes, as a `SIZE` such as 1GB; any"),
		sizeFlag("max-disk-peak", "budget of the disk that each migration needs above what there was before, as a `SIZE`; any"),
		choiceFlag("broken-queries", "condition", "queries of the application that stop working", "fail", "condition", "warn"),
		choiceFlag("unexpected-row-changes", "fail", "rows changed in a table that the migration does not name", "fail", "warn"),
		choiceFlag("require-down", "none", "what the down of each migration must restore", "reversible", "schema", "none"),
		&cli.StringSliceFlag{Name: "deny", Usage: "findings with these `CODES`, joined by commas, fail whatever their level; repeatable", EnvVars: env("deny")},
		boolFlag("strict", "GO WITH CONDITIONS fails too, with exit code 11"),
	}
}

func outputFlags() []cli.Flag {
	return []cli.Flag{
		choiceFlag("format", "text", "format of the report on stdout", "text", "markdown", "json"),
		&cli.StringSliceFlag{Name: "report", Usage: "also write the report: `FORMAT=PATH`, repeatable", EnvVars: env("report")},
	}
}

func flags(groups ...[]cli.Flag) []cli.Flag {
	var all []cli.Flag
	for _, g := range groups {
		all = append(all, g...)
	}
	return append(all, commonFlags()...)
}

// logger writes to stderr: nothing below warnings by default, what is done at -v, every detail at -v -v.
func logger(c *cli.Context) *slog.Logger {
	level := slog.LevelWarn
	switch {
	case c.Bool("quiet"):
		level = slog.LevelError
	case c.Count("verbose") > 1:
		level = slog.LevelDebug
	case c.Bool("verbose"):
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if choiceOf(c, "log-format") == "json" {
		return slog.New(slog.NewJSONHandler(c.App.ErrWriter, options))
	}
	return slog.New(slog.NewTextHandler(c.App.ErrWriter, options))
}

// secret reads a secret from NAME, or from the file that NAME_FILE names; "" when neither is set.
func secret(name string) (string, error) {
	if v := os.Getenv(name); v != "" {
		return v, nil
	}
	path := os.Getenv(name + "_FILE")
	if path == "" {
		return "", nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", &usageProblem{text: fmt.Sprintf("%s_FILE: %v", name, unwrapPath(err)), hint: "the file holds the secret and nothing else"}
	}
	v := strings.TrimRight(string(b), "\r\n")
	if v == "" {
		return "", &usageProblem{text: fmt.Sprintf("%s_FILE: %s is empty", name, path)}
	}
	return v, nil
}

// unwrapPath says "x: no such file" of a failure that names its path, without the system call before it.
func unwrapPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}
