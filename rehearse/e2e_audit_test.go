package rehearse_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
	"github.com/rehearse-db/rehearse/snapshot/archive"
)

// people is a table with a masked address and number; what else a test needs stands beside it.
const people = `CREATE TABLE people (id int PRIMARY KEY, email text, phone text);
INSERT INTO people SELECT i, 'zzmarker' || i || '@planted.de', '+44 7999 ' || 100000 + i FROM generate_series(1, 200) i;
`

// leakCases plant a value of people in every place where one can stand.
var leakCases = map[string]struct {
	sql   string
	where string // that the error names
	rules string // further sections of the rules
	masks map[string]string
}{
	"kept column":       {"CREATE TABLE t (id int, note text); INSERT INTO t VALUES (1, 'x'), (2, 'zzmarker7@planted.de')", "public.t.note: 1 value with values of public.people.email", "", nil},
	"in a sentence":     {"CREATE TABLE t (note text); INSERT INTO t VALUES ('She is ZZMarker7@planted.de, call.')", "public.t.note", "", nil},
	"a number, grouped": {"CREATE TABLE t (note varchar(80)); INSERT INTO t VALUES ('dial 4479-9910-0007!')", "public.t.note: 1 value with values of public.people.phone", "", nil},
	"jsonb value":       {`CREATE TABLE t (j jsonb); INSERT INTO t VALUES ('{"a": {"b": ["zzmarker7@planted.de"]}}')`, "public.t.j", "", nil},
	"key of json":       {`CREATE TABLE t (j json); INSERT INTO t VALUES ('{"zzmarker7@planted.de": 1}')`, "public.t.j", "", nil},
	"array":             {`CREATE TABLE t (a text[]); INSERT INTO t VALUES (ARRAY['x "y"', 'zzmarker7@planted.de'])`, "public.t.a", "", nil},
	"xml":               {`CREATE TABLE t (x xml); INSERT INTO t VALUES ('<p m="zzmarker7@planted.de"/>')`, "public.t.x", "", nil},
	"composite":         {`CREATE TYPE c AS (a int, b text); CREATE TABLE t (c c); INSERT INTO t VALUES (ROW(1, 'zzmarker7@planted.de'))`, "public.t.c", "", nil},
	"bytes":             {`CREATE TABLE t (b bytea); INSERT INTO t VALUES (convert_to('to zzmarker7@planted.de', 'UTF8')), ('\x00010203')`, "public.t.b", "", nil},
	"large object":      {`SELECT lo_from_bytea(0, convert_to(repeat('x ', 600000) || 'zzmarker7@planted.de', 'UTF8'))`, "large objects", "large_objects: keep\n", nil},
	"default":           {`CREATE TABLE t (a text DEFAULT 'zzmarker7@planted.de')`, "column public.t.a", "", nil},
	"check":             {`CREATE TABLE t (a text CHECK (a <> 'zzmarker7@planted.de'))`, "on public.t", "", nil},
	"bound":             {`CREATE TABLE t (a text) PARTITION BY LIST (a); CREATE TABLE t1 PARTITION OF t FOR VALUES IN ('zzmarker7@planted.de')`, "table public.t1", "", nil},
	"enum label":        {`CREATE TYPE e AS ENUM ('a', 'zzmarker7@planted.de')`, "public.e", "", nil},
	"comment":           {`COMMENT ON TABLE people IS 'ask zzmarker7@planted.de'`, "table public.people", "", nil},
	"function":          {`CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT 'zzmarker7@planted.de' $$`, "function public.f()", "", nil},
	"view":              {`CREATE VIEW v AS SELECT * FROM people WHERE email = 'zzmarker7@planted.de'`, "view public.v", "", nil},
	"index":             {`CREATE INDEX i ON people (id) WHERE email = 'zzmarker7@planted.de'`, "index public.i", "", nil},
	"policy":            {`CREATE POLICY p ON people USING (email = 'zzmarker7@planted.de')`, "policy", "", nil},
	"statistics":        {`CREATE TABLE t (a int); CREATE INDEX i ON t ((CASE WHEN a > 0 THEN 'zzmarker7' || '@' || 'planted.de' END)); INSERT INTO t SELECT i % 2 FROM generate_series(1, 99) i`, "statistics of public.i", "", nil},
	"materialized view": {`CREATE MATERIALIZED VIEW v AS SELECT 'zzmarker7' || '@' || 'planted.de' AS x`, "public.v.x: 1 value with values of public.people.email", "", nil},
	"key of masked json": {
		`CREATE TABLE t (j jsonb); INSERT INTO t VALUES ('{"a": {"anna@firma.de": "x"}}')`, "public.t.j: 1 value with an e-mail address", "",
		map[string]string{"public.t.j": "{mask: json, default: shape}"},
	},
	"number without its country": {"CREATE TABLE t (note text); INSERT INTO t VALUES ('07999/100007')", "public.t.note: 1 value with telephone numbers of public.people.phone, written in another way", "", nil},
	"name turned round": {
		"CREATE TABLE staff (n text); INSERT INTO staff VALUES ('Zzmarker Doelittle'); CREATE TABLE t (note text); INSERT INTO t VALUES ('for DOELITTLE, Zzmarker')",
		"public.t.note: 1 value with values of public.staff.n", "",
		map[string]string{"public.staff.n": "full_name"},
	},
	"number of a document, without its country": {
		`CREATE TABLE d (j jsonb); INSERT INTO d VALUES ('{"tel": "+33 6 12 34 56 78"}'); CREATE TABLE t (note text); INSERT INTO t VALUES ('dial 0612345678')`,
		"public.t.note: 1 value with telephone numbers of public.d.j, written in another way", "",
		map[string]string{"public.d.j": "{mask: json, default: keep, paths: {$.tel: phone}}"},
	},
	"number of a text, without its country": {
		`CREATE TABLE d (x text); INSERT INTO d VALUES ('please call +33 6 12 34 56 78 between nine and five only'); CREATE TABLE t (note text); INSERT INTO t VALUES ('dial 0612345678')`,
		"public.t.note: 1 value with telephone numbers of public.d.x, written in another way", "",
		map[string]string{"public.d.x": "redact_text"},
	},
	"number within a document": {`CREATE TABLE t (j jsonb); INSERT INTO t VALUES ('{"tel": ["07999/100007"]}')`, "public.t.j: 1 value with telephone numbers of public.people.phone, written in another way", "", nil},
	"name in two keys": {
		`CREATE TABLE staff (n text); INSERT INTO staff VALUES ('Zzmarker Doelittle'); CREATE TABLE t (j jsonb); INSERT INTO t VALUES ('{"last": "Doelittle", "first": "Zzmarker"}')`,
		"public.t.j: 1 value with values of public.staff.n", "",
		map[string]string{"public.staff.n": "full_name"},
	},
	"name of an array": {
		`CREATE TABLE staff (n text[]); INSERT INTO staff VALUES (ARRAY['Zzmarker Doelittle']); CREATE TABLE t (note text); INSERT INTO t VALUES ('for DOELITTLE, Zzmarker')`,
		"public.t.note: 1 value with values of public.staff.n", "",
		map[string]string{"public.staff.n": "{mask: array, each: full_name}"},
	},
	"token, as it was": {
		`CREATE TABLE s (k text); INSERT INTO s VALUES ('zz-4711-secret'); CREATE TABLE t (note text); INSERT INTO t VALUES ('it is zz-4711-secret')`,
		"public.t.note: 1 value with values of public.s.k", "",
		map[string]string{"public.s.k": "token"},
	},
	"nobody classified": {`CREATE TABLE t (note text); INSERT INTO t VALUES ('mail anna@firma.de')`, "public.t.note: 1 value with an e-mail address", "", nil},
}

