package verdict_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// TestMaskingAhead: what the rules lack for the schema after the migrations is told, and decides when strict.
func TestMaskingAhead(t *testing.T) {
	t.Parallel()
	lacking := &report.MaskingAhead{Columns: []string{"shop.orders.note"}, Rules: "  shop.orders:\n    note: shape"}
	byDefault := &report.MaskingAhead{ByDefault: []string{"shop.orders.vip"}, Lock: []string{"shop.orders.vip boolean -> public/keep (default 1)"}}
	stale := &report.MaskingAhead{Unmatched: []string{"m.yaml:3:5: there is no table shop.orders"}}
	strict := lenient
	strict.Strict = true
	tests := []struct {
		name   string
		policy verdict.Policy
		ahead  *report.MaskingAhead
		level  report.Level
		exit   int
		do     string
	}{
		{"a column", lenient, lacking, report.Warn, 0, "    \x20\x20shop.orders:\n        note: shape"},
		{"a column, strict", strict, lacking, report.Condition, 12, "under pending:"},
		{"by default", strict, byDefault, report.Condition, 12, "    shop.orders.vip boolean -> public/keep (default 1)"},
		{"stale rules", strict, stale, report.Warn, 0, "to pending:"},
	}
	for _, tt := range tests {
		r := with(up("SELECT 1"))
		r.Masking.Ahead = tt.ahead
		verdict.Judge(tt.policy, r)
		f := find(t, r, verdict.MaskingAhead)
		if f.Level != tt.level || r.ExitCode != tt.exit || !strings.Contains(f.Do, tt.do) {
			t.Errorf("%s: %s, exit %d, do %q", tt.name, f.Level, r.ExitCode, f.Do)
		}
	}
	r := with(up("SELECT 1"))
	verdict.Judge(strict, r)
	if diff := cmp.Diff(report.Go, r.Verdict); diff != "" {
		t.Error(diff)
	}
}
