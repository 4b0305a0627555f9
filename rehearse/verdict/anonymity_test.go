package verdict_test

import (
	"testing"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

func TestAnonymity(t *testing.T) {
	t.Parallel()
	group := report.GroupSizes{Table: "shop.people", Columns: []string{"postcode"}, K: 5, Rows: 100, Groups: 30, Smallest: 1, GroupsBelow: 2, RowsBelow: 3}
	well, strict := group, group
	well.GroupsBelow, well.RowsBelow, well.Smallest, strict.Fail = 0, 0, 7, true
	stopped := &report.Stop{Phase: "k-anonymity", Reason: "r", ExitCode: 12}
	for name, c := range map[string]struct {
		group   report.GroupSizes
		stopped *report.Stop
		level   report.Level
		exit    int
	}{
		"all groups large enough": {group: well},
		"a small group":           {group: group, level: report.Warn},
		"one that stopped":        {group: strict, stopped: stopped, level: report.Unknown, exit: 12},
	} {
		r := &report.Result{Masking: report.Masking{Anonymity: []report.GroupSizes{c.group}}, Stopped: c.stopped}
		verdict.Judge(verdict.Policy{}, r)
		var got report.Finding
		for _, f := range r.Findings {
			if f.Code == verdict.KAnonymity {
				got = f
			}
		}
		if got.Level != c.level || r.ExitCode != c.exit {
			t.Errorf("%s: level %q and exit code %d, want %q and %d", name, got.Level, r.ExitCode, c.level, c.exit)
		}
		if got.Text != "" && got.Text != "the smallest group of rows alike in shop.people (postcode) has 1 row, asked for were 5; 3 of 100 rows are in 2 groups below that" {
			t.Errorf("%s: %s", name, got.Text)
		}
	}
}
