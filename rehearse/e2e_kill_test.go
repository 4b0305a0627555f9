package rehearse_test

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// loadThings makes a table of a few thousand rows, and goose's.
func loadThings(t testing.TB, cfg *pgx.ConnConfig) {
	pgtest.Exec(t, cfg, gooseTable+`; INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, true);
		CREATE SCHEMA app; CREATE TABLE things (id int PRIMARY KEY, a int, b text, at timestamptz);
		INSERT INTO things SELECT i, i, 'b' || i FROM generate_series(1, 3000) i`)
}

// halfWay are migrations, and what is to become of each when it is killed.
var halfWay = []struct{ text, want string }{
	// Rolled back by the server, whatever the point.
	{"-- +goose Up\nCREATE TABLE plain (id serial);\nINSERT INTO plain DEFAULT VALUES;\nUPDATE things SET a = a + 1;\n", `resumes
after line 2: nothing: resumes
after line 3: nothing: resumes
after line 4: nothing: resumes`},
	// Three statements, two of which cannot be repeated.
	{"-- +goose NO TRANSACTION\n-- +goose Up\nCREATE TABLE IF NOT EXISTS three (id int);\nALTER TABLE things ADD c int;\nCREATE INDEX CONCURRENTLY things_c ON things (c);\n", `needs_cleanup
after line 3: table public.three: resumes
after line 4: column public.things.c, table public.three: needs_cleanup 42701, again after: ALTER TABLE public.things DROP COLUMN c; DROP TABLE public.three;
in the middle of line 5: column public.things.c, index public.things_c (invalid), table public.three: needs_cleanup 42701, again after: DROP INDEX public.things_c; ALTER TABLE public.things DROP COLUMN c; DROP TABLE public.three;
after line 5: column public.things.c, index public.things_c, table public.three: needs_cleanup 42701, again after: DROP INDEX public.things_c; ALTER TABLE public.things DROP COLUMN c; DROP TABLE public.three;`},
	{"-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY things_b ON things (b);\n", `needs_cleanup
in the middle of line 3: index public.things_b (invalid): needs_cleanup 42P07, again after: DROP INDEX CONCURRENTLY public.things_b;
after line 3: index public.things_b: needs_cleanup 42P07, again after: DROP INDEX public.things_b;`},
	// The invalid index is taken for the one that is wanted.
	{"-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY IF NOT EXISTS things_a ON things (a);\n", `differs
in the middle of line 3: index public.things_a (invalid): differs (index public.things_a is invalid), again after: DROP INDEX CONCURRENTLY public.things_a;
after line 3: index public.things_a: resumes`},
	{"-- +goose NO TRANSACTION\n-- +goose Up\nDROP INDEX CONCURRENTLY IF EXISTS things_a;\nCREATE INDEX CONCURRENTLY things_a ON things (a);\nALTER TABLE things ADD IF NOT EXISTS d int;\n", `resumes
in the middle of line 3: index public.things_a (invalid): resumes
after line 3: no index public.things_a any more: resumes
in the middle of line 4: index public.things_a (invalid): resumes
after line 4: nothing: resumes
after line 5: column public.things.d: resumes`},
	// Nothing fails, and everything is added twice.
	{"-- +goose NO TRANSACTION\n-- +goose Up\nUPDATE things SET a = a + 100;\nINSERT INTO things SELECT max(id) + 1 FROM things;\n", `differs
after line 3: values of public.things.a: differs, data (values of public.things.a), by hand: INSERT INTO things SELECT max(id) + 1 FROM things; INSERT INTO public.goose_db_version (version_id, is_applied) VALUES (7, true);
after line 4: +1 rows of public.things: differs, data (public.things has 3,002 rows, not 3,001), by hand: INSERT INTO public.goose_db_version (version_id, is_applied) VALUES (7, true);`},
	// A transaction only as far as its COMMIT.
	{"-- +goose Up\nCREATE TABLE early (id int);\nCOMMIT;\nCREATE TABLE late (id int);\n", `needs_cleanup
after line 2: nothing: resumes
after line 3: table public.early: needs_cleanup 42P07, again after: DROP TABLE public.early;
after line 4: table public.early, table public.late: needs_cleanup 42P07, again after: DROP TABLE public.early; DROP TABLE public.late;`},
	// Times differ between undisturbed runs too.
	{"-- +goose NO TRANSACTION\n-- +goose Up\nUPDATE things SET at = clock_timestamp();\n", `resumes
after line 3: values of public.things.at: resumes
not compared: public.things.at`},
	{"-- +goose Up\nSET search_path = app;\nCREATE TABLE IF NOT EXISTS app.moved ();\n", `resumes
after line 2: nothing: resumes
after line 3: nothing: resumes`},
	// On a session of its own it lands elsewhere.
	{"-- +goose Up\nCREATE TABLE elsewhere (id int);\n", `differs
after line 2: nothing: differs (the schema it makes)`},
	{"-- +goose Up\nDROP TABLE app.moved;\nALTER TABLE app.elsewhere ADD x int;\n", `resumes
after line 2: nothing: resumes
after line 3: nothing: resumes`},
	// What belongs to the whole server cannot be tried on clones of one database.
	{"-- +goose NO TRANSACTION\n-- +goose Up\nCREATE ROLE half_way;\nGRANT SELECT ON app.elsewhere TO half_way;\n", "not killed"},
}

