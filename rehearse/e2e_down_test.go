package rehearse_test

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
	"github.com/rehearse-db/rehearse/testdata/shop"
)

// downs are migrations with the ways back that real histories have, and what is told of each: verdict; lost; not restored; up again.
var downs = []struct{ name, up, down, want string }{
	{"reversible", "ALTER TABLE orders ADD note text; UPDATE orders SET note = 'x'; CREATE INDEX orders_total ON orders (total)", "DROP INDEX orders_total; ALTER TABLE orders DROP note", "reversible"},
	{"column_dropped", "ALTER TABLE orders DROP currency", "ALTER TABLE orders ADD currency text", "lossy; 80 values of public.orders.currency"},
	{"comment_only", "ALTER TABLE customers ADD seen boolean", "-- nothing to do here", "no_op; -; changed table public.customers; 42701"},
	{"fails", "ALTER TABLE customers ADD born date", "ALTER TABLE customers DROP birth", "fails 42703 4"},
	{"schema_only", "INSERT INTO customers (id, name) VALUES (1001, 'seed'); CREATE TABLE tags (tag text)", "DROP TABLE tags", "schema_only; -; -; 23505"},
	{"no_down", "ALTER TABLE customers ADD vip boolean", "", "none"},
	{"enum", "ALTER TYPE state ADD VALUE 'lost'; CREATE TABLE later (id int)", "DROP TABLE later", "incomplete; -; changed enum public.state; 42710"},
	{"filled", "UPDATE orders SET total = 0 WHERE total IS NULL", "SELECT 1", "no_op"},
	{"trigger", "UPDATE customers SET name = upper(name) WHERE id <= 10", "UPDATE customers SET name = lower(name) WHERE id <= 10", "lossy; 10 values of public.customers.changed"},
	{"order", "ALTER TABLE pairs DROP a", "ALTER TABLE pairs ADD a int", "reversible"},
	{"type", "ALTER TABLE orders ALTER total TYPE numeric(12,0)", "ALTER TABLE orders ALTER total TYPE numeric(12,2)", "lossy; 45 values of public.orders.total"},
	{
		"role", "CREATE ROLE rehearse_reader; GRANT SELECT ON orders TO rehearse_reader; GRANT CREATE ON TABLESPACE pg_default TO rehearse_reader; ALTER ROLE rehearse_reader SET search_path = x",
		"DROP OWNED BY rehearse_reader; DROP ROLE rehearse_reader", "reversible",
	},
	{"role_setting", "ALTER ROLE application SET search_path = x", "ALTER ROLE application RESET search_path", "reversible"},
	{"role_again", "CREATE ROLE rehearse_writer", "SELECT 1", "no_op; -; added role rehearse_writer; 42710"},
	{"role_kept", "GRANT rehearse_writer TO application", "", "none"},
	{"analyze", "ANALYZE orders", "", "nothing"},
	{"concurrently", "CREATE INDEX CONCURRENTLY i1 ON orders (id);\nCREATE INDEX CONCURRENTLY i2 ON orders (total)", "DROP INDEX CONCURRENTLY i2;\nDROP INDEX CONCURRENTLY i1", "reversible"},
	{"slow_back", "ALTER TABLE customers ADD slow int", "ALTER TABLE customers DROP slow;\nSELECT pg_sleep(0.4)", "reversible"},
	{"half_way", "CREATE INDEX CONCURRENTLY i3 ON orders (id);\nCREATE INDEX CONCURRENTLY i4 ON orders (total)", "DROP INDEX CONCURRENTLY i3;\nDROP INDEX CONCURRENTLY i5", "fails 42704 7"},
}

const downsBefore = `DO $$ BEGIN CREATE ROLE application; EXCEPTION WHEN duplicate_object THEN END $$; CREATE TYPE state AS ENUM ('new', 'paid');
CREATE TABLE customers (id int PRIMARY KEY, name text, changed timestamptz);
CREATE TABLE orders (id int PRIMARY KEY, total numeric(12,2), currency text, state state);
CREATE TABLE pairs (a int, b int);
INSERT INTO customers SELECT n, 'customer ' || n, now() FROM generate_series(1, 100) n;
INSERT INTO orders SELECT n, CASE WHEN n > 90 THEN NULL ELSE n * 0.5 END, CASE WHEN n > 80 THEN NULL ELSE 'EUR' END, 'new' FROM generate_series(1, 100) n;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.changed := clock_timestamp(); RETURN NEW; END';
CREATE TRIGGER stamp BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION stamp();`

