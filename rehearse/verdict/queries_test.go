package verdict_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

func TestBrokenQueries(t *testing.T) {
	t.Parallel()
	broken := func(until int64) *report.Result {
		m := up("ALTER TABLE t DROP COLUMN a")
		m.Queries = &report.Affected{BrokenCount: 2, CallsADay: 43_210, Broken: []report.BrokenQuery{
			{Query: "SELECT a FROM t", SQLState: "42703", Message: `column "a" does not exist`, Calls: 9, MendedBy: until},
			{Query: "SELECT b.a FROM t b", SQLState: "42703", Message: "column b.a does not exist", Calls: 2, MendedBy: until},
		}}
		r := with(m)
		r.Queries = &report.Queries{Shapes: 4_312, Tried: 4_310}
		return r
	}
	for name, c := range map[string]struct {
		policy  string
		until   int64
		verdict report.Verdict
		exit    int
		codes   string
	}{
		"by default": {"", 0, report.GoWithConditions, 0, "query-breaks condition"},
		"condition":  {"condition", 0, report.GoWithConditions, 0, "query-breaks condition"},
		"fail":       {"fail", 0, report.NoGo, 11, "query-breaks fail"},
		"warn":       {"warn", 0, report.Go, 0, "query-breaks warn"},
		"mended":     {"fail", 8, report.Go, 0, "query-breaks info"},
	} {
		r := broken(c.until)
		verdict.Judge(verdict.Policy{BrokenQueries: c.policy}, r)
		if got := codes(r); r.Verdict != c.verdict || r.ExitCode != c.exit || len(got) != 1 || got[0] != c.codes {
			t.Errorf("%s: %s, exit %d, %q", name, r.Verdict, r.ExitCode, got)
		}
	}
	r := broken(0)
	verdict.Judge(lenient, r)
	const want = `2 of 4,310 query shapes stop working after 00007_x (column "a" does not exist, and 1 more reason); at least 43,000 calls a day`
	if f := find(t, r, verdict.QueryBreaks); f.Text != want || !strings.HasSuffix(f.Do, "\n    SELECT a FROM t\n    SELECT b.a FROM t b") {
		t.Errorf("%s\n%s", f.Text, f.Do)
	}
}

func TestPlansWarn(t *testing.T) {
	t.Parallel()
	m := up("ALTER TABLE t ALTER COLUMN k TYPE bigint")
	plan := func(kind string, until int64) report.PlanChange {
		return report.PlanChange{Query: "SELECT 1", Kind: kind, MendedBy: until, Analyze: []string{"ANALYZE s.t (k);"}, After: report.PlanFacts{Cost: 400}, Before: report.PlanFacts{Cost: 8}}
	}
	m.Queries = &report.Affected{Plans: []report.PlanChange{
		plan(report.PlanUntilAnalyze, 0), plan(report.PlanUntilAnalyze, 0), plan(report.PlanWorse, 8), plan(report.PlanBetter, 0),
	}}
	r := with(m)
	verdict.Judge(lenient, r)
	if diff := cmp.Diff([]string{"plan-until-analyze warn", "plan-better info"}, codes(r)); diff != "" || r.Verdict != report.Go {
		t.Errorf("%s %s", r.Verdict, diff)
	}
	if f := find(t, r, verdict.PlanUntilAnalyze); !strings.HasPrefix(f.Text, "2 query shapes get ") || !strings.HasSuffix(f.Do, "as before:\n    ANALYZE s.t (k);") {
		t.Errorf("%s\n%s", f.Text, f.Do)
	}
}

func TestWhatIsLeft(t *testing.T) {
	t.Parallel()
	m := up("UPDATE t SET a = 1")
	m.WAL, m.Disk = 5<<20, &report.Disk{Before: 100 << 20, Peak: 103 << 20, Method: report.Sampled}
	m.Left = report.Left{
		Statistics: []report.LostStatistics{{Table: "s.a", Rows: 5000, Lost: []string{"k"}}, {Table: "s.b", Rows: 5000, New: []string{"k"}, BackBy: 8}},
		Dead: []report.DeadRows{
			{Table: "s.a", Dead: 10_000, Rows: 100_000}, {Table: "s.b", Dead: 9_999, Rows: 10_000}, {Table: "s.c", Dead: 10_000, Rows: 100_001}, {Table: "s.d", Dead: 10_000, Rows: 100, MendedBy: 8},
		},
		Sequences: []report.LeftSequence{
			{Sequence: "s.q", Kind: report.SequenceBehind, Behind: 1},
			{Sequence: "s.r", Kind: report.SequenceOrphaned},
			{Sequence: "s.s", Kind: report.SequenceNearEnd, Used: 0.8},
			{Sequence: "s.t", Kind: report.SequenceBehind, Behind: 1, MendedBy: 8},
		},
	}
	for name, c := range map[string]struct {
		policy verdict.Policy
		want   []string
	}{
		"no budget":   {verdict.Policy{}, nil},
		"just within": {verdict.Policy{MaxWAL: 5 << 20, MaxDiskPeak: 3 << 20}, nil},
		"over":        {verdict.Policy{MaxWAL: 5<<20 - 1, MaxDiskPeak: 3<<20 - 1}, []string{"wal-over-budget fail", "disk-over-budget fail"}},
	} {
		r := with(m)
		verdict.Judge(c.policy, r)
		want := append(c.want, "sequence-behind condition s.q", "dead-rows warn s.a", "statistics-lost info s.a", "sequence-near-end info s.s", "left-behind info s.r")
		if diff := cmp.Diff(want, codes(r)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	m.Disk = nil
	r := with(m)
	verdict.Judge(verdict.Policy{MaxDiskPeak: 1 << 40}, r)
	if r.Verdict != report.Inconclusive || r.ExitCode != 14 {
		t.Errorf("without a figure for the budget: %s, exit %d", r.Verdict, r.ExitCode)
	}
}
