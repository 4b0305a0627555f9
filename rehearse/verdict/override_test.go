package verdict_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

var today = time.Date(2026, 9, 14, 23, 0, 0, 0, time.UTC)

func TestReadsOverrides(t *testing.T) {
	t.Parallel()
	const tail = ` until=2026-12-31 reason="window, OPS-123"`
	for text, want := range map[string]string{
		"-- rehearse:allow max_migration_time=10m" + tail:                                  "1 max_migration_time 10m 2026-12-31 window, OPS-123",
		"-- +goose Up\n\t--Rehearse: allow rewrite-over-budget" + tail + "\r\nSELECT 1;\n": "2 rewrite-over-budget  2026-12-31 window, OPS-123",
		"// rehearse:allow allow_rewrite_below=2GB reason=OPS-1 until=2026-09-14":          "1 allow_rewrite_below 2GB 2026-09-14 OPS-1",
		"-- rehearse:allow no-down until=2020-01-01 reason=old":                            "1 no-down  2020-01-01 old", // expired is no mistake
		"-- rehearses nothing\n-- allow rehearse\n":                                        "",
		"-- rehearse:allow no-down" + tail + "\n-- rehearse:allow no-down" + tail:          "1 no-down  2026-12-31 window, OPS-123|2: no-down is allowed twice in this file",
		"SELECT 1; -- rehearse:allow no-down" + tail:                                       "1: rehearse:allow is not in force here: it stands in a line of its own that begins with --",
		"/* rehearse:allow no-down" + tail + " */":                                         "1: rehearse:allow is not in force here: it stands in a line of its own that begins with --",
		"-- rehearse:alow no-down" + tail:                                                  "1: rehearse:alow is nothing that a comment can say: rehearse:allow is",
		"-- rehearse:allow":                                                                "1: rehearse:allow says nothing to allow: allow_rewrite_below, broken_queries, max_disk_peak, max_migration_time, max_reads_blocked, max_wal, max_writes_blocked, require_down, unexpected_row_changes, or the code of a finding",
		"-- rehearse:allow max_time=1s" + tail:                                             `1: there is no budget and no finding "max_time=1s": allow_rewrite_below, broken_queries, max_disk_peak, max_migration_time, max_reads_blocked, max_wal, max_writes_blocked, require_down, unexpected_row_changes, or the code of a finding`,
		"-- rehearse:allow max_migration_time=soon" + tail:                                 `1: max_migration_time: "soon" is not a duration such as 500ms, 30s or 10m`,
		"-- rehearse:allow max_migration_time" + tail:                                      `1: max_migration_time: "" is not a duration such as 500ms, 30s or 10m`,
		"-- rehearse:allow max_migration_time=0s" + tail:                                   `1: max_migration_time: "0s" is not a duration such as 500ms, 30s or 10m`,
		"-- rehearse:allow unexpected_row_changes=no" + tail:                               `1: unexpected_row_changes: "no" is not warn`,
		"-- rehearse:allow max_total_time=1h" + tail:                                       "1: max_total_time cannot be overridden for one migration: it is the budget of all migrations together",
		"-- rehearse:allow migration-failed" + tail:                                        "1: migration-failed cannot be allowed: it says that the release fails, or was not seen",
		"-- rehearse:allow no-down reason=x":                                               "1: no-down has no date until which it is allowed: until=2026-10-14, for example",
		"-- rehearse:allow no-down until=2026-12-31":                                       `1: no-down has no reason: reason="why, and who knows"`,
		`-- rehearse:allow no-down until=2026-12-31 reason=" "`:                            `1: no-down has no reason: reason="why, and who knows"`,
		"-- rehearse:allow no-down until=31.12.2026 reason=x":                              "1: until=31.12.2026 is no date such as 2026-10-14",
		"-- rehearse:allow no-down until=2027-12-31 reason=x":                              "1: until=2027-12-31 is more than a year ahead: what is allowed for so long belongs into the policy",
		"-- rehearse:allow no-down unless=2026-12-31 reason=x":                             "1: unless= is not known: there are until= and reason=",
		"-- rehearse:allow no-down until=2026-12-31 reason=two words":                      `1: cannot be read from "words" on: it is until=2026-12-31 reason="why"`,
	} {
		found, mistakes := verdict.Overrides(text, today)
		var got []string
		for _, o := range found {
			got = append(got, fmt.Sprintf("%d %s %s %s %s", o.Line, o.Budget, o.Value, o.Until, o.Reason))
		}
		for _, m := range mistakes {
			got = append(got, fmt.Sprintf("%d: %s", m.Line, m.Text))
		}
		if d := cmp.Diff(want, strings.Join(got, "|")); d != "" {
			t.Errorf("%s (-want +got):\n%s", text, d)
		}
	}
}

// slow is a release of two migrations, each of which takes ten seconds, rewrites a table and drops one with rows.
func slow(overrides ...report.Override) *report.Result {
	r := &report.Result{StartedAt: today}
	for _, v := range []int64{1, 2} {
		n := int64(9)
		r.Migrations = append(r.Migrations, report.Migration{
			Version: v, Name: fmt.Sprintf("%d_a.sql", v), File: fmt.Sprintf("m/%d_a.sql", v), HasDown: true, Outcome: report.Applied, Duration: report.Duration(10 * time.Second),
			Statements: []report.Statement{{SQL: "DROP TABLE s.t"}}, Rewrites: []report.Rewrite{{Table: "s.r", Reason: "column type", Bytes: 5 << 20}},
			Rows: []report.TableRows{{Table: "s.t", Before: &n, Deleted: 9}},
		})
	}
	r.Overrides = overrides
	return r
}

