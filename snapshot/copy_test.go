package snapshot

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

const everythingRows = `
INSERT INTO app.customer (name, name_c, email, address, score, note, tags)
  SELECT 'n' || i, 'c' || i, 'p' || i || '@example.com', ROW('street ' || i, i::text)::app.addr, i, repeat('x', i % 50), ARRAY['a' || i, NULL, '"\']
  FROM generate_series(1, 500) i;
INSERT INTO app.orders (customer_id, status, amount, during)
  SELECT i, 'paid', i, tstzrange('2025-01-01'::timestamptz + i * interval '1 day', '2025-01-02'::timestamptz + i * interval '1 day') FROM generate_series(1, 400) i;
INSERT INTO app.event SELECT i, '2025-06-01'::timestamptz + i * interval '1 day', jsonb_build_object('k', i) FROM generate_series(1, 400) i;
INSERT INTO app.base_thing VALUES (1, 'base'); INSERT INTO app.child_thing VALUES (2, 'child', 3);
INSERT INTO app.scratch VALUES ('k', 'v');
SELECT nextval('app.ticket_seq') FROM generate_series(1, 7);
REFRESH MATERIALIZED VIEW app.mv_totals;
ALTER TABLE app.event_def ALTER COLUMN payload SET STORAGE EXTERNAL;
`

// everything is a source with one of nearly everything. It needs a server of its own, for its roles.
func everything(t testing.TB) *pgx.ConnConfig {
	t.Helper()
	server := pgtest.Start(t)
	dir := server.Mkdir(t, "ts1")
	pgtest.Exec(t, server.Config("postgres"), "CREATE ROLE app_reader")
	pgtest.Exec(t, server.Config("postgres"), "CREATE ROLE app_owner CREATEDB; GRANT app_reader TO app_owner WITH ADMIN OPTION")
	pgtest.Exec(t, server.Config("postgres"), "CREATE TABLESPACE ts1 LOCATION '"+dir+"'")
	script, err := os.ReadFile("../testdata/everything.sql")
	if err != nil {
		t.Fatal(err)
	}
	return server.New(t, string(script), everythingRows, "ALTER TABLE app.base_thing OWNER TO app_owner")
}

// TestCopyEqualsDump holds schema and rows of a copy without masks against pg_dump's view of both databases.
func TestCopyEqualsDump(t *testing.T) {
	t.Parallel()
	source, server := everything(t), pgtest.Start(t)
	target := newTarget(t, server)
	result := copied(t, source, target, nil, CopyOptions{Jobs: 3})

	if diff := cmp.Diff(pgtest.Dump(t, source, "--schema-only"), pgtest.Dump(t, target.Config(), "--schema-only")); diff != "" {
		t.Errorf("schemas differ (-source +copy):\n%s", diff)
	}
	if diff := cmp.Diff(sortedLines(pgtest.Dump(t, source, "--data-only")), sortedLines(pgtest.Dump(t, target.Config(), "--data-only"))); diff != "" {
		t.Errorf("rows or sequences differ (-source +copy):\n%s", diff)
	}
	const totals = "SELECT * FROM app.mv_totals"
	if diff := cmp.Diff(rowsOf(t, source, totals), rowsOf(t, target.Config(), totals)); diff != "" {
		t.Errorf("materialised view differs:\n%s", diff)
	}
	if len(result.RestoreErrors) > 0 {
		t.Errorf("restore errors: %v", result.RestoreErrors)
	}
	want := map[string]int64{"app.customer": 500, "app.orders": 400, "app.event_2025": 213, "app.event_def": 187, "app.base_thing": 1, "app.child_thing": 1, "app.scratch": 1}
	got := map[string]int64{}
	for _, table := range result.Tables {
		got[table.Schema+"."+table.Name] = table.Rows
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows told (-want +got):\n%s", diff)
	}
	if result.LSN == "" || result.TakenAt.IsZero() || result.HeldFor <= 0 {
		t.Errorf("the view is not described: %+v", result)
	}
	if got := pgtest.Value(t, target.Config(), "SELECT count(*) FROM pg_stats WHERE schemaname = 'app' AND tablename = 'customer'"); got == "0" {
		t.Error("the copy was not analysed")
	}
	if got := pgtest.Value(t, target.Config(), "SELECT rolcanlogin::text || rolcreatedb || pg_has_role('app_owner', 'app_reader', 'MEMBER') FROM pg_roles WHERE rolname = 'app_owner'"); got != "falsetruetrue" {
		t.Errorf("role app_owner: login, createdb, member = %s", got)
	}
	if diff := cmp.Diff([]string{"rows of foreign table app.ft"}, result.LeftOut); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
}

