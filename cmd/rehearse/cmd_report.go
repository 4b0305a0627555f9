package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
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
				&cli.StringFlag{Name: "compare", Usage: "tell the difference to this earlier result `FILE` in JSON, as text or markdown"},
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
	result, err := loadResult(path, "input", "rehearse run keeps its result in "+c.String("state-dir"))
	if err != nil {
		return err
	}
	targets, err := reportTargets(c)
	if err != nil {
		return err
	}
	if earlier := c.String("compare"); earlier != "" {
		return renderCompared(c, earlier, result, targets)
	}
	if err := errors.Join(writeReports(targets, result), render(c, result)); err != nil {
		return fmt.Errorf("%w: %w", errPublish, err)
	}
	return nil
}

// loadResult reads a result that a person named, or a run kept.
func loadResult(path, flag, hint string) (*report.Result, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &usageProblem{text: unwrapPath(err).Error(), hint: hint}
	}
	defer f.Close()
	result, err := report.ReadJSON(f)
	if err != nil {
		return nil, &usageProblem{text: fmt.Sprintf("%s: %v", path, err), hint: "--" + flag + " names a result in JSON, as rehearse run --report json=FILE writes it"}
	}
	return result, nil
}

// renderCompared writes the difference to an earlier result, to stdout and to the files asked for.
func renderCompared(c *cli.Context, path string, result *report.Result, targets map[string]string) error {
	earlier, err := loadResult(path, "compare", "--compare names an earlier result, such as .rehearse/runs/<id>/result.json")
	if err != nil {
		return err
	}
	both := report.Comparison{Then: earlier, Now: result}
	formed := func(format string, o report.TextOptions) ([]byte, error) {
		var b bytes.Buffer
		switch format {
		case "text":
			err = report.TextCompared(&b, both, o)
		case "markdown":
			err = report.MarkdownCompared(&b, both)
		default:
			err = &usageProblem{text: "--compare gives no " + format, hint: "text and markdown it gives"}
		}
		return b.Bytes(), err
	}
	out, err := formed(choiceOf(c, "format"), report.TextOptions{Width: width(os.Stdout), Color: colour(choiceOf(c, "color"), os.Stdout), ASCII: ascii()})
	if err != nil {
		return err
	}
	for _, to := range slices.Sorted(maps.Keys(targets)) {
		text, err := formed(targets[to], report.TextOptions{Width: 100})
		if err != nil {
			return err
		}
		if err := replaceFile(to, text); err != nil {
			return fmt.Errorf("%w: %s: %w", errPublish, to, bareError(err))
		}
	}
	_, err = c.App.Writer.Write(out)
	return err
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
