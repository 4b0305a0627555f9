package verdict_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// timed is a migration that took a second on the copy, and an interval for more rows; nil: none.
func timed(version int64, at *report.Inferred) report.Migration {
	return report.Migration{
		Version: version, Name: "00001_a.sql", Outcome: report.Applied, Duration: report.Duration(time.Second),
		Curve: &report.Curve{Whole: report.Growth{Points: []report.GrowthPoint{{Rows: 10, Took: make([]report.Duration, 2)}, {Rows: 5, Took: make([]report.Duration, 3)}}, Source: at}},
	}
}

func between(least, most time.Duration, beyond bool) *report.Inferred {
	return &report.Inferred{Rows: 1000, RowsMethod: report.Exact, Beyond: beyond, Least: report.Duration(least), Most: report.Duration(most), Method: report.Estimated}
}

// TestInferredTimes holds what nobody has seen against budgets: it never fails a release, nor passes for seen.
func TestInferredTimes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		each, all  time.Duration // budgets
		migrations []report.Migration
		want       string // levels of the findings
	}{
		"above":               {each: 5 * time.Second, migrations: []report.Migration{timed(1, between(6*time.Second, 9*time.Second, true))}, want: "condition"},
		"around":              {each: 7 * time.Second, migrations: []report.Migration{timed(1, between(6*time.Second, 9*time.Second, true))}, want: "info"},
		"below":               {each: 10 * time.Second, migrations: []report.Migration{timed(1, between(6*time.Second, 9*time.Second, true))}},
		"no budget":           {migrations: []report.Migration{timed(1, between(6*time.Second, 9*time.Second, true))}},
		"seen already":        {each: time.Millisecond, migrations: []report.Migration{timed(1, between(6*time.Second, 9*time.Second, true))}},
		"no more rows":        {each: 5 * time.Second, migrations: []report.Migration{timed(1, between(6*time.Second, 9*time.Second, false))}},
		"no interval":         {each: 5 * time.Second, all: 5 * time.Second, migrations: []report.Migration{timed(1, nil)}},
		"together above":      {all: 10 * time.Second, migrations: []report.Migration{timed(1, between(6*time.Second, 9*time.Second, true)), timed(2, between(6*time.Second, 9*time.Second, true))}, want: "condition"},
		"together around":     {all: 9500 * time.Millisecond, migrations: []report.Migration{timed(1, between(6*time.Second, 9*time.Second, true)), timed(2, between(time.Second, 2*time.Second, false))}, want: "info"},
		"together, one open":  {all: 6500 * time.Millisecond, migrations: []report.Migration{timed(1, between(6*time.Second, 9*time.Second, true)), timed(2, nil)}, want: "condition"},
		"together, most open": {all: 8 * time.Second, migrations: []report.Migration{timed(1, between(6*time.Second, 9*time.Second, true)), timed(2, nil)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &report.Result{Migrations: c.migrations}
			verdict.Judge(verdict.Policy{MaxMigrationTime: c.each, MaxTotalTime: c.all, AllowRewriteBelow: -1}, r)
			var levels []string
			for _, f := range r.Findings {
				if f.Code != verdict.TimeInferred {
					continue
				}
				levels = append(levels, string(f.Level))
				if !strings.Contains(f.Text, "(inferred") || f.ExitCode != 0 {
					t.Errorf("exit code %d: %s", f.ExitCode, f.Text)
				}
			}
			if got := strings.Join(levels, " "); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
