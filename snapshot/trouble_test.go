package snapshot

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/sanitize"
)

// testValueRefused has a value that the mask cannot handle: the copy ends, and the error names the column only.
func testValueRefused(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, "CREATE TABLE secrets (id int, pin bigint); INSERT INTO secrets SELECT i, i FROM generate_series(1, 20000) i; INSERT INTO secrets VALUES (0, 424242424242)")
	src := openSource(t, source)
	d, err := src.Describe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	plan := planFor(t, d, map[string]string{"public.secrets.pin": "{mask: int_permute, min: 0, max: 100000}"})
	_, err = Copy(testContext(t), src, plan, newTarget(t, server), CopyOptions{})
	var value *sanitize.ValueError
	if !errors.As(err, &value) || value.Column != "pin" {
		t.Fatalf("got %v, want a ValueError for pin", err)
	}
	if strings.Contains(err.Error(), "4242") {
		t.Errorf("the error quotes the value: %v", err)
	}
	noneLeft(t, source)
}

// noneLeft fails when the source has a session of ours in a transaction.
func noneLeft(t *testing.T, source *pgx.ConnConfig) {
	t.Helper()
	const query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rehearse' AND datname = current_database() AND xact_start IS NOT NULL"
	var n string
	for range 50 {
		if n = pgtest.Value(t, source, query); n == "0" {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%s transactions of ours are open on the source", n)
}

// testConsistent writes to two tables, always both in one transaction, while they are copied by different workers.
func testConsistent(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, "CREATE TABLE one (i int, pad text); CREATE TABLE two (i int, pad text); INSERT INTO one SELECT i, repeat('x', 500) FROM generate_series(1, 30000) i; INSERT INTO two SELECT * FROM one")
	ctx, stop := context.WithCancel(testContext(t))
	done := make(chan error, 1)
	writer, err := pgx.ConnectConfig(ctx, source.Copy())
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close(context.Background())
	go func() {
		for ctx.Err() == nil {
			if _, err := writer.PgConn().Exec(context.Background(), "BEGIN; INSERT INTO one VALUES (0); DELETE FROM two WHERE ctid = (SELECT min(ctid) FROM two); INSERT INTO two VALUES (0); INSERT INTO two VALUES (0); COMMIT").ReadAll(); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	target := newTarget(t, server)
	copied(t, source, target, nil, CopyOptions{Jobs: 2})
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	one, two := pgtest.Value(t, target.Config(), "SELECT count(*) FROM one"), pgtest.Value(t, target.Config(), "SELECT count(*) FROM two")
	if one != two {
		t.Errorf("%s and %s rows: not one view", one, two)
	}
	if now := pgtest.Value(t, source, "SELECT count(*) FROM one"); now == one {
		t.Log("nothing was written during the copy: the test shows nothing")
	}
	noneLeft(t, source)
}

// testChanged adds a column and a table after the plan was made.
func testChanged(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, "CREATE TABLE people (id int, pin text)")
	src := openSource(t, source)
	d, err := src.Describe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	plan := planFor(t, d, nil)
	pgtest.Exec(t, source, `ALTER TABLE people ADD "National Id" text; ALTER TABLE people DROP id; ALTER TABLE people ALTER pin TYPE int USING 1; CREATE TABLE fresh (a int)`)
	target := newTarget(t, server)
	_, err = Copy(testContext(t), src, plan, target, CopyOptions{})
	var changed *ChangedError
	if !errors.As(err, &changed) {
		t.Fatalf("got %v, want a ChangedError", err)
	}
	want := []string{"table public.fresh appeared", `column public.people."National Id" appeared`, "column public.people.id is gone", "column public.people.pin is int4 and was text"}
	if diff := cmp.Diff(want, changed.Objects); diff != "" {
		t.Error(diff)
	}
	if got := pgtest.Value(t, target.Config(), "SELECT count(*) FROM pg_class WHERE relname = 'people'"); got != "0" {
		t.Error("something was restored")
	}
	noneLeft(t, source)
}

// testPrivileges copies as a role that can read and do nothing else, and tells everything such a role lacks at once.
func testPrivileges(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, `CREATE TABLE a (i int GENERATED ALWAYS AS IDENTITY); CREATE TABLE "B b" (i int); CREATE TABLE c (i int); ALTER TABLE c ENABLE ROW LEVEL SECURITY;
INSERT INTO a DEFAULT VALUES; INSERT INTO c VALUES (1); CREATE SCHEMA hidden; CREATE TABLE hidden.d (i int); CREATE SEQUENCE s;`)
	role := "reader_" + source.Database
	pgtest.Exec(t, source, "CREATE ROLE "+ident(role)+" LOGIN PASSWORD 'only reads'; GRANT SELECT ON c TO "+ident(role))
	t.Cleanup(func() {
		pgtest.Exec(t, source, "REASSIGN OWNED BY "+ident(role)+" TO postgres; DROP OWNED BY "+ident(role)+"; DROP ROLE "+ident(role))
	})
	reader := source.Copy()
	reader.User, reader.Password = role, "only reads"
	src := openSource(t, reader)
	_, err := src.Describe(testContext(t))
	var lacking *PrivilegeError
	if !errors.As(err, &lacking) {
		t.Fatalf("got %v, want a PrivilegeError", err)
	}
	want := []string{"table hidden.d", `table public."B b"`, "table public.a", "table public.c (row security hides rows)", "sequence public.a_i_seq", "sequence public.s"}
	if diff := cmp.Diff(want, lacking.Objects); diff != "" {
		t.Error(diff)
	}
	pgtest.Exec(t, source, "ALTER TABLE c DISABLE ROW LEVEL SECURITY; GRANT USAGE ON SCHEMA hidden TO "+ident(role)+"; GRANT SELECT ON ALL TABLES IN SCHEMA public, hidden TO "+ident(role)+
		"; GRANT SELECT ON ALL SEQUENCES IN SCHEMA public, hidden TO "+ident(role))
	const writes = "SELECT sum(tup_inserted + tup_updated + tup_deleted) FROM pg_stat_database WHERE datname = current_database()"
	before := settled(t, source, writes)
	target := newTarget(t, server)
	result := copied(t, reader, target, nil, CopyOptions{})
	if len(result.Tables) != 4 || len(result.RestoreErrors) > 0 {
		t.Errorf("copied %+v, refused %v", result.Tables, result.RestoreErrors)
	}
	if after := settled(t, source, writes); before != after {
		t.Errorf("rows written on the source: %s before, %s after", before, after)
	}
	if _, err := src.conn.Exec(testContext(t), "CREATE TEMPORARY TABLE x (i int)"); err == nil || !strings.Contains(err.Error(), "25006") {
		t.Errorf("the session could write: %v", err)
	}
}

// settled asks until the statistics, which sessions report with a delay, stand still.
func settled(t *testing.T, cfg *pgx.ConnConfig, query string) string {
	t.Helper()
	last := ""
	for range 20 {
		now := pgtest.Value(t, cfg, query)
		if now == last {
			return now
		}
		last = now
		time.Sleep(600 * time.Millisecond)
	}
	return last
}

// testCancelled ends the context in each phase.
func testCancelled(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, "CREATE TABLE big (i int PRIMARY KEY, pad text); INSERT INTO big SELECT i, repeat('x', 1000) FROM generate_series(1, 40000) i; CREATE TABLE small (i serial)")
	for _, phase := range []string{"guard", "prepare", "schema", "data", "within data", "indexes", "sequences", "views"} {
		t.Run(phase, func(t *testing.T) {
			src := openSource(t, source)
			d, err := src.Describe(testContext(t))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(testContext(t))
			defer cancel()
			start := time.Now()
			_, err = Copy(ctx, src, planFor(t, d, nil), newTarget(t, server), CopyOptions{Progress: func(e Event) {
				if e.Phase == phase || phase == "within data" && e.Bytes > 0 {
					cancel()
				}
			}})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want context.Canceled", err)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("it took %s to give up", took)
			}
			noneLeft(t, source)
		})
	}
}

