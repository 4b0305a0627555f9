package staging_test

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// dressed is a database with everything that CREATE DATABASE ... TEMPLATE leaves behind; %[1]s is its name.
const dressed = `CREATE ROLE "Own er"; CREATE ROLE granter; CREATE ROLE reader;
ALTER DATABASE %[1]s OWNER TO "Own er"; COMMENT ON DATABASE %[1]s IS 'it''s a copy'; ALTER DATABASE %[1]s CONNECTION LIMIT 17;
REVOKE ALL ON DATABASE %[1]s FROM PUBLIC; GRANT CONNECT ON DATABASE %[1]s TO granter WITH GRANT OPTION;
SET ROLE granter; GRANT CONNECT ON DATABASE %[1]s TO reader; RESET ROLE;
ALTER DATABASE %[1]s SET search_path = "Odd, ""name""", "$user", public; ALTER DATABASE %[1]s SET app.word = 'x y';
ALTER DATABASE %[1]s SET default_transaction_read_only = on; ALTER ROLE reader IN DATABASE %[1]s SET work_mem = '3MB';
ALTER ROLE postgres SET default_transaction_read_only = on;
SET default_transaction_read_only = off; CREATE TABLE a (i int PRIMARY KEY); INSERT INTO a VALUES (7); GRANT SELECT ON a TO reader`

// TestClones makes clones whose dump, made by pg_dump with all that a database has of its own, differs in the name only.
func TestClones(t *testing.T) {
	t.Parallel()
	t.Run("local", func(t *testing.T) { testClones(t, "local", localSpec(t)) })
	t.Run("container", func(t *testing.T) { testClones(t, "container", containerSpec(t, 17)) })
}

func testClones(t *testing.T, provider string, spec staging.Spec) {
	s := start(t, provider, spec)
	pgtest.Exec(t, s.Config(), fmt.Sprintf(dressed, pgx.Identifier{spec.Database}.Sanitize()))
	all := staging.DatabasesOf(s)
	if _, err := all.Pristine(t.Context()); !errors.Is(err, staging.ErrNoPristine) {
		t.Errorf("before there is one: %v", err)
	}
	pristine, err := all.KeepPristine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := all.Clone(t.Context(), spec.Database, "")
	if err != nil {
		t.Fatal(err)
	}
	if want := spec.Database + "_2"; second != want {
		t.Errorf("the second is %s, want %s", second, want)
	}
	pgtest.Exec(t, s.Config(), "BEGIN READ WRITE; DROP TABLE a; COMMIT")
	if err := s.Measure(t.Context()); err != nil {
		t.Fatal(err)
	}
	third, err := all.Clone(t.Context(), pristine, "chosen")
	if err != nil || third != "chosen" {
		t.Fatal(third, err)
	}
	want := dumpWhole(t, staging.At(s, second))
	if !strings.Contains(want, "app.word") || !strings.Contains(want, "IS 'it''s a copy'") || !strings.Contains(want, "TABLE public.a") {
		t.Fatalf("the dump does not show what is to be compared:\n%s", want)
	}
	if diff := cmp.Diff(nameless(want, second), nameless(dumpWhole(t, staging.At(s, third)), third)); diff != "" {
		t.Errorf("two clones differ:\n%s", diff)
	}
	const grants = "SELECT datacl::text || datconnlimit FROM pg_database WHERE datname = "
	main := pgtest.Value(t, staging.At(s, "template1").Config(), grants+"'"+strings.ReplaceAll(spec.Database, "'", "''")+"'")
	if clone := pgtest.Value(t, staging.At(s, "template1").Config(), grants+"'chosen'"); main != clone || !strings.Contains(clone, "granter=c*") {
		t.Errorf("grants and limit are %s, and %s of the clone", main, clone)
	}
	if got := pgtest.Value(t, staging.At(s, third).Config(), "SELECT i FROM a"); got != "7" {
		t.Errorf("the clone holds %q", got)
	}
	namesAndErrors(t, s, all, spec, pristine)
}

// namesAndErrors looks at what there is as another process does, and at what cannot be.
func namesAndErrors(t *testing.T, s staging.Server, all staging.Databases, spec staging.Spec, pristine string) {
	for _, d := range []staging.Databases{all, s.Info().Databases()} {
		names, err := d.Names(t.Context())
		if diff := cmp.Diff([]string{spec.Database, spec.Database + "_2", "chosen"}, names); err != nil || diff != "" {
			t.Errorf("names: %v %s", err, diff)
		}
		if got, err := d.Pristine(t.Context()); got != pristine || err != nil {
			t.Errorf("pristine: %q, %v", got, err)
		}
	}
	if _, err := all.Clone(t.Context(), pristine, strings.Repeat("n", 64)); !errors.Is(err, staging.ErrLongName) {
		t.Errorf("a name that is too long: %v", err)
	}
	if _, err := all.Clone(t.Context(), pristine, "chosen"); !errors.Is(err, staging.ErrNameTaken) {
		t.Errorf("a name that is taken: %v", err)
	}
	if _, err := all.Clone(t.Context(), "nobody's", ""); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("a clone of nothing: %v", err)
	}
	if _, err := pgx.ConnectConfig(t.Context(), staging.At(s, pristine).Config()); err == nil {
		t.Error("the pristine copy can be connected to")
	}
	for _, gone := range []string{"chosen", pristine, "nobody's"} {
		if err := all.Drop(t.Context(), gone); err != nil {
			t.Errorf("drop %s: %v", gone, err)
		}
	}
	if _, err := all.Pristine(t.Context()); !errors.Is(err, staging.ErrNoPristine) {
		t.Errorf("after it is dropped: %v", err)
	}
	if got := pgtest.Value(t, staging.At(s, "template1").Config(), "SELECT count(*) FROM pg_shdepend d WHERE d.dbid = 0 AND d.classid = 'pg_database'::regclass AND NOT EXISTS (SELECT FROM pg_database b WHERE b.oid = d.objid)"); got != "0" {
		t.Errorf("%s dependencies of databases that are gone", got)
	}
}

