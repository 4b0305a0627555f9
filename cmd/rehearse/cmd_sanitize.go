package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/rehearse"
)

func sanitizeCommand() *cli.Command {
	return &cli.Command{
		Name:  "sanitize",
		Usage: "write and verify the masking rules",
		Subcommands: []*cli.Command{
			{
				Name: "init", Usage: "write a complete starter file of rules from names, types and sampled values of the source",
				Description: "Values are sampled in memory only. The file is a proposal: read every line before you trust it. An existing file is never overwritten;\n" +
					"--update adds what it lacks, and leaves every byte of it where it is.",
				Flags: flags(sourceFlags(), maskFlags(), []cli.Flag{
					samplesFlag(),
					&cli.BoolFlag{Name: "update", Usage: "add to the file that is there the tables and columns it has no rules for", EnvVars: env("update"), DisableDefaultText: true},
				}),
				Action: prepare(func(c *cli.Context) error {
					if c.Bool("update") {
						return updateRules(c, c.String("masks"))
					}
					return writeStarter(c, c.String("masks"))
				}),
			},
			{
				Name: "check", Usage: "verify that the rules cover every column of the source and agree with their lock; no data are read",
				Description: "The lock stands beside the rules, such as rehearse.masks.lock: a line for each column with what becomes of it, to be reviewed and kept with\n" +
					"the rules. With it a decision that changes, or that only a default makes about a new column, stops every copy with exit code 12.\n" +
					"Definitions of the schema (defaults, CHECKs, views, functions, comments ...) are looked through for personal data, which a copy has too.",
				Flags: flags(sourceFlags(), maskFlags(), []cli.Flag{
					&cli.BoolFlag{Name: "write-lock", Usage: "write the lock as the rules decide now, in the place of the one that is there", EnvVars: env("write-lock"), DisableDefaultText: true},
				}),
				Action: prepare(checkAction),
			},
			masksCommand(),
			previewCommand(),
			revealCommand(),
		},
	}
}

func samplesFlag() cli.Flag {
	return &cli.IntFlag{Name: "samples", Usage: "rows of each table to look at; 0 looks at names and types only", Value: 200, EnvVars: env("samples")}
}

func writeStarter(c *cli.Context, path string) error {
	if path != "-" {
		if err := absent(path); err != nil {
			return err
		}
	}
	cfg, err := sourceOnly(c)
	if err != nil {
		return err
	}
	text, err := rehearse.StarterRules(c.Context, cfg, c.Int("samples"))
	if err != nil {
		return err
	}
	if path == "-" {
		_, err := c.App.Writer.Write(text)
		return err
	}
	if err := writeNew(path, text); err != nil {
		return err
	}
	u := ui{err: c.App.ErrWriter}
	u.note("wrote %s, %d lines: read them, they are a proposal", path, bytes.Count(text, []byte("\n")))
	return nil
}

// updateRules adds to the rules what they lack, and tells it.
func updateRules(c *cli.Context, path string) error {
	if path == "-" {
		return &usageProblem{text: "--update needs a file", hint: "--masks names it"}
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return &usageProblem{text: "masking rules: " + unwrapPath(err).Error(), hint: "without --update, rehearse sanitize init writes a file that is not there yet"}
	}
	cfg, err := sourceOnly(c)
	if err != nil {
		return err
	}
	updated, err := rehearse.UpdateRules(c.Context, cfg, path, src, c.Int("samples"))
	if err != nil {
		return err
	}
	u := ui{err: c.App.ErrWriter}
	for _, line := range updated.Added {
		u.note("added %s", line)
	}
	for _, gone := range updated.Gone {
		u.note("%s: the line stays, and stops every copy until it is removed", gone)
	}
	if len(updated.Added) == 0 {
		u.note("%s has a rule for every column: nothing is added", path)
		return nil
	}
	if err := replaceFile(path, updated.Text); err != nil {
		return &usageProblem{text: fmt.Sprintf("write %s: %v", path, unwrapPath(err)), hint: unwritableHint}
	}
	u.note("wrote %s: read what was added, it is a proposal", path)
	return nil
}

// sourceOnly is the configuration of commands that look at the source and start nothing.
func sourceOnly(c *cli.Context) (rehearse.Config, error) {
	source, err := sourceConfig(c)
	return rehearse.Config{
		Source: source, LockTimeout: c.Duration("lock-timeout"), StatementTimeout: c.Duration("statement-timeout"),
		Log: logger(c),
	}, err
}

func absent(path string) error {
	_, err := os.Lstat(path)
	switch {
	case err == nil:
		hint := "rehearse sanitize init --update adds what it lacks; or remove it, or name another file; - is standard output"
		if path == configName {
			hint = "remove it first; rehearse sanitize init writes the masking rules alone"
		}
		return &usageProblem{text: path + " exists already and is not overwritten", hint: hint}
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return &usageProblem{text: unwrapPath(err).Error(), hint: unwritableHint}
}

const unwritableHint = "work in a directory that can be written, or name a file with --masks; - is standard output"

// writeNew writes a file that must not exist yet, whole or not at all.
func writeNew(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return &usageProblem{text: unwrapPath(err).Error(), hint: unwritableHint}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return &usageProblem{text: unwrapPath(err).Error(), hint: unwritableHint}
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(path)
		return &usageProblem{text: fmt.Sprintf("write %s: %v", path, unwrapPath(err)), hint: unwritableHint}
	}
	return nil
}

func checkAction(c *cli.Context) error {
	cfg, err := sourceOnly(c)
	if err != nil {
		return err
	}
	if cfg.Rules, err = rules(c); err != nil {
		return err
	}
	cfg.Programs = c.Bool("mask-programs")
	cfg.LockFile = lockPath(c)
	if cfg.Lock, err = lock(c); err != nil && !c.Bool("write-lock") {
		return err
	}
	checked, err := rehearse.CheckRules(c.Context, cfg)
	if checked == nil {
		return err
	}
	u := ui{err: c.App.ErrWriter}
	switch {
	case c.Bool("write-lock") && checked.Lock != nil:
		if failed := replaceFile(cfg.LockFile, checked.Lock.Text()); failed != nil {
			return &usageProblem{text: fmt.Sprintf("write %s: %v", cfg.LockFile, unwrapPath(failed)), hint: unwritableHint}
		}
		u.note("wrote %s: review what changed in it", cfg.LockFile)
	case checked.Stale != nil:
		err = errors.Join(err, checked.Stale)
		fallthrough
	default:
		for _, note := range checked.Notes {
			u.note("%s", note)
		}
	}
	if err != nil {
		return err
	}
	for _, l := range checked.Literals {
		u.note("warning: the schema holds what looks like personal data: %s", l)
	}
	m := checked.Masking
	fmt.Fprintf(c.App.Writer, "%s covers all %d columns: %d masked, %d kept\n", c.String("masks"), m.Columns, m.Masked, m.Kept)
	programsText(c.App.Writer, m.Programs)
	return nil
}
