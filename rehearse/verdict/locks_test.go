package verdict_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// locking is a migration whose only statement held the mode on shop.t and read it whole.
func locking(sql, mode, blocks string, held report.Duration) report.Migration {
	m := up(sql)
	m.Statements[0].Duration = held
	m.Statements[0].Locks = []report.Lock{{Table: "shop.t", Mode: mode, Method: report.Exact}}
	m.Statements[0].Scans = []report.Scan{{Table: "shop.t", Count: 1, Rows: 50_000}}
	m.Locks = []report.Exposure{{Table: "shop.t", Mode: mode, Held: held, Blocks: blocks, Line: 1, Method: report.Exact}}
	return m
}

func TestLocks(t *testing.T) {
	t.Parallel()
	const rw, w = "reads and writes", "writes"
	for name, c := range map[string]struct {
		m     report.Migration
		codes []string
		sql   []string // lines of the first finding's Do that are SQL
	}{
		"index": {
			locking("CREATE UNIQUE INDEX i ON shop.t (a);", "SHARE", w, sec(7.2)),
			[]string{"blocks-writes warn shop.t"},
			[]string{"-- +goose NO TRANSACTION", "-- +goose Up", "CREATE UNIQUE INDEX CONCURRENTLY i ON shop.t (a);"},
		},
		"set not null": {
			locking(`ALTER TABLE shop.t ALTER COLUMN "Order" SET NOT NULL`, "ACCESS EXCLUSIVE", rw, sec(2)),
			[]string{"blocks-reads warn shop.t", "full-scan-under-lock warn shop.t"},
			[]string{
				`ALTER TABLE shop.t ADD CONSTRAINT "t_Order_not_null" CHECK ("Order" IS NOT NULL) NOT VALID;`,
				`ALTER TABLE shop.t VALIDATE CONSTRAINT "t_Order_not_null";`,
				`ALTER TABLE shop.t ALTER COLUMN "Order" SET NOT NULL;`,
				`ALTER TABLE shop.t DROP CONSTRAINT "t_Order_not_null";`,
			},
		},
		"check": {
			locking("ALTER TABLE shop.t ADD CONSTRAINT c CHECK (a > 0);", "ACCESS EXCLUSIVE", rw, sec(2)),
			[]string{"blocks-reads warn shop.t", "full-scan-under-lock warn shop.t"},
			[]string{"ALTER TABLE shop.t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;", "ALTER TABLE shop.t VALIDATE CONSTRAINT c;"},
		},
		"unique": {
			locking("ALTER TABLE shop.t ADD UNIQUE (a, b)", "ACCESS EXCLUSIVE", rw, sec(2)),
			[]string{"blocks-reads warn shop.t", "full-scan-under-lock warn shop.t"},
			[]string{"CREATE UNIQUE INDEX CONCURRENTLY t_a_b_key ON shop.t (a, b);", "ALTER TABLE shop.t ADD CONSTRAINT t_a_b_key UNIQUE USING INDEX t_a_b_key;"},
		},
		"already not valid": {
			locking("ALTER TABLE shop.t ADD CONSTRAINT c CHECK (a > 0) NOT VALID", "ACCESS EXCLUSIVE", rw, sec(0.2)),
			[]string{"blocks-reads info shop.t", "full-scan-under-lock info shop.t"},
			nil,
		},
		"two actions are not rewritten": {
			locking("ALTER TABLE shop.t ADD CONSTRAINT c CHECK (a > 0), DROP COLUMN b", "ACCESS EXCLUSIVE", rw, sec(2)),
			[]string{"blocks-reads warn shop.t", "full-scan-under-lock warn shop.t"},
			nil,
		},
		"of the table that a foreign key points to": {
			locking(`ALTER TABLE ONLY shop."O" ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES shop.t (id);`, "SHARE ROW EXCLUSIVE", w, sec(2)),
			[]string{"blocks-writes warn shop.t", "full-scan-under-lock warn shop.t"},
			[]string{
				`ALTER TABLE ONLY shop."O" ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES shop.t (id) NOT VALID;`,
				`ALTER TABLE shop."O" VALIDATE CONSTRAINT c;`,
			},
		},
		"primary key of a parent": {
			locking("ALTER TABLE IF EXISTS o ADD PRIMARY KEY (id)", "ACCESS EXCLUSIVE", rw, sec(2)),
			[]string{"blocks-reads warn shop.t", "full-scan-under-lock warn shop.t"},
			[]string{"CREATE UNIQUE INDEX CONCURRENTLY o_pkey ON o (id);", "ALTER TABLE o ADD CONSTRAINT o_pkey PRIMARY KEY USING INDEX o_pkey;"},
		},
		"several statements in one are not rewritten": {
			locking("ALTER TABLE shop.t ADD CONSTRAINT c CHECK (a > 0); ALTER TABLE shop.t ADD b int", "ACCESS EXCLUSIVE", rw, sec(2)),
			[]string{"blocks-reads warn shop.t", "full-scan-under-lock warn shop.t"},
			nil,
		},
		"an index and more": {
			locking("CREATE INDEX i ON shop.t (a); DELETE FROM shop.t", "SHARE", w, sec(7)),
			[]string{"blocks-writes warn shop.t"},
			nil,
		},
		"short":          {locking("CREATE INDEX i ON shop.t (a)", "SHARE", w, sec(0.05)), nil, nil},
		"schema changes": {locking("ANALYZE shop.t", "SHARE UPDATE EXCLUSIVE", "schema changes", sec(60)), nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := with(c.m)
			verdict.Judge(lenient, r)
			if d := cmp.Diff(c.codes, codes(r)); d != "" {
				t.Fatalf("findings (-want +got):\n%s", d)
			}
			if len(c.codes) > 0 {
				if d := cmp.Diff(c.sql, sqlOf(r.Findings[0].Do)); d != "" {
					t.Errorf("SQL to copy (-want +got):\n%s", d)
				}
			}
			if r.Verdict != report.Go {
				t.Errorf("a lock without a budget made %s", r.Verdict)
			}
		})
	}
}

