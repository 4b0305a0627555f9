package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// oneMigrator refuses a command together with what only files of migrations have. In the configuration file and the environment the directory
// may be meant for other runs.
func oneMigrator(c *cli.Context, given []string) error {
	if !hasFlag(c, "migrate-command") {
		return nil
	}
	if c.String("migrate-command") == "" {
		return ofPlain(c, given)
	}
	for _, name := range []string{"migrations", "migrator", "pending-from", "table", "to", "allow-missing", "session", "receipt"} {
		if slices.Contains(given, name) {
			return &usageProblem{text: "--migrate-command and --" + name + " exclude each other: the command decides what is applied, and from which files", hint: "leave one of them out"}
		}
	}
	return nil
}

// ofPlain refuses what plain files have not, and what others have not.
func ofPlain(c *cli.Context, given []string) error {
	by := migratorOf(c)
	if c.String("pending-from") == "" {
		return nil
	}
	if by != "" && by != report.Plain {
		return &usageProblem{
			text: fmt.Sprintf("--migrator %s and --pending-from exclude each other: its version table says what is pending", by),
			hint: "--migrator plain, or none, has plain SQL files applied as psql -f does; --to limits what is applied",
		}
	}
	for _, name := range []string{"table", "to", "allow-missing"} {
		if slices.Contains(given, name) {
			return &usageProblem{
				text: "--pending-from and --" + name + " exclude each other: plain SQL files have no versions and no table of them",
				hint: "leave one of them out; later files are left out by a directory without them",
			}
		}
	}
	return nil
}

// migratorOf is the migrator asked for; "" for that of the files.
func migratorOf(c *cli.Context) report.Migrator {
	if by := choiceOf(c, "migrator"); by != "auto" {
		return report.Migrator(by)
	}
	return ""
}

// commandOutput is where the output of the migrating command goes: to stderr, so that stdout has the report alone, line by line.
func commandOutput(c *cli.Context) io.Writer {
	if c.Bool("quiet") {
		return nil
	}
	return &commandLines{w: c.App.ErrWriter}
}

// commandLines writes whole lines, marked as the command's and without what moves a terminal's cursor.
type commandLines struct {
	mu   sync.Mutex
	w    io.Writer
	rest []byte
}

// Write implements io.Writer.
func (l *commandLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		i := bytes.IndexAny(l.rest, "\r\n")
		if i < 0 && len(l.rest) < 1<<16 {
			return len(p), nil
		}
		if i < 0 {
			i = len(l.rest) - 1
		}
		if line := harmless(string(l.rest[:i])); line != "" {
			_, _ = io.WriteString(l.w, "rehearse: command: "+line+"\n") // stderr is gone: nobody to tell
		}
		l.rest = l.rest[i+1:]
	}
}
