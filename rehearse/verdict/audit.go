package verdict

import (
	"fmt"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// audit weighs what the scan of the copy found. A leak leaves open what the migrations do: the copy is gone.
func (j *judge) audit() {
	a := j.r.Audit
	for _, l := range a.Leaks {
		what := "what the masks were to take out: "
		if l.Code == PersonalForm {
			what = "what looks personal and has no mask: "
		}
		j.add(report.Finding{
			Code: l.Code, Level: report.Unknown, ExitCode: exitMasking, Object: l.Where,
			Text: "the masked copy holds " + what + l.String(),
			Do:   "Give it a mask, or say under audit: allow: in the masking rules why it may stay.",
		})
	}
	for _, l := range a.Accepted {
		j.add(report.Finding{
			Code: l.Code, Level: report.Info, Object: l.Where, Text: fmt.Sprintf("%s; accepted: %s", l, l.Reason),
		})
	}
	if a.Why != "" {
		j.add(report.Finding{Code: NotAudited, Level: report.Warn, Text: "the copy was not audited for values that its masks were to take out: " + a.Why})
	}
}