func sortedLines(dump string) string {
	var lines []string
	for line := range strings.Lines(dump) {
		if !strings.HasPrefix(line, "--") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// testRefusedTargets lists the targets that must not be written to.
func testRefusedTargets(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, "CREATE TABLE a (b int); INSERT INTO a VALUES (1)")
	src := openSource(t, source)
	d, err := src.Describe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	plan := planFor(t, d, nil)
	filled := newTarget(t, server)
	pgtest.Exec(t, filled.Config(), "CREATE VIEW v AS SELECT 1")
	for name, c := range map[string]struct {
		target Target
		want   error
	}{
		"same cluster": {newTarget(t, pgtest.Default(t)), ErrSameCluster},
		"not empty":    {filled, ErrNotEmpty},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Copy(testContext(t), src, plan, c.target, CopyOptions{}); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// TestCopySmallTargets shares one target server among copies that need no roles.
func TestCopySmallTargets(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	t.Run("values", func(t *testing.T) { testValues(t, server) })
	t.Run("encoding", func(t *testing.T) { testEncoding(t, server) })
	t.Run("orphans", func(t *testing.T) { testOrphans(t, server) })
	t.Run("formats", func(t *testing.T) { testFormats(t, server) })
	t.Run("constants", func(t *testing.T) { testConstants(t, server) })
	t.Run("names", func(t *testing.T) { testNames(t, server) })
	t.Run("wide", func(t *testing.T) { testWide(t, server) })
	t.Run("shapes of tables", func(t *testing.T) { testShapes(t, server) })
	t.Run("masked", func(t *testing.T) { testMasked(t, server) })
	t.Run("value refused", func(t *testing.T) { testValueRefused(t, server) })
	t.Run("raised", func(t *testing.T) { testRaised(t, server) })
	t.Run("consistent", func(t *testing.T) { testConsistent(t, server) })
	t.Run("changed after planning", func(t *testing.T) { testChanged(t, server) })
	t.Run("moved", func(t *testing.T) { testMoved(t, server) })
	t.Run("lets go", func(t *testing.T) { testLetsGo(t, server) })
	t.Run("inlined", func(t *testing.T) { testInlined(t, server) })
	t.Run("calling", func(t *testing.T) { testCalling(t, server) })
	t.Run("hashed enums", func(t *testing.T) { testHashedEnums(t, server) })
	t.Run("generated", func(t *testing.T) { testGenerated(t, server) })
	t.Run("triggers of keys", func(t *testing.T) { testKeyTriggers(t, server) })
	t.Run("split", func(t *testing.T) { testSplit(t, server) })
	t.Run("watch", func(t *testing.T) { testWatch(t, server) })
	t.Run("counts", func(t *testing.T) { testCounts(t, server) })
	t.Run("split, moved", func(t *testing.T) { testSplitMoved(t, server) })
	t.Run("privileges", func(t *testing.T) { testPrivileges(t, server) })
	t.Run("cancelled", func(t *testing.T) { testCancelled(t, server) })
	t.Run("too old", func(t *testing.T) { testMaxAge(t, server) })
	t.Run("settings", func(t *testing.T) { testSettings(t, server) })
	t.Run("empty", func(t *testing.T) { testEmpty(t, server) })
	t.Run("own pg_dump", func(t *testing.T) { testOwnDump(t, server) })
	t.Run("refused objects", func(t *testing.T) { testRefusedObjects(t, server) })
	t.Run("outside", func(t *testing.T) { testOutside(t, server) })
	t.Run("extensions", func(t *testing.T) { testExtensions(t, server) })
	t.Run("refused targets", func(t *testing.T) { testRefusedTargets(t, server) })
	t.Run("locked", func(t *testing.T) { testLocked(t, server) })
	t.Run("pagila", func(t *testing.T) { testPagila(t, server) })
}

// testValues holds every value that COPY escapes, and the odd ones of each type, against the source.
func testValues(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, `
CREATE TABLE v (id int PRIMARY KEY, t text, b bytea, f float8, n numeric, ts timestamptz, d date, i interval, j jsonb, x xml, a text[], m money, r tstzrange, bits varbit, ip inet);
INSERT INTO v (id, t) SELECT i, chr(i) FROM generate_series(1, 12287) i WHERE i NOT BETWEEN 55296 AND 57343;
INSERT INTO v (id, t) VALUES (-1, NULL), (-2, ''), (-3, '\N'), (-4, '\.'), (-5, E'\\'), (-6, E'a\tb\nc\rd\be\ff\vg'), (-7, E'\\x41\\101\\t'), (-8, repeat(E'tab\t\\', 300000)), (-9, '\\N'), (-10, U&'\+01F600');
INSERT INTO v (id, b) VALUES (-20, '\x'), (-21, decode('00ff5c0a0d09', 'hex')), (-22, (SELECT string_agg(decode(lpad(to_hex(i), 2, '0'), 'hex'), '') FROM generate_series(0, 255) i));
INSERT INTO v (id, f, n) VALUES (-30, 'NaN', 'NaN'), (-31, 'infinity', 'infinity'), (-32, '-infinity', '-infinity'), (-33, 0.1 + 0.2, 1e-1000), (-34, 5e-324, 123456789012345678901234567890.12345678900), (-35, '-0', '-0');
INSERT INTO v (id, ts, d, i) VALUES (-40, 'infinity', 'infinity', '1 mon -1 day 00:00:00.000001'), (-41, '-infinity', '-infinity', '-178000000 years'), (-42, '4713-01-01 00:00:00+00 BC', '4713-01-01 BC', '0'), (-43, '294276-12-31 23:59:59.999999+00', '5874897-12-31', '1.5 s'), (-44, '1880-01-01 00:00:00.5+01:23:45', '0001-01-01', '1 year 2 mons');
INSERT INTO v (id, j, x, a, m, r, bits, ip) VALUES (-50, '{"a\\b\"": "\u0001\t", "n": 1e400}', '<a b="c">&amp;</a>', ARRAY['', NULL, 'NULL', '{}', '"', '\', E'\n'], '-92233720368547758.08', '(,infinity]', '', '::1/64'), (-51, 'null', 'text only', '{}', '1', 'empty', '101', '10.0.0.1');
INSERT INTO v (id, a) VALUES (-60, '[0:1][2:3]={{a,b},{c,d}}');
`)
	pgtest.Exec(t, source, "ALTER DATABASE "+ident(source.Database)+" SET DateStyle = 'German'; ALTER DATABASE "+ident(source.Database)+" SET IntervalStyle = 'sql_standard'; ALTER DATABASE "+
		ident(source.Database)+" SET TimeZone = 'Asia/Kathmandu'; ALTER DATABASE "+ident(source.Database)+" SET bytea_output = 'escape'; ALTER DATABASE "+ident(source.Database)+" SET extra_float_digits = 0")
	pgtest.Exec(t, source, "UPDATE v SET id = id + 100000")
	for _, mode := range []struct {
		name           string
		masked, binary bool
	}{{"text, forwarded", false, false}, {"text, masked beside", true, false}, {"binary, forwarded", false, true}, {"binary, masked beside", true, true}} {
		t.Run(mode.name, func(t *testing.T) {
			masks := map[string]string{}
			if mode.masked {
				masks["public.v.id"] = "int_permute"
			}
			columns := "(SELECT count(*) FROM v), t, b, f, n, ts, d, i, j, a, m, r, bits, ip"
			if mode.binary {
				pgtest.Exec(t, source, "ALTER TABLE v DROP COLUMN IF EXISTS x") // xml is always text
			} else {
				columns += ", x::text"
			}
			target := newTarget(t, server)
			result := copied(t, source, target, masks, CopyOptions{})
			if got := result.Tables[0]; got.Binary != mode.binary || got.Masked != mode.masked {
				t.Errorf("not copied as wanted: %+v", got)
			}
			query := "SELECT md5(string_agg(v::text, E'\\n' ORDER BY v::text COLLATE \"C\")) FROM (SELECT " + columns + ", octet_length(t) AS size FROM v) v"
			pin := "SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC'; SET bytea_output = 'hex'; SET extra_float_digits = 1; "
			if a, b := value(t, source, pin, query), value(t, target.Config(), pin, query); a != b || a == "" {
				t.Errorf("values differ: %s and %s", a, b)
			}
		})
	}
}

func value(t *testing.T, cfg *pgx.ConnConfig, pin, query string) string {
	t.Helper()
	cfg = cfg.Copy()
	cfg.AfterConnect = nil
	conn, err := pgx.ConnectConfig(testContext(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	results, err := conn.PgConn().Exec(testContext(t), pin+query).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return string(results[len(results)-1].Rows[0][0])
}

// testEncoding copies LATIN1 to LATIN1, in both formats, and has a mask make letters that it lacks.
func testEncoding(t *testing.T, server *pgtest.Server) {
	latin := func(s *pgtest.Server, cfg *pgx.ConnConfig) *pgx.ConnConfig {
		name := cfg.Database + "_latin1"
		pgtest.Exec(t, cfg, "CREATE DATABASE "+ident(name)+" ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
		return s.Config(name)
	}
	source := latin(pgtest.Default(t), pgtest.New(t))
	pgtest.Exec(t, source, `CREATE TABLE plain (a text, x xml); CREATE TABLE fast (a text, b varchar(9));
INSERT INTO plain SELECT chr(i), '<a/>' FROM generate_series(1, 255) i WHERE i NOT BETWEEN 128 AND 159; INSERT INTO fast SELECT a, a FROM plain`)
	target := newTarget(t, server)
	cfg := latin(server, target.Config())
	target.Config, target.Tools = cfg.Copy, toolbox{t: t, dir: target.Tools.(toolbox).dir, target: cfg}
	copied(t, source, target, map[string]string{"public.fast.b": "hash"}, CopyOptions{})
	for _, query := range []string{"SELECT a, x::text FROM plain", "SELECT a FROM fast"} {
		if diff := cmp.Diff(rowsOf(t, source, query), rowsOf(t, cfg, query)); diff != "" {
			t.Errorf("%s differs (-source +copy):\n%s", query, diff)
		}
	}

	pgtest.Exec(t, source, "UPDATE fast SET a = repeat(chr(233), 50)")
	src := openSource(t, source)
	d, err := src.Describe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	again := newTarget(t, server)
	cfg = latin(server, again.Config())
	again.Config, again.Tools = cfg.Copy, toolbox{t: t, dir: again.Tools.(toolbox).dir, target: cfg}
	_, err = Copy(testContext(t), src, planFor(t, d, map[string]string{"public.fast.a": "shape"}), again, CopyOptions{})
	var refused *TargetError
	if !errors.As(err, &refused) || refused.SQLState != "22P05" || !strings.Contains(err.Error(), "load public.fast") {
		t.Errorf("the error is %v", err)
	}
}

// testOrphans copies rows that break a foreign key which says it is valid: rows and key are kept, and the key is told.
func testOrphans(t *testing.T, server *pgtest.Server) {
	for _, jobs := range []int{1, 3} {
		t.Run(strconv.Itoa(jobs), func(t *testing.T) {
			source := pgtest.New(t, `
CREATE SCHEMA "S 1"; CREATE TABLE "S 1"."Par ent" (id int PRIMARY KEY); CREATE TABLE "S 1".child (id int PRIMARY KEY, p int, q int,
	CONSTRAINT "My ""fk""" FOREIGN KEY (p) REFERENCES "S 1"."Par ent" ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, CONSTRAINT sound FOREIGN KEY (q) REFERENCES "S 1"."Par ent");
CREATE TABLE child (id int, p int, CONSTRAINT sound FOREIGN KEY (p) REFERENCES "S 1"."Par ent");
INSERT INTO "S 1"."Par ent" SELECT generate_series(1, 10); INSERT INTO "S 1".child SELECT i, i, i FROM generate_series(1, 10) i; INSERT INTO child VALUES (1, 1);
SET session_replication_role = replica; DELETE FROM "S 1"."Par ent" WHERE id = 7; UPDATE "S 1".child SET q = NULL WHERE q = 7`)
			target := newTarget(t, server)
			result := copied(t, source, target, nil, CopyOptions{Jobs: jobs})
			if len(result.RestoreErrors) > 0 {
				t.Errorf("refused: %+v", result.RestoreErrors)
			}
			if diff := cmp.Diff([]string{`the validity of foreign key "My ""fk""" of "S 1".child: rows break it, which the copy keeps`}, result.LeftOut); diff != "" {
				t.Errorf("left out (-want +got):\n%s", diff)
			}
			dump := strings.ReplaceAll(pgtest.Dump(t, target.Config()), " NOT VALID;", ";")
			if diff := cmp.Diff(pgtest.Dump(t, source), dump); diff != "" {
				t.Errorf("dumps differ by more than NOT VALID (-source +copy):\n%s", diff)
			}
			const notValid = "SELECT string_agg(conname, ',') FROM pg_constraint WHERE NOT convalidated"
			if got := pgtest.Value(t, target.Config(), notValid); got != `My "fk"` {
				t.Errorf("not valid: %s", got)
			}
		})
	}
}

// testFormats shows which tables go in COPY's binary format, and that all arrive, whichever it is.
func testFormats(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, `
CREATE TYPE zmood AS ENUM ('sad', 'happy'); CREATE TYPE mood AS ENUM ('calm'); DROP TYPE zmood; CREATE TYPE zmood AS ENUM ('happy', 'sad'); -- another OID there
CREATE DOMAIN small AS int CHECK (value < 1000); CREATE DOMAIN smaller AS small; CREATE DOMAIN feeling AS zmood; CREATE TYPE pair AS (a int, b text);
CREATE SCHEMA own; CREATE DOMAIN own.uuid AS varchar(8); CREATE TYPE own.jsonb AS (k int); CREATE TYPE own.span AS RANGE (subtype = text);
CREATE TABLE y_enum (a zmood, b feeling); INSERT INTO y_enum VALUES ('sad', 'happy');
CREATE TABLE y_domain (a smaller, b own.uuid); INSERT INTO y_domain (a, b) VALUES (7, 'x');
CREATE TABLE y_arrays (a int[], b text[][], c timestamptz[], d jsonb[], v int2vector); INSERT INTO y_arrays VALUES ('[2:3]={1,NULL}', '{{a},{b}}', '{infinity}', '{"{}"}', '1 2');
CREATE TABLE y_rest (a bool, b "char", c name, d oid, e time, f timetz, g macaddr, h point, i path, j tsvector, k pg_lsn, l cidr, m varbit, n xid8, o int8multirange, p varchar(3), q char(4), r numeric(8, 2));
INSERT INTO y_rest VALUES (true, 'x', 'y', 4294967295, '24:00', '01:02:03+04:05:06', '08:00:2b:01:02:03', '(1,2)', '[(0,0),(1,1)]', 'a:1 b:2B', '16/B374D848', '10/8', '101', '1', '{[1,2),[4,5)}', 'abc', 'd', 123456.789);
CREATE TABLE y_masked (a text, b jsonb, c inet, d numeric(6,2), e date, f int2); INSERT INTO y_masked VALUES ('raw', '{"k": "raw"}', '10.1.1.1', 77, '2001-01-01', 1234);
CREATE TABLE y_gen (a int, b pair GENERATED ALWAYS AS (NULL::pair) STORED); INSERT INTO y_gen VALUES (1);
CREATE TABLE n_array_of_enum (a zmood[]); INSERT INTO n_array_of_enum VALUES ('{sad}');
CREATE TABLE n_array_of_domain (a smaller[]); INSERT INTO n_array_of_domain VALUES ('{1}');
CREATE TABLE n_pair (a pair, b int); INSERT INTO n_pair VALUES ('(1,x)', 2);
CREATE TABLE n_own (a own.jsonb); INSERT INTO n_own VALUES ('(1)');
CREATE TABLE n_span (a own.span); INSERT INTO n_span VALUES ('[a,b)');
CREATE TABLE n_reg (a regclass, b int); INSERT INTO n_reg VALUES ('y_enum', 1);
CREATE TABLE n_xml (a xml); INSERT INTO n_xml VALUES ('<a/>');
CREATE TABLE n_zero (); INSERT INTO n_zero DEFAULT VALUES;
CREATE TABLE n_bytea (a bytea); INSERT INTO n_bytea VALUES ('raw');
`)
	target := newTarget(t, server)
	masks := map[string]string{
		"public.y_masked.a": "hash", "public.y_masked.b": "{mask: json, default: shape}", "public.y_masked.c": "{mask: constant, value: 192.0.2.1/24}", "public.y_masked.d": "{mask: constant, value: 1.005}",
		"public.y_masked.e": "date_shift", "public.y_masked.f": "int_permute", "public.n_bytea.a": "hash",
	}
	result := copied(t, source, target, masks, CopyOptions{})
	for _, table := range result.Tables {
		if want := table.Name[0] == 'y'; table.Binary != want {
			t.Errorf("%s: binary %t, want %t", table.Name, table.Binary, want)
		}
		if table.Rows != 1 {
			t.Errorf("%s: %d rows, want 1", table.Name, table.Rows)
		}
		name := ident(table.Schema, table.Name)
		if !table.Masked {
			if diff := cmp.Diff(rowsOf(t, source, "TABLE "+name), rowsOf(t, target.Config(), "TABLE "+name)); diff != "" {
				t.Errorf("%s differs (-source +copy):\n%s", name, diff)
			}
		}
	}
	for query, want := range map[string]string{
		"SELECT c || ' ' || d FROM y_masked": "192.0.2.1/24 1.01",
		"SELECT count(*) FROM y_masked WHERE a = 'raw' OR b::text ~ 'raw' OR e = '2001-01-01' OR f = 1234": "0",
		"SELECT count(*) FROM n_bytea WHERE a = 'raw'":                                                     "0",
	} {
		if got := pgtest.Value(t, target.Config(), query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

// testNames uses names that need quotes wherever a name can stand.
func testNames(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, `
CREATE SCHEMA "My ""Schema"".x"; CREATE SCHEMA "select";
CREATE TABLE "My ""Schema"".x"."T.1 'q' \ ünï" ("Id" int GENERATED ALWAYS AS IDENTITY, "select" text, "a.b" text, "c\d" text, "tab	e" text);
INSERT INTO "My ""Schema"".x"."T.1 'q' \ ünï" ("select", "a.b", "c\d", "tab	e") VALUES ('1', '2', '3', '4');
CREATE TABLE "select"."table" ("order" int, "user" text); INSERT INTO "select"."table" VALUES (1, 'x');
CREATE SEQUENCE "select"."Se quence"; SELECT setval('"select"."Se quence"', 42);
CREATE MATERIALIZED VIEW "select"."Mat View" AS SELECT * FROM "select"."table";
`)
	target := newTarget(t, server)
	result := copied(t, source, target, map[string]string{`"select"."table"."user"`: "hash"}, CopyOptions{})
	if diff := cmp.Diff(pgtest.Dump(t, source, "--schema-only"), pgtest.Dump(t, target.Config(), "--schema-only")); diff != "" {
		t.Errorf("schemas differ:\n%s", diff)
	}
	if len(result.Tables) != 2 || result.Tables[0].Rows != 1 || result.Tables[1].Rows != 1 || !result.Tables[1].Masked {
		t.Errorf("tables: %+v", result.Tables)
	}
	if got := pgtest.Value(t, target.Config(), `SELECT nextval('"select"."Se quence"')`); got != "43" {
		t.Errorf("next value %s, want 43", got)
	}
	if got := pgtest.Value(t, target.Config(), `SELECT "user" FROM "select"."Mat View"`); got == "x" || got == "" {
		t.Errorf("the view shows %q", got)
	}
}

// testWide copies a table of as many columns as there can be, the last one masked.
func testWide(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, `DO $$ BEGIN EXECUTE (SELECT 'CREATE TABLE wide (' || string_agg(format('c%s smallint', i), ', ') || ', last text)' FROM generate_series(1, 1599) i); END $$;
INSERT INTO wide (c1, c1599, last) SELECT i, i, 'x' FROM generate_series(1, 10) i`)
	target := newTarget(t, server)
	copied(t, source, target, map[string]string{"public.wide.last": "hash"}, CopyOptions{})
	query := "SELECT c1, c2, c1599 FROM wide"
	if diff := cmp.Diff(rowsOf(t, source, query), rowsOf(t, target.Config(), query)); diff != "" {
		t.Error(diff)
	}
	if got := pgtest.Value(t, target.Config(), "SELECT count(*) FROM wide WHERE last = 'x' OR last IS NULL"); got != "0" {
		t.Errorf("%s values are not masked", got)
	}
}

const shapesSQL = `
CREATE TABLE none (); INSERT INTO none DEFAULT VALUES; INSERT INTO none DEFAULT VALUES; INSERT INTO none DEFAULT VALUES;
CREATE TABLE dropped (a int, gone text, b text); INSERT INTO dropped VALUES (1, 'x', 'y'); ALTER TABLE dropped DROP COLUMN gone;
CREATE TABLE onlygen (g int GENERATED ALWAYS AS (1) STORED); INSERT INTO onlygen DEFAULT VALUES;
CREATE TABLE gen (a text, up text GENERATED ALWAYS AS (upper(a)) STORED, b int GENERATED ALWAYS AS IDENTITY (START 7)); INSERT INTO gen (a) VALUES ('q'), ('r');
CREATE TABLE nothing (a int PRIMARY KEY);
CREATE TABLE parent (a int, b text); CREATE TABLE child (c int) INHERITS (parent); INSERT INTO parent VALUES (1, 'p'); INSERT INTO child VALUES (2, 'c', 3);
CREATE TABLE part (id bigint, who text, n int) PARTITION BY HASH (who);
CREATE TABLE part0 PARTITION OF part FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE part1 (n int, id bigint, who text); ALTER TABLE part ATTACH PARTITION part1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO part SELECT i, 'w' || i, -i FROM generate_series(1, 200) i;
CREATE TABLE deep (k int, at date, v text) PARTITION BY RANGE (at);
CREATE TABLE deep25 PARTITION OF deep FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY LIST ((k % 2));
CREATE TABLE deep25even (v text, k int, at date); ALTER TABLE deep25 ATTACH PARTITION deep25even FOR VALUES IN (0);
CREATE TABLE deep25odd PARTITION OF deep25 FOR VALUES IN (1);
INSERT INTO deep SELECT i, '2025-03-01', 'v' || i FROM generate_series(1, 9) i;
CREATE TABLE trig (a int); CREATE FUNCTION twice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO trig VALUES (new.a + 100); RETURN new; END $$;
INSERT INTO trig VALUES (1); CREATE TRIGGER twice AFTER INSERT ON trig FOR EACH ROW WHEN (new.a < 100) EXECUTE FUNCTION twice();
CREATE TABLE a (id int PRIMARY KEY, b int); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a); ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b DEFERRABLE;
INSERT INTO a VALUES (1, NULL); INSERT INTO b VALUES (1, 1); UPDATE a SET b = 1;
CREATE FUNCTION inner_ok(int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 > 0';
CREATE FUNCTION outer_ok(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN inner_ok($1); END';
CREATE TABLE checked (a int CHECK (outer_ok(a))); INSERT INTO checked VALUES (1);
`

// testShapes copies tables of every shape: without columns, with dropped ones, computed ones, inherited, partitioned, circular.
func testShapes(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, shapesSQL)
	target := newTarget(t, server)
	result := copied(t, source, target, map[string]string{"public.part.who": "hash", "public.deep.v": "hash"}, CopyOptions{})
	if len(result.RestoreErrors) > 0 {
		t.Errorf("restore errors: %v", result.RestoreErrors)
	}
	for _, query := range []string{
		"SELECT count(*) FROM none", "SELECT * FROM dropped", "SELECT * FROM onlygen", "SELECT * FROM gen", "SELECT * FROM nothing",
		"SELECT tableoid::regclass, * FROM parent", "SELECT * FROM child", "SELECT * FROM trig", "SELECT * FROM a", "SELECT * FROM b",
		"SELECT id, n FROM part", "SELECT tableoid::regclass, k, at FROM deep", "SELECT * FROM checked",
	} {
		if diff := cmp.Diff(rowsOf(t, source, query), rowsOf(t, target.Config(), query)); diff != "" {
			t.Errorf("%s differs (-source +copy):\n%s", query, diff)
		}
	}
	if got := pgtest.Value(t, target.Config(), "INSERT INTO gen (a) VALUES ('new') RETURNING b"); got != "9" {
		t.Errorf("the identity goes on with %s, want 9", got)
	}
	if got := pgtest.Value(t, target.Config(), "SELECT count(*) FROM part WHERE who ~ '^w[0-9]{1,3}$'"); got != "0" {
		t.Errorf("%s values of the masked partition key are not masked", got)
	}
	for _, cfg := range []*pgx.ConnConfig{source, target.Config()} { // a row in the wrong partition is not found through its key
		if got := pgtest.Value(t, cfg, "SELECT count(*) FROM part p WHERE EXISTS (SELECT FROM part q WHERE q.who = p.who)"); got != "200" {
			t.Errorf("%s rows found by partition key", got)
		}
	}
}

// testMasked masks, follows foreign keys, and moves sequences beyond permuted numbers.
func testMasked(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, `
CREATE TABLE users (id serial PRIMARY KEY, email text UNIQUE NOT NULL, note text);
INSERT INTO users (email, note) SELECT 'person' || i || '@corp.example', CASE WHEN i % 3 = 0 THEN NULL ELSE 'kept ' || i END FROM generate_series(1, 2000) i;
CREATE TABLE orders (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES users);
INSERT INTO orders (user_id) SELECT i % 2000 + 1 FROM generate_series(1, 5000) i;
CREATE TABLE goose_db_version (id serial PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp DEFAULT now());
INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true), (20250101, true)`)
	target := newTarget(t, server)
	var events []Event
	masks := map[string]string{"public.users.id": "int_permute", "public.orders.user_id": "int_permute", "public.users.email": "email"}
	result := copied(t, source, target, masks, CopyOptions{Progress: func(e Event) { events = append(events, e) }})
	for query, want := range map[string]string{
		"SELECT count(*) FROM users WHERE email LIKE '%corp.example'":                "0",
		"SELECT count(DISTINCT email) FROM users":                                    "2000",
		"SELECT count(*) FROM users WHERE note LIKE 'kept %'":                        "1334",
		"SELECT count(*) FROM orders JOIN users ON users.id = user_id":               "5000",
		"SELECT (nextval('users_id_seq') > (SELECT max(id) FROM users))::text":       "true",
		"SELECT nextval('orders_id_seq')":                                            "5001",
		"SELECT string_agg(version_id::text, ',' ORDER BY id) FROM goose_db_version": "0,20250101",
		"SELECT count(*) FROM pg_constraint WHERE NOT convalidated":                  "0",
		"SELECT count(*) FROM pg_index WHERE NOT indisvalid AND indrelid > 16383":    "0",
		"SELECT (relallvisible > 0)::text FROM pg_class WHERE relname = 'users'":     "true",
	} {
		if got := pgtest.Value(t, target.Config(), query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	last := events[len(events)-1]
	if last.Tables != 3 || last.Rows != 7002 || last.TotalTables != 3 || last.Bytes == 0 || last.Phase != "settings" {
		t.Errorf("last event: %+v", last)
	}
	var phases []string
	for _, p := range result.Phases {
		phases = append(phases, p.Name)
	}
	if got := strings.Join(phases, " "); got != "guard prepare schema data indexes rest of the schema sequences views settings" {
		t.Errorf("phases: %s", got)
	}
}

// testPagila copies a sample database, when it is there.
func testPagila(t *testing.T, server *pgtest.Server) {
	path := filepath.Join(pgtest.Shared(t), "cases", "pagila-tables.sql.gz")
	source := pgtest.New(t)
	loadGzip(t, source, path)
	target := newTarget(t, server)
	start := time.Now()
	result := copied(t, source, target, nil, CopyOptions{})
	t.Logf("%d tables in %s", len(result.Tables), time.Since(start))
	if len(result.RestoreErrors) > 0 {
		t.Errorf("restore errors: %v", result.RestoreErrors)
	}
	for _, what := range []string{"--schema-only", "--data-only"} {
		if diff := cmp.Diff(sortedLines(pgtest.Dump(t, source, what)), sortedLines(pgtest.Dump(t, target.Config(), what))); diff != "" {
			t.Errorf("%s differs (-source +copy):\n%.3000s", what, diff)
		}
	}
}