// TestNoIndexConcurrentlyOnAPartitionedTable since PostgreSQL refuses one.
func TestNoIndexConcurrentlyOnAPartitionedTable(t *testing.T) {
	t.Parallel()
	m := locking("CREATE INDEX i ON shop.t (a)", "SHARE", "writes", sec(7))
	m.Statements[0].Locks = append(m.Statements[0].Locks, report.Lock{Table: "shop.t_1", Mode: "SHARE"})
	r := with(m)
	verdict.Judge(lenient, r)
	if do := find(t, r, "blocks-writes").Do; len(sqlOf(do)) > 0 || !strings.Contains(do, "ATTACH PARTITION") {
		t.Errorf("advice %q", do)
	}
}

// sqlOf is the lines of advice that are SQL.
func sqlOf(do string) []string {
	var out []string
	for line := range strings.SplitSeq(do, "\n") {
		if sql, ok := strings.CutPrefix(line, "    "); ok {
			out = append(out, sql)
		}
	}
	return out
}

func TestASampledExposureIsCalledAboutSoLong(t *testing.T) {
	t.Parallel()
	m := locking("CREATE INDEX i ON shop.t (a)", "SHARE", "writes", sec(7.2))
	m.Locks[0].Method = report.Sampled
	r := with(m)
	verdict.Judge(lenient, r)
	if text := find(t, r, "blocks-writes").Text; !strings.Contains(text, "about 7.2 s (sampled)") {
		t.Errorf("text %q", text)
	}
}

func TestRewrites(t *testing.T) {
	t.Parallel()
	const gb = int64(1) << 30
	for name, c := range map[string]struct {
		allow int64
		w     report.Rewrite
		want  []string
	}{
		"any size":          {-1, report.Rewrite{Table: "s.t", Reason: "column type", Bytes: 9 * gb}, []string{"rewrite warn s.t"}},
		"below":             {gb, report.Rewrite{Table: "s.t", Reason: "column type", Bytes: gb - 1}, []string{"rewrite warn s.t"}},
		"at the limit":      {gb, report.Rewrite{Table: "s.t", Reason: "column type", Bytes: gb}, []string{"rewrite-over-budget fail s.t"}},
		"none allowed":      {0, report.Rewrite{Table: "s.t", Reason: "volatile default"}, []string{"rewrite-over-budget fail s.t"}},
		"small":             {gb, report.Rewrite{Table: "s.t", Reason: "column type", Bytes: 8192}, []string{"rewrite info s.t"}},
		"an index":          {0, report.Rewrite{Table: "s.t", Index: "s.i", Reason: "reindex", Bytes: gb}, nil},
		"truncate":          {0, report.Rewrite{Table: "s.t", Reason: "truncate"}, nil},
		"materialized view": {0, report.Rewrite{Table: "s.v", Reason: "refresh", Bytes: gb}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := up("SELECT 1")
			m.Rewrites = []report.Rewrite{c.w}
			r := with(m)
			verdict.Judge(verdict.Policy{AllowRewriteBelow: c.allow}, r)
			if d := cmp.Diff(c.want, codes(r)); d != "" {
				t.Errorf("findings (-want +got):\n%s", d)
			}
		})
	}
}

// TestAScanThatWorkersMayShareIsCalledAtLeast: what parallel workers read is not in the counters of the session.
func TestAScanThatWorkersMayShareIsCalledAtLeast(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{
		"ALTER TABLE": " read at least 50,000 rows of shop.t (ALTER TABLE) ",
		"UPDATE":      " read 50,000 rows of shop.t (UPDATE) ",
	} {
		m := locking(tag, "ACCESS EXCLUSIVE", "reads and writes", sec(7))
		m.Statements[0].Tag = tag
		r := with(m)
		verdict.Judge(lenient, r)
		if text := find(t, r, "full-scan-under-lock").Text; !strings.Contains(text, want) {
			t.Errorf("text %q, want %q in it", text, want)
		}
	}
}