// wordsOf is what was seen of a kill, a line a point.
func wordsOf(k *report.Kill) string {
	if k == nil {
		return "not killed"
	}
	lines := []string{string(k.Outcome)}
	for _, p := range k.Points {
		stayed := "nothing"
		if len(p.Stayed) > 0 {
			stayed = strings.Join(p.Stayed, ", ")
		}
		line := fmt.Sprintf("%s: %s: %s", p.Place(), stayed, p.Outcome)
		if p.Failure != nil {
			line += " " + p.Failure.SQLState
		}
		if p.DataDiffers {
			line += ", data"
		}
		if len(p.Differs) > 0 {
			line += " (" + strings.Join(p.Differs, ", ") + ")"
		}
		if p.Cleanup != "" {
			how := ", again after: "
			if p.ByHand {
				how = ", by hand: "
			}
			line += how + strings.ReplaceAll(p.Cleanup, "\n", " ")
		}
		lines = append(lines, line)
	}
	if len(k.NotCompared) > 0 {
		lines = append(lines, "not compared: "+strings.Join(k.NotCompared, ", "))
	}
	if k.LeftOut != "" {
		lines = append(lines, k.LeftOut)
	}
	return strings.Join(lines, "\n")
}

// TestKill rehearses a release of which each migration is killed half way, with passes of that kind alone.
func TestKill(t *testing.T) {
	t.Parallel()
	source := fresh(t, "things", loadThings)
	dir := t.TempDir()
	write(t, dir, "00001_base.sql", "-- +goose Up\nSELECT 1;\n")
	for i, h := range halfWay {
		write(t, dir, fmt.Sprintf("%05d_half.sql", i+2), h.text)
	}
	where := rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}
	cfg := configured(t, source, where, rulesFor(t, source, nil))
	cfg.Migrations, cfg.Passes, cfg.Policy = os.DirFS(dir), []string{"kill"}, verdict.Policy{AllowRewriteBelow: -1, UnexpectedRowChanges: "warn"}
	result, err := rehearse.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range halfWay {
		if diff := cmp.Diff(h.want, wordsOf(result.Migrations[i].Kill)); diff != "" {
			t.Errorf("%s\n(-want +seen):\n%s", h.text, diff)
		}
	}
	var open []string
	for _, n := range result.NotMeasured {
		if strings.Contains(n.What, "kill") {
			open = append(open, n.What+": "+n.Why)
		}
	}
	if len(open) != 1 || !strings.Contains(open[0], "00013_half: it changes roles") {
		t.Errorf("not measured: %q", open)
	}
	levels := map[string]report.Level{}
	for _, f := range result.Findings {
		if strings.HasPrefix(f.Code, "kill-") {
			levels[fmt.Sprintf("%d %s", f.Migration, f.Code)] = f.Level
		}
	}
	want := map[string]report.Level{
		"3 kill-needs-cleanup": report.Warn, "4 kill-needs-cleanup": report.Warn, "5 kill-differs": report.Warn, "7 kill-differs": report.Condition,
		"8 kill-needs-cleanup": report.Warn, "11 kill-differs": report.Warn,
	}
	if diff := cmp.Diff(want, levels); diff != "" {
		t.Errorf("findings (-want +seen):\n%s", diff)
	}
	cleanUpOutside(t, source, os.DirFS(dir), result)
}

// cleanUpOutside does by other means what the report says of the file of three statements: psql runs the first of them, goose fails as it was
// told, psql cleans up, goose succeeds, and pg_dump finds what it finds after an undisturbed run.
func cleanUpOutside(t *testing.T, source *pgx.ConnConfig, files fs.FS, result *report.Result) {
	t.Helper()
	apply := func(db *pgx.ConnConfig) *report.Failure {
		set, err := migrate.Scan(files, "migrations")
		if err != nil {
			t.Fatal(err)
		}
		plan, err := set.Plan([]int64{1, 2}, 3, false)
		if err != nil {
			t.Fatal(err)
		}
		run, err := migrate.Apply(t.Context(), plan, migrate.Options{Target: db.Copy, Watch: db.Copy})
		if err != nil {
			t.Fatal(err)
		}
		return run.Migrations[0].Failure
	}
	undisturbed := pgtest.Clone(t, source)
	if f := apply(undisturbed); f != nil {
		t.Fatalf("undisturbed: %+v", f)
	}
	want := pgtest.Dump(t, undisturbed, "--schema-only")
	statements := strings.SplitAfter(strings.SplitN(halfWay[1].text, "Up\n", 2)[1], "\n")
	points := slices.DeleteFunc(slices.Clone(result.Migrations[1].Kill.Points), func(p report.KillPoint) bool { return p.Inside })
	if len(points) != 3 {
		t.Fatalf("%d points after statements", len(points))
	}
	for _, p := range points {
		db := pgtest.Clone(t, source)
		for _, sql := range statements[:p.Statement] {
			psql(t, db, strings.NewReader(sql))
		}
		failed := apply(db)
		if (failed == nil) != (p.Failure == nil) || failed != nil && failed.SQLState != p.Failure.SQLState {
			t.Errorf("%s goose says %+v, the report %+v", p.Place(), failed, p.Failure)
		}
		if failed != nil {
			psql(t, db, strings.NewReader(p.Cleanup))
			if f := apply(db); f != nil {
				t.Errorf("%s and cleaned up: %+v", p.Place(), f)
			}
		}
		if diff := cmp.Diff(want, pgtest.Dump(t, db, "--schema-only")); diff != "" {
			t.Errorf("%s, cleaned up and run again (-undisturbed +got):\n%s", p.Place(), diff)
		}
	}
}
