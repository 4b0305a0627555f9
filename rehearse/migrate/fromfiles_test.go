package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

func TestRecognise(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dir  fs.FS
		want string
	}{
		"golang-migrate":               {files("1_a.up.sql", "SELECT 1", "1_a.down.sql", "", "seed.sql", "SELECT 2"), "golang-migrate"},
		"timestamps":                   {files("20260101000000_a.b.up.sql", ""), "golang-migrate"},
		"a down alone":                 {files("3_a.down.sql", ""), "golang-migrate"},
		"goose":                        {files("1_a.sql", nothing), "goose"},
		"goose under the other's name": {files("1_a.up.sql", nothing), "goose"},
		"nobody's":                     {files("1_a.sql", "SELECT 1", "V1__b.sql", "", "x_1.up.sql", "", "1.up.sql", ""), "goose"},
		"empty":                        {files(), "goose"},
		"of both": {
			files("1_a.sql", "SELECT 1;\n  -- +Goose Up\n", "2_b.up.sql", ""),
			"m/1_a.sql is a file of goose's, and m/2_b.up.sql one of golang-migrate's: either would pass over, or break on, the other's",
		},
	} {
		got, err := migrate.Recognise(c.dir, "m")
		if err != nil {
			got = report.Migrator(err.Error())
		}
		if string(got) != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// versions are what a plan takes for pending: version, file, statements, and what is special.
func versions(p *migrate.Plan) []string {
	var all []string
	for _, m := range p.Pending {
		line := fmt.Sprintf("%d %s %d", m.Version, m.File, len(m.Statements))
		if !m.Transaction {
			line += " alone"
		}
		switch {
		case m.HasDown:
			line += " down"
		case m.EmptyDown:
			line += " empty down"
		}
		all = append(all, line)
	}
	return all
}

func TestPlanOfGolangMigrate(t *testing.T) {
	t.Parallel()
	dir := files(
		"000010_ten.up.sql", "CREATE TABLE a (a int)", "10_ten.down.sql", "DROP TABLE a;",
		"9_nine.up.sql", "SELECT 1; SELECT 2;", "9_nine.down.sql", "-- nothing\n",
		"0_zero.up.sql", "", "11_only.down.sql", "DROP TABLE b", "12_.up.sql", "BEGIN; DROP TABLE a; COMMIT;",
		"13_index.up.sql", "CREATE UNIQUE INDEX CONCURRENTLY i ON a (a)", "14_vacuum.up.sql", "VACUUM a", "15_do.up.sql", "DO $$ BEGIN COMMIT; END $$;",
		"99999999999999999999_too_many.up.sql", "", "seed.sql", "",
	)
	set, err := migrate.ScanAs(report.GolangMigrate, dir, "m")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"99999999999999999999_too_many.up.sql", "seed.sql"}, set.Ignored); diff != "" {
		t.Error(diff)
	}
	all := []string{
		"0 m/0_zero.up.sql 0 alone", "9 m/9_nine.up.sql 2 empty down", "10 m/000010_ten.up.sql 1 down", "11 m/11_only.down.sql 0 alone down",
		"12 m/12_.up.sql 3 alone", "13 m/13_index.up.sql 1 alone", "14 m/14_vacuum.up.sql 1 alone", "15 m/15_do.up.sql 1 alone",
	}
	for _, c := range []struct {
		current  int64
		recorded bool
		to       int64
		want     []string
		missing  []int64
	}{
		{-1, false, 0, all, nil}, {0, true, 0, all[1:], nil}, {9, true, 12, all[2:5], nil}, {15, true, 0, nil, nil}, {8, true, 9, all[1:2], []int64{8}},
	} {
		p, err := set.PlanAfter(c.current, c.recorded, c.to)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, versions(p)); diff != "" {
			t.Errorf("after %d:\n%s", c.current, diff)
		}
		if (p.Drift == nil) != (c.missing == nil) || p.Drift != nil && (p.Drift.Allowed || !cmp.Equal(p.Drift.MissingFiles, c.missing)) {
			t.Errorf("after %d: drift %+v", c.current, p.Drift)
		}
	}
	_, err = migrate.ScanAs(report.GolangMigrate, files("1_a.up.sql", "", "01_b.up.sql", "", "1_c.down.sql", ""), "m")
	if err == nil || err.Error() != "version 1 has 2 migrations: m/01_b.up.sql, m/1_a.up.sql" {
		t.Errorf("a version twice: %v", err)
	}
}

