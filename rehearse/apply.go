package rehearse

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// migrate applies what is pending, and reads the database before, between and after.
func (r *rehearsal) migrate(ctx context.Context, w *work, server staging.Server) error {
	err := r.phase("migrate", func() (_ string, err error) {
		target, err := r.session(ctx, w, server)
		if err != nil {
			return "", err
		}
		m, err := openMeter(ctx, inUTF8(server.Config()))
		if err != nil {
			return "", err
		}
		defer closing(ctx, &err, "close the measuring session", m.close)
		if err := r.describeStaging(ctx, m.conn, w, server); err != nil {
			return "", err
		}
		if err := m.begin(ctx); err != nil {
			return "", err
		}
		r.compareObjects(m.first.schema)
		r.compareSizes(w.desc.Tables, m.first.sizes)
		asked := newAsserting(r.cfg.Checks)
		if err := asked.ask(ctx, target(), r.cfg.StatementTimeout, false); err != nil {
			return "", err
		}
		disk := observe.WatchDisk(server.Config())
		defer closing(ctx, &err, "close the session that looks at the disk", disk.Close)
		run, err := migrate.Apply(ctx, w.todo, r.measured(r.applying(w, target, server), m, disk))
		if run != nil {
			r.result.Migrations = run.Migrations
			r.result.NotMeasured = append(r.result.NotMeasured, run.NotMeasured...)
		}
		if err != nil {
			return "", err
		}
		ending, cancel := lastReading(ctx)
		defer cancel()
		if err := errors.Join(r.offenders(ending, w, target), r.asserted(ending, asked, target)); err != nil {
			return "", err
		}
		if err := m.end(ending, r.result); err != nil {
			return "", err
		}
		return r.migrated(), r.ahead(ending, m.conn, w)
	})
	if err != nil {
		return &StagingError{Err: r.because(ctx, server, err)}
	}
	return nil
}

// measured has a migration's room and what it changed read around it.
func (r *rehearsal) measured(o migrate.Options, m *meter, disk *observe.Disk) migrate.Options {
	o.Command.Output = r.cfg.CommandOutput
	o.Before = func(ctx context.Context, mig *report.Migration) error {
		r.cfg.Progress(Event{Phase: "migrate", State: PhaseRunning, Note: mig.Name})
		disk.Begin(ctx)
		return nil
	}
	o.After = func(ctx context.Context, mig *report.Migration, o *observe.Observation) error {
		r.remember(mig, m.last.objects[0])
		mig.Disk = roomOf(mig, disk.End(ctx))
		if err := m.after(ctx, mig, o); err != nil {
			return fmt.Errorf("after migration %s: %w", mig.Name, err)
		}
		return nil
	}
	return o
}

// applying is how what is pending is applied to a database of staging, the same in each rehearsal of it.
func (r *rehearsal) applying(w *work, target func() *pgx.ConnConfig, at staging.Server) migrate.Options {
	return migrate.Options{
		Target: target, Watch: at.Config, Table: w.table.String(), SessionEach: r.cfg.Session == "each", Command: r.command(w), Aside: w.aside(),
		Log: r.cfg.Log,
	}
}

// because is why staging failed. A server that is down says it better than the connections that it ended.
func (r *rehearsal) because(ctx context.Context, server staging.Server, err error) error {
	if ctx.Err() != nil {
		return err
	}
	if down := server.Down(ctx); down != nil {
		r.cfg.Log.Info("staging is down", "noticed", err)
		return down
	}
	return err
}

// lastReading is a context for what is read after the migrations. The time limit that ended one of them is a finding, which the report is
// to have its figures for; a signal ends the reading too.
func lastReading(ctx context.Context) (context.Context, context.CancelFunc) {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	}
	return context.WithCancel(ctx)
}

func (r *rehearsal) migrated() string {
	applied := 0
	for _, m := range r.result.Migrations {
		if m.Outcome == report.Applied {
			applied++
		}
	}
	return fmt.Sprintf("%d of %d applied", applied, len(r.result.Migrations))
}

// session is how migrations connect, which the result tells.
func (r *rehearsal) session(ctx context.Context, w *work, server staging.Server) (func() *pgx.ConnConfig, error) {
	target, err := r.target(ctx, w, server)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, target())
	if err != nil {
		return nil, fmt.Errorf("connect to staging as role %s: %w", w.role, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	s := &r.result.Session
	s.Parameters = migrationParameters(w.params)
	const query = `SELECT pg_catalog.current_setting('TimeZone'), rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user`
	if err := conn.QueryRow(ctx, query).Scan(&s.TimeZone, &s.Superuser); err != nil {
		return nil, fmt.Errorf("describe the session of role %s: %w", w.role, err)
	}
	return target, nil
}

// target connects to staging as the role and with the connection parameters that migrations have in production.
func (r *rehearsal) target(ctx context.Context, w *work, server staging.Server) (func() *pgx.ConnConfig, error) {
	if r.login == nil { // once: another password would shut out who has the first
		var err error
		if r.login, err = login(ctx, server.Config(), w.role); err != nil {
			return nil, err
		}
	}
	return func() *pgx.ConnConfig {
		cfg := r.login()
		cfg.Database = server.Config().Database
		if cfg.RuntimeParams == nil {
			cfg.RuntimeParams = map[string]string{}
		}
		maps.Copy(cfg.RuntimeParams, migrationParameters(w.params))
		return cfg
	}, nil
}

// migrationParameters are the connection parameters of the source's URL that decide what a migration does. Those that protect the
// source from us, and the name of the application, are not among them.
func migrationParameters(params map[string]string) map[string]string {
	m := maps.Clone(params)
	for _, name := range []string{"application_name", "default_transaction_read_only", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "fallback_application_name"} {
		delete(m, name)
	}
	if m == nil {
		m = map[string]string{}
	}
	return m
}

// describeStaging reads staging in measure mode, for the comparison with the source.
func (r *rehearsal) describeStaging(ctx context.Context, conn *pgx.Conn, w *work, server staging.Server) error {
	settings, err1 := catalog.Settings(ctx, conn)
	extensions, err2 := catalog.Extensions(ctx, conn)
	d, err3 := catalog.ReadDatabase(ctx, conn)
	s := &r.result.Staging
	const query = `SELECT pg_catalog.current_setting('server_version'), pg_catalog.current_setting('server_version_num')::int, pg_catalog.pg_database_size(pg_catalog.current_database())`
	err4 := conn.QueryRow(ctx, query).Scan(&s.Version, &s.VersionNum, &s.SizeBytes)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return fmt.Errorf("describe staging: %w", err)
	}
	s.Database, s.Encoding, s.Collate, s.CType = d.Name, d.Encoding, d.Collate, d.CType
	s.Settings, s.Extensions = settingFacts(settings), extensionFacts(extensions)
	r.compareServers()
	r.compareCollations(w.desc.Database, d)
	for _, what := range server.Info().LeftOut {
		r.differ(report.Difference{What: what, Source: "wanted", Staging: "not available"})
	}
	return nil
}
