package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// What [Policy.RequireDown] may ask for.
const (
	downReversible = "reversible"
	downSchema     = "schema"
)

// back judges the way back of a migration: by the budget where there is one, else as a warning.
func (j *judge) back(m *report.Migration) {
	b := m.Back
	if b == nil {
		j.notWalked(m)
		return
	}
	f := report.Finding{Level: report.Warn, Migration: m.Version, File: m.File}
	who := m.ShortName()
	switch b.Verdict {
	case report.BackFails:
		f.Code, f.Text = DownFails, fmt.Sprintf("the down of %s fails: %s", who, failureText(b.Failure))
		f.Do = "Mend the down, and rehearse again: it never ran on rows like these."
		if b.Failure != nil {
			f.Line, f.Object = b.Failure.Line, b.Failure.Table
			if b.Failure.StaysApplied != "" {
				f.Text += "; of it stay " + b.Failure.StaysApplied
			}
		}
	case report.BackNoOp:
		f.Code, f.Text = DownNoOp, "the down of "+who+" does nothing: "+m.Migrator.Name()+" counts the migration as rolled back, and all of it stays"
		if !m.HasDown {
			f.Text = "the down of " + who + " has no statement: " + m.Migrator.Name() + " counts the migration as rolled back, and all of it stays"
		}
		f.Do = "Write it, or take the section out, so that nobody counts on it."
	case report.BackLossy:
		f.Code, f.Text = DownLossy, fmt.Sprintf("the down of %s does not bring back %s", who, lossText(b.Lost))
		if f.Object = b.Lost[0].Table; b.Lost[0].Column != "" {
			f.Object += "." + ident(b.Lost[0].Column)
		}
		f.Do = "Only a backup, or a copy of the values made before the migration, brings them back: have one before the release."
	case report.BackSchemaOnly:
		f.Code, f.Level = DownLeaves, report.Info
		f.Text = "the down of " + who + " takes the schema back and loses nothing, but leaves what the migration wrote"
		f.Object = b.Data[0].Table
	}
	if f.Code != "" {
		j.required(&f, b)
		j.add(f)
	}
	j.incomplete(m)
	j.again(m)
	if b.Verdict == report.BackNone && j.p.RequireDown != "" {
		f = report.Finding{Code: NoDown, Level: report.Warn, Migration: m.Version, File: m.File, Text: who + " has no down"}
		j.required(&f, b)
		j.add(f)
	}
}

// notWalked leaves a budget open that nobody could look at. A migration without a statement has nothing to take back.
func (j *judge) notWalked(m *report.Migration) {
	if j.p.RequireDown == "" || m.Outcome != report.Applied || m.Empty {
		return
	}
	j.add(report.Finding{
		Code: NotMeasured, Level: report.Unknown, ExitCode: exitInconclusive, Migration: m.Version, File: m.File, Object: m.ShortName(),
		Text: fmt.Sprintf("the policy needs the way back of %s to be %s, and it was not walked", m.ShortName(), j.p.RequireDown),
		Do:   "Rehearse with the pass down (--passes), and with more --pass-time where it ran out.",
	})
}

// required gives a finding about a way back the weight that the budget has for it.
func (j *judge) required(f *report.Finding, b *report.Back) {
	if met(j.p.RequireDown, b) {
		return
	}
	f.Level, f.ExitCode = report.Fail, exitPolicy
	f.Text += "; the budget asks for a down that " + map[string]string{
		downReversible: "restores schema and data", downSchema: "restores the schema",
	}[j.p.RequireDown]
}

// met tells whether a way back is as good as a budget asks.
func met(require string, b *report.Back) bool {
	switch {
	case require == "" || b.Verdict == report.BackNothing || b.Verdict == report.BackReversible:
		return true
	case require == downReversible:
		return false
	}
	return b.Verdict == report.BackSchemaOnly || b.Verdict == report.BackLossy && len(b.NotRestored) == 0 ||
		b.Verdict == report.BackNoOp && len(b.NotRestored) == 0
}

// incomplete tells what of the schema does not come back.
func (j *judge) incomplete(m *report.Migration) {
	b := m.Back
	if len(b.NotRestored) == 0 || b.Verdict == report.BackNoOp {
		return
	}
	var names []string
	for _, c := range b.NotRestored {
		names = append(names, notRestored(c)...)
	}
	f := report.Finding{
		Code: DownIncomplete, Level: report.Warn, Migration: m.Version, File: m.File, Object: b.NotRestored[0].Name,
		Text: fmt.Sprintf("the down of %s does not restore the schema as it was: %s", m.ShortName(), some(names)),
		Do:   "Compare with the section on rolling back, and complete the down. What cannot be taken back, such as a label of an enum, say so in the file.",
	}
	j.required(&f, b)
	j.add(f)
}

// notRestored names what differs, by the parts of an object that is still there.
func notRestored(c report.Change) []string {
	switch {
	case c.Action == "dropped":
		return []string{c.Kind + " " + c.Name + " is missing"}
	case c.Action == "added":
		return []string{c.Kind + " " + c.Name + " is left"}
	}
	var out []string
	for _, a := range c.Attributes {
		out = append(out, a.Name+" of "+c.Kind+" "+c.Name+" is another")
	}
	for _, child := range c.Children {
		out = append(out, notRestored(child)...)
	}
	return out
}

// again tells that a migration does not apply a second time, after its down.
func (j *judge) again(m *report.Migration) {
	a := m.Back.Again
	if a == nil {
		return
	}
	f := report.Finding{Code: UpAgainFails, Level: report.Warn, Migration: m.Version, File: m.File}
	switch {
	case a.Outcome != report.Applied:
		f.Text = fmt.Sprintf("%s cannot be applied again after its down: %s", m.ShortName(), failureText(a.Failure))
		if a.Failure != nil {
			f.Line, f.Object = a.Failure.Line, a.Failure.Table
		}
		f.Do = "Have the down take back all that the up makes, or the up meet what may be there (IF NOT EXISTS, ON CONFLICT)."
	case len(a.Differences) > 0:
		f.Code, f.Object = UpAgainDiffers, a.Differences[0].Name
		var names []string
		for _, c := range a.Differences {
			names = append(names, notRestored(c)...)
		}
		f.Text = fmt.Sprintf("%s applied again after its down makes another schema: %s", m.ShortName(), some(names))
		f.Do = "What the down leaves behind decides what the up makes: have it take back all."
	default:
		return
	}
	j.add(f)
}

func failureText(f *report.Failure) string {
	if f == nil {
		return "no reason was recorded"
	}
	if f.SQLState != "" {
		return fmt.Sprintf("%s (%s)", f.Message, f.SQLState)
	}
	return f.Message
}

func lossText(lost []report.ColumnLoss) string {
	lost = slices.Clone(lost)
	slices.SortStableFunc(lost, func(a, b report.ColumnLoss) int { return int(b.Rows - a.Rows) })
	var out []string
	for _, l := range lost[:min(len(lost), 5)] {
		out = append(out, l.String())
	}
	if n := len(lost) - len(out); n > 0 {
		out = append(out, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(out, ", ")
}

// withoutDown tells a migration to be listed as having no down: where its way back was walked, what is told of that does not stand twice.
func (j *judge) withoutDown(m *report.Migration) bool {
	if m.Back == nil {
		return !m.HasDown
	}
	return m.Back.Verdict == report.BackNone && j.p.RequireDown == ""
}
