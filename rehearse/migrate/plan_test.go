package migrate_test

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

const nothing = "-- +goose Up\nSELECT 1;\n"

func TestScanRefusesBadDirectories(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		dir  fs.FS
		want string
	}{
		{"missing", os.DirFS("/nowhere/at/all"), "read migrations in db/migrations: open .: no such file or directory"},
		{"empty", files(), "no migrations in db/migrations"},
		{
			"no numbers", files("seed.sql", "", "add_users.sql", "", "0_zero.sql", "", "readme.md", ""),
			"no migrations in db/migrations: no version number in 0_zero.sql, add_users.sql, seed.sql",
		},
		{
			"one version twice", files("1_a.sql", nothing, "0001_b.sql", nothing, "2_c.sql", nothing),
			"version 1 has 2 migrations: db/migrations/0001_b.sql, db/migrations/1_a.sql",
		},
		{
			"two versions twice", files("1_a.sql", "", "01_b.go", "", "2_a.sql", "", "02_b.sql", "", "3_c.sql", ""),
			"version 1 has 2 migrations: db/migrations/01_b.go, db/migrations/1_a.sql\n" +
				"version 2 has 2 migrations: db/migrations/02_b.sql, db/migrations/2_a.sql",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := migrate.Scan(c.dir, "db/migrations")
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestScanErrorsAreTyped(t *testing.T) {
	t.Parallel()
	_, err := migrate.Scan(os.DirFS("/nowhere/at/all"), "m")
	var dir *migrate.DirError
	if !errors.As(err, &dir) || !errors.Is(err, fs.ErrNotExist) || dir.Dir != "m" {
		t.Errorf("missing directory: %#v", err)
	}
	_, err = migrate.Scan(files("1_a.sql", "", "01_b.sql", ""), "m")
	var twice *migrate.DuplicateError
	if !errors.As(err, &twice) || twice.Version != 1 || len(twice.Files) != 2 {
		t.Errorf("two of one version: %#v", err)
	}
	_, err = migrate.Scan(files("x.sql", ""), "m")
	var none *migrate.NoMigrationsError
	if !errors.As(err, &none) || !cmp.Equal(none.Ignored, []string{"x.sql"}) {
		t.Errorf("no migrations: %#v", err)
	}
}

func TestPlanIsOrderedByNumber(t *testing.T) {
	t.Parallel()
	p := plan(t, files(
		"20240101120000_fourteen.sql", nothing, "202401011200000_fifteen.sql", nothing, "9_nine.sql", nothing, "10_ten.sql", nothing,
		"helper.go", "package m", "11_x_test.go", "package m", "seed.sql", "DROP TABLE x;",
	))
	var got []string
	for _, m := range p.Pending {
		got = append(got, m.Name)
	}
	want := []string{"9_nine.sql", "10_ten.sql", "20240101120000_fourteen.sql", "202401011200000_fifteen.sql"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPlanDrift(t *testing.T) {
	t.Parallel()
	dir := files("1_a.sql", nothing, "2_b.sql", nothing, "3_c.sql", nothing, "4_d.sql", nothing, "5_e.sql", nothing)
	for _, c := range []struct {
		name    string
		applied []int64
		to      int64
		allow   bool
		pending []int64
		drift   *report.Drift
	}{
		{"none applied", nil, 0, false, []int64{1, 2, 3, 4, 5}, nil},
		{"in order", []int64{0, 1, 2}, 0, false, []int64{3, 4, 5}, nil},
		{"up to a version", []int64{1}, 3, false, []int64{2, 3}, nil},
		{"all applied", []int64{5, 4, 3, 2, 1}, 0, false, nil, nil},
		{"applied without a file", []int64{1, 99, 2, 7, 3}, 0, true, []int64{4, 5}, &report.Drift{
			MissingFiles: []int64{7, 99}, OutOfOrder: []string{"migrations/4_d.sql", "migrations/5_e.sql"}, Allowed: true,
		}},
		{"late", []int64{1, 4}, 0, false, []int64{5}, &report.Drift{OutOfOrder: []string{"migrations/2_b.sql", "migrations/3_c.sql"}}},
		{"late, allowed", []int64{1, 4}, 0, true, []int64{2, 3, 5}, &report.Drift{
			OutOfOrder: []string{"migrations/2_b.sql", "migrations/3_c.sql"}, Allowed: true,
		}},
		{"late beyond the goal", []int64{1, 4}, 2, true, []int64{2}, &report.Drift{OutOfOrder: []string{"migrations/2_b.sql"}, Allowed: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			set, err := migrate.Scan(dir, "migrations")
			if err != nil {
				t.Fatal(err)
			}
			p, err := set.Plan(c.applied, c.to, c.allow)
			if err != nil {
				t.Fatal(err)
			}
			var pending []int64
			for _, m := range p.Pending {
				pending = append(pending, m.Version)
			}
			if diff := cmp.Diff(c.pending, pending); diff != "" {
				t.Error("pending: ", diff)
			}
			if diff := cmp.Diff(c.drift, p.Drift); diff != "" {
				t.Error("drift: ", diff)
			}
		})
	}
}

func TestPlanTellsWhatGooseMakesOfAFile(t *testing.T) {
	t.Setenv("REHEARSE_TEST_TABLE", "orders")
	p := plan(t, files("1_a.sql", `-- a comment
-- +goose NO TRANSACTION
-- +goose ENVSUB ON

-- +goose Up
-- about the first
CREATE TABLE ${REHEARSE_TEST_TABLE} (
	id int -- the key
);
SELECT 1; SELECT 2;
-- +goose ENVSUB OFF
-- +goose StatementBegin

CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	RETURN 1;
END $$;
-- +goose StatementEnd
SELECT 1; SELECT 2;

-- +goose Down
DROP TABLE ${REHEARSE_TEST_TABLE};
`, "2_empty.sql", "-- +goose Up\n-- +goose Down\n", "3_up.sql", nothing))
	first := p.Pending[0]
	if first.Transaction || !first.HasDown || first.Empty() {
		t.Errorf("transaction %v, down %v, empty %v", first.Transaction, first.HasDown, first.Empty())
	}
	type statement struct {
		SQL   string
		Lines []int
	}
	var got []statement
	for _, s := range first.Statements {
		got = append(got, statement{s.SQL, s.Lines})
	}
	want := []statement{
		{"CREATE TABLE orders (\n\tid int -- the key\n);", []int{7, 8, 9}},
		{"SELECT 1; SELECT 2;", []int{10}},
		{"CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n\tRETURN 1;\nEND $$;", []int{14, 15, 16, 17}},
		{"SELECT 1; SELECT 2;", []int{19}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if e := p.Pending[1]; !e.Empty() || e.HasDown {
		t.Errorf("the empty one: empty %v, down %v", e.Empty(), e.HasDown)
	}
	if up := p.Pending[2]; up.HasDown || !up.Transaction {
		t.Errorf("the one without a down: down %v, transaction %v", up.HasDown, up.Transaction)
	}
}

func TestPlanTellsEverySyntaxErrorAtOnce(t *testing.T) {
	t.Parallel()
	set, err := migrate.Scan(files(
		"1_applied_and_bad.sql", "SELECT",
		"2_none.sql", "CREATE TABLE a (b int);\n",
		"3_semicolon.sql", "-- +goose Up\nSELECT 1;\n\nCREATE TABLE a (\n  b int\n)\n",
		"4_word.sql", "-- +goose Up\nSELECT 1;\n-- +goose Sideways\n",
		"5_open.sql", "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n",
		"6_close.sql", "-- +goose Up\nSELECT 1;\n-- +goose StatementEnd\n",
		"7_twice.sql", "-- +goose Up\nSELECT 1;\n-- +goose Up\n",
		"8_down.sql", "\n-- +goose Down\nSELECT 1;\n-- +goose Up\n",
		"9_down_semicolon.sql", "-- +goose Up\nSELECT 1;\n-- +goose Down\nDROP TABLE x\n",
		"10_env.sql", "-- +goose Up\n-- +goose ENVSUB ON\nSELECT '${REHEARSE_UNSET?}';\n",
		"11_empty.sql", "",
		"12_fine.sql", nothing,
	), "m")
	if err != nil {
		t.Fatal(err)
	}
	_, err = set.Plan([]int64{1}, 0, false)
	if err == nil {
		t.Fatal("no error")
	}
	want := `m/2_none.sql:1: SQL before '-- +goose Up'
m/3_semicolon.sql:4: the last statement is not ended by a semicolon
m/4_word.sql:3: not an annotation that goose knows
m/5_open.sql:2: '-- +goose StatementBegin' without '-- +goose StatementEnd'
m/6_close.sql:3: '-- +goose StatementEnd' without '-- +goose StatementBegin'
m/7_twice.sql:3: a second '-- +goose Up'
m/8_down.sql:2: '-- +goose Up' must come first, and '-- +goose Down' after it and once
m/9_down_semicolon.sql:4: the last statement is not ended by a semicolon
m/10_env.sql:3: ENVSUB: $REHEARSE_UNSET: not set
m/11_empty.sql:1: '-- +goose Up' must come first, and '-- +goose Down' after it and once`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
	var syntax *migrate.SyntaxError
	if !errors.As(err, &syntax) || syntax.File != "m/2_none.sql" || syntax.Line != 1 {
		t.Errorf("first: %#v", syntax)
	}
}

func TestPlanTellsGoMigrations(t *testing.T) {
	t.Parallel()
	dir := files("1_a.go", "package m", "2_b.sql", nothing, "3_c.go", "package m", "4_d.go", "package m")
	set, err := migrate.Scan(dir, "m")
	if err != nil {
		t.Fatal(err)
	}
	_, err = set.Plan([]int64{1}, 0, false)
	var inGo *migrate.GoMigrationsError
	if !errors.As(err, &inGo) || !cmp.Equal(inGo.Files, []string{"m/3_c.go", "m/4_d.go"}) {
		t.Errorf("pending Go migrations: %v", err)
	}
	if _, err := set.Plan([]int64{1}, 2, false); err != nil {
		t.Errorf("Go migrations applied or beyond the goal are no hindrance, but: %v", err)
	}
	set, err = migrate.Scan(files("1_a.go", "package m"), "m")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := set.Plan(nil, 0, false); !errors.As(err, &inGo) {
		t.Errorf("nothing but Go: %v", err)
	}
}

func TestPlanWithRegisteredGoMigrations(t *testing.T) {
	t.Parallel()
	run := func(context.Context, *sql.Tx) error { panic("planning runs nothing") }
	withFile := goose.NewGoMigration(2, &goose.GoFunc{RunTx: run}, &goose.GoFunc{RunTx: run})
	without := goose.NewGoMigration(3, &goose.GoFunc{RunDB: func(context.Context, *sql.DB) error { panic("nothing") }}, nil)
	p := planWith(t, files("1_a.sql", nothing, "2_b.go", "package m"), []*goose.Migration{withFile, without})
	type row struct {
		Name                  string
		Go, Transaction, Down bool
	}
	var got []row
	for _, m := range p.Pending {
		got = append(got, row{m.Name, m.Go, m.Transaction, m.HasDown})
	}
	want := []row{{"1_a.sql", false, true, false}, {"2_b.go", true, true, true}, {"version 3", true, false, false}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestApplied(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, `CREATE SCHEMA "Odd. One"; CREATE SCHEMA app;
		CREATE TABLE goose_db_version (id serial, version_id bigint, is_applied bool, tstamp timestamp);
		INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true), (3, true), (1, true), (3, false);
		CREATE TABLE "Odd. One"."Versions ""2""" AS SELECT 7::bigint AS version_id;
		CREATE TABLE app.empty AS SELECT 7::bigint AS version_id LIMIT 0;
		CREATE TABLE app.other (a int);
		CREATE ROLE nobody_much LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA app TO nobody_much`)
	t.Cleanup(func() { pgtest.Exec(t, db, "DROP OWNED BY nobody_much; DROP ROLE nobody_much") })
	conn, err := pgx.ConnectConfig(t.Context(), db.Copy())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), "SET default_transaction_read_only = on"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		table, name string
		versions    []int64
	}{
		{"goose_db_version", "public.goose_db_version", []int64{1, 3}},
		{`"Odd. One"."Versions ""2"""`, `"Odd. One"."Versions ""2"""`, []int64{7}},
		{"app.empty", "app.empty", nil},
	} {
		versions, name, err := migrate.Applied(t.Context(), conn, c.table)
		if err != nil {
			t.Fatal(err)
		}
		if name != c.name || len(versions) != len(c.versions) || len(versions) > 0 && !cmp.Equal(versions, c.versions) {
			t.Errorf("%s: %v in %s", c.table, versions, name)
		}
	}
	var none *migrate.NoVersionTableError
	if _, _, err := migrate.Applied(t.Context(), conn, "app.goose_db_version"); !errors.As(err, &none) {
		t.Errorf("no table: %v", err)
	}
	if _, _, err := migrate.Applied(t.Context(), conn, "app.other"); err == nil || err.Error() != "read version table app.other: SQLSTATE 42703" {
		t.Errorf("another table: %v", err)
	}
	if _, err := conn.Exec(t.Context(), "SET ROLE nobody_much"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := migrate.Applied(t.Context(), conn, "app.empty"); err == nil || err.Error() != "read version table app.empty: SQLSTATE 42501" {
		t.Errorf("no privilege: %v", err)
	}
}
