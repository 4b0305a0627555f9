package rehearse_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
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
		"role", "CREATE ROLE rehearse_reader; GRANT SELECT ON orders TO rehearse_reader; ALTER ROLE rehearse_reader SET search_path = x",
		"REVOKE SELECT ON orders FROM rehearse_reader; DROP ROLE rehearse_reader", "reversible",
	},
	{"analyze", "ANALYZE orders", "", "nothing"},
}

const downsBefore = `CREATE TYPE state AS ENUM ('new', 'paid');
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
		if strings.HasPrefix(d.down, "--") {
			text += "-- +goose Down\n" + d.down + "\n"
		} else if d.down != "" {
			text += "-- +goose Down\n" + d.down + ";\n"
		}
		write(t, dir, fmt.Sprintf("%05d_%s.sql", i+2, d.name), text)
	}
	cfg := configured(t, source, rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}, rulesFor(t, source, nil))
	cfg.Migrations, cfg.Passes, cfg.Policy = os.DirFS(dir), []string{"down"}, verdict.Policy{AllowRewriteBelow: -1}
	result, err := rehearse.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range result.NotMeasured {
		t.Logf("not measured: %s: %s", n.What, n.Why)
	}
	var b strings.Builder
	_ = report.Text(&b, result, report.TextOptions{Width: 180})
	t.Log(b.String())
	for i, d := range downs {
		if diff := cmp.Diff(d.want, toldBack(result.Migrations[i].Back)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", d.name, diff)
		}
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
