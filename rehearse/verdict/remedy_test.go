package verdict_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

func TestRemedies(t *testing.T) {
	t.Parallel()
	const rw, w = "reads and writes", "writes"
	for name, c := range map[string]struct {
		m    report.Migration
		want []verdict.Remedy
	}{
		"an index":               {locking("CREATE INDEX i ON shop.t (a);", "SHARE", w, sec(2)), []verdict.Remedy{{Table: "shop.t", SQL: []string{"CREATE INDEX CONCURRENTLY i ON shop.t (a);"}}}},
		"reindex":                {locking("REINDEX (VERBOSE) TABLE shop.t", "SHARE", w, sec(2)), []verdict.Remedy{{Table: "shop.t", SQL: []string{"REINDEX (VERBOSE) TABLE CONCURRENTLY shop.t;"}}}},
		"refresh":                {locking("refresh materialized view shop.t", "ACCESS EXCLUSIVE", rw, sec(2)), []verdict.Remedy{{Table: "shop.t", SQL: []string{"refresh materialized view CONCURRENTLY shop.t;"}}}},
		"refresh without data":   {locking("REFRESH MATERIALIZED VIEW shop.t WITH NO DATA", "ACCESS EXCLUSIVE", rw, sec(2)), nil},
		"done aside already":     {locking("CREATE INDEX CONCURRENTLY i ON shop.t (a)", "SHARE UPDATE EXCLUSIVE", "schema changes", sec(2)), nil},
		"too short":              {locking("CREATE INDEX i ON shop.t (a);", "SHARE", w, sec(0.01)), nil},
		"several in one":         {locking("CREATE INDEX i ON shop.t (a); SELECT 1", "SHARE", w, sec(2)), nil},
		"two actions":            {locking("ALTER TABLE shop.t ALTER a SET NOT NULL, ALTER b SET NOT NULL", "ACCESS EXCLUSIVE", rw, sec(2)), nil},
		"nothing better known":   {locking("ALTER TABLE shop.t ALTER a TYPE bigint", "ACCESS EXCLUSIVE", rw, sec(2)), nil},
		"of a statement cut off": {locking("CREATE INDEX i ON shop.t ("+strings.Repeat("a, ", 1000)+"b)", "SHARE", w, sec(2)), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(c.want, verdict.Remedies(&c.m)); d != "" {
				t.Errorf("remedies (-want +got):\n%s", d)
			}
		})
	}
}

