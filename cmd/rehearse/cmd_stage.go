package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

func stageCommand() *cli.Command {
	return &cli.Command{
		Name:  "stage",
		Usage: "make a masked copy of the source, leave it running and print its URL",
		Flags: flags(restoreFlags(), sourceFlags(), maskFlags(), stagingFlags(), []cli.Flag{
			copiesFlag(), pristineFlag(), timeoutFlag(), choiceFlag("format", "text", "what stdout gets", "text", "json"),
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
		return printJSON(c.App.Writer, stagingJSON(staged.Info, staged.Databases), "")
	}
	u := ui{err: c.App.ErrWriter}
	u.note("%s, %s; %d of %d columns masked", count(int64(len(staged.Snapshot.Tables)), "table"), rowsOf(staged.Snapshot), staged.Masking.Masked, staged.Masking.Columns)
	if why := staged.Snapshot.Retried; why != "" {
		u.note("this is the second copy: %s", why)
	}
	for _, d := range staged.Differences {
		u.note("differs from the source: %s: %s there, %s here", d.What, orNone(d.Source), orNone(d.Staging))
	}
	for _, e := range staged.Snapshot.SchemaErrors {
		u.note("differs from the source: %s could not be made: %s", e.Object, e.Reason)
	}
	noteEphemeral(u, staged.Masking, cfg.Archive != nil)
	printKept(c.App.ErrWriter, staged.Info)
	for _, name := range staged.Databases {
		fmt.Fprintln(c.App.Writer, staged.Info.At(name).URL)
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// rowsOf is how many rows a copy has, and of how many.
func rowsOf(s report.Snapshot) string {
	rows := count(s.Rows, "row")
	if share := s.Share(); share.Tables > 0 {
		rows += " of " + share.String()
	}
	return rows
}
