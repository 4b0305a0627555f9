package verdict

import (
	"fmt"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// masking judges what the masking rules lack for the schema after the migrations. Nothing that the rehearsal saw is wrong for it, but the
// next copy of production would stop. Rules that only match nothing any more can wait for the release.
func (j *judge) masking() {
	a := j.r.Masking.Ahead
	if a == nil {
		return
	}
	var parts []string
	add := func(names []string, noun, lacks string) {
		if len(names) > 0 {
			parts = append(parts, fmt.Sprintf("%s %s: %s", report.Count(int64(len(names)), noun), lacks, strings.Join(names, ", ")))
		}
	}
	add(a.Tables, "table", "without masking rules")
	add(a.Columns, "column", "without a masking rule")
	add(a.ByDefault, "column", "that only a default decides about")
	f := report.Finding{Code: MaskingAhead, Level: report.Warn, Text: "masking rules do not fit the schema after the migrations"}
	if len(parts) > 0 {
		f.Text = "the migrations leave " + strings.Join(parts, "; ") + "; once they are released, the next copy of production stops there"
		if j.p.Strict {
			f.Level = report.Condition
		}
	}
	for _, text := range a.Unmatched {
		f.Text += "; " + text
	}
	f.Do = advice(a)
	f.Object = first(a.Tables, a.Columns, a.ByDefault)
	j.add(f)
}

// advice is what to write, and where.
func advice(a *report.MaskingAhead) string {
	var lines []string
	if a.Rules != "" {
		lines = append(lines, "Add to the masking rules, under pending:, whose rules may match nothing until the release (a guess by name and type; read it):")
		for line := range strings.SplitSeq(a.Rules, "\n") {
			lines = append(lines, "    "+line)
		}
	}
	if len(a.Lock) > 0 {
		lines = append(lines, "Once a person has looked, add to the lock file:")
		for _, line := range a.Lock {
			lines = append(lines, "    "+line)
		}
	}
	if len(a.Unmatched) > 0 {
		lines = append(lines, "Move rules that will match nothing from tables: to pending:, and remove them after the release.")
	}
	return strings.Join(lines, "\n")
}

// first is the first name that any of the lists begins with.
func first(lists ...[]string) string {
	for _, list := range lists {
		if len(list) > 0 {
			return list[0]
		}
	}
	return ""
}
