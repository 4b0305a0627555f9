package rehearse_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// chained has tables that nothing but triggers, rules and foreign keys write to.
const chained = gooseTable + `; INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, true);
CREATE TABLE customers (id int PRIMARY KEY, name text);
CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers ON DELETE CASCADE ON UPDATE CASCADE, total numeric(10,4), at timestamp(6), rate float8, note text, words tsvector);
CREATE TABLE items (id int PRIMARY KEY, "order" int REFERENCES orders ON DELETE CASCADE);
CREATE TABLE visits (id int PRIMARY KEY, customer int REFERENCES customers ON DELETE SET NULL ON UPDATE CASCADE);
CREATE TABLE orders_audit (id bigserial PRIMARY KEY, "order" int, was text);
CREATE TABLE dynamic_audit (id bigserial PRIMARY KEY, was int);
CREATE TABLE counts (name text PRIMARY KEY, n int);
CREATE TABLE names (id bigserial PRIMARY KEY, name text);
CREATE TABLE secret (id int PRIMARY KEY, n int);
INSERT INTO customers SELECT i, 'c' || i FROM generate_series(1, 20) i;
INSERT INTO orders SELECT i, i % 20 + 1, i + i % 4 * 0.0025, timestamp '2026-01-01' + i * interval '0.25 s', i / 3.0, repeat('n', i), NULL FROM generate_series(1, 100) i;
INSERT INTO items SELECT i, i % 100 + 1 FROM generate_series(1, 300) i; INSERT INTO visits SELECT i, i % 20 + 1 FROM generate_series(1, 40) i;
INSERT INTO counts VALUES ('audit', 0); INSERT INTO secret VALUES (1, 1);
CREATE FUNCTION put(o int, t text) RETURNS void LANGUAGE sql AS 'INSERT INTO orders_audit ("order", was) VALUES (o, t)';
CREATE FUNCTION orders_log() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM put(OLD.id, OLD.note); RETURN NULL; END';
CREATE TRIGGER orders_log AFTER UPDATE OR DELETE ON orders FOR EACH ROW EXECUTE FUNCTION orders_log();
CREATE FUNCTION audit_count() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE counts SET n = n + 1 WHERE name = ''audit''; RETURN NULL; END';
CREATE TRIGGER audit_count AFTER INSERT ON orders_audit FOR EACH ROW EXECUTE FUNCTION audit_count();
CREATE FUNCTION dynamic() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN EXECUTE format('INSERT INTO %I (was) VALUES ($1)', TG_ARGV[0] || '_audit') USING OLD.id; RETURN NULL; END$$;
CREATE TRIGGER dynamic AFTER UPDATE ON visits FOR EACH ROW EXECUTE FUNCTION dynamic('dynamic');
CREATE FUNCTION words() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.words := to_tsvector(''simple'', NEW.note); RETURN NEW; END';
CREATE TRIGGER words BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION words();
CREATE RULE customers_names AS ON UPDATE TO customers DO ALSO INSERT INTO names (name) VALUES (OLD.name);
CREATE VIEW first AS SELECT id, name FROM customers WHERE id < 10; CREATE VIEW named AS SELECT * FROM first WHERE name <> '' AND id NOT IN (SELECT n FROM secret);
CREATE FUNCTION hidden() RETURNS void LANGUAGE sql AS 'UPDATE secret SET n = 2';`

// rehearsedOn rehearses a release on all of a database, unmasked.
func rehearsedOn(t *testing.T, database string, passes []string, pending ...string) *report.Result {
	t.Helper()
	source := pgtest.New(t, database)
	cfg := configured(t, source, rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}, rulesFor(t, source, nil))
	cfg.Migrations, cfg.Policy, cfg.Passes = os.DirFS(release(t, pending...)), verdict.Policy{AllowRewriteBelow: -1}, passes
	r, err := rehearse.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// aboutRows are the findings about rows and values in short.
