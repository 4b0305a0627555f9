package verdict_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// checked is a result with a check of the first statement of its only migration.
func checked(m report.Migration, kind string, source, staging *int64, mendable bool) *report.Result {
	r := with(m)
	c := report.SourceCheck{Migration: m.Version, File: m.File, Line: 1, Kind: kind, What: "a form", Table: "s.t", Columns: []string{"a"}, Source: source, Staging: staging, Mendable: mendable, SQL: "SELECT 1", Why: "of a reason"}
	c.Conclude()
	r.Fidelity = &report.Fidelity{Checks: []report.SourceCheck{c}}
	return r
}

func TestWhatTheSourceSaysDecides(t *testing.T) {
	t.Parallel()
	const sql = "CREATE UNIQUE INDEX i ON s.t (a)"
	duplicated := failing(report.Failure{SQLState: "23505", Message: "dup", Table: "s.t", Columns: []string{"a"}}, sql)
	cast := failing(report.Failure{SQLState: "22P02", Message: "no number"}, "ALTER TABLE s.t ALTER a TYPE int USING a::int")
	other := failing(report.Failure{SQLState: "42P07", Message: "there already"}, sql)
	for name, c := range map[string]struct {
		r     *report.Result
		want  report.Verdict
		exit  int
		codes []string
		text  string // in the first finding
	}{
		"confirmed":         {checked(duplicated, "unique", num(3), num(2), false), report.NoGo, 10, []string{"migration-failed fail s.t"}, "confirmed at source: 3 duplicated keys at the source, 2 in the masked copy"},
		"only in the copy":  {checked(duplicated, "unique", num(0), num(2), false), report.Inconclusive, 14, []string{"migration-failed unknown s.t", "only-in-masked-copy unknown s.t"}, "only in the masked copy"},
		"a cast's":          {checked(cast, "cast", num(0), num(1), false), report.Inconclusive, 14, []string{"migration-failed unknown", "only-in-masked-copy unknown s.t"}, "0 rows in the way"},
		"failed otherwise":  {checked(other, "unique", num(0), num(2), false), report.NoGo, 10, []string{"migration-failed fail"}, "there already"},
		"only at source":    {checked(up(sql), "unique", num(1), num(0), false), report.NoGo, 10, []string{"only-at-source fail s.t"}, "1 duplicated key at the source, 0 in the masked copy"},
		"mended perhaps":    {checked(up(sql), "unique", num(1), num(0), true), report.Inconclusive, 14, []string{"only-at-source unknown s.t"}, "whether they mend this"},
		"mended in both":    {checked(up(sql), "unique", num(1), num(1), true), report.Go, 0, nil, ""},
		"nowhere":           {checked(up(sql), "unique", num(0), num(0), false), report.Go, 0, nil, ""},
		"not checked":       {checked(up(sql), "unique", nil, nil, false), report.Go, 0, []string{"not-checked-at-source warn s.t"}, "of a reason"},
		"no single count":   {checked(up(sql), "other", nil, nil, false), report.Go, 0, []string{"not-checked-at-source info s.t"}, "of a reason"},
		"copy not counted":  {checked(up(sql), "check", num(1), nil, false), report.Go, 0, []string{"not-checked-at-source warn s.t"}, "counted at the source alone"},
		"migration not run": {checked(report.Migration{Version: 8, Outcome: report.NotRun, HasDown: true}, "unique", num(1), num(0), false), report.NoGo, 10, []string{"only-at-source fail s.t", "migration-not-run unknown"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			verdict.Judge(lenient, c.r)
			if c.r.Verdict != c.want || c.r.ExitCode != c.exit {
				t.Errorf("%s with exit code %d, want %s with %d", c.r.Verdict, c.r.ExitCode, c.want, c.exit)
			}
			if d := cmp.Diff(c.codes, codes(c.r)); d != "" {
				t.Errorf("findings (-want +got):\n%s", d)
			}
			if len(c.r.Findings) > 0 && !strings.Contains(c.r.Findings[0].Text, c.text) {
				t.Errorf("the first finding says %q", c.r.Findings[0].Text)
			}
		})
	}
}
