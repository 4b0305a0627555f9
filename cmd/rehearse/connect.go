package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// connect runs psql with this terminal, and ends with psql's own status.
func connect(c *cli.Context, i staging.Info) error {
	psql, err := exec.LookPath("psql")
	if err != nil {
		return &usageProblem{text: "psql is not in PATH", hint: i.PSQL}
	}
	cfg, err := pgx.ParseConfig(i.URL)
	if err != nil {
		return fmt.Errorf("staging %s tells no URL to connect to", i.RunID)
	}
	signal.Ignore(os.Interrupt) // Ctrl-C is psql's: it cancels a query
	cmd := exec.CommandContext(c.Context, psql)
	cmd.Env = append(withoutLibpq(os.Environ()), "PGHOST="+cfg.Host, fmt.Sprintf("PGPORT=%d", cfg.Port), "PGUSER="+cfg.User,
		"PGPASSWORD="+cfg.Password, "PGDATABASE="+cfg.Database, "PGSSLMODE=disable")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Exited() {
		return &statusError{exit.ExitCode()}
	}
	return err
}

// withoutLibpq leaves libpq's variables out of an environment: they are the source's. A PGSERVICE or PGHOSTADDR among them would take
// psql there, whatever PGHOST says.
func withoutLibpq(environ []string) []string {
	var kept []string
	for _, entry := range environ {
		if !strings.HasPrefix(entry, "PG") {
			kept = append(kept, entry)
		}
	}
	return kept
}
