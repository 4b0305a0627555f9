package rehearse_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// loadOffenders makes rows in the way of each kind of constraint; 1000 of them in all.
func loadOffenders(t testing.TB, cfg *pgx.ConnConfig) {
	pgtest.Exec(t, cfg, gooseTable+`; INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, true);
		CREATE TABLE towns (name text PRIMARY KEY); INSERT INTO towns SELECT 'Town ' || i FROM generate_series(1, 9) i;
		CREATE TABLE folk (id int PRIMARY KEY, "E-Mail" text, age text, note text, town text, gone bool NOT NULL DEFAULT false);
		INSERT INTO folk SELECT i, 'a' || i % 990, CASE WHEN i <= 30 THEN 'about ' || i % 4 ELSE i::text END, CASE WHEN i > 7 THEN repeat('x', i % 50) END,
			CASE WHEN i <= 12 THEN 'Nowhere ' || i % 3 ELSE 'Town ' || i % 9 + 1 END, i <= 5 FROM generate_series(1, 1000) i`)
}

// TestOffenders has one migration after another fail on rows: how many there are is what psql counts, and the statement for production finds them there.
func TestOffenders(t *testing.T) {
	t.Parallel()
	source := fresh(t, "offenders", loadOffenders)
	rules := rulesFor(t, source, nil)
	for name, tc := range map[string]struct {
		up   string
		want string // state, what is told
		rows int    // that the statement for production gives
	}{
		"unique":         {`CREATE UNIQUE INDEX folk_mail ON folk ("E-Mail")`, "23505 20 rows share 10 keys", 10},
		"unique partial": {`CREATE UNIQUE INDEX folk_mail ON folk (lower("E-Mail")) WHERE NOT gone`, "23505 10 rows share 5 keys", 5},
		"concurrently":   {"NO CREATE UNIQUE INDEX CONCURRENTLY folk_mail ON folk (\"E-Mail\")", "23505 20 rows share 10 keys", 10},
		"not null":       {"ALTER TABLE folk ALTER note SET NOT NULL", "23502 7 rows without a value", 7},
		"check":          {"ALTER TABLE folk ADD CONSTRAINT brief CHECK (length(note) < 40)", "23514 200 rows are in the way", 200},
		"foreign key":    {"ALTER TABLE folk ADD FOREIGN KEY (town) REFERENCES towns", "23503 12 rows with 3 keys are without what they reference", 3},
		"validated":      {"ALTER TABLE folk ADD CONSTRAINT t FOREIGN KEY (town) REFERENCES towns NOT VALID; ALTER TABLE folk VALIDATE CONSTRAINT t", "23503 12 rows with 3 keys are without what they reference", 3},
		"cast":           {"ALTER TABLE folk ALTER age TYPE int USING age::int", "22P02 30 rows with 4 values cannot be cast", 4},
		"too long":       {"ALTER TABLE folk ALTER note TYPE varchar(45)", "22001 80 rows with 4 values cannot be cast", 4},
		"mended before":  {"UPDATE folk SET note = '' WHERE id < 3; ALTER TABLE folk ALTER note SET NOT NULL", "23502 statements before it in the same transaction change such rows, and were rolled back with it", -1},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			up := tc.up
			head := "-- +goose Up\n"
			if sql, no := strings.CutPrefix(up, "NO "); no {
				up, head = sql, "-- +goose NO TRANSACTION\n-- +goose Up\n"
			}
			dir := publicDir(t)
			write(t, dir, "00001_a.sql", "-- +goose Up\nSELECT 1;\n")
			write(t, dir, "00002_b.sql", head+strings.ReplaceAll(up, "; ", ";\n")+";\n")
			cfg := configured(t, source, rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}, rules)
			cfg.Migrations, cfg.Policy, cfg.Passes = os.DirFS(dir), verdict.Policy{AllowRewriteBelow: -1}, []string{}
			r, err := rehearse.Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			foundAt(t, source, r, tc.want, tc.rows)
		})
	}
}

// foundAt compares what is told of the only failure, and plays its statement at the source.
func foundAt(t *testing.T, source *pgx.ConnConfig, r *report.Result, want string, rows int) {
	t.Helper()
	f := r.Migrations[0].Failure
	if f == nil || len(f.Offenders) != 1 {
		t.Fatalf("failure %+v", f)
	}
	o := f.Offenders[0]
	told := o.Counts()
	if o.Rows == nil {
		told = o.Why
	}
	if d := cmp.Diff(want, f.SQLState+" "+told); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if rows < 0 {
		return
	}
	sql := strings.TrimSuffix(o.SQL, ";")
	if n := pgtest.Value(t, source, "SELECT count(*)::text FROM ("+sql+") found"); n != fmt.Sprint(rows) {
		t.Errorf("%s finds %s rows, want %d", o.SQL, n, rows)
	}
	for _, finding := range r.Findings {
		if finding.Code == verdict.MigrationFailed && !strings.Contains(finding.Do, "\n    "+o.SQL) {
			t.Errorf("what to do lacks the statement:\n%s", finding.Do)
		}
	}
}
