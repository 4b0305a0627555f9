package rehearse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// Check is a statement of SQL that says something about the data, before the migrations and after them. See the report.Expect constants.
type Check struct {
	Name   string
	SQL    string // one SELECT
	Expect string
}

// asserting asks the user's checks, each time in one read-only transaction of the role that applies migrations, with its search path.
type asserting struct {
	checks []Check
	told   []report.Assertion
	sums   []string // of what ExpectUnchanged gave before
}

func newAsserting(checks []Check) *asserting {
	a := &asserting{checks: checks, sums: make([]string, len(checks))}
	for _, c := range checks {
		a.told = append(a.told, report.Assertion{Name: c.Name, Expect: c.Expect})
	}
	return a
}

// ask asks all checks once. What the server refuses is an answer; an error is a session lost.
func (a *asserting) ask(ctx context.Context, cfg *pgx.ConnConfig, limit time.Duration, after bool) (err error) {
	if len(a.checks) == 0 {
		return nil
	}
	cfg = inUTF8(cfg)
	cfg.RuntimeParams["statement_timeout"] = milliseconds(limit)
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("connect to staging for the checks: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	for i := range a.checks {
		began := time.Now()
		answer, err := a.one(ctx, conn, i, after)
		if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
			f := observe.Failure(err)
			answer, err = report.Answer{Error: f.SQLState + ": " + f.Message}, nil
		}
		if err != nil {
			return fmt.Errorf("check %q: %w", a.checks[i].Name, err)
		}
		t := &a.told[i]
		t.Took += report.Duration(time.Since(began))
		if after {
			t.After = answer
			t.Conclude()
		} else {
			t.Before = answer
		}
	}
	return nil
}

// one asks one check in a transaction of its own, which ends without a trace.
func (a *asserting) one(ctx context.Context, conn *pgx.Conn, i int, after bool) (answer report.Answer, err error) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return answer, err
	}
	defer func() { err = errors.Join(err, tx.Rollback(context.WithoutCancel(ctx))) }()
	sql := strings.TrimRight(strings.TrimSpace(a.checks[i].SQL), "; \t\n")
	switch a.checks[i].Expect {
	case report.ExpectNoRows:
		return answer, tx.QueryRow(ctx, "SELECT count(*) FROM (\n"+sql+"\n) asked").Scan(&answer.Rows)
	case report.ExpectUnchanged:
		var sum string
		err := tx.QueryRow(ctx, `SELECT md5(coalesce(string_agg(line, E'\n' ORDER BY line COLLATE "C"), '')) || count(*) FROM (SELECT asked::text AS line FROM (`+"\n"+sql+"\n) asked) lines").Scan(&sum)
		if !after {
			a.sums[i] = sum
			return answer, err
		}
		same := sum == a.sums[i]
		answer.Same = &same
		return answer, err
	}
	var all []*bool
	rows, err := tx.Query(ctx, sql)
	if err == nil {
		all, err = pgx.CollectRows(rows, pgx.RowTo[*bool])
	}
	if pg := (*pgconn.PgError)(nil); err != nil && !errors.As(err, &pg) && ctx.Err() == nil && !conn.IsClosed() {
		return report.Answer{Error: "it gives something else than one column that is true or false"}, nil
	}
	holds := len(all) == 1 && all[0] != nil && *all[0]
	answer.True = &holds
	return answer, err
}

// migratedAll says that every pending migration was applied.
func (r *rehearsal) migratedAll() bool {
	return !slices.ContainsFunc(r.result.Migrations, func(m report.Migration) bool { return m.Outcome != report.Applied })
}

// asserted asks the checks after the migrations and records what they gave.
func (r *rehearsal) asserted(ctx context.Context, a *asserting, target func() *pgx.ConnConfig) error {
	if !r.migratedAll() {
		for i := range a.told {
			a.told[i].Outcome = report.NotAsked
		}
	} else if err := a.ask(ctx, target(), r.cfg.StatementTimeout, true); err != nil {
		return err
	}
	r.result.Checks = a.told
	return nil
}

// checkCommand runs the user's command on a clone of the migrated copy, which it may write to. Nothing in its environment leads to the source.
func (r *rehearsal) checkCommand(ctx context.Context, server staging.Server) error {
	if r.cfg.CheckCommand == "" {
		return nil
	}
	if !r.migratedAll() {
		r.result.CheckCommand = &report.CheckCommand{Why: "a migration failed"}
		return nil
	}
	err := r.phase("check command", func() (_ string, err error) {
		all := staging.DatabasesOf(server)
		name, err := all.Clone(ctx, server.Info().Database, "")
		if err != nil {
			return "", err
		}
		defer closing(ctx, &err, "drop the clone of the check command", func(ctx context.Context) error { return all.Drop(ctx, name) })
		c := r.runCommand(ctx, staging.At(server, name))
		r.result.CheckCommand = c
		return fmt.Sprintf("status %d", c.Status), ctx.Err()
	})
	if err != nil {
		return &StagingError{Err: r.because(ctx, server, err)}
	}
	return nil
}

func (r *rehearsal) runCommand(ctx context.Context, at staging.Server) *report.CheckCommand {
	cmd := exec.CommandContext(ctx, "sh", "-c", r.cfg.CheckCommand) //nolint:gosec // the user's own command
	cfg := at.Config()
	password := ""
	if r.cfg.Source != nil {
		password = r.cfg.Source.Password
	}
	cmd.Env = append(
		withoutSource(os.Environ(), password), "DATABASE_URL="+at.Info().URL, "PGHOST="+cfg.Host, fmt.Sprintf("PGPORT=%d", cfg.Port), "PGUSER="+cfg.User,
		"PGPASSWORD="+cfg.Password, "PGDATABASE="+cfg.Database, "PGSSLMODE=disable", "PGPASSFILE=/dev/null", "PGSERVICEFILE=/dev/null",
	)
	out := r.cfg.CheckOutput
	if out == nil {
		out = io.Discard
	}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	began := time.Now()
	err := cmd.Run()
	c := &report.CheckCommand{Status: cmd.ProcessState.ExitCode(), Took: report.Duration(time.Since(began))}
	if err != nil && c.Status == 0 {
		c.Status = -1
	}
	r.cfg.Log.Info("check command ended", "status", c.Status, "error", err)
	return c
}

// withoutSource leaves out of an environment what may lead to the source: ours and libpq's variables, URLs of PostgreSQL, and its password.
func withoutSource(environ []string, password string) []string {
	return slices.DeleteFunc(harmless(environ), func(entry string) bool {
		name, value, _ := strings.Cut(entry, "=")
		return name == "DATABASE_URL" || strings.Contains(value, "postgres://") || strings.Contains(value, "postgresql://") ||
			password != "" && strings.Contains(value, password)
	})
}