func auditConfig(t *testing.T, sql string, rules string, more map[string]string) rehearse.Config {
	t.Helper()
	source := pgtest.New(t, gooseTable, people+sql)
	masks := map[string]string{"public.people.email": "email", "public.people.phone": "phone"}
	maps.Copy(masks, more)
	cfg := configured(t, source, rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}, rulesFor(t, source, masks)+rules)
	cfg.NoAudit = false
	return cfg
}

// TestAuditFindsLeaks plants a value of a masked column in every place there is: nobody gets the copy.
func TestAuditFindsLeaks(t *testing.T) {
	t.Parallel()
	for name, tc := range leakCases {
		t.Run(name, func(t *testing.T) {
			cfg := auditConfig(t, tc.sql, tc.rules, tc.masks)
			_, err := rehearse.Stage(t.Context(), cfg)
			var leak *rehearse.LeakError
			if !errors.As(err, &leak) {
				t.Fatalf("got %v, want a LeakError", err)
			}
			if text := err.Error(); !strings.Contains(text, tc.where) || strings.Contains(strings.ToLower(text+leak.Paste), "zzmarker") {
				t.Errorf("%q does not name %s, or quotes the value", text, tc.where)
			}
			if left, err := localServers(t, cfg); err != nil || len(left) > 0 {
				t.Errorf("%d servers are left (%v)", len(left), err)
			}
		})
	}
}

