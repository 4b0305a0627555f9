package migrate_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// someRows is a table t of 1,000 rows, with an index.
const someRows = `CREATE TABLE t (id int PRIMARY KEY, a int, b text);
	INSERT INTO t SELECT g, g, 'b' || g FROM generate_series(1, 1000) g; CREATE INDEX t_a ON t (a)`

func TestApplyStopsAtTheFirstFailure(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, someRows+`; INSERT INTO t VALUES (2000, 1, 'b1')`)
	run := apply(t, plan(t, files(
		"1_fine.sql", "-- +goose Up\nALTER TABLE t ADD c int;\n",
		"2_fails.sql", "-- +goose Up\nUPDATE t SET c = a;\n\nCREATE UNIQUE INDEX t_b\n  ON t (b);\nSELECT 1;\n",
		"3_never.sql", "-- +goose Up\n-- +goose NO TRANSACTION\nSELECT 1;\n-- +goose Down\nSELECT 2;\n",
	)), options(db))
	if diff := cmp.Diff([]report.Outcome{report.Applied, report.Failed, report.NotRun}, outcomes(run)); diff != "" {
		t.Fatal(diff)
	}
	want := &report.Failure{
		SQLState: "23505", Message: `could not create unique index "t_b": key (b) is duplicated`, Table: "public.t", Columns: []string{"b"},
		Constraint: "t_b", File: "migrations/2_fails.sql", Line: 4,
	}
	failed := run.Migrations[1]
	if diff := cmp.Diff(want, failed.Failure); diff != "" {
		t.Error(diff)
	}
	if len(failed.Statements) != 2 || failed.Statements[1].Failure == nil || *failed.Statements[0].Rows != 1001 {
		t.Errorf("statements of the one that failed: %+v", failed.Statements)
	}
	never := run.Migrations[2]
	if never.Transaction || !never.HasDown || never.Statements != nil {
		t.Errorf("the one never run: %+v", never)
	}
	if got := pgtest.Value(t, db, "SELECT string_agg(version_id::text, ',' ORDER BY id) FROM goose_db_version"); got != "0,1" {
		t.Errorf("recorded versions %s, want 0,1", got)
	}
	if got := pgtest.Value(t, db, "SELECT count(c) FROM t"); got != "0" {
		t.Errorf("the update of the failed migration stays: %s rows", got)
	}
}

func TestApplySaysWhatStays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"transaction", "-- +goose Up\nSELECT 1;\nSELECT 1/0;\n", ""},
		{"none", "-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 1/0;\n", ""},
		{
			"no transaction", "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE TABLE x (a int);\nSELECT 2;\nSELECT 1/0;\n",
			"2 of the 3 statements sent (line 3, 4); the version is not recorded as applied",
		},
		{
			"commit inside", "-- +goose Up\nCREATE TABLE x (a int);\nCOMMIT;\nSELECT 1/0;\n",
			"2 of the 3 statements sent (line 2, 3); the version is not recorded as applied",
		},
		{
			"own transaction", "-- +goose NO TRANSACTION\n-- +goose Up\nBEGIN;\nCREATE TABLE x (a int);\nSELECT 1/0;\nCOMMIT;\n", "",
		},
		{
			"procedure", "-- +goose NO TRANSACTION\n-- +goose Up\n-- +goose StatementBegin\nDO $$ BEGIN CREATE TABLE x (a int); COMMIT; " +
				"PERFORM 1/0; END $$;\n-- +goose StatementEnd\n",
			"what the DO that failed had committed itself; the version is not recorded as applied",
		},
		{"several in one", "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE TABLE x (a int); SELECT 1/0;\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			m := applyOne(t, db, c.text)
			if m.Outcome != report.Failed || m.Failure.SQLState != "22012" {
				t.Fatalf("%s: %+v", m.Outcome, m.Failure)
			}
			if m.Failure.StaysApplied != c.want {
				t.Errorf("stays %q, want %q", m.Failure.StaysApplied, c.want)
			}
			stays := pgtest.Value(t, db, "SELECT to_regclass('x') IS NOT NULL") == "t"
			if stays != (c.want != "") {
				t.Errorf("table x stays: %v, yet it says %q", stays, c.want)
			}
		})
	}
}