func aboutRows(r *report.Result) []string {
	var all []string
	for _, f := range r.Findings {
		if strings.HasPrefix(f.Code, "rows-") && f.Code != verdict.RowsLocked || f.Code == verdict.ValuesRounded || f.Code == verdict.MigrationFailed {
			all = append(all, fmt.Sprintf("%d %s %s: %s", f.Migration, f.Code, f.Level, f.Text))
		}
	}
	slices.Sort(all)
	return all
}

// TestRowsByWayOfOthers changes rows that a migration does not name: what the catalog accounts for is told with the trigger, rule or key, and nothing else is.
func TestRowsByWayOfOthers(t *testing.T) {
	t.Parallel()
	r := rehearsedOn(t, chained, []string{"down"},
		"UPDATE orders SET note = 'x' WHERE id <= 30;",
		"UPDATE customers SET id = id + 100 WHERE id = 20;",
		"DELETE FROM customers WHERE id = 1;",
		"UPDATE visits SET customer = 3 WHERE id <= 6;",
		"UPDATE orders SET note = 'y' WHERE id = 50;\nDROP TRIGGER orders_log ON orders;",
		"UPDATE orders SET note = 'z' WHERE id = 50;",
		"UPDATE named SET name = 'n' WHERE id = 2;",
	)
	const audit, count = "by way of trigger orders_log of public.orders (AFTER UPDATE OR DELETE): ", "by way of trigger audit_count of public.orders_audit (AFTER INSERT): "
	const dynamic = "by way of trigger dynamic of public.visits (AFTER UPDATE): "
	const words = "changed columns of public.orders that no statement of it sets, by way of trigger words of public.orders (BEFORE UPDATE): words in "
	want := []string{
		"2 rows-indirect info: 00002_pending " + words + "30 rows",
		"2 rows-indirect info: 00002_pending changed rows of public.orders_audit " + audit + "30 inserted",
		"2 rows-indirect warn: 00002_pending changed rows of public.counts " + count + "30 updated; n in 1 row",
		"3 rows-indirect info: 00003_pending changed rows of public.dynamic_audit " + dynamic + "2 inserted",
		"3 rows-indirect info: 00003_pending changed rows of public.names by way of rule customers_names of public.customers (ON UPDATE): 1 inserted",
		"3 rows-indirect info: 00003_pending changed rows of public.orders_audit " + audit + "5 inserted",
		"3 rows-indirect warn: 00003_pending changed rows of public.counts " + count + "5 updated; n in 1 row",
		"3 rows-indirect warn: 00003_pending changed rows of public.orders by way of foreign key orders_customer_fkey to public.customers (ON UPDATE CASCADE): 5 updated; customer in 5 rows, words in 4 rows",
		"3 rows-indirect warn: 00003_pending changed rows of public.visits by way of foreign key visits_customer_fkey to public.customers (ON UPDATE CASCADE): 2 updated; customer in 2 rows",
		"4 rows-indirect info: 00004_pending changed rows of public.dynamic_audit " + dynamic + "2 inserted",
		"4 rows-indirect info: 00004_pending changed rows of public.orders_audit " + audit + "5 inserted",
		"4 rows-indirect warn: 00004_pending changed rows of public.counts " + count + "5 updated; n in 1 row",
		"4 rows-indirect warn: 00004_pending changed rows of public.items by way of foreign key items_order_fkey to public.orders (ON DELETE CASCADE): 15 deleted; 300 rows before, 285 after",
		"4 rows-indirect warn: 00004_pending changed rows of public.orders by way of foreign key orders_customer_fkey to public.customers (ON DELETE CASCADE): 5 deleted; 100 rows before, 95 after",
		"4 rows-indirect warn: 00004_pending changed rows of public.visits by way of foreign key visits_customer_fkey to public.customers (ON DELETE SET NULL): 2 updated; customer in 2 rows",
		"5 rows-indirect info: 00005_pending changed rows of public.dynamic_audit " + dynamic + "6 inserted",
		"6 rows-indirect info: 00006_pending " + words + "1 row",
		"6 rows-indirect info: 00006_pending changed rows of public.orders_audit " + audit + "1 inserted",
		"6 rows-indirect warn: 00006_pending changed rows of public.counts " + count + "1 updated; n in 1 row",
		"7 rows-indirect info: 00007_pending " + words + "1 row",
		"8 rows-indirect info: 00008_pending changed rows of public.customers by way of view public.named: 1 updated; name in 1 row",
		"8 rows-indirect info: 00008_pending changed rows of public.names by way of rule customers_names of public.customers (ON UPDATE): 1 inserted",
	}
	if r.Verdict != report.Go {
		t.Errorf("%s: %s", r.Verdict, r.Reason)
	}
	if d := cmp.Diff(want, aboutRows(r)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestRowsOfNobody: a function's changes stay unexpected, beside triggers and keys that have nothing to do with them.
func TestRowsOfNobody(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ sql, want string }{
		"a function":         {"UPDATE orders SET note = 'x' WHERE id = 1;\nSELECT hidden();", "public.secret"},
		"a trigger disabled": {"ALTER TABLE orders DISABLE TRIGGER orders_log;|UPDATE orders SET note = 'x' WHERE id = 1;\nSELECT put(1, 'x');", "public.counts"},
		"beside a view":      {"UPDATE named SET name = 'n' WHERE id = 2;\nSELECT put(1, 'x');", "public.counts"},
		"a view not written": {"COMMENT ON VIEW named IS 'x';\nSELECT hidden();", "public.secret"},
		"truncated":          {"TRUNCATE orders CASCADE;", "public.items"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			r := rehearsedOn(t, chained, []string{}, strings.Split(c.sql, "|")...)
			if r.Verdict != report.NoGo || r.ExitCode != 11 || r.Findings[0].Object != c.want {
				t.Errorf("%s, exit code %d: %v", r.Verdict, r.ExitCode, aboutRows(r))
			}
		})
	}
}

