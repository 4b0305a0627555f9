package rehearse_test

import (
	"context"
	"database/sql"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// TestGoMigrations rehearses a program's own Go migrations among its files: one that goose keeps in its registry, and one given by hand. Further
// rehearsals run them again on clones.
func TestGoMigrations(t *testing.T) {
	t.Parallel()
	goose.AddNamedMigrationContext("00003_backfill.go", func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE orders SET state = 'new'")
		return err
	}, nil)
	goose.AddNamedMigrationNoTxContext("00004_index.go", func(ctx context.Context, db *sql.DB) error {
		_, err := db.ExecContext(ctx, "CREATE UNIQUE INDEX CONCURRENTLY orders_code ON orders (code)")
		return err
	}, nil)
	defer goose.ResetGlobalMigrations()
	registered, err := migrate.Registered()
	if err != nil || len(registered) != 2 {
		t.Fatalf("registered: %d, %v", len(registered), err)
	}
	source := pgtest.New(t, `CREATE TABLE orders (id int PRIMARY KEY, code text); INSERT INTO orders SELECT g, 'c' || g % 50 FROM generate_series(1, 100) g; `+
		gooseTable+`; INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, true)`)
	dir := release(t, "ALTER TABLE orders ADD COLUMN state text;")
	write(t, dir, "00003_backfill.go", "package migrations")
	cfg := configured(t, source, rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)},
		"version: 1\ntables:\n  public.orders: {id: keep, code: keep}\n")
	cfg.Migrations, cfg.MigrationsDir, cfg.Policy = os.DirFS(dir), "db", verdict.Policy{AllowRewriteBelow: -1}
	cfg.GoMigrations, cfg.Passes = registered, []string{"probe"}
	result, err := rehearse.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range result.Migrations {
		line := m.Name + " " + string(m.Outcome)
		for _, st := range m.Statements {
			line += "; " + st.SQL
		}
		got = append(got, line)
	}
	want := []string{
		"00002_pending.sql applied; ALTER TABLE orders ADD COLUMN state text;", "00003_backfill.go applied; UPDATE orders SET state = 'new'",
		"version 4 failed; CREATE UNIQUE INDEX CONCURRENTLY orders_code ON orders (code)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("migrations (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"public.orders 100 -> 100 +0 ~100 -0"}, told(result.Migrations[1].Rows)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if f := result.Migrations[2].Failure; f == nil || f.SQLState != "23505" || result.Verdict != report.NoGo || result.ExitCode != 10 {
		t.Errorf("%s (%d): %+v", result.Verdict, result.ExitCode, f)
	}
	for _, n := range result.NotMeasured {
		if strings.Contains(n.What, "would have waited") {
			t.Errorf("the probing pass could not be carried out: %s", n.Why)
		}
	}
	if len(result.Migrations[0].Locks) == 0 || result.Probing == nil {
		t.Errorf("locks %+v, probing %+v", result.Migrations[0].Locks, result.Probing)
	}
}
