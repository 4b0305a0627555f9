package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/receipt"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:  "verify",
		Usage: "check before a deploy that the receipt of a rehearsal still holds: files, production's schema and version, age, signature",
		Description: "Exit codes: 0 it holds; 15 it does not; 2 usage; 20 the source could not be read. It only reads: the source's catalog and goose's\n" +
			"version table. --no-source leaves production out of it.",
		Flags: flags(verifyFlags(), sourceFlags(), []cli.Flag{
			stringFlag("migrations", "migrations", "`DIR` with the goose migrations that are to be deployed"),
			&cli.Int64Flag{Name: "to", Usage: "the deploy applies pending migrations up to `VERSION` only", EnvVars: env("to"), DefaultText: "all"},
			timeoutFlag(), choiceFlag("format", "text", "format", "text", "json"),
		}),
		Action: prepare(verifyReceiptAction),
	}
}

// verifyFlags are what a receipt is asked for.
func verifyFlags() []cli.Flag {
	return []cli.Flag{
		receiptFlag("`FILE` with the receipt, as rehearse run --receipt writes it"),
		stringFlag("public-key", "", "`FILE` with the public key of who signs receipts, PEM"),
		boolFlag("allow-unsigned", "take a receipt that nobody signed: anybody may have written it"),
		boolFlag("no-source", "do not ask production whether it has moved"),
		durationFlag("max-age", 24*time.Hour, "refuse a receipt of a rehearsal on data older than this; 0 is any"),
		choiceFlag("require", "go", "the verdict asked for; conditions: GO WITH CONDITIONS will do too", "go", "conditions"),
	}
}

func verifyReceiptAction(c *cli.Context) error {
	cfg, err := verifyConfig(c)
	if err != nil {
		return err
	}
	var v *rehearse.Verification
	err = bounded(c, func(ctx context.Context) error {
		v, err = rehearse.Verify(ctx, cfg)
		return err
	})
	if err != nil {
		return err
	}
	if choiceOf(c, "format") == "json" {
		err = printJSON(c.App.Writer, v, "  ")
	} else {
		verifyText(c.App.Writer, v, cfg)
	}
	if err == nil && !v.Holds {
		return &statusError{exitReceipt}
	}
	return err
}

func verifyConfig(c *cli.Context) (cfg rehearse.VerifyConfig, err error) {
	cfg = rehearse.VerifyConfig{
		AllowUnsigned: c.Bool("allow-unsigned"), LockTimeout: c.Duration("lock-timeout"), StatementTimeout: c.Duration("statement-timeout"), Log: logger(c),
		Terms: receipt.Terms{MaxAge: c.Duration("max-age"), Conditions: choiceOf(c, "require") == "conditions", To: c.Int64("to")},
	}
	path := c.String("receipt")
	if path == "" {
		return cfg, &usageProblem{text: "no receipt is named", hint: "--receipt FILE; rehearse run --receipt FILE writes it"}
	}
	if cfg.Receipt, err = os.ReadFile(path); err != nil {
		return cfg, &usageProblem{text: "receipt: " + unwrapPath(err).Error(), hint: "rehearse run --receipt FILE writes it"}
	}
	switch path := c.String("public-key"); {
	case path != "":
		text, err := os.ReadFile(path)
		if err != nil {
			return cfg, &usageProblem{text: "public key: " + unwrapPath(err).Error(), hint: keyHint}
		}
		if cfg.PublicKey, err = receipt.ParsePublicKey(text); err != nil {
			return cfg, &usageProblem{text: fmt.Sprintf("public key: %s: %v", path, err), hint: keyHint}
		}
	case !cfg.AllowUnsigned:
		return cfg, &usageProblem{text: "no public key is given, without which a receipt proves nothing", hint: "--public-key FILE; or --allow-unsigned, where anybody who can write the file may be believed"}
	}
	if cfg.Migrations, cfg.MigrationsDir, err = migrations(c); err != nil {
		return cfg, err
	}
	if !c.Bool("no-source") {
		cfg.Source, err = sourceConfig(c)
		if problem, ok := err.(*usageProblem); ok { //nolint:errorlint // as sourceConfig made it
			problem.hint += "; or --no-source, where production may have moved since"
		}
	}
	return cfg, err
}

// verifyText is a line for each question, and one for the answer.
func verifyText(w io.Writer, v *rehearse.Verification, cfg rehearse.VerifyConfig) {
	if p := v.Says; p != nil {
		fmt.Fprintf(w, "receipt of run %s: %s on %s, policy %.12s\n", oneLine(p.Run), p.Verdict.Title(), oneLine(p.Database), oneLine(p.PolicySHA))
	}
	var failed int64
	for _, check := range v.Checks {
		word := "ok   "
		if !check.Holds {
			word = "FAILS"
			failed++
		}
		fmt.Fprintf(w, "  %s  %-10s %s\n", word, check.What, oneLine(check.Text))
		for _, what := range check.Moved {
			fmt.Fprintf(w, "           %s\n", oneLine(what))
		}
	}
	if v.Says != nil && cfg.Source == nil {
		fmt.Fprintln(w, "  not asked: production, which may have moved since")
	}
	if v.Holds {
		fmt.Fprintln(w, "it holds")
		return
	}
	fmt.Fprintf(w, "it does not hold: %s failed; rehearse again\n", report.Count(failed, "check"))
}