func allowing(migration int64, allows, until string) report.Override {
	budget, value, _ := strings.Cut(allows, "=")
	return report.Override{Migration: migration, File: "m/1_a.sql", Line: 1, Allows: allows, Budget: budget, Value: value, Until: until, Reason: "because"}
}

// heavy are the findings above notes, and what overrides say that they allowed.
func heavy(r *report.Result) string {
	var all []string
	for _, f := range r.Findings {
		if f.Level.Weight() > 0 {
			all = append(all, fmt.Sprintf("%s %s %d", f.Code, f.Level, f.Migration))
		}
	}
	for _, o := range r.Overrides {
		all = append(all, fmt.Sprintf("%s: %d", o.Allows, len(o.Allowed)))
	}
	return fmt.Sprintf("%d: %s", r.ExitCode, strings.Join(all, ", "))
}

func TestOverrides(t *testing.T) {
	t.Parallel()
	strict := verdict.Policy{MaxMigrationTime: 5 * time.Second, AllowRewriteBelow: 1 << 20}
	for name, tc := range map[string]struct {
		policy verdict.Policy
		all    []report.Override
		want   string
	}{
		"none":           {strict, nil, "11: migration-time-over-budget fail 1, migration-time-over-budget fail 2, rewrite-over-budget fail 1, rewrite-over-budget fail 2, table-dropped warn 1, table-dropped warn 2"},
		"one budget":     {strict, []report.Override{allowing(1, "max_migration_time=20s", "2026-12-31")}, "11: migration-time-over-budget fail 2, rewrite-over-budget fail 1, rewrite-over-budget fail 2, table-dropped warn 1, table-dropped warn 2, max_migration_time=20s: 1"},
		"not enough":     {strict, []report.Override{allowing(1, "max_migration_time=6s", "2026-12-31")}, "11: migration-time-over-budget fail 1, migration-time-over-budget fail 2, rewrite-over-budget fail 1, rewrite-over-budget fail 2, table-dropped warn 1, table-dropped warn 2, max_migration_time=6s: 0"},
		"stricter":       {verdict.Policy{AllowRewriteBelow: -1}, []report.Override{allowing(1, "max_migration_time=1s", "2026-12-31")}, "0: table-dropped warn 1, table-dropped warn 2, rewrite warn 1, rewrite warn 2, max_migration_time=1s: 0"},
		"last day":       {strict, []report.Override{allowing(2, "rewrite-over-budget", "2026-09-14")}, "11: migration-time-over-budget fail 1, migration-time-over-budget fail 2, rewrite-over-budget fail 1, table-dropped warn 1, table-dropped warn 2, rewrite-over-budget warn 2, rewrite-over-budget: 1"},
		"the day after":  {strict, []report.Override{allowing(2, "rewrite-over-budget", "2026-09-13")}, "11: migration-time-over-budget fail 1, migration-time-over-budget fail 2, rewrite-over-budget fail 1, rewrite-over-budget fail 2, table-dropped warn 1, table-dropped warn 2, override-expired warn 2, rewrite-over-budget: 0"},
		"all of one":     {strict, []report.Override{allowing(1, "max_migration_time=20s", "2026-12-31"), allowing(1, "allow_rewrite_below=1GB", "2026-12-31"), allowing(1, "table-dropped", "2026-12-31")}, "11: migration-time-over-budget fail 2, rewrite-over-budget fail 2, table-dropped warn 2, rewrite warn 1, max_migration_time=20s: 1, allow_rewrite_below=1GB: 1, table-dropped: 1"},
		"code, then own": {strict, []report.Override{allowing(1, "table-dropped", "2026-12-31"), allowing(1, "max_migration_time=20s", "2026-12-31")}, "11: migration-time-over-budget fail 2, rewrite-over-budget fail 1, rewrite-over-budget fail 2, table-dropped warn 2, table-dropped: 1, max_migration_time=20s: 1"},
		"denied":         {verdict.Policy{AllowRewriteBelow: -1, Deny: []string{"table-dropped"}}, []report.Override{allowing(1, "table-dropped", "2026-12-31")}, "11: table-dropped fail 2, table-dropped warn 1, rewrite warn 1, rewrite warn 2, table-dropped: 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := slow(tc.all...)
			verdict.Judge(tc.policy, r)
			if d := cmp.Diff(tc.want, heavy(r)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			first := fmt.Sprint(r.Findings, r.Overrides)
			verdict.Judge(tc.policy, r)
			if again := fmt.Sprint(r.Findings, r.Overrides); again != first {
				t.Errorf("judged again it is another:\n%s\n%s", first, again)
			}
		})
	}
}

// TestDeny makes failures of what a policy does not want, and hides no weightier exit code.
func TestDeny(t *testing.T) {
	t.Parallel()
	r := slow()
	r.Migrations[0].HasDown = false
	r.Stopped = &report.Stop{Phase: "copy", Reason: "x", ExitCode: 20}
	verdict.Judge(verdict.Policy{AllowRewriteBelow: -1, Deny: []string{"no-down", "run-stopped"}}, r)
	if r.Verdict != report.NoGo || r.ExitCode != 20 || len(r.ExitCodes) != 2 || r.ExitCodes[1] != 11 {
		t.Errorf("%s, codes %v, want NO-GO with 20 and 11: %+v", r.Verdict, r.ExitCodes, r.Findings)
	}
}
