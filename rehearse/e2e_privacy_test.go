package rehearse_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/testdata/shop"
)

// planted is how many rows of each table carry markers.
const planted = 40

// plantSQL fills every masked column of the shop with markers; %[1]d is planted. Customers 1 and 2 share an e-mail address, so that a
// unique constraint fails on a marker.
const plantSQL = `
CREATE FUNCTION pg_temp.luhn(body text) RETURNS text LANGUAGE sql AS $$
    SELECT body || (10 - s %% 10) %% 10 FROM (SELECT sum(CASE WHEN i %% 2 = 1 THEN d * 2 / 10 + d * 2 %% 10 ELSE d END) AS s
             FROM generate_series(1, 15) i, LATERAL (SELECT substr(body, i, 1)::int AS d) x) y $$;
CREATE TEMP TABLE m AS SELECT i, format('marker-%%s@planted.test', lpad(greatest(i, 2)::text, 4, '0')) AS mail, 'ZZMARKERFIRST' || i AS first, 'ZZMARKERLAST' || i AS last,
    format('+44 7999 %%s', lpad((i * 7919)::text, 6, '0')) AS phone, pg_temp.luhn('4929' || lpad((i * 104729)::text, 11, '3')) AS card,
    format('1%%s.2%%s.%%s.%%s', lpad(i::text, 2, '0'), lpad((i + 3)::text, 2, '0'), i + 100, i + 150) AS ip, md5('planted' || i)::uuid AS uuid,
    date '1901-02-03' + i * 400 AS born, 'ID' || (910000000000 + i * 1299709) AS nid, (820000000000 + i * 15485863)::text AS post,
    format('ZZMARKERSTREET %%s', i) AS street FROM generate_series(1, %[1]d) i;
INSERT INTO shop.countries VALUES ('GB', 'United Kingdom');
INSERT INTO shop.customers (id, public_id, email, first_name, last_name, phone, birth_date, national_id, country_code, profile, former_emails, password_hash, created_at)
SELECT i, uuid, mail, first, last, phone, born, nid, 'GB',
       jsonb_build_object('email', mail, 'name', jsonb_build_object('first', first, 'last', last), 'phones', jsonb_build_array(phone), 'locale', 'en'),
       ARRAY['old-' || mail], 'ZZMARKERHASH' || i, now() FROM m;
INSERT INTO shop.addresses SELECT i, i, first || ' ' || last, street, 'Paris', post, 'GB', 'call ' || phone || ' or write to ' || mail FROM m;
INSERT INTO shop.orders (id, customer_id, contact_email, total, placed_at) SELECT i, i, mail, 1, now() FROM m;
INSERT INTO shop.payments SELECT i, i, card, upper(first || ' ' || last), 12.5, now() FROM m;
INSERT INTO shop.tickets SELECT i, i, 'Order', E'Hello,\n\twrite to ' || mail || ', call ' || phone || ' or charge ' || card || ' again.', now() FROM m;
INSERT INTO shop.categories VALUES (1, NULL, 'Home');
INSERT INTO shop.products (category_id, sku, name, price) VALUES (1, 'SKU', 'Chair', 1);
INSERT INTO shop.reviews SELECT i, 1, i, 5, first || ' ' || last, 'Ask me: ' || mail FROM m;
INSERT INTO shop.subscribers SELECT DISTINCT mail, now() FROM m;
INSERT INTO shop.audit SELECT i, '2025-05-05Z', mail, ip, 'login', jsonb_build_object('user', jsonb_build_object('id', i, 'email', mail)) FROM m;
REFRESH MATERIALIZED VIEW shop.daily_sales`

// markersSQL lists the markers, one a line.
const markersSQL = `SELECT string_agg(v, E'\n') FROM (
    SELECT unnest(ARRAY[email::text, public_id::text, replace(public_id::text, '-', ''), phone, translate(phone, ' +', ''), right(translate(phone, ' +', ''), 10), birth_date::text, national_id, substr(national_id, 3)]) AS v FROM shop.customers
    UNION SELECT card_number FROM shop.payments UNION SELECT postcode FROM shop.addresses UNION SELECT client_ip FROM shop.audit) q`

// families are what all markers of a kind have in common, in whatever case a mask leaves them.
var families = regexp.MustCompile(`(?i)zzmarker[a-z]*[0-9]*|planted\.test|marker-[0-9]{4}`)

