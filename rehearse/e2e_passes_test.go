package rehearse_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// loadOrders makes a table that takes a while to index, and one that it refers to.
func loadOrders(t testing.TB, cfg *pgx.ConnConfig) {
	pgtest.Exec(t, cfg, gooseTable+`; INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, true);
		CREATE TABLE customers (id int PRIMARY KEY); INSERT INTO customers SELECT generate_series(1, 1000);
		CREATE TABLE orders (id int PRIMARY KEY, customer int, code text, qty int);
		INSERT INTO orders SELECT i, i % 1000 + 1, md5(i::text), i % 7 FROM generate_series(1, 900000) i`)
}

// passed rehearses a release with some of the passes.
func passed(t *testing.T, load func(testing.TB, *pgx.ConnConfig), passes []string, pending ...string) *report.Result {
	t.Helper()
	source := fresh(t, "passes_"+strings.ToLower(t.Name()), load)
	where := rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}
	cfg := configured(t, source, where, rulesFor(t, source, nil))
	cfg.Migrations, cfg.Policy, cfg.Passes = os.DirFS(release(t, pending...)), verdict.Policy{AllowRewriteBelow: -1}, passes
	result, err := rehearse.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range result.NotMeasured {
		t.Logf("not measured: %s: %s", n.What, n.Why)
	}
	return result
}

// TestRemedies has what blocks writes tried in the way that blocks less, and both told.
func TestRemedies(t *testing.T) {
	t.Parallel()
	result := passed(t, loadOrders, []string{"probe", "remedy"},
		"CREATE INDEX orders_code ON orders (code);",
		"ALTER TABLE orders ADD CONSTRAINT orders_customer FOREIGN KEY (customer) REFERENCES customers (id);",
		"ALTER TABLE orders ADD CONSTRAINT orders_qty UNIQUE (id, qty);",
		"CREATE TABLE plain (i int);\nALTER TABLE orders ADD COLUMN note text;")
	for i, want := range []struct{ line, gone string }{{"CREATE INDEX CONCURRENTLY orders_code", "writes"}, {"VALIDATE CONSTRAINT orders_customer", "writes"}, {"USING INDEX orders_qty", "writes"}} {
		m := result.Migrations[i]
		was, _ := result.BlockedOf(&m, "public.orders")
		if len(m.Remedies) != 1 || !m.Remedies[0].Holds() || !strings.Contains(strings.Join(m.Remedies[0].SQL, "\n"), want.line) {
			t.Errorf("%s: remedies %+v, blocked %+v, locks %+v", m.Name, m.Remedies, m.Blocked, m.Locks)
			continue
		}
		if now := m.Remedies[0].Of("public.orders", true); was.Writes.Total == 0 || now >= was.Writes.Total {
			t.Errorf("%s blocked writes for %s, its remedy for %s", m.Name, was.Writes.Total, now)
		}
	}
	if m := result.Migrations[3]; len(m.Remedies) > 0 || len(m.Locks) == 0 {
		t.Errorf("a column without a default has remedies: %+v", m.Remedies)
	}
	if p := result.Probing; p == nil || len(p.Tables) != 2 || p.Probes < 100 || p.NoiseMedian <= 0 || time.Duration(p.NoiseMedian) > time.Second {
		t.Errorf("probing: %+v", p)
	}
	told := ""
	for _, f := range result.Findings {
		told += f.Text + "\n" + f.Do + "\n"
	}
	if !strings.Contains(told, "instead of") || !strings.Contains(told, "the schema it leaves is the same") {
		t.Errorf("the findings do not tell how the remedies went:\n%s", told)
	}
}

// TestBatches has a long UPDATE told for the rows it keeps locked, and done in batches on a clone.
func TestBatches(t *testing.T) {
	t.Parallel()
	result := passed(t, loadOrders, []string{"probe", "remedy"}, "UPDATE orders SET qty = qty + 1, code = code || '!' WHERE qty > 0 OR code LIKE 'a%';")
	m := result.Migrations[0]
	if time.Duration(m.Duration) < time.Second {
		t.Fatalf("%s is too short to be told: the test needs more rows", m.Duration)
	}
	if len(m.Remedies) != 1 || !m.Remedies[0].Holds() || m.Remedies[0].Longest <= 0 || m.Remedies[0].Longest > m.Duration/2 {
		t.Fatalf("remedies of %s: %+v", m.Duration, m.Remedies)
	}
	told := ""
	for _, f := range result.Findings {
		if f.Code == verdict.RowsLocked {
			told += f.Text + "\n" + f.Do
		}
	}
	if !strings.Contains(told, "rows of public.orders locked for up to") || !strings.Contains(told, "no transaction of it lasted longer than") {
		t.Errorf("the finding says %q", told)
	}
}