func TestPlanOfPlainFiles(t *testing.T) {
	t.Parallel()
	dir := files("001.sql", "CREATE TABLE a (a int)", "V2__b.sql", "SELECT 1; SELECT 2", "readme.md", "", "z.sql", "SELECT 3")
	set, err := migrate.ScanAs(report.Plain, dir, "m")
	if err != nil {
		t.Fatal(err)
	}
	p, err := set.PlanFrom("db/V2__b.sql")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"2 m/V2__b.sql 2 alone", "3 m/z.sql 1 alone"}, versions(p)); diff != "" {
		t.Error(diff)
	}
	for asked, want := range map[string]string{
		"": "nothing says which of 3 files of plain SQL are pending, up to m/z.sql", "V2": "there is no file V2 among 3 files of plain SQL, up to m/z.sql",
	} {
		if _, err := set.PlanFrom(asked); err == nil || err.Error() != want {
			t.Errorf("from %q: %v", asked, err)
		}
	}
	set, err = migrate.ScanAs(report.Plain, files("1.sql", "\\set x 1\nSELECT 1;\nSELECT 2\n  \\gexec\n", "2.sql", "SELECT 1;\ncopy t (a)\nfrom stdin;\n1\n\\.\n"), "m")
	if err != nil {
		t.Fatal(err)
	}
	_, err = set.PlanFrom("1.sql")
	if diff := cmp.Diff("m/1.sql:1: psql's own command \\set x 1\nm/1.sql:4: psql's own command \\gexec\nm/2.sql:2: COPY FROM STDIN, whose rows psql takes from the file", fmt.Sprint(err)); diff != "" {
		t.Error(diff)
	}
	if _, err := migrate.ScanAs(report.Plain, files("a.txt", ""), "m"); !errors.As(err, new(*migrate.NoMigrationsError)) {
		t.Errorf("no file: %v", err)
	}
}

const migrateTable = `; CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL)`

// once applies a file of golang-migrate's, which comes to a table of that tool without an entry.
func once(t *testing.T, sql, setup string) (report.Migration, *pgx.ConnConfig) {
	t.Helper()
	db := pgtest.New(t, someRows+migrateTable+setup)
	set, err := migrate.ScanAs(report.GolangMigrate, files("5_it.up.sql", sql), "m")
	if err != nil {
		t.Fatal(err)
	}
	p, err := set.PlanAfter(-1, false, 0)
	if err != nil {
		t.Fatal(err)
	}
	o := options(db)
	o.Table = "public.schema_migrations"
	o.Aside = []string{o.Table}
	return apply(t, p, o).Migrations[0], db
}

