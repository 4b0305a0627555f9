package compare_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/compare"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// held opens a database for a comparison.
func held(t testing.TB, cfg *pgx.ConnConfig) compare.Database {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), cfg.Copy())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	d, err := compare.Hold(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// showContents writes a table a line: t(key): column rows(filled), ...; -before +after.
func showContents(all []report.TableContents) string {
	var b strings.Builder
	for _, t := range all {
		fmt.Fprintf(&b, "%s", t.Table)
		if t.Was != "" {
			fmt.Fprintf(&b, " was %s", t.Was)
		}
		fmt.Fprintf(&b, " (%s)", strings.Join(t.Key, ","))
		for _, c := range t.Columns {
			fmt.Fprintf(&b, " %s=%d", c.Column, c.Rows)
			for _, note := range []struct {
				is   bool
				text string
			}{{c.Was != "", "was " + c.Was}, {c.Filled > 0, fmt.Sprintf("filled %d", c.Filled)}, {c.Dropped, "dropped"}, {c.Retyped, "retyped"}} {
				if note.is {
					b.WriteString("[" + note.text + "]")
				}
			}
		}
		if t.OnlyBefore+t.OnlyAfter > 0 {
			fmt.Fprintf(&b, " -%d +%d", t.OnlyBefore, t.OnlyAfter)
		}
		if t.Replaced {
			b.WriteString(" replaced")
		}
		if t.Gone {
			b.WriteString(" gone")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// contents compares two databases.
func contents(t testing.TB, before, after *pgx.ConnConfig, s compare.Suspects) []report.TableContents {
	t.Helper()
	all, err := compare.Contents(t.Context(), held(t, before), held(t, after), s)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// psqlRows is a query's rows as psql prints them, by their first column.
func psqlRows(t testing.TB, cfg *pgx.ConnConfig, query string) map[string][]string {
	t.Helper()
	cmd := pgtest.Command(t, "psql", "-X", "-q", "-A", "-t", "-F", "\x01", "-P", "null=\x02", "-c", query)
	cmd.Env = append(os.Environ(), pgtest.Env(cfg)...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("psql: %v", err)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\x01")
		all[fields[0]] = fields[1:]
	}
	return all
}

const everything = compareTables + `
CREATE TABLE keyless (a int, b text); INSERT INTO keyless SELECT n % 7, 'x' || n % 3 FROM generate_series(1, 100) n;
CREATE TABLE nothing (); INSERT INTO nothing SELECT FROM generate_series(1, 4);
CREATE TABLE "Od""d" ("Id 1" uuid PRIMARY KEY, "v.w" text); INSERT INTO "Od""d" SELECT md5(n::text)::uuid, 'v' || n FROM generate_series(1, 50) n;
CREATE TABLE words (w text PRIMARY KEY, n int); INSERT INTO words SELECT chr(64 + n) || chr(200 + n) || '-' || n, n FROM generate_series(1, 60) n;
CREATE TABLE two (a smallint, b date, v numeric, PRIMARY KEY (b, a)); INSERT INTO two SELECT n % 10 - 5, '1999-12-20'::date + n / 10, n / 3.0 FROM generate_series(1, 300) n;
CREATE TABLE p (id int, n int, v text, PRIMARY KEY (id, n)) PARTITION BY LIST (n);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2); CREATE TABLE p3 (id int NOT NULL, n int NOT NULL, v text, PRIMARY KEY (id, n));
INSERT INTO p SELECT i, 1 + i % 2, 'p' || i FROM generate_series(1, 90) i; INSERT INTO p3 SELECT i, 3, 'q' || i FROM generate_series(1, 30) i;
CREATE TABLE parent (id int PRIMARY KEY, v text); CREATE TABLE child (extra int) INHERITS (parent);
INSERT INTO parent SELECT n, 'a' FROM generate_series(1, 5) n; INSERT INTO child SELECT n, 'b', n FROM generate_series(1, 8) n;
CREATE MATERIALIZED VIEW m AS SELECT count(*) AS n FROM keyless;
CREATE TABLE goose_db_version (id serial PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp DEFAULT now());
`

const compareTables = `
CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN amount AS numeric(12,2); CREATE TYPE pair AS (a int, b text);
CREATE TABLE t (id bigserial PRIMARY KEY, i int, total numeric(12,2), name text, j json, x xml, pt point, blob bytea, m mood, am amount, pr pair, arr int[],
	ts timestamptz, iv interval, f float8, b boolean, u uuid, c char(5), twice int GENERATED ALWAYS AS (i * 2) STORED);
INSERT INTO t (i, total, name, j, x, pt, blob, m, am, pr, arr, ts, iv, f, b, u, c)
SELECT nullif(n % 5, 0), n * 1.5, 'name ' || n, format('{"n": %s}', n)::json, format('<n>%s</n>', n)::xml, point(n, n), decode(md5(n::text), 'hex'),
	CASE n % 2 WHEN 0 THEN 'sad' ELSE 'glad' END::mood, n, ROW(n, 'x'::text)::pair, ARRAY[n, n], '2026-01-01 00:00Z'::timestamptz + n * interval '1 hour', n * interval '1 day', n / 7.0,
	n % 2 = 0, md5(n::text)::uuid, 'c' || n % 100 FROM generate_series(-500, 499) n;`

// TestContents changes clones of one database in many ways.
func TestContents(t *testing.T) {
	t.Parallel()
	cfg := pgtest.New(t, everything)
	before := pgtest.Clone(t, cfg)
	for name, c := range map[string]struct{ sql, want string }{
		"nothing, written again": {"UPDATE t SET name = name, j = j, f = f; CLUSTER words USING words_pkey; REINDEX TABLE t", ""},
		"columns, and NULL filled and made": {
			"UPDATE t SET total = total + 1 WHERE id % 4 = 0; UPDATE t SET i = coalesce(i, 7) WHERE id > 500; UPDATE t SET i = NULL WHERE id <= 100",
			"public.t (id) i=180[filled 100] total=250\n",
		},
		"every type": {
			`UPDATE t SET i = 99, total = -1, name = '', j = '[]', x = '<q/>', pt = point(0, 0.5), blob = '', m = CASE m WHEN 'sad' THEN 'glad' ELSE 'sad' END::mood, am = -1, pr = ROW(1, NULL)::pair,
			arr = '{}', ts = ts + interval '1 us', iv = iv + interval '1 us', f = f + 1e-9, b = NOT b, u = gen_random_uuid(), c = 'z' WHERE id = 3`,
			"public.t (id) i=1 total=1 name=1 j=1 x=1 pt=1 blob=1 m=1 am=1 pr=1 arr=1 ts=1 iv=1 f=1 b=1 u=1 c=1\n",
		},
		"rows": {"DELETE FROM t WHERE id <= 10; INSERT INTO t (i) SELECT 1 FROM generate_series(1, 4); UPDATE t SET id = id + 100000 WHERE id = 500", "public.t (id) -11 +5\n"},
		"renamed, and dropped": {
			"ALTER TABLE t RENAME name TO title; ALTER TABLE t RENAME TO u; UPDATE u SET title = '' WHERE id = 1; ALTER TABLE u DROP twice, DROP i, DROP c",
			"public.u was public.t (id) i=800[dropped] c=1000[dropped] title=1[was name]\n",
		},
		"a column made anew": {"ALTER TABLE t DROP COLUMN name; ALTER TABLE t ADD name text DEFAULT 'name 1'", "public.t (id) name=999\n"},
		"types that keep values": {
			"ALTER TABLE t DROP twice, ALTER id TYPE bigint; ALTER TABLE t ALTER i TYPE numeric(10,3), ALTER total TYPE numeric(14,4), ALTER c TYPE text, ALTER u TYPE text, ALTER m TYPE text, ALTER id TYPE numeric", "",
		},
		"types that do not": {
			"ALTER TABLE t ALTER total TYPE bigint, ALTER name TYPE varchar(4) USING left(name, 4)", "public.t (id) total=500[retyped] name=1000[retyped]\n",
		},
		"exact numbers and floats": {
			"ALTER TABLE t ALTER f TYPE numeric(20,3), ALTER total TYPE float8", "public.t (id) f=857[retyped]\n",
		},
		"without a key, and without a column": {
			"UPDATE keyless SET b = 'y' WHERE a = 1; INSERT INTO nothing SELECT FROM generate_series(1, 3)", "public.keyless () -15 +15\npublic.nothing () -0 +3\n",
		},
		"a key that goes":                   {"ALTER TABLE t DROP CONSTRAINT t_pkey; UPDATE t SET b = NULL WHERE id < 11", "public.t (id) b=10\n"},
		"a key that goes, and has the same": {"ALTER TABLE t DROP CONSTRAINT t_pkey; UPDATE t SET id = 1 WHERE id = 2", "public.t () -1 +1\n"},
		"keys of text and of two columns": {
			`UPDATE "Od""d" SET "v.w" = 'v' WHERE "v.w" < 'v2'; UPDATE words SET n = -n; DELETE FROM words WHERE n = -7; INSERT INTO words VALUES ('É', 1), ('a', 2);
			UPDATE two SET v = v + 1 WHERE a < 0; DELETE FROM two WHERE a = 0`,
			"public.\"Od\"\"d\" (Id 1) v.w=11\npublic.two (b,a) v=150 -30 +0\npublic.words (w) n=59 -1 +2\n",
		},
		"partitions":        {"UPDATE p SET n = 3 - n WHERE id <= 10; UPDATE p SET v = v || '!' WHERE id > 80", "public.p (id,n) v=10 -10 +10\n"},
		"one attached":      {"ALTER TABLE p ATTACH PARTITION p3 FOR VALUES IN (3); UPDATE p SET v = '' WHERE n = 3 AND id <= 5", "public.p3 (id,n) v=5\n"},
		"one detached":      {"ALTER TABLE p DETACH PARTITION p2; UPDATE p2 SET v = ''; UPDATE p SET v = ''", "public.p (id,n) v=45\npublic.p2 (id,n) v=45\n"},
		"a classic child":   {"UPDATE parent SET v = 'c' WHERE id <= 4", "public.child () -4 +4\npublic.parent (id) v=4\n"},
		"tables that go":    {"DROP TABLE words; DROP TABLE nothing", "public.nothing () -4 +0 gone\npublic.words () -60 +0 gone\n"},
		"a table made anew": {"DROP TABLE words; CREATE TABLE words (n int, w text PRIMARY KEY); INSERT INTO words VALUES (1, 'a')", "public.words (w) -60 +1 replaced\n"},
		"a table swapped": {
			"CREATE TABLE w2 AS TABLE words; UPDATE w2 SET n = 0 WHERE n > 58; DROP TABLE words; ALTER TABLE w2 RENAME TO words", "public.words (w) n=2 replaced\n",
		},
		"a table partitioned": {
			`ALTER TABLE t DROP twice; ALTER TABLE t RENAME TO t_all; CREATE TABLE t (LIKE t_all) PARTITION BY RANGE (id);
			ALTER TABLE t ATTACH PARTITION t_all FOR VALUES FROM (MINVALUE) TO (MAXVALUE); UPDATE t SET b = NULL WHERE id <= 3`,
			"public.t (id) b=3 replaced\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after := pgtest.Clone(t, cfg)
			pgtest.Exec(t, after, c.sql)
			if d := cmp.Diff(c.want, showContents(contents(t, before, after, compare.Suspects{All: true}))); d != "" {
				t.Errorf("contents (-want +got):\n%s", d)
			}
		})
	}
}

// TestContentsAsPsqlSeesThem changes values, keys and rows at random, and has psql print both states: its texts say what differs.
func TestContentsAsPsqlSeesThem(t *testing.T) {
	t.Parallel()
	cfg := pgtest.New(t, everything)
	before, after := pgtest.Clone(t, cfg), pgtest.Clone(t, cfg)
	names := []string{"i", "total", "name", "j", "x", "pt", "blob", "m", "am", "pr", "arr", "ts", "iv", "f", "b", "u", "c"}
	for range 60 {
		column := names[rand.IntN(len(names))]
		value := fmt.Sprintf("(SELECT %s FROM t o WHERE o.id = %d)", column, rand.IntN(1000)+1)
		if rand.IntN(3) == 0 {
			value = "NULL"
		}
		pgtest.Exec(t, after, fmt.Sprintf("UPDATE t SET %s = %s WHERE id %% %d = 0", column, value, rand.IntN(400)+2))
	}
	pgtest.Exec(t, after, fmt.Sprintf("DELETE FROM t WHERE id %% %d = 1; UPDATE t SET id = -id WHERE id %% 97 = 5; INSERT INTO t (c) VALUES ('new')", rand.IntN(50)+20))
	list := "SET extra_float_digits = 1; SELECT id, " + strings.Join(names, ", ") + " FROM t"
	was, is := psqlRows(t, before, list), psqlRows(t, after, list)
	want := report.TableContents{Table: "public.t", Key: []string{"id"}, Columns: make([]report.ColumnContents, len(names))}
	for id, row := range was {
		now, ok := is[id]
		if !ok {
			want.OnlyBefore++
			continue
		}
		for i := range names {
			want.Columns[i].Column, want.Columns[i].Moment = names[i], names[i] == "ts"
			if row[i] == now[i] {
				continue
			}
			want.Columns[i].Rows++
			if row[i] == "\x02" {
				want.Columns[i].Filled++
			}
		}
	}
	want.OnlyAfter = int64(len(is)) - int64(len(was)) + want.OnlyBefore
	want.Columns = slices.DeleteFunc(want.Columns, func(c report.ColumnContents) bool { return c.Rows == 0 })
	if d := cmp.Diff([]report.TableContents{want}, contents(t, before, after, compare.Suspects{All: true})); d != "" {
		t.Errorf("contents (-psql +ours):\n%s", d)
	}
}

// TestContentsOfSuspects compares no more than what can differ: a row that nobody was seen to change is not looked at, new storage is.
func TestContentsOfSuspects(t *testing.T) {
	t.Parallel()
	cfg := pgtest.New(t, everything)
	before, after := pgtest.Clone(t, cfg), pgtest.Clone(t, cfg)
	pgtest.Exec(t, after, `UPDATE words SET n = -1; UPDATE keyless SET a = 1; UPDATE p SET v = '' WHERE n = 2;
		ALTER TABLE two ALTER v TYPE int; ALTER TABLE t DROP f; ALTER TABLE t ADD f float8; ALTER TABLE "Od""d" RENAME "v.w" TO w`)
	a, b := held(t, before), held(t, after)
	oid := func(name string) uint32 {
		i := slices.IndexFunc(a.Tables, func(c catalog.Table) bool { return c.Name == name })
		return a.Tables[i].OID
	}
	got, err := compare.Contents(t.Context(), a, b, compare.Suspects{Changed: map[uint32]bool{oid("keyless"): true, oid("p2"): true}})
	if err != nil {
		t.Fatal(err)
	}
	want := "public.keyless () -85 +85\npublic.p (id,n) v=45\npublic.t (id) f=1000\npublic.two (b,a) v=200[retyped]\n"
	if d := cmp.Diff(want, showContents(got)); d != "" {
		t.Errorf("contents (-want +got):\n%s", d)
	}
}