// TestAuditReadsTypes has values of masked columns in types that are no text by name, all in one copy.
func TestAuditReadsTypes(t *testing.T) {
	t.Parallel()
	const id = "3f2b8c1e-9d4a-4e6b-8f70-1a2b3c4d5e6f"
	cfg := auditConfig(t, `CREATE DOMAIN word AS text; CREATE TABLE u (id uuid, ip inet, note word);
		INSERT INTO u VALUES ('`+id+`', '203.155.113.77', 'x');
		CREATE TYPE names AS RANGE (subtype = text);
		CREATE TABLE t (same uuid, net cidr, lexemes tsvector, names names, own word, path jsonpath, arr inet[]);
		INSERT INTO t VALUES ('`+id+`', '203.155.113.77/32', to_tsvector('simple', 'zzmarker7@planted.de'), '[zzmarker8@planted.de,zzz)', 'zzmarker9@planted.de',
			'$."zzmarker7@planted.de"', '{203.155.113.77}')`, "", map[string]string{"public.u.id": "uuid", "public.u.ip": "ip"})
	_, err := rehearse.Stage(t.Context(), cfg)
	var leak *rehearse.LeakError
	if !errors.As(err, &leak) {
		t.Fatalf("got %v, want a LeakError", err)
	}
	for _, column := range []string{"same", "net", "lexemes", "names", "own", "path", "arr"} {
		if !slices.ContainsFunc(leak.Leaks, func(l report.Leak) bool { return l.Where == "public.t."+column && l.Code == verdict.LeakedValue }) {
			t.Errorf("nothing was found in %s: %v", column, leak)
		}
	}
}

// TestMasksWithoutEncoding has a database without an encoding, with bytes that are no UTF-8: masks that need letters stop the copy, others do
// not, and the audit finds what is left.
func TestMasksWithoutEncoding(t *testing.T) {
	t.Parallel()
	server := pgtest.Default(t)
	pgtest.Exec(t, server.Config("postgres"), "CREATE DATABASE bytes_only ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
	source := server.Config("bytes_only")
	pgtest.Exec(t, source, `CREATE TABLE t (mail text, note text);
		INSERT INTO t SELECT E'zzm\xe9rker' || i || '@planted.de', E'ask zzm\xe9rker' || i || E'@planted.de \xff' FROM generate_series(1, 20) i`)
	with := func(note string) rehearse.Config {
		where := rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}
		cfg := configured(t, source, where, rulesFor(t, source, map[string]string{"public.t.mail": "email", "public.t.note": note}))
		cfg.NoAudit = false
		return cfg
	}
	var leak *rehearse.LeakError
	if _, err := rehearse.Stage(t.Context(), with("keep")); !errors.As(err, &leak) || !strings.Contains(err.Error(), "public.t.note: 20 values with values of public.t.mail") {
		t.Errorf("kept: %v", err)
	}
	if _, err := rehearse.Stage(t.Context(), with("shape")); err == nil || !strings.Contains(err.Error(), "is not valid UTF-8") || strings.Contains(err.Error(), "zzm") {
		t.Errorf("by shape: %v", err)
	}
	_, copied := staged(t, with("hash"))
	if n := pgtest.Value(t, copied, "SELECT count(DISTINCT mail) || ' ' || count(DISTINCT note) FROM t WHERE mail ~ '^[a-z]+@example[.]com$' AND note ~ '^[0-9a-f]{32}$'"); n != "20 20" {
		t.Errorf("masked: %s", n)
	}
}