// testMaxAge holds the view for too long.
func testMaxAge(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, "CREATE TABLE big (i int PRIMARY KEY, pad text); INSERT INTO big SELECT i, repeat('x', 1000) FROM generate_series(1, 20000) i")
	src := openSource(t, source)
	d, err := src.Describe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Copy(testContext(t), src, planFor(t, d, nil), newTarget(t, server), CopyOptions{MaxAge: 50 * time.Millisecond})
	var source2 *SourceError
	if !errors.As(err, &source2) || source2.Kind != Expired {
		t.Errorf("got %v, want an expired snapshot", err)
	}
	noneLeft(t, source)
}

// testSettings keeps what ALTER DATABASE and ALTER ROLE ... SET keep, lists of names among it.
func testSettings(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, `CREATE SCHEMA "Odd, ""name"""; CREATE TABLE "Odd, ""name"""."in path" (i int)`)
	db := ident(source.Database)
	pgtest.Exec(t, source, `ALTER DATABASE `+db+` SET search_path = "Odd, ""name""", "$user", public; ALTER DATABASE `+db+` SET work_mem = '7MB'; ALTER DATABASE `+db+
		` SET app.secret = 'hunter2'; ALTER DATABASE `+db+` SET default_transaction_read_only = on; ALTER DATABASE `+db+` SET TimeZone = 'Asia/Kathmandu'`)
	target := newTarget(t, server)
	result := copied(t, source, target, nil, CopyOptions{})
	cfg := target.Config()
	for query, want := range map[string]string{
		"SHOW search_path": `"Odd, ""name""", "$user", public`, "SHOW work_mem": "7MB", "SHOW default_transaction_read_only": "on",
		"SHOW TimeZone": "Asia/Kathmandu", "SELECT to_regclass('\"in path\"')::oid > 0": "t",
	} {
		if got := pgtest.Value(t, cfg, query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	if left := strings.Join(result.LeftOut, "\n"); !strings.Contains(left, "setting app.secret") || strings.Contains(left, "hunter2") {
		t.Errorf("left out: %s", left)
	}
}

// testEmpty copies a database without tables.
func testEmpty(t *testing.T, server *pgtest.Server) {
	result := copied(t, pgtest.New(t), newTarget(t, server), nil, CopyOptions{})
	if len(result.Tables) != 0 || len(result.RestoreErrors) != 0 || len(result.LeftOut) != 0 {
		t.Errorf("result of nothing: %+v", result)
	}
}

// testOwnDump uses a pg_dump of this machine, and programs that are no good.
func testOwnDump(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, "CREATE TABLE a (i int); INSERT INTO a VALUES (1)")
	target := newTarget(t, server)
	result := copied(t, source, target, nil, CopyOptions{PgDump: filepath.Join(pgtest.BinDir(t), "pg_dump")})
	if len(result.Tables) != 1 || result.Tables[0].Rows != 1 {
		t.Errorf("tables: %+v", result.Tables)
	}
	if got := pgtest.Value(t, target.Config(), "SELECT count(*) FROM pg_largeobject_metadata"); got != "0" {
		t.Errorf("%s large objects are left", got)
	}
	dir := t.TempDir()
	for name, c := range map[string]struct {
		script string
		want   DumpKind
	}{
		"old": {"#!/bin/sh\necho 'pg_dump: error: aborting because of server version mismatch' >&2\necho 'pg_dump: detail: server version: 15.4; pg_dump version: 12.1' >&2\nexit 1\n", DumpVersion},
		"odd": {"#!/bin/sh\necho 'pg_dump: error: no reason' >&2\nexit 1\n", DumpFailed},
		"no":  {"", DumpMissing},
	} {
		path := filepath.Join(dir, name)
		if c.script != "" {
			if err := os.WriteFile(path, []byte(c.script), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		src := openSource(t, source)
		d, err := src.Describe(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Copy(testContext(t), src, planFor(t, d, nil), newTarget(t, server), CopyOptions{PgDump: path})
		var dump *DumpError
		if !errors.As(err, &dump) || dump.Kind != c.want {
			t.Errorf("%s: got %v, want kind %s", name, err, c.want)
		}
		noneLeft(t, source)
	}
}

// testRefusedObjects has objects that cannot be restored: they are told one by one, and the rest is copied.
func testRefusedObjects(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, `CREATE TABLE a (i int, d text); INSERT INTO a VALUES (1, 'x');
CREATE FUNCTION helper(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION uses_path(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN helper($1); END';
CREATE INDEX on_path ON a (uses_path(i)); CREATE INDEX fine ON a (i); DROP FUNCTION helper(int)`)
	target := newTarget(t, server)
	result := copied(t, source, target, nil, CopyOptions{})
	want := []RestoreError{{Object: "INDEX public on_path", Reason: "function helper(integer) does not exist"}}
	if diff := cmp.Diff(want, result.RestoreErrors); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	if got := pgtest.Value(t, target.Config(), "SELECT string_agg(indexrelid::regclass::text, ',') FROM pg_index WHERE indrelid = 'a'::regclass"); got != "fine" {
		t.Errorf("indexes: %s", got)
	}
}

func loadGzip(t *testing.T, cfg *pgx.ConnConfig, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	script, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	cmd := pgtest.Command(t, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1")
	cmd.Env, cmd.Stdin = append(os.Environ(), pgtest.Env(cfg)...), bytes.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("load %s: %v\n%.500s", path, err, out)
	}
}

// testOutside has what must not come along: credentials, large objects, secrets; and sequences that end, count down or were not called.
func testOutside(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, `CREATE FOREIGN DATA WRAPPER w; CREATE SERVER "far away" FOREIGN DATA WRAPPER w; CREATE USER MAPPING FOR postgres SERVER "far away" OPTIONS (password 'hunter2');
CREATE SUBSCRIPTION sub CONNECTION 'host=nowhere.invalid password=hunter2' PUBLICATION p WITH (connect = false);
SELECT lo_create(0), lo_create(0);
CREATE SEQUENCE down INCREMENT -1; SELECT nextval('down'), nextval('down'); CREATE SEQUENCE fresh START 5; CREATE SEQUENCE uncalled; SELECT setval('uncalled', 50, false);
CREATE TABLE small (id smallint PRIMARY KEY DEFAULT nextval('fresh')); ALTER SEQUENCE fresh OWNED BY small.id; SELECT setval('fresh', 32000); INSERT INTO small VALUES (1)`)
	t.Cleanup(func() {
		pgtest.Exec(t, source, "ALTER SUBSCRIPTION sub DISABLE")
		pgtest.Exec(t, source, "ALTER SUBSCRIPTION sub SET (slot_name = NONE)")
		pgtest.Exec(t, source, "DROP SUBSCRIPTION sub")
	})
	pgtest.Exec(t, source, "ALTER SEQUENCE fresh AS smallint")
	target := newTarget(t, server)
	result := copied(t, source, target, map[string]string{"public.small.id": "int_permute"}, CopyOptions{})
	want := []string{"numbers for sequence public.fresh beyond the masked ones of its column", "2 large objects", "subscription sub", "user mapping postgres on far away"}
	if diff := cmp.Diff(want, result.LeftOut); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
	if len(result.RestoreErrors) > 0 {
		t.Errorf("restore errors: %v", result.RestoreErrors)
	}
	for query, want := range map[string]string{
		"SELECT count(*) FROM pg_user_mapping": "0", "SELECT count(*) FROM pg_subscription": "0", "SELECT count(*) FROM pg_foreign_server": "1",
		"SELECT nextval('down')": "-3", "SELECT nextval('fresh')": "32001", "SELECT nextval('uncalled')": "50",
	} {
		if got := pgtest.Value(t, target.Config(), query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

// testExtensions has an extension in a version that is not the default, in a schema of its own that belongs to somebody.
func testExtensions(t *testing.T, server *pgtest.Server) {
	role := "owner of extensions"
	source := pgtest.New(t, "DROP ROLE IF EXISTS "+ident(role), "CREATE ROLE "+ident(role),
		`CREATE SCHEMA "Ext" AUTHORIZATION `+ident(role)+`; COMMENT ON SCHEMA "Ext" IS 'mine'; CREATE EXTENSION hstore SCHEMA "Ext" VERSION '1.5'; CREATE EXTENSION citext; CREATE TABLE a (h "Ext".hstore); INSERT INTO a VALUES ('k=>v')`)
	t.Cleanup(func() { pgtest.Exec(t, source, "DROP OWNED BY "+ident(role)+" CASCADE; DROP ROLE "+ident(role)) })
	src := openSource(t, source)
	d, err := src.Describe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	target := newTarget(t, server)
	available, err := AvailableExtensions(testContext(t), target.Config())
	if err != nil {
		t.Fatal(err)
	}
	if missing := MissingExtensions(d, available); len(missing) > 0 {
		t.Errorf("missing: %v", missing)
	}
	if diff := cmp.Diff([]string{"citext", "hstore"}, MissingExtensions(d, []string{"plpgsql"})); diff != "" {
		t.Error(diff)
	}
	result, err := Copy(testContext(t), src, planFor(t, d, nil), target, CopyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.RestoreErrors) > 0 {
		t.Errorf("restore errors: %v", result.RestoreErrors)
	}
	if got := pgtest.Value(t, target.Config(), "SELECT extversion FROM pg_extension WHERE extname = 'hstore'"); got != "1.5" {
		t.Errorf("version %s", got)
	}
	if diff := cmp.Diff(pgtest.Dump(t, source, "--schema-only"), pgtest.Dump(t, target.Config(), "--schema-only")); diff != "" {
		t.Errorf("schemas differ:\n%s", diff)
	}
}