func TestApplyConcurrently(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, someRows)
	pgtest.Exec(t, db, "INSERT INTO t SELECT g, g, 'x' FROM generate_series(2001, 200000) g")
	m := applyOne(t, db, "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY t_b ON t (b);\n")
	if m.Outcome != report.Applied || m.Transaction {
		t.Fatalf("%s: %+v", m.Outcome, m.Failure)
	}
	st := m.Statements[0]
	if diff := cmp.Diff([]report.Lock{{Table: "public.t", Mode: "SHARE UPDATE EXCLUSIVE", Method: report.Sampled}}, st.Locks); diff != "" {
		t.Error(diff)
	}
	if len(m.Locks) != 1 || m.Locks[0].Blocks != "schema changes" || m.Locks[0].Held > m.Duration || m.Locks[0].Held < m.Duration/2 {
		t.Errorf("exposures %+v in %s", m.Locks, m.Duration)
	}
	if len(st.Scans) != 1 || st.Scans[0].Rows != 2*199000 { // it reads the table twice
		t.Errorf("scans: %+v", st.Scans)
	}
	failing := applyOne(t, pgtest.New(t, someRows), "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE UNIQUE INDEX CONCURRENTLY t_u ON t ((a % 10));\n")
	if failing.Outcome != report.Failed || failing.Failure.SQLState != "23505" || strings.Contains(failing.Failure.Message, "=") {
		t.Errorf("%s: %+v", failing.Outcome, failing.Failure)
	}
	inside := applyOne(t, pgtest.New(t, someRows), "-- +goose Up\nCREATE INDEX CONCURRENTLY t_b ON t (b);\n")
	if inside.Outcome != report.Failed || inside.Failure.SQLState != "25001" {
		t.Errorf("%s: %+v", inside.Outcome, inside.Failure)
	}
}

func TestApplyEndsAHangingMigration(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text string }{
		{"transaction", "-- +goose Up\nLOCK TABLE t;\nSELECT pg_sleep(600);\n"},
		{"no transaction", "-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 1;\nSELECT pg_sleep(600);\n"},
		{"deaf", "-- +goose Up\nLOCK TABLE t;\n-- +goose StatementBegin\nDO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(600); EXCEPTION " +
			"WHEN query_canceled THEN NULL; END; END LOOP; END $$;\n-- +goose StatementEnd\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t, someRows)
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			defer cancel()
			o := options(db)
			var after bool
			o.After = func(ctx context.Context, m *report.Migration, _ *observe.Observation) error {
				after = true
				if got := pgtest.Value(t, db, "SELECT count(*) FROM pg_stat_activity WHERE query ~ 'pg_sleep' "+
					"AND datname = current_database() AND pid <> pg_backend_pid()"); got != "0" {
					t.Errorf("%s sessions still run", got)
				}
				return ctx.Err()
			}
			run, err := migrate.Apply(ctx, plan(t, files("1_hangs.sql", c.text, "2_never.sql", nothing)), o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]report.Outcome{report.TimedOut, report.NotRun}, outcomes(run)); diff != "" {
				t.Fatal(diff)
			}
			m := run.Migrations[0]
			if !after || m.Failure == nil || m.Failure.Line < 3 || m.Statements[1].Failure == nil {
				t.Errorf("after called %v, failure %+v", after, m.Failure)
			}
			if slept := time.Duration(m.Slept); slept < 500*time.Millisecond || slept > time.Duration(m.Duration) {
				t.Errorf("slept %s of %s", m.Slept, m.Duration)
			}
			pgtest.Exec(t, db, "SET lock_timeout = '100ms'; LOCK TABLE t")
		})
	}
}

func TestApplyInterrupted(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, someRows)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Second, cancel)
	run, err := migrate.Apply(ctx, plan(t, files("1_hangs.sql", "-- +goose Up\nSELECT pg_sleep(600);\n", "2_never.sql", nothing)), options(db))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if run.Migrations[0].Outcome == report.Applied || run.Migrations[1].Outcome != report.NotRun {
		t.Errorf("outcomes %v", outcomes(run))
	}
	if got := sessionsLeft(t, db); got != "" {
		t.Errorf("still there: %s", got)
	}
	run, err = migrate.Apply(ctx, plan(t, files("1_a.sql", nothing)), options(db))
	if !errors.Is(err, context.Canceled) || run.Migrations[0].Outcome != report.NotRun {
		t.Errorf("cancelled before it began: %v, %v", err, outcomes(run))
	}
}

