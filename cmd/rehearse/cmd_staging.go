package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/snapshot/archive"
)

// stagingRecord is a staging server in JSON: what leads to its first database, and then to every one that holds the copy, that one too.
type stagingRecord struct {
	ID        string           `json:"id"`
	Provider  string           `json:"provider"`
	URL       string           `json:"url"`
	PSQL      string           `json:"psql"`
	Expires   time.Time        `json:"expires_at"`
	Kept      bool             `json:"kept"`
	Databases []databaseRecord `json:"databases,omitempty"` // none where the server does not answer
}

type databaseRecord struct {
	Name string `json:"name"`
	URL  string `json:"url"`
	PSQL string `json:"psql"`
}

func stagingJSON(i staging.Info, databases []string) stagingRecord {
	r := stagingRecord{ID: i.RunID, Provider: i.Provider, URL: i.URL, PSQL: i.PSQL, Expires: i.Expires, Kept: i.Kept}
	for _, name := range databases {
		r.Databases = append(r.Databases, databaseJSON(i.At(name)))
	}
	return r
}

func databaseJSON(i staging.Info) databaseRecord {
	return databaseRecord{Name: i.Database, URL: i.URL, PSQL: i.PSQL}
}

func stagingCommand() *cli.Command {
	id := &cli.StringFlag{Name: "staging", Usage: "`ID` of the staging server, from list; not needed when there is one only"}
	database := &cli.StringFlag{Name: "database", Usage: "`NAME` of one of its databases, from list; the first when not given"}
	return &cli.Command{
		Name:  "staging",
		Usage: "list, reach and destroy staging servers that were kept",
		Subcommands: []*cli.Command{
			{
				Name: "list", Usage: "staging servers: this user's on this machine, and all of its Docker engine", Action: prepare(listAction),
				Flags: flags([]cli.Flag{choiceFlag("format", "text", "format", "text", "json")}),
			},
			{Name: "url", Usage: "print the URL of a staging server", Flags: flags([]cli.Flag{id, database}), Action: prepare(withStaging(inDatabase(func(c *cli.Context, i staging.Info) error {
				fmt.Fprintln(c.App.Writer, i.URL)
				return nil
			})))},
			{Name: "connect", Usage: "open psql on a staging server", Flags: flags([]cli.Flag{id, database}), Action: prepare(withStaging(inDatabase(connect)))},
			cloneCommand(id),
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

func pruneAction(c *cli.Context) error {
	gone, err := staging.Prune(c.Context, stagingOptions(c))
	for _, i := range gone {
		fmt.Fprintln(c.App.Writer, i.RunID)
	}
	swept, serr := archive.Sweep(snapshotDir(c))
	for _, name := range append(swept, sweepClones(c)...) {
		fmt.Fprintln(c.App.Writer, name)
	}
	return errors.Join(err, serr)
}

// sweepClones removes from the servers that stay what killed clones left. One that does not answer soon is passed over, as list does.
func sweepClones(c *cli.Context) (swept []string) {
	list, err := staging.List(c.Context, stagingOptions(c))
	if err != nil {
		return nil // Prune has said it
	}
	for _, i := range list {
		if !i.Kept { // whose run is still at work
			continue
		}
		ctx, cancel := context.WithTimeout(c.Context, sweepLimit)
		names, err := i.Databases().Sweep(ctx)
		cancel()
		if err != nil {
			logger(c).Info("a staging server is not looked through for what killed clones left", "run", i.RunID, "error", err)
		}
		for _, name := range names {
			swept = append(swept, i.RunID+" "+name)
		}
	}
	return swept
}

// sweepLimit is the time that removing what clones left of one server may take.
const sweepLimit = 30 * time.Second

func stagingOptions(c *cli.Context) staging.Options {
	return staging.Options{Log: logger(c)}
}

func listAction(c *cli.Context) error {
	list, err := staging.List(c.Context, stagingOptions(c))
	if err != nil {
		return err
	}
	if choiceOf(c, "format") == "json" {
		records := []stagingRecord{}
		for _, i := range list {
			records = append(records, stagingJSON(i, databasesOf(c, i)))
		}
		return printJSON(c.App.Writer, records, "")
	}
	for _, i := range list {
		left := "expired"
		if d := time.Until(i.Expires); d > 0 {
			left = report.Duration(d).String() + " left"
		}
		fmt.Fprintf(c.App.Writer, "%s  %-9s  %s  %s\n", i.RunID, i.Provider, left, i.PSQL)
		for _, name := range databasesOf(c, i) {
			if name != i.Database {
				fmt.Fprintf(c.App.Writer, "    --database %s\n", oneLine(name))
			}
		}
	}
	return nil
}

// databasesOf asks a server for its databases, not for long: list tells of servers that do not answer too.
func databasesOf(c *cli.Context, i staging.Info) []string {
	ctx, cancel := context.WithTimeout(c.Context, 3*time.Second)
	defer cancel()
	names, err := i.Databases().Names(ctx)
	if err != nil {
		logger(c).Info("a staging server does not tell its databases", "run", i.RunID, "error", err)
	}
	return names
}

func cloneCommand(id cli.Flag) *cli.Command {
	return &cli.Command{
		Name: "clone", Usage: "make one more database from the pristine copy that --pristine kept, and print its URL",
		Flags: flags([]cli.Flag{
			id, &cli.StringFlag{Name: "database", Usage: "`NAME` of the new database; one that is free when not given"},
			&cli.BoolFlag{Name: "replace", Usage: "end the sessions of the database of that name and drop it first", DisableDefaultText: true},
			choiceFlag("format", "text", "what stdout gets", "text", "json"),
		}),
		Action: prepare(withStaging(cloneAction)),
	}
}

func cloneAction(c *cli.Context, i staging.Info) error {
	all, name := i.Databases(), c.String("database")
	if c.Bool("replace") && name == "" {
		return &usageProblem{text: "--replace says not which database", hint: "with --database NAME"}
	}
	if slices.Contains([]string{"template0", "template1"}, name) || name == "postgres" && i.Database != name {
		return &usageProblem{text: fmt.Sprintf("--database %s: that is a database of the server's own", name), hint: "give it another name; without one a name is found"}
	}
	if len(name) > staging.LongestName {
		return &usageProblem{text: fmt.Sprintf("--database %s: the name has %d bytes, and PostgreSQL keeps %d", oneLine(name), len(name), staging.LongestName)}
	}
	pristine, err := all.Pristine(c.Context)
	switch {
	case errors.Is(err, staging.ErrNoPristine):
		return &usageProblem{text: fmt.Sprintf("staging server %s: %v", i.RunID, err), hint: "rehearse stage --pristine and rehearse run --keep always --pristine keep one"}
	case err == nil && name == pristine:
		return &usageProblem{text: fmt.Sprintf("--database %s: that is the pristine copy itself", oneLine(name))}
	case err == nil && c.Bool("replace"):
		err = all.Drop(c.Context, name)
	}
	if err == nil {
		name, err = all.Clone(c.Context, pristine, name)
	}
	if errors.Is(err, staging.ErrNameTaken) {
		return &usageProblem{text: fmt.Sprintf("there is a database %s already", oneLine(c.String("database"))), hint: "--replace drops it first; without --database a name is found"}
	}
	if err != nil {
		return &rehearse.StagingError{Err: err}
	}
	if i = i.At(name); choiceOf(c, "format") == "json" {
		return printJSON(c.App.Writer, databaseJSON(i), "")
	}
	fmt.Fprintln(c.App.Writer, i.URL)
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

// inDatabase leads an action to the database that --database names, which must be there.
func inDatabase(action func(*cli.Context, staging.Info) error) func(*cli.Context, staging.Info) error {
	return func(c *cli.Context, i staging.Info) error {
		wanted := c.String("database")
		if wanted == "" || wanted == i.Database {
			return action(c, i)
		}
		names, err := i.Databases().Names(c.Context)
		if err != nil {
			return &rehearse.StagingError{Err: err}
		}
		if !slices.Contains(names, wanted) {
			return &usageProblem{text: fmt.Sprintf("staging server %s has no database %q", i.RunID, wanted), hint: "rehearse staging list shows them"}
		}
		return action(c, i.At(wanted))
	}
}
