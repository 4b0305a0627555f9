package rehearse_test

import (
	"context"
	"database/sql"
	"fmt"
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

// TestGoMigrationsBackAndKilled takes a program's own Go migrations back and kills them: one in a transaction with an exact way back, one whose way
// back loses values, one without, and one that commits as it goes and cannot be run again.
func TestGoMigrationsBackAndKilled(t *testing.T) {
	t.Parallel()
	in := func(statements ...string) *goose.GoFunc {
		return &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) (err error) {
			for _, one := range statements {
				if _, err = tx.ExecContext(ctx, one); err != nil {
					return err
				}
			}
			return nil
		}}
	}
	outside := func(statements ...string) *goose.GoFunc {
		return &goose.GoFunc{RunDB: func(ctx context.Context, db *sql.DB) (err error) {
			for _, one := range statements {
				if _, err = db.ExecContext(ctx, one); err != nil {
					return err
				}
			}
			return nil
		}}
	}
	source := pgtest.New(t, `CREATE TABLE orders (id int PRIMARY KEY, code text); INSERT INTO orders SELECT g, 'c' || g % 50 FROM generate_series(1, 100) g; `+
		gooseTable+`; INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, true)`)
	cfg := configured(t, source, rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)},
		"version: 1\ntables:\n  public.orders: {id: keep, code: keep}\n")
	cfg.Migrations, cfg.MigrationsDir, cfg.Policy = os.DirFS(release(t)), "db", verdict.Policy{AllowRewriteBelow: -1}
	cfg.Passes = []string{"down", "kill"}
	cfg.GoMigrations = []*migrate.GoMigration{
		goose.NewGoMigration(2, in("ALTER TABLE orders ADD state text", "UPDATE orders SET state = 'new'"), in("ALTER TABLE orders DROP state")),
		goose.NewGoMigration(3, in("UPDATE orders SET code = 'x' WHERE id <= 10"), in("UPDATE orders SET code = 'y' WHERE id <= 10")),
		goose.NewGoMigration(4, in("CREATE TABLE a (id int)"), nil),
		goose.NewGoMigration(5, outside("CREATE TABLE b (id int)", "INSERT INTO b VALUES (1)"), outside("DROP TABLE b")),
		goose.NewGoMigration(6, outside("CREATE INDEX CONCURRENTLY orders_code ON orders (code)"), outside("DROP INDEX CONCURRENTLY orders_code")),
	}
	result, err := rehearse.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"2 applied; back reversible; killed resumes", "3 applied; back lossy: 10 values of public.orders.code; killed resumes", "4 applied; back none; killed resumes",
		"5 applied; back reversible; killed needs_cleanup: DROP TABLE public.b;", "6 applied; back reversible; killed needs_cleanup: DROP INDEX CONCURRENTLY public.orders_code;",
	}
	var got []string
	for _, m := range result.Migrations {
		line := fmt.Sprintf("%d %s", m.Version, m.Outcome)
		if m.Back != nil {
			line += "; back " + string(m.Back.Verdict)
			for _, l := range m.Back.Lost {
				line += ": " + l.String()
			}
		}
		if m.Kill != nil {
			line += "; killed " + string(m.Kill.Outcome)
			if sql := m.Kill.Worst().Cleanup; sql != "" {
				line += ": " + sql
			}
		}
		got = append(got, line)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ways back and kills (-want +got):\n%s\n%+v", diff, result.NotMeasured)
	}
}

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