// TestRehearsedRemedies has each end of a remedy told with the advice.
func TestRehearsedRemedies(t *testing.T) {
	t.Parallel()
	sql := []string{"CREATE INDEX CONCURRENTLY i ON shop.t (a);"}
	for name, c := range map[string]struct {
		r    report.Remedied
		want string
	}{
		"better": {
			report.Remedied{Line: 1, SQL: sql, Duration: sec(14.4), Blocked: []report.Blocked{{Table: "shop.t", Writes: report.Wait{Total: sec(0.02), Count: 1}}}},
			"it took 14 s, and writes to shop.t were blocked for 20 ms (probed) instead of 7.2 s (lock held, exact); the schema it leaves is the same.",
		},
		"fails":   {report.Remedied{Line: 1, SQL: sql, Failure: &report.Failure{SQLState: "55000", Message: "cannot do that"}}, "it failed: cannot do that (55000)"},
		"differs": {report.Remedied{Line: 1, SQL: sql, Differs: []report.Change{{Action: "dropped", Kind: "index", Name: "shop.i"}}}, "it left another schema than the migration does: index shop.i dropped"},
		"other":   {report.Remedied{Line: 9, SQL: sql}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := locking("CREATE INDEX i ON shop.t (a);", "SHARE", "writes", sec(7.2))
			m.Remedies = []report.Remedied{c.r}
			r := with(m)
			verdict.Judge(lenient, r)
			if do := r.Findings[0].Do; !strings.Contains(do, c.want) || c.want == "" && strings.Contains(do, "Rehearsed") {
				t.Errorf("it says %q, not %q", do, c.want)
			}
		})
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ sql, key, want string }{
		{"UPDATE t SET a = 1;", "id", "UPDATE t SET a = 1 WHERE t.id BETWEEN low AND low + 9999;"},
		{"UPDATE t SET a = (SELECT 1 WHERE true), b = 'where' WHERE x OR y", "id", "UPDATE t SET a = (SELECT 1 WHERE true), b = 'where' WHERE (x OR y) AND t.id BETWEEN low AND low + 9999;"},
		{`DELETE FROM t WHERE "Where" = E'\' where'`, "Id", `DELETE FROM t WHERE ("Where" = E'\' where') AND t."Id" BETWEEN low AND low + 9999;`},
		{"UPDATE ONLY s.t AS o SET a = c.b FROM c WHERE c.id = o.c", "id", "FROM c WHERE (c.id = o.c) AND o.id BETWEEN low AND low + 9999;"},
		{`UPDATE s."T" * SET a = c.b FROM c`, "id", `FROM c WHERE "T".id BETWEEN low AND low + 9999;`},
		{"DELETE FROM s.t x USING c WHERE c.id = x.c", "id", "USING c WHERE (c.id = x.c) AND x.id BETWEEN low AND low + 9999;"},
		{"UPDATE t SET id = id + 1", "id", ""},
		{"UPDATE t SET (a, id) = (1, 2)", "id", ""},
		{"UPDATE t SET a = id", "id", "UPDATE t SET a = id WHERE t.id BETWEEN low AND low + 9999;"},
		{"UPDATE t SET a = '$batches$'", "id", ""},
	} {
		got := verdict.Batches(c.sql, "public.t", c.key)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s by %s:\n%s\nwant %q in it", c.sql, c.key, got, c.want)
		}
	}
}

// TestRowsLocked finds transactions that keep many rows locked for long, and which of them can be cut into batches.
func TestRowsLocked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql     string
		tag     string
		rows    int64
		mode    string
		took    float64
		told    bool
		batches int
	}{
		"a backfill":        {"UPDATE shop.t SET a = 1", "UPDATE", 50_000, "ROW EXCLUSIVE", 5, true, 1},
		"by its bare name":  {"DELETE FROM ONLY t WHERE a > 1", "DELETE", 50_000, "ROW EXCLUSIVE", 5, true, 1},
		"from another":      {"UPDATE shop.t SET a = o.a FROM o", "UPDATE", 50_000, "ROW EXCLUSIVE", 5, true, 1},
		"and given back":    {"UPDATE shop.t SET a = 1 RETURNING a", "UPDATE", 50_000, "ROW EXCLUSIVE", 5, true, 0},
		"few rows":          {"UPDATE shop.t SET a = 1", "UPDATE", 500, "ROW EXCLUSIVE", 5, false, 0},
		"short":             {"UPDATE shop.t SET a = 1", "UPDATE", 50_000, "ROW EXCLUSIVE", 0.5, false, 0},
		"locked as a whole": {"UPDATE shop.t SET a = 1", "UPDATE", 50_000, "ACCESS EXCLUSIVE", 5, false, 0},
		"a new table":       {"UPDATE fresh SET a = 1", "UPDATE", 50_000, "ROW EXCLUSIVE", 5, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := up(c.sql)
			st := &m.Statements[0]
			st.Tag, st.Rows, st.Duration, st.Transaction = c.tag, &c.rows, sec(c.took), true
			st.Locks = []report.Lock{{Table: "shop.t", Mode: c.mode, Method: report.Exact}}
			r := with(m)
			verdict.Judge(lenient, r)
			told := false
			for _, f := range r.Findings {
				told = told || f.Code == verdict.RowsLocked
			}
			if told != c.told || len(verdict.BatchesOf(&m)) != c.batches {
				t.Errorf("told %v, want %v; %d can be cut, want %d", told, c.told, len(verdict.BatchesOf(&m)), c.batches)
			}
		})
	}
}
