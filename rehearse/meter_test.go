package rehearse

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/compare"
	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// inParts are migrations, and whether the difference that each made can be told from what it locked alone.
var inParts = []struct {
	sql   string
	parts bool
}{
	{"CREATE TABLE a (id bigserial PRIMARY KEY, b int UNIQUE CHECK (b > 0), t int REFERENCES t); COMMENT ON TABLE a IS 'x'", false},
	{"ALTER TABLE t ADD COLUMN c text DEFAULT 'x'", true},
	{"CREATE TABLE n (id bigserial PRIMARY KEY, b int UNIQUE CHECK (b > 0), t int NOT NULL REFERENCES t, s text)", true},
	{"INSERT INTO n (b, t) SELECT g, g FROM generate_series(1, 50) g;\nDELETE FROM n WHERE b > 40;", true},
	{"CREATE INDEX n_s ON n (s)", true},
	{"ALTER TABLE n ADD CONSTRAINT k CHECK (b < 1000) NOT VALID", true},
	{"ALTER TABLE n VALIDATE CONSTRAINT k", true},
	{"ALTER TABLE n ALTER b TYPE bigint", true},
	{"CREATE TRIGGER g BEFORE INSERT ON n FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()", true},
	{"ALTER TABLE n DISABLE TRIGGER g", true},
	{"ALTER TABLE n ENABLE ROW LEVEL SECURITY;\nCREATE POLICY p ON n USING (b > 0);", true},
	{"ALTER TABLE n DROP COLUMN s", true},
	{"ALTER TABLE n RENAME COLUMN b TO b2", false},
	{"ALTER TABLE t SET (fillfactor = 70)", true},
	{"TRUNCATE u", true},
	{"CREATE UNIQUE INDEX u_k ON u (a)", true},
	{"ALTER TABLE u ADD CONSTRAINT u_k UNIQUE USING INDEX u_k", true},
	{"CREATE TABLE copied AS SELECT * FROM t", true},
	{"UPDATE t SET a = a + 1 WHERE id < 10;\nUPDATE u SET a = 1;", true},
	{"CREATE INDEX t_x ON t (a);\nDROP INDEX t_a;", true},
	{"ALTER INDEX t_x SET (fillfactor = 50)", false},
	{"GRANT SELECT ON t TO PUBLIC", false},
	{"GRANT SELECT (a) ON t TO PUBLIC", false},
	{"DO $$ BEGIN ALTER TABLE t ADD COLUMN d int; GRANT INSERT ON u TO PUBLIC; END $$", false},
	{"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", false},
	{"CREATE TABLE part (id int) PARTITION BY RANGE (id);\nCREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (1) TO (9);", false},
	{"CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (9) TO (20);\nINSERT INTO part SELECT g FROM generate_series(1, 19) g;", false},
	{"INSERT INTO part_1 VALUES (3), (4)", true},
	{"DELETE FROM part WHERE id = 12", true},
	{"DELETE FROM part_2", true},
	{"CREATE VIEW v AS SELECT id FROM t", false},
	{"ALTER TABLE t ALTER COLUMN a TYPE bigint, ADD COLUMN e serial", true},
	{"CREATE SEQUENCE q OWNED BY t.a", false},
	{"SELECT setval('q', 20)", true},
	{"ALTER TABLE t ALTER a SET DEFAULT nextval('q')", true},
	{"INSERT INTO t (id) VALUES (100001), (100002)", true},
	{"INSERT INTO t (id, a) VALUES (100003, 200000)", true},
	{"SELECT setval('q', 300000);\nSELECT nextval('q');", true},
	{"ALTER TABLE t ALTER a DROP DEFAULT", true},
	{"ALTER SEQUENCE q OWNED BY NONE", false},
	{"ALTER TABLE u ALTER a SET DEFAULT nextval('q')", true},
	{"DROP TABLE u;\nCREATE TABLE u (a int);", true},
	{"DROP TABLE n", true},
	{"DROP TABLE a CASCADE;\nCREATE TABLE a (id int);", false},
	{"ALTER TABLE t SET SCHEMA s", false},
	{"CREATE SCHEMA s2;\nCREATE TABLE s2.version (id serial, version_id bigint, is_applied boolean, tstamp timestamp);", false},
}

// inPartsPlan has each of inParts as a migration.
func inPartsPlan(t *testing.T) *migrate.Plan {
	t.Helper()
	dir := fstest.MapFS{}
	for i, m := range inParts {
		text := "-- +goose Up\n" + m.sql + ";\n"
		if i == 0 || strings.HasPrefix(m.sql, "DO ") {
			text = "-- +goose Up\n-- +goose StatementBegin\n" + m.sql + "\n-- +goose StatementEnd\n"
		}
		dir[fmt.Sprintf("%03d_m.sql", i+1)] = &fstest.MapFile{Data: []byte(text)}
	}
	return planOf(t, dir)
}