// TestApplyInterruptedAnywhere cancels at times that fall into different phases. Whatever was cut off, no session and no lock is left.
func TestApplyInterruptedAnywhere(t *testing.T) {
	t.Parallel()
	original := pgtest.New(t, someRows)
	p := plan(t, files(
		"1_a.sql", "-- +goose Up\nALTER TABLE t ADD c float DEFAULT random();\nUPDATE t SET a = a + 1;\n",
		"2_b.sql", "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY t_c ON t (c);\nVACUUM t;\n",
		"3_c.sql", "-- +goose Up\nLOCK TABLE t;\nSELECT pg_sleep(30);\n",
	))
	for wait := 5 * time.Millisecond; wait < time.Second; wait *= 2 {
		db := pgtest.Clone(t, original)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(wait, cancel)
		_, err := migrate.Apply(ctx, p, options(db))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("after %s: error %v", wait, err)
		}
		if got := sessionsLeft(t, db); got != "" {
			t.Errorf("after %s: still there: %s", wait, got)
		}
		pgtest.Exec(t, db, "SET lock_timeout = '100ms'; LOCK TABLE t")
	}
}

// sessionsLeft describes the sessions of a database, asked from another one. Those that are only just ending get a second.
func sessionsLeft(t *testing.T, db *pgx.ConnConfig) (left string) {
	t.Helper()
	for range 50 {
		left = pgtest.Value(t, pgtest.Default(t).Config("postgres"), `SELECT string_agg(concat_ws(' ', application_name, state, query), '; ')
			FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = '`+db.Database+`'`)
		if left == "" {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return left
}

func TestApplyWithoutAServer(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	gone := func() *pgx.ConnConfig {
		cfg := db.Copy()
		cfg.Port = 1
		return cfg
	}
	p := plan(t, files("1_a.sql", nothing))
	for _, o := range []migrate.Options{{Target: db.Copy, Watch: gone}, {Target: gone, Watch: db.Copy}} {
		run, err := migrate.Apply(t.Context(), p, o)
		if err == nil || run.Migrations[0].Outcome != report.NotRun {
			t.Errorf("error %v, outcome %s", err, run.Migrations[0].Outcome)
		}
		if err != nil && strings.Contains(err.Error(), db.Password) {
			t.Error("the error holds the password")
		}
	}
}

func TestApplyOutOfOrder(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "CREATE TABLE seen (id serial, v int)")
	insert := func(v string) string { return "-- +goose Up\nINSERT INTO seen (v) VALUES (" + v + ");\n" }
	set, err := migrate.Scan(files("1_a.sql", insert("1"), "2_b.sql", insert("2"), "10_c.sql", insert("10"), "9_d.sql", insert("9")), "m")
	if err != nil {
		t.Fatal(err)
	}
	first, err := set.Plan([]int64{2, 9, 10}, 0, true)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, first, options(db))
	refused, err := set.Plan([]int64{1, 10}, 0, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := migrate.Apply(t.Context(), refused, options(db)); !errors.Is(err, migrate.ErrOutOfOrder) {
		t.Errorf("late migrations not allowed: %v", err)
	}
	allowed, err := set.Plan([]int64{1, 10}, 0, true)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, allowed, options(db))
	if got := pgtest.Value(t, db, "SELECT string_agg(v::text, ',' ORDER BY id) FROM seen"); got != "1,2,9" {
		t.Errorf("applied %s, want 1,2,9", got)
	}
}

