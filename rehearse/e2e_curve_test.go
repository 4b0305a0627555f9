package rehearse_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// loadSlow makes tables that refer to one another, and a function that takes a millisecond: whoever calls it for each row takes as long as there are
// rows, on a busy machine too.
func loadSlow(t testing.TB, cfg *pgx.ConnConfig) {
	pgtest.Exec(t, cfg, gooseTable+`; INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, true);
		CREATE FUNCTION slow(v int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.001); RETURN v + 1; END $$;
		CREATE TABLE countries (id int PRIMARY KEY); INSERT INTO countries SELECT generate_series(1, 5);
		CREATE TABLE customers (id int PRIMARY KEY, country int REFERENCES countries, parent int REFERENCES customers, x int);
		INSERT INTO customers SELECT i, i % 5 + 1, nullif(i / 2, 0), 0 FROM generate_series(1, 1200) i;
		CREATE TABLE orders (id int PRIMARY KEY, customer int, x int, note text) PARTITION BY RANGE (id);
		CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (3000); CREATE TABLE orders_2 PARTITION OF orders FOR VALUES FROM (3000) TO (9000);
		INSERT INTO orders SELECT i, i % 1200 + 1, 0, repeat('n', 50) FROM generate_series(1, 4800) i;
		CREATE TABLE logged (order_id int REFERENCES orders); INSERT INTO logged SELECT i FROM generate_series(1, 4800) i;
		CREATE TABLE products (id int PRIMARY KEY, x int); INSERT INTO products SELECT i, 0 FROM generate_series(1, 1000) i;
		CREATE TABLE items (customer int REFERENCES customers, product int REFERENCES products, x int);
		INSERT INTO items SELECT i % 1200 + 1, i % 1000 + 1, 0 FROM generate_series(1, 3000) i;
		CREATE TABLE plain (id int PRIMARY KEY, x int); INSERT INTO plain SELECT i, 0 FROM generate_series(1, 4000) i;
		CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'nothing is deleted here'; END $$;
		CREATE TRIGGER never BEFORE DELETE ON customers FOR EACH ROW EXECUTE FUNCTION never(); ANALYZE`)
}

// slowRelease grows with the customers, not at all, and not by the rows; then come a key that is new, and something too quick to tell.
var slowRelease = []string{
	"UPDATE customers SET x = slow(x);",
	"LOCK TABLE orders IN SHARE MODE;\nSELECT pg_sleep(0.4);",
	"ALTER TABLE customers ADD COLUMN note text;\nCREATE ROLE curve_reader;\nGRANT SELECT ON customers TO curve_reader;",
	"ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers;\nUPDATE items SET x = 1;\nUPDATE products SET x = 1;",
}

// curved rehearses a release at several sizes.
func curved(t *testing.T, rules string, policy verdict.Policy, pending ...string) *report.Result {
	t.Helper()
	source := fresh(t, "slow", loadSlow)
	where := rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}
	cfg := configured(t, source, where, rulesFor(t, source, nil)+rules)
	cfg.Migrations, cfg.Policy, cfg.Scale = os.DirFS(release(t, pending...)), policy, []float64{0.25, 0.5}
	result, err := rehearse.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range result.NotMeasured {
		t.Logf("not measured: %s: %s", n.What, n.Why)
	}
	for _, m := range result.Migrations {
		if m.Outcome != report.Applied || m.Curve == nil {
			t.Fatalf("%s: %s, %+v, curve %+v", m.Name, m.Outcome, m.Failure, m.Curve)
		}
		t.Logf("%s: %+v", m.Name, m.Curve.Whole)
	}
	return result
}

// TestCurve has times at three sizes of a copy that is the whole of production, and looks at what they are said to be.
func TestCurve(t *testing.T) {
	t.Parallel()
	result := curved(t, "", verdict.Policy{AllowRewriteBelow: -1}, slowRelease...)
	if len(result.Scaling.Sizes) != 3 {
		t.Fatalf("sizes: %+v", result.Scaling)
	}
	for i, share := range []float64{1, 0.5, 0.25} {
		size := result.Scaling.Sizes[i]
		if size.Share != share || size.Failed != "" || size.Runs < 2 {
			t.Errorf("size %+v", size)
		}
		rows := map[string]int64{}
		for _, one := range size.Tables {
			rows[one.Table] = one.Rows
		}
		for name, all := range map[string]float64{"public.customers": 1200, "public.orders": 4800, "public.items": 3000} {
			if n := float64(rows[name]); n < share*all*0.8 || n > share*all*1.2 {
				t.Errorf("%v of %s are %v rows", share, name, n)
			}
		}
	}
	m := result.Migrations
	if g := m[0].Curve.Whole; g.Form != report.GrowsLinear || len(g.Points) != 3 || g.Source.Beyond || g.Twice.Least <= g.Points[0].Median()*5/4 || g.Twice.Rows != 2400 {
		t.Errorf("a millisecond a row: %+v", g)
	} else if each := time.Duration(g.Million) / 1e6; each < 900*time.Microsecond {
		t.Errorf("a millisecond a row is %s", each)
	}
	if g := m[1].Curve.Statements[1]; g.Form != report.GrowsConstant || g.Million != 0 || time.Duration(g.Source.Most) < 400*time.Millisecond {
		t.Errorf("by no row: %+v", g)
	}
	if g := m[2].Curve.Whole; g.Form == report.GrowsLinear || g.Form == report.GrowsQuick && (g.Source == nil || g.Source.Least != 0) {
		t.Errorf("a new column: %+v", g)
	}
	if n := len(m[3].Curve.Statements); n != 3 {
		t.Errorf("%d statements: %+v", n, m[3].Curve)
	}
}

// TestCurveBeyond has a copy with a tenth of production's rows: what is inferred for all of them is held against the truth, and against a budget.
func TestCurveBeyond(t *testing.T) {
	t.Parallel()
	const part = "data:\n  public.plain: {rows: \"id <= 400\"}\n"
	for _, c := range []struct {
		budget time.Duration
		want   report.Level
	}{{2500 * time.Millisecond, report.Condition}, {time.Hour, ""}} {
		t.Run(fmt.Sprint(c.budget), func(t *testing.T) {
			t.Parallel()
			result := curved(t, part, verdict.Policy{AllowRewriteBelow: -1, MaxMigrationTime: c.budget}, "UPDATE plain SET x = slow(x);")
			g := result.Migrations[0].Curve.Whole
			if g.Source == nil || !g.Source.Beyond || g.Source.Rows != 4000 || g.Points[0].Rows != 400 {
				t.Fatalf("inferred %+v of %+v", g.Source, g)
			}
			if least, most := time.Duration(g.Source.Least), time.Duration(g.Source.Most); most < 4*time.Second || least < 2500*time.Millisecond {
				t.Errorf("4000 rows of a millisecond take %s to %s", least, most)
			}
			var level report.Level
			for _, f := range result.Findings {
				if f.Code == verdict.TimeInferred {
					level = f.Level
				}
			}
			if level != c.want {
				t.Errorf("with a budget of %s the finding is %q", c.budget, level)
			}
		})
	}
}
