package verdict

import "github.com/rehearse-db/rehearse/rehearse/report"

// anonymity judges whether of every row there are as many alike as the rules ask for. A copy with less is a warning, and nobody's where the
// rules say so: then the run stopped there.
func (j *judge) anonymity() {
	for _, g := range j.r.Masking.Anonymity {
		if g.GroupsBelow == 0 {
			continue
		}
		f := report.Finding{
			Code: KAnonymity, Level: report.Warn, Object: g.Table, Text: g.String(),
			Do: "Mask one of the columns, or mask it coarser, or copy less rows of the table; the counts are of the copy, before any migration.",
		}
		if g.Fail && j.r.Stopped != nil {
			f.Level, f.ExitCode = report.Unknown, exitMasking
		}
		j.add(f)
	}
}