// TestValuesRounded changes types to ones that keep less, and to ones that do not: what differs is what psql finds.
func TestValuesRounded(t *testing.T) {
	t.Parallel()
	r := rehearsedOn(t, chained, []string{"down"},
		"ALTER TABLE orders ALTER total TYPE numeric(10,2);",
		"ALTER TABLE orders ALTER COLUMN at SET DATA TYPE timestamp(0);",
		"ALTER TABLE orders ALTER rate TYPE real;",
		"ALTER TABLE orders ALTER note TYPE varchar(80) USING left(note, 80);",
		"ALTER TABLE orders ALTER total TYPE numeric(14,0) USING total * 100;",
		"ALTER TABLE orders ALTER total TYPE bigint, ALTER note TYPE text, ALTER at TYPE date USING (at)::date;",
	)
	source := pgtest.New(t, chained)
	count := func(condition string) string {
		return pgtest.Value(t, source, "SELECT count(*)::text FROM orders WHERE "+condition)
	}
	want := []string{
		"2 values-rounded warn: 00002_pending rounded " + count("total <> round(total, 2)") + " values of public.orders.total, whose type was numeric(10,4) and is numeric(10,2)",
		"3 values-rounded warn: 00003_pending rounded " + count("at <> at::timestamp(0)") + " values of public.orders.at, whose type was timestamp(6) without time zone and is timestamp(0) without time zone",
		"4 values-rounded warn: 00004_pending rounded " + count("rate::text <> rate::real::text") + " values of public.orders.rate, whose type was double precision and is real",
		"5 values-rounded warn: 00005_pending cut " + count("length(note) > 80") + " values of public.orders.note, whose type was text and is character varying(80)",
		"7 values-rounded warn: 00007_pending cut " + count("at::timestamp(0)::date <> at::timestamp(0)") + " values of public.orders.at, whose type was timestamp(0) without time zone and is date",
	}
	if d := cmp.Diff(want, aboutRows(r)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
