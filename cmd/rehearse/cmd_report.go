package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

func reportCommand() *cli.Command {
	return &cli.Command{
		Name:  "report",
		Usage: "render the result of an earlier run",
		Subcommands: []*cli.Command{{
			Name: "render", Usage: "render a stored result again, without a second run",
			Flags: flags(outputFlags(), []cli.Flag{
				&cli.StringFlag{Name: "run", Usage: "`ID` of the run", DefaultText: "the newest"},
				&cli.StringFlag{Name: "input", Usage: "result `FILE` in JSON instead of a stored run"},
			}),
			Action: prepare(renderAction),
		}},
	}
}

func renderAction(c *cli.Context) error {
	path := c.String("input")
	if path == "" {
		var err error
		if path, err = storedRun(c.String("state-dir"), c.String("run")); err != nil {
			return err
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return &usageProblem{text: unwrapPath(err).Error(), hint: "rehearse run keeps its result in " + c.String("state-dir")}
	}
	defer f.Close()
	result, err := report.ReadJSON(f)
	if err != nil {
		return &usageProblem{text: fmt.Sprintf("%s: %v", path, err), hint: "--input names a result in JSON, as rehearse run --report json=FILE writes it"}
	}
	targets, err := reportTargets(c)
	if err != nil {
		return err
	}
	if err := errors.Join(writeReports(targets, result), render(c, result)); err != nil {
		return fmt.Errorf("%w: %w", errPublish, err)
	}
	return nil
}

// storedRun is the result file of a run; ids sort by time, so the newest is the last.
func storedRun(stateDir, id string) (string, error) {
	runs := filepath.Join(stateDir, "runs")
	if id != "" {
		return filepath.Join(runs, filepath.Base(id), "result.json"), nil
	}
	entries, err := os.ReadDir(runs)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", &usageProblem{text: unwrapPath(err).Error(), hint: "--state-dir is where rehearse run keeps its results"}
	}
	for _, e := range slices.Backward(entries) { // sorted by name, says os.ReadDir
		path := filepath.Join(runs, e.Name(), "result.json")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", &usageProblem{text: "no result is stored in " + runs, hint: "rehearse run stores one; --input names a result file, --state-dir another directory"}
}

func schemaCommand() *cli.Command {
	return &cli.Command{
		Name:  "schema",
		Usage: "print the JSON Schema of the result",
		Flags: []cli.Flag{choiceFlag("of", "result", "what of", "result")},
		Action: func(c *cli.Context) error {
			_, err := c.App.Writer.Write(report.JSONSchema())
			return err
		},
	}
}