// TestManyClonesAtOnce makes clones of a database whose name is as long as can be, from several sessions: the names do not collide.
func TestManyClonesAtOnce(t *testing.T) {
	t.Parallel()
	spec := localSpec(t)
	spec.Database = "d" + strings.Repeat("ä", 31)
	s := start(t, "local", spec)
	pgtest.Exec(t, s.Config(), "CREATE TABLE a (i int)")
	all := staging.DatabasesOf(s)
	pristine, err := all.KeepPristine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(pristine) > 63 || !utf8.ValidString(pristine) || pristine == spec.Database {
		t.Errorf("the pristine copy is %q", pristine)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 3 {
				if _, err := all.Clone(t.Context(), pristine, ""); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	names, err := s.Info().Databases().Names(t.Context())
	if err != nil || len(names) != 13 || names[0] != spec.Database {
		t.Fatalf("%d databases, %v: %q", len(names), err, names)
	}
	for _, name := range names {
		if got := pgtest.Value(t, staging.At(s, name).Config(), "SELECT to_regclass('a')::text"); got != "a" || len(name) > 63 {
			t.Errorf("database %q has %q", name, got)
		}
	}
}

// TestCloneOfABusyDatabase waits for sessions to end as PostgreSQL does, five seconds, and leaves nothing.
func TestCloneOfABusyDatabase(t *testing.T) {
	t.Parallel()
	spec := localSpec(t)
	s := start(t, "local", spec)
	conn, err := pgx.ConnectConfig(t.Context(), s.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	all := staging.DatabasesOf(s)
	var pg *pgconn.PgError
	if _, err := all.Clone(t.Context(), spec.Database, ""); !errors.As(err, &pg) || pg.Code != "55006" {
		t.Errorf("got %v, want that it is in use", err)
	}
	if got := text(t, s, "SELECT count(*) FROM pg_database"); got != "4" {
		t.Errorf("%s databases, want template0, template1, postgres and ours", got)
	}
}

// TestEmpty makes the database anew.
func TestEmpty(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"postgres", `Odd "näme' 1.2`} {
		spec := localSpec(t)
		spec.Database = database
		s := start(t, "local", spec)
		const locale = "SELECT datcollate || datctype || pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()"
		before := text(t, s, locale)
		pgtest.Exec(t, s.Config(), "CREATE TABLE a (i int); ALTER ROLE postgres SET default_transaction_read_only = on")
		if err := s.Empty(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := text(t, s, "SELECT coalesce(to_regclass('a')::text, 'none')"); got != "none" {
			t.Errorf("table %s is still there", got)
		}
		if after := text(t, s, locale); before != after {
			t.Errorf("locale %s, before it was %s", after, before)
		}
	}
}

// dumpWhole is pg_dump's output with CREATE DATABASE and what belongs to it.
func dumpWhole(t *testing.T, s staging.Server) string {
	t.Helper()
	var out, said bytes.Buffer
	if err := s.Exec(t.Context(), "pg_dump", []string{"--create"}, s.Self(), &out, &said); err != nil {
		t.Fatalf("pg_dump: %v\n%s", err, said.String())
	}
	var kept strings.Builder
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, `\restrict`) && !strings.HasPrefix(line, `\unrestrict`) && !strings.HasPrefix(line, `\connect`) && !strings.HasPrefix(line, `\encoding`) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// nameless is a dump without the name of its database, in all ways in which pg_dump writes it.
func nameless(dump, database string) string {
	return strings.NewReplacer(pgx.Identifier{database}.Sanitize(), "NAME", database, "NAME").Replace(dump)
}

// TestPSQLOfAClone runs the command that leads to a clone.
func TestPSQLOfAClone(t *testing.T) {
	t.Parallel()
	s := start(t, "local", localSpec(t))
	clone, err := staging.DatabasesOf(s).Clone(t.Context(), s.Info().Database, "Her's \"clone\"")
	if err != nil {
		t.Fatal(err)
	}
	there := staging.At(s, clone).Info()
	out, err := exec.Command("/bin/sh", "-c", strings.Replace(there.PSQL, " -h ", " -XAtc 'SELECT current_database()' -h ", 1)).Output()
	if err != nil || strings.TrimSpace(string(out)) != clone {
		t.Errorf("psql says %q, %v", out, err)
	}
	cfg, err := pgx.ParseConfig(there.URL)
	if err != nil || cfg.Database != clone {
		t.Errorf("the URL leads to %q, %v", cfg.Database, err)
	}
}

// TestMeasureInNoTime is with a timeout of the database's that no checkpoint meets.
func TestMeasureInNoTime(t *testing.T) {
	t.Parallel()
	spec := localSpec(t)
	spec.Settings = map[string]string{"statement_timeout": "1"}
	s := start(t, "local", spec)
	pgtest.Exec(t, s.Config(), "CREATE TABLE a (i int); ALTER ROLE postgres SET statement_timeout = 1")
	if err := s.Measure(t.Context()); err != nil {
		t.Error(err)
	}
}
