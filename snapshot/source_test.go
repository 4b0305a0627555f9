package snapshot

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// TestParseSourceHidesPassword gives malformed URLs.
func TestParseSourceHidesPassword(t *testing.T) {
	t.Parallel()
	for _, u := range []string{
		"postgres://u:hunter2@host:port/db", "postgres://u:hunter2@host/db?sslmode=perhaps", "host=h password=hunter2 sslmode=perhaps",
		"postgres://u:hunter2@ho st/db", "host=h password='hunter2",
	} {
		_, err := ParseSource(u)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", u, err)
		}
	}
}

// TestOpenFails tells apart why a source cannot be used, without its password.
func TestOpenFails(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for name, c := range map[string]struct {
		change func(u *url.URL)
		want   SourceKind
	}{
		"nobody listens": {func(u *url.URL) { u.Host = closed.Addr().String() }, Unreachable},
		"no such host":   {func(u *url.URL) { u.Host = "nowhere.invalid:5432" }, Unreachable},
		"no such socket": {func(u *url.URL) { u.Host = ""; u.RawQuery = "host=/nonexistent" }, Unreachable},
		"wrong password": {func(u *url.URL) { u.User = url.UserPassword("postgres", "wrong-secret") }, Unauthorized},
		"no such role":   {func(u *url.URL) { u.User = url.UserPassword("nobody at all", "wrong-secret") }, Unauthorized},
		"no such base":   {func(u *url.URL) { u.Path = "/nothing here" }, NoDatabase},
		"wants TLS":      {func(u *url.URL) { u.RawQuery = "sslmode=require" }, Unreachable},
		"standby wanted": {func(u *url.URL) { u.RawQuery = "sslmode=disable&target_session_attrs=standby" }, Unreachable},
		"bad setting":    {func(u *url.URL) { u.RawQuery = "sslmode=disable&work_mem=none" }, Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, err := url.Parse(pgtest.URL(db))
			if err != nil {
				t.Fatal(err)
			}
			c.change(u)
			cfg, err := ParseSource(u.String())
			if err != nil {
				t.Fatal(err)
			}
			src, err := Open(testContext(t), cfg, SourceOptions{})
			if err == nil {
				src.Close(testContext(t))
				t.Fatal("it opened")
			}
			var failed *SourceError
			if !errors.As(err, &failed) || failed.Kind != c.want {
				t.Errorf("got %v, want kind %s", err, c.want)
			}
			for _, secret := range []string{"wrong-secret", db.Password, url.QueryEscape(db.Password)} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error tells a password: %v", err)
				}
			}
		})
	}
}

// TestOpenTakesSecondHost has a list of hosts, the first of which is down.
func TestOpenTakesSecondHost(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	cfg, err := ParseSource(fmt.Sprintf("host=127.0.0.1,127.0.0.1 port=1,%d user=postgres password='%s' dbname='%s' search_path=app work_mem=5MB", db.Port, db.Password, db.Database))
	if err != nil {
		t.Fatal(err)
	}
	src, err := Open(testContext(t), cfg, SourceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close(testContext(t))
	v := src.Server()
	if !strings.HasSuffix(v.Address, fmt.Sprintf(":%d/%s", db.Port, db.Database)) || v.Major() < 13 || v.Pooled || v.Standby || v.SystemIdentifier == "" || v.SizeBytes == 0 {
		t.Errorf("server: %+v", v)
	}
	if v.SearchPath != "app" || v.RuntimeParams["work_mem"] != "5MB" {
		t.Errorf("search path %q, parameters %v", v.SearchPath, v.RuntimeParams)
	}
}

// TestOpenIsReadOnly asks the server what the session may do.
func TestOpenIsReadOnly(t *testing.T) {
	t.Parallel()
	src := openSource(t, pgtest.New(t, "CREATE TABLE a (i int)"))
	for _, sql := range []string{"INSERT INTO a VALUES (1)", "CREATE TABLE b (i int)", "SELECT nextval(pg_get_serial_sequence('a', 'i'))", "DELETE FROM a WHERE false OR true"} {
		if _, err := src.conn.Exec(testContext(t), strings.ReplaceAll(sql, " a ", " public.a ")); err == nil {
			t.Errorf("%s was carried out", sql)
		}
	}
	for name, want := range map[string]string{
		"default_transaction_read_only": "on", "lock_timeout": "10s", "statement_timeout": "5min", "idle_in_transaction_session_timeout": "1min",
		"application_name": "rehearse", "row_security": "off", "search_path": "pg_catalog",
	} {
		var got string
		if err := src.conn.QueryRow(testContext(t), "SELECT current_setting($1)", name).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, want %q (%v)", name, got, want, err)
		}
	}
}