// TestAuditPasses has copies that hold nothing: a plain one, one with a find that the rules accept, and one that is not audited.
func TestAuditPasses(t *testing.T) {
	t.Parallel()
	const note = "CREATE TABLE t (note text); INSERT INTO t VALUES ('desk@firma.de')"
	for name, tc := range map[string]struct {
		sql, rules string
		off        bool
		accepted   int
		masks      map[string]string
	}{
		"clean":    {"CREATE TABLE t (note text); INSERT INTO t VALUES ('zzmarker7 is at planted.de'), ('12345')", "", false, 0, nil},
		"accepted": {note, "audit: {allow: {public.t: {note: our own desk}}}\n", false, 1, nil},
		"schema":   {"CREATE TABLE t (note text DEFAULT 'desk@firma.de')", "", false, 1, nil}, // a check of the rules judges it
		"off":      {note, "", true, 0, nil},
		"view": {
			"CREATE MATERIALIZED VIEW v AS SELECT phone, 'zzmarker7' || '@' || 'planted.de' AS x, n.a FROM people JOIN (VALUES ('x@shape.de')) n (a) ON true; CREATE MATERIALIZED VIEW e AS SELECT 1 WITH NO DATA",
			"audit: {allow: {public.v: {x: nobody reads it}}}\n", false, 3, nil, // the column, its statistics, and the address in the definition
		},
		"numbers that nobody has": {
			`INSERT INTO people SELECT i, NULL, '+44 7700 900' || i FROM generate_series(300, 400) i; CREATE TABLE t (note text); INSERT INTO t VALUES ('our line, 07700/900321'), ('+44 7700 900333')`,
			"audit: {allow: {public.t: {note: the line of the fiction}}}\n", false, 1, nil,
		},
		"keys": {`CREATE TABLE t (j jsonb); INSERT INTO t VALUES ('{"x@example.com": "anna@firma.de"}')`, "", false, 0, map[string]string{"public.t.j": "{mask: json, default: shape}"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := auditConfig(t, tc.sql, tc.rules, tc.masks)
			cfg.NoAudit = tc.off
			s, _ := staged(t, cfg)
			a := s.Audit
			if a.Done == tc.off || len(a.Accepted) != tc.accepted || len(a.Leaks) > 0 || (a.Why == "") == tc.off {
				t.Errorf("told %+v", a)
			}
			// of telephone numbers one as it is written, one of the digits, and one without the country
			if !tc.off && (a.Fingerprints != 800+int64(len(tc.masks)) || a.Watched != 2+len(tc.masks) || a.FalsePositives > 1e-6 || a.Memory > 64<<20) {
				t.Errorf("told %+v", a)
			}
			if want := map[string]int{"schema": 1, "view": 1}[name]; len(s.Masking.Literals) != want {
				t.Errorf("definitions with personal data: %v, want %d", s.Masking.Literals, want)
			}
		})
	}
}

// TestLeakIsNotKept runs a rehearsal that asks for staging to stay whatever happens.
func TestLeakIsNotKept(t *testing.T) {
	t.Parallel()
	cfg := auditConfig(t, leakCases["kept column"].sql, "", nil)
	cfg.Keep = rehearse.KeepAlways
	cfg.Migrations = os.DirFS(filepath.Dir(write(t, t.TempDir(), "00001_a.sql", "-- +goose Up\nSELECT 1;\n")))
	_, err := rehearse.Run(t.Context(), cfg)
	var stopped *rehearse.StoppedError
	if !errors.As(err, &stopped) {
		t.Fatalf("got %v", err)
	}
	// the column by its value and by its form, and its statistics
	if r := stopped.Result(12, "leak"); r.ExitCode != 12 || len(r.Audit.Leaks) != 3 || r.Findings[0].ExitCode != 12 {
		t.Errorf("exit code %d, %+v", r.ExitCode, r.Audit)
	}
	if left, err := localServers(t, cfg); err != nil || len(left) > 0 {
		t.Errorf("%d servers are left (%v)", len(left), err)
	}
}

// TestLeakIsNotArchived has no snapshot made of a copy that leaks.
func TestLeakIsNotArchived(t *testing.T) {
	t.Parallel()
	cfg := auditConfig(t, leakCases["kept column"].sql, "", nil)
	path := filepath.Join(t.TempDir(), "a.snapshot")
	w, err := archive.Create(path, archive.CreateOptions{RunID: "test"})
	if err != nil {
		t.Fatal(err)
	}
	var leak *rehearse.LeakError
	if _, err := rehearse.Archive(t.Context(), cfg, w); !errors.As(err, &leak) {
		t.Errorf("got %v", err)
	}
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the snapshot is there: %v", err)
	}
}

// localServers lists what a test has left: containers are seen by all tests, and none of these makes one.
func localServers(t *testing.T, cfg rehearse.Config) ([]staging.Info, error) {
	t.Helper()
	left, err := staging.List(t.Context(), staging.Options{StateDir: cfg.Staging.StateDir})
	return slices.DeleteFunc(left, func(i staging.Info) bool { return i.Provider != staging.ProviderLocal }), err
}