// TestTheWayBack rehearses ways back that restore all, less, nothing and never ran.
func TestTheWayBack(t *testing.T) {
	t.Parallel()
	source := pgtest.New(t, downsBefore, gooseTable+"; INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, true)")
	dir := t.TempDir()
	write(t, dir, "00001_base.sql", "-- +goose Up\nSELECT 1;\n")
	for i, d := range downs {
		text := "-- +goose Up\n" + d.up + ";\n"
		if strings.Contains(d.up, "CONCURRENTLY") {
			text = "-- +goose NO TRANSACTION\n" + text
		}
		if strings.HasPrefix(d.down, "--") {
			text += "-- +goose Down\n" + d.down + "\n"
		} else if d.down != "" {
			text += "-- +goose Down\n" + d.down + ";\n"
		}
		write(t, dir, fmt.Sprintf("%05d_%s.sql", i+2, d.name), text)
	}
	cfg := configured(t, source, rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}, rulesFor(t, source, nil))
	cfg.Migrations, cfg.Passes, cfg.Policy = os.DirFS(dir), []string{"probe", "down"}, verdict.Policy{AllowRewriteBelow: -1}
	result, err := rehearse.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range downs {
		if diff := cmp.Diff(d.want, toldBack(result.Migrations[i].Back)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", d.name, diff)
		}
	}
	if f := result.Migrations[len(downs)-1].Back.Failure; f == nil || f.StaysApplied != "1 of the 2 statements sent (line 6); the version is still recorded as applied" {
		t.Errorf("a down that stops half way is told as %+v", f)
	}
	if locks := result.Migrations[0].Back.Locks; len(locks) != 1 || locks[0].Table != "public.orders" || locks[0].Mode != "ACCESS EXCLUSIVE" || locks[0].Method != report.Exact {
		t.Errorf("the first down was seen to lock %+v", locks)
	}
	const least = report.Duration(200 * time.Millisecond)
	if b := result.Migrations[len(downs)-2].Back.Blocked; len(b) != 1 || b[0].Table != "public.customers" || b[0].Reads.Longest < least || b[0].Writes.Longest < least {
		t.Errorf("a down that holds its lock for 400 ms blocked %+v", b)
	}
	stamped := "00010_trigger changed columns of public.customers that no statement of it sets, by way of trigger stamp of public.customers (BEFORE UPDATE): changed in 10 rows"
	told := slices.ContainsFunc(result.Findings, func(f report.Finding) bool { return f.Text == stamped && f.Code == verdict.RowsIndirect })
	if result.ExitCode != 0 || !told { // a trigger that stamps rows is no reason to stop a release
		t.Errorf("exit code %d: %s", result.ExitCode, result.Reason)
	}
	var dropped []string
	for _, f := range result.Findings {
		if f.Code == verdict.ColumnDropped {
			dropped = append(dropped, f.Text)
		}
	}
	if d := cmp.Diff([]string{"00003_column_dropped dropped a column of public.orders: currency with its 80 values"}, dropped); d != "" {
		t.Errorf("dropped columns (-want +got):\n%s", d)
	}
	judge(t, result)
}

// judge holds the result against the budgets for downs.
func judge(t *testing.T, result *report.Result) {
	t.Helper()
	for require, want := range map[string]int{"": 0, "schema": 7, "reversible": 12} {
		verdict.Judge(verdict.Policy{AllowRewriteBelow: -1, UnexpectedRowChanges: "warn", RequireDown: require}, result)
		n := 0
		for _, f := range result.Findings {
			if f.Level == report.Fail {
				n++
			}
		}
		if n != want || (n > 0) != (result.ExitCode == 11) {
			t.Errorf("with downs that must be %q, %d findings fail, exit code %d", require, n, result.ExitCode)
		}
	}
	walked := result.Migrations[0].Back
	result.Migrations[0].Back = nil
	verdict.Judge(verdict.Policy{AllowRewriteBelow: -1, UnexpectedRowChanges: "warn", RequireDown: "reversible"}, result)
	if !slices.ContainsFunc(result.Findings, func(f report.Finding) bool { return f.Code == verdict.NotMeasured && f.Level == report.Unknown }) {
		t.Error("a budget that nobody could look at is not told")
	}
	result.Migrations[0].Back = walked
}

// TestTheWayBackOfTheShop walks the demo's release: each of its downs restores all.
func TestTheWayBackOfTheShop(t *testing.T) {
	t.Parallel()
	cfg := shopConfig(t, fresh(t, "shop", loadShop), rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)})
	files, err := fs.Sub(shop.Files, "mended")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Migrations, cfg.Passes, cfg.Policy = files, []string{"down"}, verdict.Policy{AllowRewriteBelow: 1 << 20, RequireDown: "reversible"}
	result, err := rehearse.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range result.Migrations {
		if got := toldBack(m.Back); got != "reversible" {
			t.Errorf("%s: %s", m.Name, got)
		}
	}
	if result.ExitCode != 0 {
		t.Errorf("exit code %d: %s", result.ExitCode, result.Reason)
	}
	dedup := result.Migrations[5].Contents
	if len(dedup) != 1 || dedup[0].Table != "shop.customers" || len(dedup[0].Columns) != 2 || dedup[0].Columns[0].Rows != dedup[0].Columns[1].Rows {
		t.Errorf("the addresses of double customers: %+v", dedup)
	}
}

// toldBack is a way back in short.
func toldBack(b *report.Back) string {
	if b == nil {
		return "not walked"
	}
	s := string(b.Verdict)
	if b.Failure != nil {
		return fmt.Sprintf("%s %s %d", s, b.Failure.SQLState, b.Failure.Line)
	}
	var lost, not []string
	for _, l := range b.Lost {
		lost = append(lost, l.String())
	}
	for _, c := range b.NotRestored {
		not = append(not, c.Action+" "+c.Kind+" "+c.Name)
	}
	for _, p := range [][]string{lost, not} {
		if s += "; " + strings.Join(p, ", "); len(p) == 0 {
			s += "-"
		}
	}
	if b.Again != nil && b.Again.Failure != nil {
		s += "; " + b.Again.Failure.SQLState
	}
	for strings.HasSuffix(s, "; -") {
		s = strings.TrimSuffix(s, "; -")
	}
	return s
}
