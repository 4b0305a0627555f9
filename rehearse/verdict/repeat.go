package verdict

import (
	"fmt"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// varies tells of times on which not much can be built.
func (j *judge) varies(m *report.Migration) {
	r := m.Repeat
	if r == nil || !r.Varies() {
		return
	}
	j.add(report.Finding{
		Code: TimesVary, Level: report.Warn, Migration: m.Version, File: m.File,
		Text: fmt.Sprintf("%s took from %s to %s in %d runs on clones of one copy (median %s)", m.ShortName(), r.Min, r.Max, r.Runs, r.Median),
		Do:   "Rehearse on a machine that does nothing else, or take the longest for what production may need.",
	})
}