// TestApplied reads goose's history under its usual and unusual names.
func TestApplied(t *testing.T) {
	t.Parallel()
	const columns = "(id int GENERATED ALWAYS AS IDENTITY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp)"
	db := pgtest.New(t, `CREATE SCHEMA app; CREATE TABLE app.goose_db_version `+columns+`; CREATE TABLE "app"."Odd Name" `+columns+`;
INSERT INTO app.goose_db_version (version_id, is_applied, tstamp) VALUES (0, true, '2025-01-02 03:04:05'), (7, true, NULL), (7, false, NULL);
CREATE TABLE app.other (i int)`)
	db = db.Copy()
	db.RuntimeParams["search_path"] = "app"
	src := openSource(t, db)
	want := []AppliedVersion{{0, true, "2025-01-02 03:04:05"}, {7, true, ""}, {7, false, ""}}
	for _, name := range []string{"goose_db_version", "app.goose_db_version", `"app".goose_db_version`} {
		got, err := src.Applied(testContext(t), catalog.Goose, name)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	if got, err := src.Applied(testContext(t), catalog.Goose, `app."Odd Name"`); err != nil || len(got) != 0 {
		t.Errorf("empty history: %v, %v", got, err)
	}
	for _, name := range []string{"public.goose_db_version", "no_such_table", "a.b.c.d", `"`, ""} {
		_, err := src.Applied(testContext(t), catalog.Goose, name)
		if !errors.As(err, new(*SourceError)) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := src.Applied(testContext(t), catalog.Goose, "no_such_table"); !errors.Is(err, ErrNoVersionTable) {
		t.Errorf("got %v, want ErrNoVersionTable", err)
	}
	var failed *SourceError
	if _, err := src.Applied(testContext(t), catalog.Goose, "other"); !errors.As(err, &failed) || failed.SQLState != "42703" {
		t.Errorf("a table of another shape: %v", err)
	}
	noneLeft(t, db)
}

// TestSamples reads values of ordinary and partitioned tables.
func TestSamples(t *testing.T) {
	t.Parallel()
	src := openSource(t, pgtest.New(t, `CREATE TABLE "A" ("x.y" text, n int, j jsonb, long text); INSERT INTO "A" SELECT CASE WHEN i > 1 THEN 'v' || i END, i, '{"k": 1}', repeat('z', 1000) FROM generate_series(1, 5) i;
CREATE TABLE p (k int) PARTITION BY LIST (k); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); INSERT INTO p VALUES (1); CREATE TABLE none (); CREATE TABLE parent (i int); CREATE TABLE child () INHERITS (parent); INSERT INTO child VALUES (9)`))
	d, err := src.Describe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	got, err := src.Samples(testContext(t), d.Tables, 3)
	if err != nil {
		t.Fatal(err)
	}
	z := strings.Repeat("z", 256)
	want := map[string]map[string][]string{
		"public.A":      {"x.y": {"v2", "v3"}, "n": {"1", "2", "3"}, "j": {`{"k": 1}`, `{"k": 1}`, `{"k": 1}`}, "long": {z, z, z}},
		"public.p":      {"k": {"1"}},
		"public.parent": {}, "public.child": {"i": {"9"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestStatementsAreWhatIsSent compares the list with what the server logs during a copy, catalog and pg_dump aside.
func TestStatementsAreWhatIsSent(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, "log_statement = all", "log_line_prefix = '%a|'")
	source := server.New(t, "CREATE TABLE a (i serial, t text); INSERT INTO a (t) VALUES ('MARKER')")
	copied(t, source, newTarget(t, pgtest.Start(t)), map[string]string{"public.a.t": "hash"}, CopyOptions{})
	log, err := os.ReadFile(filepath.Join(server.Dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	verbs := map[string]bool{}
	for line := range strings.Lines(string(log)) {
		sql := ""
		if who, _, ok := strings.Cut(line, "|"); !ok || who != "rehearse" || !strings.Contains(line, "LOG:  ") {
			continue
		}
		if _, rest, ok := strings.Cut(line, "statement: "); ok {
			sql = rest
		} else if _, rest, ok := strings.Cut(line, "execute <unnamed>: "); ok {
			sql = rest
		} else {
			continue
		}
		verbs[strings.ToUpper(strings.Fields(strings.TrimRight(sql, ";\n"))[0])] = true
	}
	for verb := range verbs {
		switch verb {
		case "SELECT", "BEGIN", "START", "SET", "COPY", "ROLLBACK", "SAVEPOINT", "RELEASE", "WITH", "COMMIT", "LOCK", "PREPARE", "EXECUTE", "--", "(SELECT":
		default:
			t.Errorf("the source was sent %s", verb)
		}
	}
	if len(verbs) < 5 {
		t.Errorf("the log shows only %v", verbs)
	}
	if strings.Contains(strings.Join(Statements(), " "), "INSERT") {
		t.Error("Statements writes")
	}
}
