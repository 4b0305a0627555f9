package verdict

import (
	"fmt"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// checks judges what the user asked of the data, and the user's command.
func (j *judge) checks() {
	for _, c := range j.r.Checks {
		f := report.Finding{Code: CheckFailed, Level: report.Fail, ExitCode: exitPolicy, Object: c.Name}
		f.Text = fmt.Sprintf("check %q fails (expected %s): %s", c.Name, c.Expect, c.Says())
		f.Do = "Run its statement before and after each migration on a staging server (rehearse stage) to see which one broke it."
		switch c.Outcome {
		case report.Broken:
		case report.BrokenFirst:
			f.Level, f.ExitCode = report.Warn, 0
			f.Text += "; it was so before the release"
			f.Do = "Mend the data, or the check."
		case report.NotKnown:
			f.Level, f.ExitCode = report.Unknown, exitInconclusive
			f.Text = fmt.Sprintf("check %q could not be asked: %s", c.Name, c.Says())
			f.Do = "Mend its statement: it must be understood before the migrations, and after them."
		default:
			continue
		}
		j.add(f)
	}
	if c := j.r.CheckCommand; c != nil && c.Why == "" && c.Status != 0 {
		j.add(report.Finding{
			Code: CheckFailed, Level: report.Fail, ExitCode: exitPolicy, Object: "check command",
			Text: fmt.Sprintf("the check command ended with status %d after %s, on a clone of the migrated copy", c.Status, c.Took),
			Do:   "Its own output says what it found wrong: it went to stderr.",
		})
	}
}