// TestAsTheServerTakesATextWhole has files for which a text that is sent whole, as golang-migrate sends it, is something else than its
// statements one by one. What the file comes to is compared with just that: psql -c sends its argument as one text.
func TestAsTheServerTakesATextWhole(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"several":                       "ALTER TABLE t ADD c int; UPDATE t SET c = 1;",
		"fails half way":                "ALTER TABLE t ADD c int;\nSELECT 1/0;\nDROP TABLE t;",
		"alone":                         "CREATE INDEX CONCURRENTLY t_b ON t (b)",
		"concurrently among others":     "ALTER TABLE t ADD c int; CREATE INDEX CONCURRENTLY t_b ON t (b);",
		"concurrently after a commit":   "BEGIN; ALTER TABLE t ADD c int; COMMIT; CREATE INDEX CONCURRENTLY t_b ON t (b);",
		"vacuum among others":           "ALTER TABLE t ADD c int; VACUUM t",
		"vacuum alone":                  "VACUUM t",
		"a block of its own":            "BEGIN; ALTER TABLE t ADD c int; COMMIT; ALTER TABLE t ADD d int; SELECT 1/0;",
		"commit in between":             "ALTER TABLE t ADD c int; COMMIT; ALTER TABLE t ADD d int; SELECT 1/0;",
		"begin in between":              "ALTER TABLE t ADD c int; BEGIN; ALTER TABLE t ADD d int; COMMIT; SELECT 1/0",
		"rollback":                      "ALTER TABLE t ADD c int; ROLLBACK; ALTER TABLE t ADD d int;",
		"savepoint without a block":     "ALTER TABLE t ADD c int; SAVEPOINT a; ALTER TABLE t ADD d int;",
		"savepoint in a block":          "BEGIN; ALTER TABLE t ADD c int; SAVEPOINT a; ALTER TABLE t ADD d int; ROLLBACK TO a; COMMIT;",
		"commit and chain":              "ALTER TABLE t ADD c int; COMMIT AND CHAIN; ALTER TABLE t ADD d int;",
		"lock without a block":          "LOCK TABLE t; ALTER TABLE t ADD c int",
		"lock alone":                    "LOCK TABLE t",
		"do that commits, alone":        "DO $$ BEGIN ALTER TABLE t ADD c int; COMMIT; PERFORM 1/0; END $$",
		"do that commits, among others": "DO $$ BEGIN ALTER TABLE t ADD c int; COMMIT; END $$; SELECT 1",
		"does not parse at the end":     "BEGIN; ALTER TABLE t ADD c int; COMMIT;\nSELEC 1;",
		"does not parse, alone":         "SELEC 1",
		"an atomic body":                "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END; ALTER TABLE t ADD c int",
		"a rule":                        "CREATE RULE r AS ON DELETE TO t DO ALSO (SELECT 1; SELECT 2); ALTER TABLE t ADD c int",
		"set local":                     "SET LOCAL search_path = nowhere; CREATE TABLE public.x (a int); CREATE TABLE y (a int)",
		"a new value of an enum":        "CREATE TYPE e AS ENUM ('a'); ALTER TYPE e ADD VALUE 'b'; SELECT 'b'::e",
		"a value of an old enum":        "ALTER TYPE old ADD VALUE 'b'; SELECT 'b'::old",
		"nothing but comments":          "-- nothing\n/* at all */ ;",
		"a block left open":             "BEGIN; ALTER TABLE t ADD c int;",
		"backslashes":                   "SET standard_conforming_strings = off; SELECT 'a\\'; SELECT 1/0; --'; ALTER TABLE t ADD c int",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const old = "; CREATE TYPE old AS ENUM ('a')"
			m, db := once(t, sql, old)
			whole := pgtest.New(t, someRows+migrateTable+old)
			out, err := psql(t, whole, sql)
			failed, state := err != nil, ""
			if i := strings.Index(out, "ERROR:  "); i >= 0 {
				state = out[i+len("ERROR:  "):][:5]
			}
			if name == "a block left open" { // which golang-migrate's own entry commits
				pgtest.Exec(t, whole, "ALTER TABLE t ADD c int")
			}
			if (m.Outcome == report.Failed) != failed || failed && m.Failure.SQLState != state {
				t.Errorf("%s %+v, of one text: %s", m.Outcome, m.Failure, out)
			}
			if diff := cmp.Diff(described(t, whole), described(t, db)); diff != "" {
				t.Errorf("another end than of one text:\n%s", diff)
			}
			entry := pgtest.Value(t, db, "SELECT version || ' ' || dirty FROM schema_migrations")
			if want := fmt.Sprintf("5 %v", failed); entry != want || failed && m.Failure.Recorded != "version 5, dirty" {
				t.Errorf("entry %s, want %s; told %+v", entry, want, m.Failure)
			}
		})
	}
}

