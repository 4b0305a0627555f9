package migrate

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/rehearse-db/rehearse/rehearse/observe"
)

// gooseMigrator has goose apply migrations, in one session for SQL that lasts until close.
type gooseMigrator struct {
	set      *Set
	o        Options
	log      *slog.Logger
	recorder *observe.Recorder
	db       *sql.DB
	provider *goose.Provider
	upcoming []observe.Source // statements of the running migration that goose has not announced yet
	file     string           // of the running migration
}

// open makes a goose Provider on sessions of its own, and has it make the version table where there is none.
func (a *gooseMigrator) open(ctx context.Context) (err error) {
	if a.db != nil {
		return nil
	}
	cfg := a.o.Target().Copy()
	cfg.Tracer = a.recorder
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		a.log.Debug("notice from staging", "severity", n.Severity, "sqlstate", n.Code)
	}
	a.db = stdlib.OpenDB(*cfg)
	// goose holds one connection for SQL; Go migrations without a transaction take others. The one given back last is the one taken
	// next, so that all SQL runs in the same session, provided that no connection given back is closed.
	a.db.SetMaxIdleConns(64)
	store, err := newVersionStore(cmp.Or(a.o.Table, DefaultTable))
	if err != nil {
		return fmt.Errorf("prepare goose: %w", err)
	}
	a.provider, err = goose.NewProvider(
		goose.DialectCustom, a.db, a.set.fsys,
		goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(a.set.registered...),
		goose.WithExcludeNames(a.set.unregistered()), goose.WithStore(store),
		goose.WithVerbose(true), goose.WithSlog(slog.New(executing(a.announce))),
	)
	if err != nil {
		return fmt.Errorf("prepare goose: %w", err)
	}
	if _, _, err := a.provider.GetVersions(ctx); err != nil {
		return fmt.Errorf("read version table %s: %w", cmp.Or(a.o.Table, DefaultTable), err)
	}
	return nil
}

// announce tells the recorder which statement goose sends next, and where it stands.
func (a *gooseMigrator) announce(stmt string) {
	src := observe.Source{SQL: stmt, File: a.file}
	if len(a.upcoming) > 0 {
		if a.upcoming[0].SQL == stmt {
			src = a.upcoming[0]
		}
		a.upcoming = a.upcoming[1:]
	}
	a.recorder.Announce(src)
}

// apply implements migrator.
func (a *gooseMigrator) apply(ctx context.Context, m Migration, up bool) error {
	a.upcoming, a.file = m.Statements, m.File
	if !up {
		a.upcoming = m.Down
	}
	_, err := a.provider.ApplyVersion(ctx, m.Version, up)
	if partial := (*goose.PartialError)(nil); errors.As(err, &partial) {
		return &failedError{err: partial.Err}
	}
	return err
}

// close implements migrator.
func (a *gooseMigrator) close() error {
	if a.db == nil {
		return nil
	}
	err := a.db.Close()
	a.db, a.provider = nil, nil
	return err
}

// ignores tells goose's own queries in a Go migration: its look for the version table, its entry there, and taking that out.
func (a *gooseMigrator) ignores(query string) bool {
	table := cmp.Or(a.o.Table, DefaultTable)
	return strings.HasPrefix(query, "INSERT INTO "+table+" (version_id, is_applied)") ||
		strings.HasPrefix(query, "DELETE FROM "+table+" WHERE version_id") ||
		strings.HasPrefix(query, "SELECT tstamp, is_applied FROM "+table+" WHERE") ||
		strings.HasPrefix(query, "SELECT EXISTS ( SELECT 1 FROM pg_tables WHERE")
}
