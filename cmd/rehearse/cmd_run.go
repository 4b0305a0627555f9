package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:  "run",
		Usage: "rehearse the pending migrations on a masked copy of the source and give a verdict",
		Description: "Exit codes: 0 GO; 10 a migration failed; 11 over budget; 12 masking incomplete; 13 drift; 14 inconclusive;\n" +
			"2 usage; 20 source; 21 staging; 22 snapshot; 23 timeout; 24 the result could not be written; 129, 130, 143 hung up, interrupted, terminated.",
		Flags:  flags(restoreFlags(), sourceFlags(), maskFlags(), migrationFlags(), stagingFlags(), []cli.Flag{keepFlag(), pristineFlag(), timeoutFlag()}, passFlags(), checkFlags(), policyFlags(), outputFlags(), []cli.Flag{receiptFlag("also write the receipt for rehearse verify to this `FILE`; signed with the key in REHEARSE_SIGNING_KEY[_FILE]")}),
		Action: prepare(rehearseAction),
	}
}

func rehearseAction(c *cli.Context) error {
	targets, err := reportTargets(c)
	if err != nil {
		return err
	}
	cfg, err := config(c)
	if err != nil {
		return err
	}
	if cfg.Passes, err = passNames(c); err != nil {
		return err
	}
	if err = fileQueries(c, &cfg); err != nil {
		return err
	}
	if cfg.Checks, err = configuredChecks(c); err != nil {
		return err
	}
	cfg.CheckCommand, cfg.CheckOutput = c.String("check-command"), c.App.ErrWriter
	key, err := signingKey()
	if err != nil {
		return err
	}
	err = bounded(c, func(ctx context.Context) error {
		progress := newReporter(choiceOf(c, "progress"), c.Bool("quiet"), c.App.ErrWriter)
		cfg.Progress = progress.event
		var kept *staging.Info
		cfg.Kept = func(i staging.Info) { kept = &i }
		result, err := rehearse.Run(ctx, cfg)
		progress.close()
		if kept != nil {
			defer printKept(c.App.ErrWriter, *kept)
			if err != nil {
				err = &stagingKept{err}
			}
		}
		if result != nil { // also when cleaning up failed: a verdict that was reached is told
			err = errors.Join(err, publish(c, result, targets), issue(c, result, key))
		}
		if err != nil {
			return err
		}
		if result.ExitCode != exitOK {
			return &statusError{result.ExitCode}
		}
		return nil
	})
	if stopped := (*rehearse.StoppedError)(nil); errors.As(err, &stopped) && len(targets) > 0 {
		code := codeOf(c.Context, err)
		if unwritten := writeReports(targets, stopped.Result(code, stopReason(code))); unwritten != nil {
			err = errors.Join(err, fmt.Errorf("nor could a report of that be written: %w", unwritten))
		}
	}
	return err
}

// stopReason is why there is no verdict, for the files of --report. What stderr says more exactly may name hosts, and files travel.
func stopReason(code int) string {
	switch code {
	case exitUsage:
		return "the migrations or the configuration cannot be used as they are"
	case exitMasking:
		return "the masking rules do not cover the source, a mask cannot handle a value, or k-anonymity is below what they ask"
	case exitSource:
		return "the source could not be connected to or read"
	case exitStaging:
		return "the staging server could not be started, filled or used"
	case exitSnapshot:
		return "the snapshot could not be found, opened or trusted"
	case exitTimeout:
		return "the time that --timeout allows was over"
	case exitHungUp, exitInterrupted, exitTerminated:
		return "it was interrupted"
	}
	return "an internal error"
}

// stagingKept is an error after which staging is left running, as --keep asks.
type stagingKept struct{ error }

func (e *stagingKept) Unwrap() error { return e.error }

// printKept goes to stderr: stdout carries the report and nothing else, and the URL has a password.
func printKept(w io.Writer, i staging.Info) {
	u := ui{err: w}
	u.note("staging is kept until %s", i.Expires.Local().Format("2006-01-02 15:04"))
	u.note("  url:     %s", i.URL)
	u.note("  psql:    %s", i.PSQL)
	u.note("  destroy: rehearse staging destroy --staging %s", i.RunID)
}

// renderers are the forms of a report.
var renderers = map[string]func(io.Writer, *report.Result, report.TextOptions) error{
	"text":     report.Text,
	"markdown": func(w io.Writer, r *report.Result, _ report.TextOptions) error { return report.Markdown(w, r) },
	"json":     func(w io.Writer, r *report.Result, _ report.TextOptions) error { return report.JSON(w, r) },
}

// publish writes the result: kept in the state directory, then the files asked for, then stdout.
func publish(c *cli.Context, result *report.Result, targets map[string]string) error {
	compareKey(c, result)
	path := filepath.Join(c.String("state-dir"), "runs", result.ID, "result.json")
	unkept := writeReport(path, "json", result)
	failed := errors.Join(writeReports(targets, result), render(c, result))
	switch {
	case unkept != nil:
		return fmt.Errorf("%w: %w", errPublish, errors.Join(&unkeptError{unkept}, failed))
	case failed != nil:
		return fmt.Errorf("%w: %w", errPublish, &keptError{failed})
	}
	return nil
}

// writeReports writes the files asked for, each of them even when another cannot be written.
func writeReports(targets map[string]string, result *report.Result) error {
	var errs []error
	for _, path := range slices.Sorted(maps.Keys(targets)) {
		errs = append(errs, writeReport(path, targets[path], result))
	}
	return errors.Join(errs...)
}

// keptError is a failure to write a result that is kept in the state directory, so that it can be rendered again.
type keptError struct{ error }

func (e *keptError) Unwrap() error { return e.error }

// unkeptError is a failure to keep a result in the state directory.
type unkeptError struct{ error }

func (e *unkeptError) Unwrap() error { return e.error }

// render writes the result to stdout in the format asked for.
func render(c *cli.Context, result *report.Result) error {
	options := report.TextOptions{
		Width: width(os.Stdout), Color: colour(choiceOf(c, "color"), os.Stdout), ASCII: ascii(),
	}
	var b bytes.Buffer
	if err := renderers[choiceOf(c, "format")](&b, result, options); err != nil {
		return err
	}
	_, err := c.App.Writer.Write(b.Bytes())
	return err
}

// writeReport writes a file whole or not at all. What is there and not a plain file, such as
// /dev/stdout, a pipe or a link, is written to, not replaced.
func writeReport(path, format string, result *report.Result) error {
	var b bytes.Buffer
	err := renderers[format](&b, result, report.TextOptions{Width: 100})
	if err == nil {
		err = replaceFile(path, b.Bytes())
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err // which may name a temporary file
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func replaceFile(path string, text []byte) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(path, text, 0o644)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".rehearse-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already when all went well
	_, err = f.Write(text)
	if err := errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
