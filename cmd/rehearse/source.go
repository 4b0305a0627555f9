package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/snapshot"
)

// sourceConfig is the source asked for: --source, REHEARSE_SOURCE_URL[_FILE], the variable named by --source-env, or libpq's environment.
func sourceConfig(c *cli.Context) (*pgx.ConnConfig, error) {
	url := c.String("source")
	if url == "" {
		var err error
		if url, err = secret("REHEARSE_SOURCE_URL"); err != nil {
			return nil, err
		}
	}
	if name := c.String("source-env"); url == "" && name != "" {
		if url = os.Getenv(name); url == "" {
			return nil, &usageProblem{text: fmt.Sprintf("the environment variable %s, named for the source, is not set", name)}
		}
	}
	if url == "" && !libpqEnvironment() {
		return nil, &usageProblem{
			text: "no source database is given",
			hint: "set REHEARSE_SOURCE_URL=postgres://readonly@host/db (or REHEARSE_SOURCE_URL_FILE, --source, or libpq's PGHOST, PGSERVICE ...)",
		}
	}
	if err := plausible(url); err != nil {
		return nil, err
	}
	cfg, err := snapshot.ParseSource(url)
	if err != nil {
		return nil, unreadable(url, err)
	}
	if cfg.Database == "" { // as libpq has it, and the server
		cfg.Database = cfg.User
	}
	return cfg, nil
}

const urlHint = "a URL looks like postgres://user:password@host:5432/database?sslmode=verify-full, with reserved characters percent-encoded"

// plausible refuses what would be taken for something else than what was meant, with a piece of the password for a host or a setting.
func plausible(url string) error {
	scheme, rest, isURL := strings.Cut(url, "://")
	switch {
	case strings.Count(rest, "@") > 1 && strings.HasPrefix(scheme, "postgres"):
		return &usageProblem{text: "source: the URL has more than one @", hint: "in a name, a password or a parameter it is written %40, / is %2F, : is %3A, ? is %3F, # is %23 and % is %25"}
	case isURL && scheme != "postgres" && scheme != "postgresql" && !strings.Contains(scheme, "="):
		return &usageProblem{text: "source: not a URL of PostgreSQL, which begins with postgres://", hint: urlHint}
	}
	return nil
}

// unreadable says why a source's URL, or libpq's environment, cannot be read. What the reader quotes is left out: it may be a piece of a
// password that it took for something else.
func unreadable(url string, err error) error {
	var parse *pgconn.ParseConfigError
	text := err.Error()
	if errors.As(err, &parse) {
		text = text[strings.LastIndex(text, "`: ")+len("`: "):]
		text = quoted.ReplaceAllStringFunc(text, func(s string) string {
			if s == `"="` || s == `"sslcert"` || s == `"sslkey"` {
				return s
			}
			return "..."
		})
	}
	if url == "" {
		return &usageProblem{text: "source: libpq's environment: " + text, hint: "see the variables PGSERVICE, PGSERVICEFILE, PGSSLMODE, PGSSLROOTCERT ... or set REHEARSE_SOURCE_URL"}
	}
	return &usageProblem{text: "source: the URL cannot be read: " + text, hint: urlHint}
}

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

func libpqEnvironment() bool {
	for _, name := range []string{"PGHOST", "PGSERVICE", "PGDATABASE", "PGUSER", "PGPORT"} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}
