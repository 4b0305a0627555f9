package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/proxy"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// CommandOptions are for plans made by [Command].
type CommandOptions struct {
	// Environ is what the command finds in its environment but for what leads it to staging: DATABASE_URL, PGHOST, PGPORT, PGUSER, PGPASSWORD,
	// PGDATABASE and PGSSLMODE, which are added.
	Environ []string
	// Database is the name that the command knows the database by; every copy of it goes by that name.
	Database string
	Output   io.Writer // stdout and stderr of the command; nil for nowhere
}

const (
	commandGrace = 5 * time.Second  // between asking a command to end and ending it
	drainTimeout = 10 * time.Second // for what a command that has ended left under way
	longestName  = 60
)

// Command is the plan to have a shell run a command, which does whatever it takes for pending.
func Command(command string) *Plan {
	name := []rune(strings.Join(strings.Fields(command), " "))
	if len(name) > longestName {
		name = append(name[:longestName-1], '…')
	}
	return &Plan{command: command, Pending: []Migration{{Version: 1, Name: string(name), Command: command}}}
}

// commandMigrator has a shell run a command whose connections go through a proxy.
type commandMigrator struct {
	o        Options
	log      *slog.Logger
	recorder *observe.Recorder
}

// open implements migrator. The proxy is opened with the command.
func (c *commandMigrator) open(context.Context) error { return nil }

// close implements migrator.
func (c *commandMigrator) close() error { return nil }

// ignores implements migrator.
func (c *commandMigrator) ignores(sql string) bool { return observe.ReadsCatalog(sql) }

// apply implements migrator.
func (c *commandMigrator) apply(ctx context.Context, m Migration, up bool) error {
	if !up {
		return errors.New("a command has no way down")
	}
	p, err := proxy.Listen(ctx, c.proxyOptions(ctx))
	if err != nil {
		return err
	}
	defer p.Close()
	err = c.shell(ctx, p, m.Command)
	drain, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	if !p.Drain(drain) {
		c.log.Debug("sessions of the command were still open after its end")
		p.Cut()
		p.Drain(context.WithoutCancel(ctx)) // which ends them, so that nothing is told of them later
	}
	return err
}

func (c *commandMigrator) proxyOptions(ctx context.Context) proxy.Options {
	return proxy.Options{
		Target: func() *pgconn.Config { return &c.o.Target().Config }, Database: c.o.Command.Database, Log: c.log,
		Sent: func(s *proxy.Session, sql string) func(proxy.Outcome) {
			q := c.recorder.Begin(ctx, s, sql)
			return func(o proxy.Outcome) {
				c.recorder.End(ctx, q, observe.Ended{SQL: o.SQL, Tags: o.Tags, Err: o.Err})
			}
		},
		Gone: func(s *proxy.Session) { c.recorder.Gone(s) },
	}
}

// shell runs the command to its end, or to that of ctx. What it started ends with it then: its process group is asked to, and killed if it
// does not.
func (c *commandMigrator) shell(ctx context.Context, p *proxy.Proxy, command string) error {
	host, port, user, password, database := p.Address()
	cmd := exec.CommandContext(ctx, "sh", "-c", command) //nolint:gosec // the user's own command, for this
	cmd.Env = append(slices.Clone(c.o.Command.Environ), "DATABASE_URL="+p.URL(), "PGHOST="+host, "PGPORT="+port, "PGUSER="+user,
		"PGPASSWORD="+password, "PGDATABASE="+database, "PGSSLMODE=disable")
	if c.o.Command.Output != nil {
		cmd.Stdout, cmd.Stderr = c.o.Command.Output, c.o.Command.Output
	}
	ownGroup(cmd)
	cmd.WaitDelay = commandGrace
	cmd.Cancel = func() error { return endGroup(cmd) }
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the shell for the migrating command: %w", err)
	}
	err := cmd.Wait()
	if ctx.Err() != nil {
		killGroup(cmd)
	}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return &failedError{err: &exitError{state: exit.String()}}
	case errors.Is(err, exec.ErrWaitDelay): // something that it left running still has its output
		return nil
	case err != nil && ctx.Err() == nil:
		return fmt.Errorf("run the migrating command: %w", err)
	case ctx.Err() != nil:
		return &failedError{err: ctx.Err()}
	}
	return nil
}

// exitError says how a command ended that did not succeed: "exit status 3", "signal: killed".
type exitError struct{ state string }

func (e *exitError) Error() string { return e.state }

// failure is that of the statement that failed last: a tool that survives the failure of one goes on.
func (e *exitError) failure(m *report.Migration) *report.Failure {
	for i := len(m.Statements) - 1; i >= 0; i-- {
		if f := m.Statements[i].Failure; f != nil {
			f := *f
			f.Message += ", " + e.state
			return &f
		}
	}
	return &report.Failure{Message: e.state + ", and the server refused none of its statements: its own output says why"}
}