// planOf plans all of a directory.
func planOf(t testing.TB, dir fs.FS) *migrate.Plan {
	t.Helper()
	set, err := migrate.Scan(dir, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := set.Plan(nil, 0, false)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// sameReading holds what was told of a migration, and the reading after it, to what two readings of everything tell.
func sameReading(t *testing.T, sql string, want, got *report.Migration, now, inParts reading) {
	t.Helper()
	sorted := cmpopts.SortSlices(func(a, b report.Leftover) bool { return a.Object < b.Object })
	for what, d := range map[string]string{
		"schema": cmp.Diff(want.Schema, got.Schema, cmpopts.EquateEmpty()), "rows": cmp.Diff(want.Rows, got.Rows, cmpopts.EquateEmpty()),
		"sizes": cmp.Diff(want.Sizes, got.Sizes, cmpopts.EquateEmpty()), "leftovers": cmp.Diff(want.Leftovers, got.Leftovers, cmpopts.EquateEmpty(), sorted),
		"everything": cmp.Diff(now.schema, inParts.schema, cmpopts.EquateEmpty()),
		"counts":     cmp.Diff(countsOf(now), countsOf(inParts), cmpopts.EquateEmpty()),
	} {
		if d != "" {
			t.Errorf("%s: %s: two readings of everything (-), in parts (+):\n%.1500s", sql, what, d)
		}
	}
}

// sameSequences holds what is known of sequences to a reading of all of them, which it gives, with what was known before.
func sameSequences(
	ctx context.Context, t *testing.T, sql string, m *meter, before map[uint32]compare.Sequence, touched map[uint32]bool,
) map[uint32]compare.Sequence {
	t.Helper()
	_, want, err := compare.Again{Before: before, Touched: touched}.Read(ctx, m.conn)
	if err != nil {
		t.Fatal(err)
	}
	names := func(all map[uint32]compare.Sequence) map[string]compare.Sequence {
		named := map[string]compare.Sequence{}
		for _, s := range all {
			if s.Of != "public.goose_db_version" { // goose's own entries are no statements of a migration
				named[s.Name] = s
			}
		}
		return named
	}
	if d := cmp.Diff(names(want), names(m.left.sequences), cmpopts.IgnoreUnexported(compare.Sequence{})); d != "" {
		t.Errorf("%s: sequences, all read (-), in parts (+):\n%s", sql, d)
	}
	return want
}

// countsOf are the rows of tables by name, goose's aside, which are counted only where everything is.
func countsOf(r reading) map[string]int64 {
	counts := map[string]int64{}
	for _, t := range r.rows.Tables {
		if n, ok := r.rows.Counts[t.OID]; ok && !t.GooseVersions {
			counts[t.String()] = n
		}
	}
	return counts
}

// TestReadingInParts has migrations read in parts, where that is possible, and holds what is told of each to what two readings of the whole
// database tell.
func TestReadingInParts(t *testing.T) {
	t.Parallel()
	// A server of its own: databases that other tests make are changes of the cluster's catalogs.
	db := pgtest.Start(t).New(t, `CREATE SCHEMA s; CREATE TABLE t (id int PRIMARY KEY, a int, b text); INSERT INTO t SELECT g, g, 'b' FROM generate_series(1, 1000) g;
		CREATE INDEX t_a ON t (a); CREATE TABLE u AS SELECT 1 AS a; COMMENT ON TABLE t IS 'commented'; COMMENT ON COLUMN t.a IS 'commented'`)
	plan := inPartsPlan(t)
	m, err := openMeter(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	defer m.close(context.Background())
	whole, err := openMeter(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.close(context.Background())
	if err := m.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	was, sequences := m.first, maps.Clone(m.left.sequences)
	run, err := migrate.Apply(t.Context(), plan, migrate.Options{
		Target: db.Copy, Watch: db.Copy,
		After: func(ctx context.Context, mig *report.Migration, o *observe.Observation) error {
			deltas := map[uint32]compare.Delta{}
			for oid, c := range o.Changes {
				deltas[oid] = compare.Delta(c)
			}
			c := inParts[mig.Version-1]
			s, err := m.afterSome(ctx, mig, o, deltas)
			if (s != nil) != c.parts {
				t.Errorf("%s: read in parts: %v", c.sql, s != nil)
			}
			if err == nil && s == nil {
				s, err = m.afterAll(ctx, mig, o, deltas)
			}
			if err == nil {
				err = m.left.after(ctx, m.conn, mig, o, s, &m.last)
			}
			if err != nil {
				return err
			}
			sequences = sameSequences(ctx, t, c.sql, m, sequences, touchedTables(o, s))
			now, err := whole.read(ctx, nil, nil)
			if err != nil {
				return err
			}
			want := report.Migration{}
			whole.differences(&want, was, now, deltas, o.ChangesMethod)
			was = now
			sameReading(t, c.sql, &want, mig, now, m.last.whole())
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, mig := range run.Migrations {
		if mig.Outcome != report.Applied {
			t.Errorf("%s: %s %+v", inParts[i].sql, mig.Outcome, mig.Failure)
		}
	}
	result := &report.Result{}
	if err := m.end(t.Context(), result); err != nil || len(result.NotMeasured) > 0 {
		t.Errorf("at the end: %v, %+v", err, result.NotMeasured)
	}
}
