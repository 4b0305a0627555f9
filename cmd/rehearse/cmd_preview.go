package main

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

const mostPreviewed = 1000 // rows: they are for reading

func previewCommand() *cli.Command {
	return &cli.Command{
		Name: "preview", Usage: "show rows of a table before and after its masks, side by side; nothing is started or kept",
		Description: "The first rows are read from the source and masked as a copy would. Values that no mask has changed are hidden unless\n" +
			"--show-raw is given, which takes a terminal: such values belong into no file, pipe or log.",
		Flags: flags(sourceFlags(), maskFlags(), []cli.Flag{
			&cli.StringFlag{Name: "table", Usage: "`NAME` of the table, as SQL would name it"},
			&cli.IntFlag{Name: "rows", Usage: "rows to show", Value: 20, EnvVars: env("rows")},
			&cli.BoolFlag{Name: "show-raw", Usage: "show the source's own values too, on a terminal only", DisableDefaultText: true},
		}),
		Action: func(c *cli.Context) error {
			if !c.IsSet("table") || c.String("table") == "" { // before rehearse.yaml is read, which has goose's table under that name
				return &usageProblem{text: "no table is named", hint: "such as --table shop.customers"}
			}
			return prepare(previewAction)(c)
		},
	}
}

func previewAction(c *cli.Context) error {
	wanted := rehearse.RowsWanted{Table: c.String("table"), Rows: c.Int("rows"), Raw: c.Bool("show-raw")}
	switch {
	case wanted.Rows < 1 || wanted.Rows > mostPreviewed:
		return &usageProblem{text: fmt.Sprintf("--rows %d: from 1 to %d rows can be shown", wanted.Rows, mostPreviewed)}
	case wanted.Raw && !isTerminal(os.Stdout):
		return &usageProblem{
			text: "--show-raw: stdout is no terminal, and the source's values are for the eye only",
			hint: "without --show-raw they are hidden, and stdout may be anything",
		}
	}
	cfg, err := sourceOnly(c)
	if err != nil {
		return err
	}
	if cfg.Rules, err = rules(c); err != nil {
		return err
	}
	cfg.Programs = c.Bool("mask-programs")
	if cfg.Key, cfg.Ephemeral, err = maskKey(); err != nil {
		return err
	}
	p, err := rehearse.PreviewMasks(c.Context, cfg, wanted)
	if err != nil {
		return err
	}
	previewNotes(ui{err: c.App.ErrWriter}, p)
	_, err = c.App.Writer.Write([]byte(previewText(p, width(os.Stdout), ascii())))
	return err
}

// previewNotes says on stderr what the rows do not show.
func previewNotes(u ui, p *rehearse.MaskPreview) {
	if p.Ephemeral {
		u.note("the key was made for this preview and thrown away: a copy has other pseudonyms; REHEARSE_MASK_KEY keeps them alike")
	}
	if p.Masked() == 0 && len(p.Columns) > 0 {
		u.note("no column of %s is masked: a copy has its rows as they are", p.Table)
	}
	switch {
	case p.Part == report.PartNone:
		u.note("the rules leave every row of %s out", p.Table)
	case p.Part != "":
		u.note("a copy has a part of %s: %s; these are rows of the whole table", p.Table, report.PartWords(p.Part))
	}
	if p.Part != report.PartNone && len(p.Rows) == 0 {
		u.note("%s has no rows", p.Table)
	}
}
