package rehearse_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// TestRestEqualsSource copies what gets in the way of a dump and a load: everything is in staging but for what the result tells.
func TestRestEqualsSource(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, "wal_level = logical")
	source := server.New(t)
	for _, file := range []string{"rest.sql", "database.sql"} {
		script, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		pgtest.Exec(t, source, strings.ReplaceAll(string(script), ":database", pgx.Identifier{source.Database}.Sanitize()))
	}
	rules := rulesFor(t, source, nil) + "large_objects: keep\n"
	eachProvider(t, func(t *testing.T, where rehearse.Staging) {
		want := []string{
			"user mapping public on far", "rows of foreign table rest.far", "setting app.secret of DATABASE",
			"table rest.daughter, column order", "rows of materialized views",
		}
		s, copied := staged(t, configured(t, source, where, rules))
		for _, d := range s.Differences {
			i := slices.IndexFunc(want, func(w string) bool { return strings.HasPrefix(d.What, w) })
			if i < 0 {
				t.Errorf("differs: %+v", d)
				continue
			}
			want = slices.Delete(want, i, i+1)
		}
		if len(want) > 0 || len(s.Snapshot.SchemaErrors) > 0 {
			t.Errorf("not told: %q; refused: %+v", want, s.Snapshot.SchemaErrors)
		}
		same(t, source, copied, s.Differences)
		const database = `SELECT datacl::text || datconnlimit || shobj_description(oid, 'pg_database') || (SELECT string_agg(c, ' ' ORDER BY c) FROM pg_db_role_setting s, unnest(setconfig) c
			WHERE s.setdatabase = d.oid AND c NOT LIKE 'app.secret%') FROM pg_database d WHERE datname = current_database()`
		equal(t, "database", pgtest.Value(t, source, database), pgtest.Value(t, copied, database))
	})
}

// TestEncodings copies databases whose encoding is not UTF-8, or none, with letters in every place that takes some.
func TestEncodings(t *testing.T) {
	t.Parallel()
	server := pgtest.Default(t)
	for encoding, letters := range map[string]string{"LATIN1": "éÿ", "EUC_JP": "日本", "SQL_ASCII": "é日"} {
		t.Run(encoding, func(t *testing.T) {
			name := "enc_" + strings.ToLower(encoding)
			pgtest.Exec(t, server.Config("postgres"), "CREATE DATABASE "+name+" ENCODING '"+encoding+"' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
			source := server.Config(name)
			speaks := source.Copy()
			speaks.RuntimeParams["client_encoding"] = "UTF8"
			pgtest.Exec(t, speaks, strings.ReplaceAll(`
				CREATE TYPE e AS ENUM ('é');
				CREATE TABLE "t é" (a int, "é" text DEFAULT 'é' CHECK ("é" <> 'éé'), es e[]);
				INSERT INTO "t é" VALUES (1, E'é\té', '{é}'), (2, '', NULL);
				CREATE TABLE as_text (x xml, c text);
				INSERT INTO as_text VALUES ('<é>é</é>', 'é');
				CREATE INDEX "i é" ON "t é" (a) WHERE "é" <> 'é';
				CREATE VIEW v AS SELECT 'é'::text AS c FROM "t é";
				CREATE TABLE p (k text) PARTITION BY LIST (k);
				CREATE TABLE p1 PARTITION OF p FOR VALUES IN ('é');
				INSERT INTO p VALUES ('é');
				COMMENT ON TABLE p IS 'é'`, "é", letters))
			if encoding == "SQL_ASCII" {
				pgtest.Exec(t, source, `INSERT INTO as_text (c) VALUES (E'\xe9\xff\x80')`)
			}
			where := rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}
			s, copied := staged(t, configured(t, source, where, rulesFor(t, source, nil)))
			if len(s.Differences)+len(s.Snapshot.SchemaErrors) > 0 {
				t.Errorf("differs: %+v %+v", s.Differences, s.Snapshot.SchemaErrors)
			}
			equal(t, "pg_dump", pgtest.Dump(t, source), pgtest.Dump(t, copied))
		})
	}
}

// TestRegressionEqualsSource copies the database that PostgreSQL's own regression tests leave, where scripts/regression-database.sh has
// built what they need.
func TestRegressionEqualsSource(t *testing.T) {
	t.Parallel()
	script := filepath.Join(pgtest.Root(t), "scripts", "regression-database.sh")
	bin := pgtest.BinDir(t)
	major := filepath.Base(filepath.Dir(bin))
	if out, err := exec.Command(script, "built", major).CombinedOutput(); err != nil {
		pgtest.Require(t, "regression", "make regression has not been run: "+string(bytes.TrimSpace(out)))
	}
	server := pgtest.Start(t, "wal_level = logical")
	load := exec.Command(script, "load", major)
	load.Env = append(os.Environ(), pgtest.Env(server.Config("postgres"))...)
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	source := server.Config("regression")
	pgtest.Exec(t, source, "REFRESH MATERIALIZED VIEW mvtest_bb") // which the tests leave as it was before rows changed
	where := rehearse.Staging{Provider: staging.ProviderLocal, BinDir: bin, StateDir: publicDir(t)}
	s, copied := staged(t, configured(t, source, where, rulesFor(t, source, nil)+"large_objects: keep\n"))
	if tables := len(s.Snapshot.Tables); tables < 500 {
		t.Errorf("%d tables, want more than 500", tables)
	}
	for _, d := range s.Differences {
		if !unavoidable.MatchString(d.What) {
			t.Errorf("differs: %+v", d)
		}
	}
	for _, e := range s.Snapshot.SchemaErrors {
		t.Errorf("refused: %+v", e)
	}
	same(t, source, copied, s.Differences)
}

// unavoidable is what no dump carries: the order of columns that a parent got after its child, an operator that is named and was never
// defined, and the names of the copies of foreign keys that partitions have, which PostgreSQL gives in the order in which they are made.
var unavoidable = regexp.MustCompile(`^table \S+, column order$|^operator public\.!==|^constraint \S+_fkey\d* on (?:fkpart4\.dropfk|public\.fk_partitioned_fk_4)|^setting \S+ of |^rows of materialized views$`)

// same holds two databases against each other with pg_dump, and with sums that the servers compute. Of tables whose columns are told to be in
// another order the definition is left to the other comparisons; so are user mappings.
func same(t *testing.T, source, copied *pgx.ConnConfig, told []report.Difference) {
	t.Helper()
	data := []string{"--data-only"}
	var reordered []string
	for _, d := range told {
		if table, ok := strings.CutSuffix(d.What, ", column order"); ok {
			table = strings.TrimPrefix(table, "table ")
			reordered, data = append(reordered, regexp.QuoteMeta(table)), append(data, "--exclude-table-data="+table)
		}
	}
	created := regexp.MustCompile(`(?ms)^CREATE (?:TABLE (?:` + strings.Join(append(reordered, "-"), "|") + `) \(|USER MAPPING FOR ).*?\);\n`)
	schema := func(cfg *pgx.ConnConfig) string {
		return ignored.ReplaceAllString(created.ReplaceAllString(pgtest.Dump(t, cfg, "--schema-only"), ""), "")
	}
	equal(t, "pg_dump --schema-only", schema(source), schema(copied))
	equal(t, "rows", contents(t, source, nil), contents(t, copied, nil))
	equal(t, "sequences", sequences(t, source), sequences(t, copied))
	equal(t, "pg_dump --data-only", pgtest.Dump(t, source, data...), pgtest.Dump(t, copied, data...))
}

// ignored are comments and empty lines.
var ignored = regexp.MustCompile(`(?m)^(?:--.*)?\n`)