// psql sends a text whole, and gives its output, errors with their SQLSTATE.
func psql(t *testing.T, db *pgx.ConnConfig, sql string) (string, error) {
	t.Helper()
	cmd := pgtest.Command(t, "psql", "-X", "-v", "VERBOSITY=verbose", "-c", sql, "-h", db.Host, "-p", fmt.Sprint(db.Port), "-U", db.User, "-d", db.Database)
	cmd.Env = append(cmd.Environ(), "PGPASSWORD="+db.Password, "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// described is the part of a schema that these files change.
func described(t *testing.T, db *pgx.ConnConfig) string {
	t.Helper()
	return pgtest.Value(t, db, `SELECT concat_ws(E'\n',
		(SELECT string_agg(c.relname || ' ' || coalesce(i.indisvalid::text, '') || ' ' || coalesce((SELECT string_agg(attname, ',' ORDER BY attnum)
			FROM pg_attribute a WHERE a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped), ''), E'\n' ORDER BY c.relname)
			FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid WHERE c.relnamespace = 'public'::regnamespace),
		(SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum),
		(SELECT string_agg(proname, ',' ORDER BY proname) FROM pg_proc WHERE pronamespace = 'public'::regnamespace))`)
}

func TestGolangMigrateRefusesAndGoesBack(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, someRows+migrateTable+`; INSERT INTO schema_migrations VALUES (3, false)`)
	set, err := migrate.ScanAs(report.GolangMigrate, files("3_a.up.sql", "", "5_it.up.sql", "ALTER TABLE t ADD c int", "5_it.down.sql", "-- back\nALTER TABLE t\nDROP c;\nSELECT nothing",
		"6_none.up.sql", "SELECT 1"), "m")
	if err != nil {
		t.Fatal(err)
	}
	p, err := set.PlanAfter(3, true, 0)
	if err != nil {
		t.Fatal(err)
	}
	o := options(db)
	o.Table = "public.schema_migrations"
	a, err := migrate.Open(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close(context.WithoutCancel(t.Context()))
	entry := func() string { return pgtest.Value(t, db, "SELECT version || ' ' || dirty FROM schema_migrations") }
	if m, _, err := a.Up(t.Context(), 0); err != nil || m.Outcome != report.Applied || !m.Statements[0].Transaction || len(m.Locks) == 0 || m.Locks[0].Method != report.Exact {
		t.Errorf("up: %v %+v", err, m)
	}
	if _, _, err := a.Up(t.Context(), 0); !migrate.IsApplied(err) {
		t.Errorf("up again: %v", err)
	}
	m, _, err := a.Down(t.Context(), 0)
	if err != nil || m.Outcome != report.Failed || m.Failure.File != "m/5_it.down.sql" || m.Failure.Line != 4 || m.Failure.StaysApplied != "" {
		t.Errorf("down: %v %+v", err, m.Failure)
	}
	if got := entry(); got != "3 true" {
		t.Errorf("after a down that failed: %s", got)
	}
	m, _, err = a.Up(t.Context(), 1)
	if err != nil || m.Outcome != report.Failed || m.Failure.Message != "the version table public.schema_migrations says that version 3 is dirty" {
		t.Errorf("up when dirty: %v %+v", err, m.Failure)
	}
	pgtest.Exec(t, db, p.Pending[1].Before().Set(o.Table))
	if m, _, err := a.Up(t.Context(), 1); err != nil || m.Outcome != report.Applied || entry() != "6 false" {
		t.Errorf("after a clean-up: %v %+v, %s", err, m, entry())
	}
	if m, _, err := a.Down(t.Context(), 1); err != nil || m.Outcome != report.Applied || entry() != "5 false" {
		t.Errorf("without a down: %v %+v, %s", err, m, entry())
	}
}

func TestPlainFilesAsPsqlRunsThem(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, someRows)
	set, err := migrate.ScanAs(report.Plain, files(
		"1.sql", "SET search_path = nowhere;\nALTER TABLE public.t ADD c int;",
		"2.sql", "BEGIN;\nALTER TABLE t ADD d int;\nCOMMIT;\nCREATE INDEX CONCURRENTLY t_b ON t (b);\n",
		"3.sql", "ALTER TABLE t ADD e int;\nSELECT nothing;\nALTER TABLE t ADD f int;",
		"4.sql", "BEGIN; ALTER TABLE t ADD g int;",
	), "m")
	if err != nil {
		t.Fatal(err)
	}
	p, err := set.PlanFrom("1.sql")
	if err != nil {
		t.Fatal(err)
	}
	run := apply(t, p, options(db))
	if diff := cmp.Diff([]report.Outcome{report.Applied, report.Applied, report.Failed, report.NotRun}, outcomes(run)); diff != "" {
		t.Fatal(diff)
	}
	if f := run.Migrations[2].Failure; f.Line != 2 || f.SQLState != "42703" || f.StaysApplied != "1 of the 2 statements sent (line 1)" || f.Recorded != "" {
		t.Errorf("failure %+v", f)
	}
	if p, err = set.PlanFrom("4.sql"); err != nil {
		t.Fatal(err)
	}
	if f := apply(t, p, options(db)).Migrations[0].Failure; f == nil || f.Message != "it left a transaction open, so that what it did there is undone" {
		t.Errorf("left open: %+v", f)
	}
	if got := pgtest.Value(t, db, "SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0"); got != "id,a,b,c,d,e" {
		t.Errorf("columns %s", got)
	}
}
