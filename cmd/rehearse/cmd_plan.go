package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

func planCommand() *cli.Command {
	return &cli.Command{
		Name:  "plan",
		Usage: "say what run would do: pending migrations, tables and sizes, masks; no data are moved, nothing is started",
		Flags: flags(sourceFlags(), maskFlags(), migrationFlags(), policyFlags(), []cli.Flag{
			timeoutFlag(), choiceFlag("format", "text", "format", "text", "json"),
		}),
		Action: prepare(planAction),
	}
}

func planAction(c *cli.Context) error {
	cfg, err := config(c)
	if err != nil {
		return err
	}
	var preview *rehearse.Preview
	err = bounded(c, func(ctx context.Context) error {
		preview, err = rehearse.Plan(ctx, cfg)
		return err
	})
	if err != nil {
		return err
	}
	if choiceOf(c, "format") == "json" {
		if err := printJSON(c.App.Writer, preview, "  "); err != nil {
			return err
		}
	} else {
		planText(c.App.Writer, preview)
	}
	if preview.Drift != nil && !preview.Drift.Allowed {
		return &statusError{exitDrift}
	}
	return nil
}

// budgets is the policy in words.
func budgets(p report.Policy) string {
	limit := func(d report.Duration, what string) string {
		if d == 0 {
			return "no limit of time " + what
		}
		return d.String() + " " + what
	}
	words := []string{limit(p.MaxTotalTime, "in all"), limit(p.MaxMigrationTime, "for each migration")}
	words = append(words, slices.Concat(blockedWords("reads", p.MaxReadsBlocked), blockedWords("writes", p.MaxWritesBlocked))...)
	switch {
	case p.AllowRewriteBelow < 0:
		words = append(words, "rewrites of any size")
	case p.AllowRewriteBelow == 0:
		words = append(words, "no rewrite")
	default:
		words = append(words, "rewrites below "+report.Bytes(p.AllowRewriteBelow))
	}
	if p.MaxWAL > 0 {
		words = append(words, report.Bytes(p.MaxWAL)+" of WAL for each migration")
	}
	if p.MaxDiskPeak > 0 {
		words = append(words, report.Bytes(p.MaxDiskPeak)+" of disk more than before for each migration")
	}
	words = append(words, "unexpected row changes: "+p.UnexpectedRowChanges)
	if len(p.Deny) > 0 {
		words = append(words, "denied: "+strings.Join(p.Deny, ", "))
	}
	if p.RequireDown != "" {
		words = append(words, "downs: "+p.RequireDown)
	}
	if p.BrokenQueries != "condition" {
		words = append(words, "broken queries: "+p.BrokenQueries)
	}
	if p.Strict {
		words = append(words, "conditions fail")
	}
	return strings.Join(words, "; ")
}

// blockedWords is a budget of blocked time in words; none where there is no limit.
func blockedWords(what string, b *report.BlockedBudget) (words []string) {
	if b == nil {
		return nil
	}
	if b.Any > 0 {
		words = append(words, what+" blocked "+b.Any.String())
	}
	for _, name := range slices.Sorted(maps.Keys(b.Tables)) {
		limit := "without limit"
		if d := b.Tables[name]; d > 0 {
			limit = d.String()
		}
		words = append(words, what+" of "+oneLine(name)+" blocked "+limit)
	}
	return words
}

func planText(w io.Writer, p *rehearse.Preview) {
	fmt.Fprintf(w, "source   %s, PostgreSQL %s, %s\n", oneLine(p.Source.Database), p.Source.Version, report.Bytes(p.Source.SizeBytes))
	versions := p.Session.VersionTable
	if p.Session.Migrator == string(report.Plain) {
		versions = "none, since the files are plain SQL"
	}
	fmt.Fprintf(w, "versions %s; migrations run as %s (%s), %s\n", oneLine(versions), oneLine(p.Session.Role), oneLine(p.Session.RoleReason), p.Session.Boundaries)
	fmt.Fprintf(w, "masks    %d of %d columns masked, %d kept\n", p.Masking.Masked, p.Masking.Columns, p.Masking.Kept)
	programsText(w, p.Masking.Programs)
	fmt.Fprintf(w, "copy     %s, %s; about %s (%s)\n", count(int64(len(p.Tables)), "table"), report.Bytes(p.Bytes), p.Estimate, p.EstimateHow)
	fmt.Fprintf(w, "budgets  %s\n", budgets(p.Policy))
	for _, what := range p.LeftOut {
		fmt.Fprintf(w, "         not copied: %s\n", oneLine(what))
	}
	if d := p.Drift; d != nil {
		for _, v := range d.MissingFiles {
			fmt.Fprintf(w, "drift    version %d is applied in the source and has no file here\n", v)
		}
		for _, f := range d.OutOfOrder {
			fmt.Fprintf(w, "drift    %s is older than the newest applied migration and was never applied\n", oneLine(f))
		}
	}
	fmt.Fprintf(w, "\n%d pending\n", len(p.Pending))
	for _, m := range p.Pending {
		if m.Command != "" {
			fmt.Fprintf(w, "  %s  (a command: its statements are not known before it runs)\n", oneLine(m.Command))
			continue
		}
		var notes []string
		if !m.Transaction {
			notes = append(notes, "no transaction")
		}
		if !m.HasDown {
			notes = append(notes, "no way down")
		}
		note := ""
		if len(notes) > 0 {
			note = "  (" + strings.Join(notes, ", ") + ")"
		}
		fmt.Fprintf(w, "  %s  %s%s\n", oneLine(m.File), count(int64(m.Statements), "statement"), note)
	}
	fmt.Fprintf(w, "\nlargest tables\n")
	for i, t := range p.Tables {
		if i == 10 {
			fmt.Fprintf(w, "  and %d more\n", len(p.Tables)-10)
			break
		}
		masked := "as it is"
		if len(t.Masked) > 0 {
			masked = "masked: " + oneLine(strings.Join(t.Masked, ", "))
		}
		fmt.Fprintf(w, "  %9s  %s  %s\n", report.Bytes(t.Bytes), oneLine(t.Table), masked)
	}
	partsText(w, p.Tables)
}

// programsText tells which programs would be given raw values.
func programsText(w io.Writer, programs []report.MaskProgram) {
	for _, p := range programs {
		fmt.Fprintf(w, "         raw values of %s.%s leave this program for %s, on this machine\n", oneLine(p.Table), oneLine(p.Column), oneLine(p.Program))
	}
}

// partsText tells which tables would be copied in part.
func partsText(w io.Writer, tables []rehearse.PreviewTable) {
	told := false
	for _, t := range tables {
		if t.Part == "" {
			continue
		}
		if !told {
			fmt.Fprintf(w, "\nnot all rows\n")
			told = true
		}
		of := "never analysed"
		if t.Rows >= 0 {
			of = "about " + count(t.Rows, "row")
		}
		part := report.PartWords(t.Part)
		if t.Percent > 0 {
			part = fmt.Sprintf("%s, %g %%", part, t.Percent)
		}
		fmt.Fprintf(w, "  %s  %s (%s in the source)\n", oneLine(t.Table), part, of)
	}
}