func TestApplySessions(t *testing.T) {
	t.Parallel()
	leak := files(
		"1_set.sql", "-- +goose Up\nSET search_path = app, public;\n",
		"2_go.go", "package m",
		"3_use.sql", "-- +goose Up\nINSERT INTO only_in_app VALUES (1);\n",
	)
	goToo := func() []*goose.Migration {
		return []*goose.Migration{goose.NewGoMigration(2, &goose.GoFunc{RunDB: func(ctx context.Context, db *sql.DB) error {
			for range 3 { // sessions that must not take the place of the shared one
				conn, err := db.Conn(ctx)
				if err != nil {
					return err
				}
				defer conn.Close()
			}
			_, err := db.ExecContext(ctx, "CREATE TABLE public.by_go (a int)")
			return err
		}}, nil)}
	}
	setup := "CREATE SCHEMA app; CREATE TABLE app.only_in_app (a int)"
	db := pgtest.New(t, setup)
	o := options(db)
	o.Table = "public.goose_db_version"
	run := apply(t, planWith(t, leak, goToo()), o)
	if diff := cmp.Diff([]report.Outcome{report.Applied, report.Applied, report.Applied}, outcomes(run)); diff != "" {
		t.Errorf("one session: %s %+v", diff, run.Migrations)
	}
	if st := run.Migrations[1].Statements; len(st) != 1 || st[0].Tag != "CREATE TABLE" || st[0].Transaction {
		t.Errorf("statements of the Go migration: %+v", st)
	}
	o = options(pgtest.New(t, setup))
	o.Table, o.SessionEach = "public.goose_db_version", true
	run = apply(t, planWith(t, leak, goToo()), o)
	if diff := cmp.Diff([]report.Outcome{report.Applied, report.Applied, report.Failed}, outcomes(run)); diff != "" {
		t.Errorf("a session each: %s", diff)
	}
}

func TestApplyGoInATransaction(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, someRows)
	m := goose.NewGoMigration(7, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE t SET a = $1 WHERE id <= $2", 5, 10); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "ALTER TABLE t ADD c int")
		return err
	}}, nil)
	var seen *observe.Observation
	o := options(db)
	o.After = func(_ context.Context, _ *report.Migration, obs *observe.Observation) error {
		seen = obs
		return nil
	}
	run := apply(t, planWith(t, files(), []*goose.Migration{m}), o)
	got := run.Migrations[0]
	if got.Outcome != report.Applied || len(got.Statements) != 2 || *got.Statements[0].Rows != 10 || !got.Statements[1].Transaction {
		t.Errorf("%s: %+v", got.Outcome, got.Statements)
	}
	if len(got.Locks) != 1 || got.Locks[0].Blocks != "reads and writes" {
		t.Errorf("exposures: %+v", got.Locks)
	}
	if len(seen.Durable) != 2 || !seen.Durable[1] {
		t.Errorf("durable: %v", seen.Durable)
	}
	broken := goose.NewGoMigration(7, &goose.GoFunc{RunTx: func(context.Context, *sql.Tx) error { return errors.New("no") }}, nil)
	run = apply(t, planWith(t, files(), []*goose.Migration{broken}), options(pgtest.New(t)))
	if f := run.Migrations[0].Failure; run.Migrations[0].Outcome != report.Failed || f == nil || f.Message != "no" {
		t.Errorf("a Go migration that fails: %+v", run.Migrations[0])
	}
}

func TestApplyHooks(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, someRows)
	var calls []string
	o := options(db)
	o.Before = func(_ context.Context, m *report.Migration) error {
		calls = append(calls, "before "+m.Name)
		return nil
	}
	o.After = func(_ context.Context, m *report.Migration, _ *observe.Observation) error {
		calls = append(calls, "after "+m.Name+" "+string(m.Outcome))
		if m.Version == 2 {
			return errors.New("enough")
		}
		return nil
	}
	_, err := migrate.Apply(t.Context(), plan(t, files("1_a.sql", nothing, "2_b.sql", nothing, "3_c.sql", nothing)), o)
	if err == nil || err.Error() != "after 2_b.sql: enough" {
		t.Errorf("error %v", err)
	}
	want := []string{"before 1_a.sql", "after 1_a.sql applied", "before 2_b.sql", "after 2_b.sql applied"}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Error(diff)
	}
}

func TestApplyCommitFailure(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, `CREATE TABLE p (id int PRIMARY KEY);
		CREATE TABLE c (p int CONSTRAINT c_p REFERENCES p DEFERRABLE INITIALLY DEFERRED)`)
	m := applyOne(t, db, "-- +goose Up\nINSERT INTO c VALUES (4711);\n")
	want := &report.Failure{
		SQLState: "23503", Message: `after the last statement: insert or update on table "c" violates foreign key constraint "c_p"` +
			`: key (p) is not present in table "p"`, Table: "public.c", Columns: []string{"p"}, Constraint: "c_p", File: "migrations/00001_it.sql",
	}
	if diff := cmp.Diff(want, m.Failure); diff != "" {
		t.Error(diff)
	}
}
