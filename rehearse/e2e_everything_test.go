package rehearse_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
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
			"user mapping public on far", "rows of foreign table rest.far", "setting app.secret of DATABASE", "generated columns of rest.a_share",
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
		same(t, dumpable(t, source), dumpable(t, copied), s.Differences)
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
// built what they need: of the local binaries' major, and in containers of those that REHEARSE_TEST_REGRESSION_MAJORS names.
func TestRegressionEqualsSource(t *testing.T) {
	t.Parallel()
	script := filepath.Join(pgtest.Root(t), "scripts", "regression-database.sh")
	bin := pgtest.BinDir(t)
	major := filepath.Base(filepath.Dir(bin))
	if out, err := exec.Command(script, "built", major).CombinedOutput(); err != nil {
		pgtest.Require(t, "regression", "make regression has not been run: "+string(bytes.TrimSpace(out)))
	}
	t.Run("local", func(t *testing.T) {
		server := pgtest.Start(t, "wal_level = logical")
		regress(t, pgtest.Env(server.Config("postgres")), script, "load", major)
		where := rehearse.Staging{Provider: staging.ProviderLocal, BinDir: bin, StateDir: publicDir(t)}
		regressionCopied(t, dumpable(t, server.Config("regression")), where, dumpable)
	})
	for _, major := range strings.Fields(os.Getenv("REHEARSE_TEST_REGRESSION_MAJORS")) {
		t.Run(major, func(t *testing.T) {
			n, err := strconv.Atoi(major)
			if err != nil {
				t.Fatalf("REHEARSE_TEST_REGRESSION_MAJORS: %v", err)
			}
			image := "rehearse-regression:" + major
			server := containerOf(t, n, image)
			regress(t, nil, script, "load-in", server.Info().ID, major)
			source := server.Config()
			source.Database = "regression"
			where := rehearse.Staging{Provider: staging.ProviderContainer, Image: image, Pull: "never", StateDir: publicDir(t)}
			regressionCopied(t, inContainer(t, source, server.Info().ID), where, nil)
		})
	}
}

func regress(t *testing.T, env []string, script string, args ...string) {
	t.Helper()
	load := exec.Command(script, args...)
	load.Env = append(os.Environ(), env...)
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// regressionCopied copies the regression database and compares. A copy in a container is dumped there.
func regressionCopied(t *testing.T, source database, where rehearse.Staging, local func(testing.TB, *pgx.ConnConfig) database) {
	t.Helper()
	pgtest.Exec(t, source.cfg, "REFRESH MATERIALIZED VIEW mvtest_bb") // which the tests leave as it was before rows changed
	s, cfg := staged(t, configured(t, source.cfg, where, rulesFor(t, source.cfg, nil)+"large_objects: keep\n"))
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
	if local != nil {
		same(t, source, local(t, cfg), s.Differences)
		return
	}
	same(t, source, inContainer(t, cfg, s.Info.ID), s.Differences)
}

// database is one with what dumps it, which must be of its major.
type database struct {
	cfg  *pgx.ConnConfig
	dump func(args ...string) string
}

func dumpable(t testing.TB, cfg *pgx.ConnConfig) database {
	return database{cfg, func(args ...string) string { return pgtest.Dump(t, cfg, args...) }}
}

func inContainer(t *testing.T, cfg *pgx.ConnConfig, container string) database {
	return database{cfg, func(args ...string) string { return dumpIn(t, container, cfg.Database, args...) }}
}

// unavoidable is what no dump carries: the order of columns that a parent got after its child, an operator that is named and was never
// defined, and the names of the copies of foreign keys that partitions have, which PostgreSQL gives in the order in which they are made.
var unavoidable = regexp.MustCompile(`^table \S+, column order$|^operator public\.!==|^constraint \S+_fkey[\d_]* on (?:fkpart4\.dropfk|public\.fk_partitioned_fk_4|public\.parted_self_fk)|^setting \S+ of |^rows of materialized views$`)

// same holds two databases against each other with pg_dump, and with sums that the servers compute. Of tables whose columns are told to be in
// another order the definition is left to the other comparisons; so are user mappings.
func same(t *testing.T, source, copied database, told []report.Difference) {
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
	schema := func(d database) string {
		return ignored.ReplaceAllString(created.ReplaceAllString(d.dump("--schema-only"), ""), "")
	}
	equal(t, "pg_dump --schema-only", schema(source), schema(copied))
	equal(t, "rows", contents(t, source.cfg, nil), contents(t, copied.cfg, nil))
	equal(t, "sequences", sequences(t, source.cfg), sequences(t, copied.cfg))
	equal(t, "pg_dump --data-only", source.dump(data...), copied.dump(data...))
}

// ignored are comments and empty lines.
var ignored = regexp.MustCompile(`(?m)^(?:--.*)?\n`)