func plantedShop(t testing.TB) *pgx.ConnConfig {
	t.Helper()
	return fresh(t, "planted", func(t testing.TB, cfg *pgx.ConnConfig) {
		if err := shop.History(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		pgtest.Exec(t, cfg, fmt.Sprintf(plantSQL, planted))
	})
}

// leaks are the markers in a text.
func leaks(markers []string, text []byte) []string {
	var found []string
	for _, m := range markers {
		if bytes.Contains(text, []byte(m)) {
			found = append(found, m)
		}
	}
	for _, m := range families.FindAll(text, 3) {
		found = append(found, string(m))
	}
	return found
}

func clean(t *testing.T, what string, markers []string, text []byte) {
	t.Helper()
	if found := leaks(markers, text); len(found) > 0 {
		t.Errorf("%s holds %d planted values, such as %.3q", what, len(found), found)
	}
}

// cleanFiles searches every file below a directory: reports, results, logs, and the data files of a staging server that still runs.
func cleanFiles(t *testing.T, dir string, markers []string, except ...string) (searched int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && slices.Contains(except, d.Name()) {
			return fs.SkipDir
		}
		if err != nil || !d.Type().IsRegular() {
			return nil // a running server removes files under our hands
		}
		if text, err := os.ReadFile(path); err == nil {
			searched++
			clean(t, path, markers, text)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return searched
}

// failingMigrations are releases that make the server quote values of the planted rows in its errors.
var failingMigrations = map[string]string{
	"unique":   "ALTER TABLE shop.customers ADD CONSTRAINT customers_email_key UNIQUE (email);",
	"not null": "UPDATE shop.customers SET first_name = NULL WHERE id = 3;",
	"cast":     "ALTER TABLE shop.customers ALTER COLUMN national_id TYPE int USING national_id::int;",
	"raise": "-- +goose StatementBegin\nDO $$ BEGIN RAISE WARNING 'moving %', (SELECT email FROM shop.customers WHERE id = 4); " +
		"RAISE EXCEPTION 'cannot move %', (SELECT email FROM shop.customers WHERE id = 5); END $$;\n-- +goose StatementEnd",
}

// TestNoPlantedValueLeavesTheSource looks for values of the source, and for values of staging too, wherever the command writes.
func TestNoPlantedValueLeavesTheSource(t *testing.T) {
	t.Parallel()
	source := plantedShop(t)
	markers := strings.Split(pgtest.Value(t, source, markersSQL), "\n")
	if found := leaks(markers, []byte(pgtest.Dump(t, source))); len(markers) < 5*planted || len(found) < 4*planted {
		t.Fatalf("the source's own dump holds %d of %d markers: the search finds nothing", len(found), len(markers))
	}
	eachProvider(t, func(t *testing.T, where rehearse.Staging) {
		for name, sql := range failingMigrations {
			if where.Provider == staging.ProviderContainer && name != "unique" {
				continue // containers differ in where they log, not in what migrations do
			}
			except := []string{"data"} // the dump says enough, but for once all is searched
			if name == "unique" {
				except = nil
			}
			t.Run(name, func(t *testing.T) { privateRun(t, source, where, sql, markers, except) })
		}
	})
}

// privateRun rehearses a failing migration with everything told, and keeps staging for a look.
func privateRun(t *testing.T, source *pgx.ConnConfig, where rehearse.Staging, sql string, markers, except []string) {
	p := command(t, source, "run", "-v", "-v", "--log-format", "json", "--progress", "json", "--keep", "always", "--provider", where.Provider,
		"--image", where.Image, "--pull", "missing", "--report", "text=report.txt", "--report", "markdown=report.md", "--report", "json=report.json",
		"--migrations", migrationsWith(t, sql), "--masks", shopFile(t, "rehearse.masks.yaml"))
	p.Env = append(p.Env, "REHEARSE_MASK_KEY="+strings.Repeat("0123456789abcdef", 4), "TMPDIR="+p.state)
	code := p.exitCode(t)
	info := keptServer(t, p)
	if code != 10 {
		t.Fatalf("exit %d, want 10\n%.3000s", code, p.stderr.String())
	}
	copied := stagingConfig(t, info.URL)
	clean(t, "staging's dump", markers, []byte(pgtest.Dump(t, copied)))
	clean(t, "staging's log", markers, serverLog(t, info))
	clean(t, "stdout", markers, p.stdout.Bytes())
	clean(t, "stderr", markers, p.stderr.Bytes())
	if n := cleanFiles(t, p.state, markers, except...); n == 0 {
		t.Error("no file was searched in the state directory")
	}
	if n := cleanFiles(t, p.Dir, markers); n != 3 {
		t.Errorf("%d report files were searched, want 3", n)
	}
	// Masked values are pseudonyms, and have no business in a report or a log either.
	masked := strings.Split(pgtest.Value(t, copied, markersSQL), "\n")
	for _, file := range []string{"report.txt", "report.md", "report.json"} {
		text, err := os.ReadFile(filepath.Join(p.Dir, file))
		if err != nil {
			t.Fatal(err)
		}
		clean(t, file+" (masked values)", masked, text)
	}
	clean(t, "stdout (masked values)", masked, p.stdout.Bytes())
	clean(t, "stderr (masked values)", masked, p.stderr.Bytes())
	if !strings.Contains(p.stdout.String(), "NO-GO") {
		t.Errorf("no verdict on stdout:\n%.2000s", p.stdout.String())
	}
}

// migrationsWith are the shop's history and one pending migration.
func migrationsWith(t testing.TB, pending ...string) string {
	t.Helper()
	dir := t.TempDir()
	for version := 1; version <= shop.AppliedVersion; version++ {
		names, err := fs.Glob(shop.Files, fmt.Sprintf("migrations/%05d_*.sql", version))
		if err != nil || len(names) != 1 {
			t.Fatalf("migration %d of the shop: %v, %v", version, names, err)
		}
		text, err := shop.Files.ReadFile(names[0])
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, filepath.Base(names[0]), string(text))
	}
	for i, sql := range pending {
		write(t, dir, fmt.Sprintf("%05d_pending.sql", shop.AppliedVersion+1+i), "-- +goose Up\n"+sql+"\n")
	}
	return dir
}

func shopFile(t testing.TB, name string) string {
	t.Helper()
	return filepath.Join(pgtest.Root(t), "testdata", "shop", name)
}

// keptServer finds the one server that a run left, and ends it with the test.
func keptServer(t *testing.T, p *process) staging.Info {
	t.Helper()
	m := regexp.MustCompile(`--staging (\S+)`).FindStringSubmatch(p.stderr.String())
	if m == nil {
		t.Fatalf("no staging server was kept:\n%.3000s", p.stderr.String())
	}
	options := staging.Options{StateDir: p.state}
	t.Cleanup(func() {
		if err := staging.Destroy(context.Background(), m[1], options); err != nil {
			t.Errorf("destroy %s: %v", m[1], err)
		}
	})
	list, err := staging.List(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range list {
		if info.RunID == m[1] {
			return info
		}
	}
	t.Fatalf("staging does not list %s", m[1])
	return staging.Info{}
}

// serverLog is what staging's server wrote, from where it was started.
func serverLog(t *testing.T, info staging.Info) []byte {
	t.Helper()
	if info.Provider == staging.ProviderContainer {
		out, err := exec.Command("docker", "logs", info.ID).CombinedOutput()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(info.ID), "log"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte("ERROR")) {
		t.Error("the failure of the migration is not in the server's log: another file was read")
	}
	return text
}

// TestNoValueInErrors has runs meet values that a mask or staging cannot handle: what they say of it names the column or the constraint, not
// the value.
func TestNoValueInErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		source, masks string
		code          int
		names         string // what the error must name
	}{
		"document": {
			source: `CREATE TABLE s (id int PRIMARY KEY, doc text); INSERT INTO s VALUES (1, '{"a": "ZZMARKER1"}'), (2, '{"a": ZZMARKER2')`,
			masks:  `{id: keep, doc: {mask: json, default: redact_text}}`, code: 12, names: "public.s.doc",
		},
		"number": {
			source: `CREATE TABLE s (id int PRIMARY KEY, n int); INSERT INTO s VALUES (1, 5), (2, 929292929)`,
			masks:  `{id: keep, n: {mask: int_permute, min: 1, max: 1000}}`, code: 12, names: "public.s.n",
		},
		"date": {
			source: `CREATE TABLE s (id int PRIMARY KEY, d text); INSERT INTO s VALUES (1, 'ZZMARKER-1999')`,
			masks:  `{id: keep, d: {mask: date_shift, days: 5}}`, code: 12, names: "public.s.d",
		},
		"check": {
			source: `CREATE TABLE s (id int PRIMARY KEY, v text, CONSTRAINT mine CHECK (v LIKE 'ZZMARKER%')); INSERT INTO s VALUES (1, 'ZZMARKER1')`,
			masks:  `{id: keep, v: {mask: constant, value: other, checked: true}}`, code: 21, names: "public.s",
		},
		"function": {
			source: `CREATE FUNCTION guard(id int, v text, kept text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
	IF v NOT LIKE 'ZZMARKER%' THEN RAISE EXCEPTION 'row % "%" has %', id, kept, v; END IF; RETURN true; END $$;
CREATE TABLE s (id int PRIMARY KEY, v text, kept text, CONSTRAINT mine CHECK (guard(id, v, kept))); INSERT INTO s VALUES (1, 'ZZMARKER1', 'ZZMARKERKEPT')`,
			masks: `{id: keep, kept: keep, v: {mask: constant, value: other}}`, code: 0, names: "the validity of CHECK constraint mine of public.s",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			source := pgtest.New(t, tc.source, gooseTable)
			dir := t.TempDir()
			p := command(t, source, "run", "-v", "-v", "--log-format", "json", "--provider", "local",
				"--migrations", filepath.Dir(write(t, dir, "m/00001_a.sql", "-- +goose Up\nSELECT 1;\n")),
				"--masks", write(t, dir, "masks.yaml", "version: 1\ntables:\n  public.s: "+tc.masks+"\n"))
			p.Env = append(p.Env, "TMPDIR="+p.state)
			code := p.exitCode(t)
			said := p.stderr.String() + strings.Join(strings.Fields(p.stdout.String()), " ")
			if code != tc.code || !strings.Contains(said, tc.names) {
				t.Errorf("exit %d, want %d and words that name %s:\n%s", code, tc.code, tc.names, said)
			}
			clean(t, "stderr", []string{"929292929"}, p.stderr.Bytes())
			clean(t, "stdout", []string{"929292929"}, p.stdout.Bytes())
			cleanFiles(t, p.state, []string{"929292929"})
		})
	}
}

