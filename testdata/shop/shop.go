// Package shop is a made-up shop: a dozen tables with personal data in columns, jsonb, arrays and free text, about 300,000 generated
// rows, a goose history already applied, and a release that fails on what only production has. The demo and the tests use it.
package shop

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// Files are the migrations (as written and mended), the rules and the data.
//
//go:embed migrations mended *.yaml *.sql
var Files embed.FS

// AppliedVersion is the newest migration that the shop's production has.
const AppliedVersion = 4

// History applies the shop's applied migrations to an empty database, with goose.
func History(ctx context.Context, cfg *pgx.ConnConfig) error {
	dir, err := fs.Sub(Files, "migrations")
	if err != nil {
		return err
	}
	set, err := migrate.Scan(dir, "migrations")
	if err != nil {
		return err
	}
	plan, err := set.Plan(nil, AppliedVersion, false)
	if err != nil {
		return err
	}
	run, err := migrate.Apply(ctx, plan, migrate.Options{Target: cfg.Copy, Watch: cfg.Copy, Table: "public.goose_db_version"})
	if err != nil {
		return fmt.Errorf("load the shop: %w", err)
	}
	for _, m := range run.Migrations {
		if m.Outcome != report.Applied {
			return fmt.Errorf("load the shop: %s %s", m.Name, m.Outcome)
		}
	}
	return nil
}

// Load makes an empty database the shop's production: the history by goose, then the rows.
func Load(ctx context.Context, cfg *pgx.ConnConfig) error {
	if err := History(ctx, cfg); err != nil {
		return err
	}
	data, err := Files.ReadFile("data.sql")
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("load the shop: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.PgConn().Exec(ctx, string(data)).ReadAll(); err != nil {
		return fmt.Errorf("load the shop: %w", err)
	}
	return nil
}
