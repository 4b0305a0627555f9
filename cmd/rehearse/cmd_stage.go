package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/snapshot/archive"
)

func stageCommand() *cli.Command {
	return &cli.Command{
		Name:  "stage",
		Usage: "make a masked copy of the source, leave it running and print its URL",
		Flags: flags(restoreFlags(), sourceFlags(), maskFlags(), stagingFlags(), []cli.Flag{
			timeoutFlag(), choiceFlag("format", "text", "what stdout gets", "text", "json"),
		}),
		Action: prepare(stageAction),
	}
}

func stageAction(c *cli.Context) error {
	cfg, err := config(c)
	if err != nil {
		return err
	}
	var staged *rehearse.Staged
	err = bounded(c, func(ctx context.Context) error {
		progress := newReporter(choiceOf(c, "progress"), c.Bool("quiet"), c.App.ErrWriter)
		defer progress.close()
		cfg.Progress = progress.event
		staged, err = rehearse.Stage(ctx, cfg)
		return err
	})
	if err != nil {
		return err
	}
	if choiceOf(c, "format") == "json" {
		return printJSON(c.App.Writer, stagingJSON(staged.Info), "")
	}
	u := ui{err: c.App.ErrWriter}
	u.note("%s, %s; %d of %d columns masked", count(int64(len(staged.Snapshot.Tables)), "table"), count(staged.Snapshot.Rows, "row"), staged.Masking.Masked, staged.Masking.Columns)
	for _, d := range staged.Differences {
		u.note("differs from the source: %s: %s there, %s here", d.What, orNone(d.Source), orNone(d.Staging))
	}
	for _, e := range staged.Snapshot.SchemaErrors {
		u.note("differs from the source: %s could not be made: %s", e.Object, e.Reason)
	}
	printKept(c.App.ErrWriter, staged.Info)
	fmt.Fprintln(c.App.Writer, staged.Info.URL)
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

type stagingRecord struct {
	ID       string    `json:"id"`
	Provider string    `json:"provider"`
	URL      string    `json:"url"`
	PSQL     string    `json:"psql"`
	Expires  time.Time `json:"expires_at"`
	Kept     bool      `json:"kept"`
}

func stagingJSON(i staging.Info) stagingRecord {
	return stagingRecord{ID: i.RunID, Provider: i.Provider, URL: i.URL, PSQL: i.PSQL, Expires: i.Expires, Kept: i.Kept}
}

func stagingCommand() *cli.Command {
	id := &cli.StringFlag{Name: "staging", Usage: "`ID` of the staging server, from list; not needed when there is one only"}
	return &cli.Command{
		Name:  "staging",
		Usage: "list, reach and destroy staging servers that were kept",
		Subcommands: []*cli.Command{
			{
				Name: "list", Usage: "staging servers: this user's on this machine, and all of its Docker engine", Action: prepare(listAction),
				Flags: flags([]cli.Flag{choiceFlag("format", "text", "format", "text", "json")}),
			},
			{Name: "url", Usage: "print the URL of a staging server", Flags: flags([]cli.Flag{id}), Action: prepare(withStaging(func(c *cli.Context, i staging.Info) error {
				fmt.Fprintln(c.App.Writer, i.URL)
				return nil
			}))},
			{Name: "connect", Usage: "open psql on a staging server", Flags: flags([]cli.Flag{id}), Action: prepare(withStaging(connect))},
			{Name: "destroy", Usage: "end and remove a staging server", Flags: flags([]cli.Flag{id}), Action: prepare(withStaging(func(c *cli.Context, i staging.Info) error {
				return staging.Destroy(c.Context, i.RunID, stagingOptions(c))
			}))},
			{
				Name: "prune", Usage: "end and remove what expired and what a killed run left behind, of snapshots too", Action: prepare(pruneAction),
				Flags: flags([]cli.Flag{snapshotDirFlag()}),
			},
		},
	}
}

func stagingOptions(c *cli.Context) staging.Options {
	return staging.Options{Log: logger(c)}
}

func pruneAction(c *cli.Context) error {
	gone, err := staging.Prune(c.Context, stagingOptions(c))
	for _, i := range gone {
		fmt.Fprintln(c.App.Writer, i.RunID)
	}
	swept, serr := archive.Sweep(snapshotDir(c))
	for _, name := range swept {
		fmt.Fprintln(c.App.Writer, name)
	}
	return errors.Join(err, serr)
}

func listAction(c *cli.Context) error {
	list, err := staging.List(c.Context, stagingOptions(c))
	if err != nil {
		return err
	}
	if choiceOf(c, "format") == "json" {
		records := []stagingRecord{}
		for _, i := range list {
			records = append(records, stagingJSON(i))
		}
		return printJSON(c.App.Writer, records, "")
	}
	for _, i := range list {
		left := "expired"
		if d := time.Until(i.Expires); d > 0 {
			left = report.Duration(d).String() + " left"
		}
		fmt.Fprintf(c.App.Writer, "%s  %-9s  %s  %s\n", i.RunID, i.Provider, left, i.PSQL)
	}
	return nil
}

// withStaging finds the one server that a subcommand is about.
func withStaging(action func(*cli.Context, staging.Info) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		list, err := staging.List(c.Context, stagingOptions(c))
		if err != nil {
			return err
		}
		wanted := c.String("staging")
		for _, i := range list {
			if i.RunID == wanted || wanted == "" && len(list) == 1 {
				return action(c, i)
			}
		}
		p := &usageProblem{text: fmt.Sprintf("there is no staging server %q", wanted), hint: "rehearse staging list shows them"}
		switch {
		case len(list) == 0:
			p.text, p.hint = "no staging server is running", "rehearse stage makes one, rehearse run --keep always leaves one"
		case wanted == "":
			p.text = fmt.Sprintf("%d staging servers are running", len(list))
			p.hint = "say which with --staging ID; rehearse staging list shows them"
		}
		return p
	}
}