// TestRefusedObjectsQuoteNoValue has staging refuse an index and a materialised view over values that masks have changed.
func TestRefusedObjectsQuoteNoValue(t *testing.T) {
	t.Parallel()
	source := pgtest.New(t, gooseTable, `CREATE TABLE s (id int PRIMARY KEY, v text, kept text); INSERT INTO s VALUES (1, '17', 'ZZMARKERKEPT');
CREATE FUNCTION seen(id int, v text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
	IF v <> '17' THEN RAISE 'row % holds %', id, v; END IF; RETURN 1; END $$;
CREATE INDEX s_v_idx ON s ((v::int)); CREATE INDEX s_seen_idx ON s (seen(id, v)); CREATE MATERIALIZED VIEW mv AS SELECT CASE v WHEN '17' THEN 1 ELSE kept::int END AS n FROM s`)
	cfg := configured(t, source, rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)},
		"version: 1\ntables:\n  public.s: {id: keep, kept: keep, v: {mask: constant, value: MASKED-VALUE}}\n")
	cfg.Migrations = os.DirFS(filepath.Dir(write(t, t.TempDir(), "00001_a.sql", "-- +goose Up\nSELECT 1;\n")))
	result, err := rehearse.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	clean(t, "the result", []string{"MASKED-VALUE"}, text)
	var refused []string
	for _, e := range result.Snapshot.SchemaErrors {
		refused = append(refused, e.Object)
	}
	slices.Sort(refused)
	if diff := cmp.Diff([]string{
		"INDEX public s_seen_idx", "INDEX public s_v_idx", "MATERIALIZED VIEW DATA public.mv",
	}, refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}

// gooseTable is the version table of a database that goose has just met.
const gooseTable = `CREATE TABLE goose_db_version (id int PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, version_id bigint NOT NULL, is_applied boolean NOT NULL,
    tstamp timestamp NOT NULL DEFAULT now()); INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true)`
