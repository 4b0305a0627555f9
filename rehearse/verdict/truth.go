package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// truth judges statements whose outcome depends on masked values by what was counted at the source.
func (j *judge) truth() {
	if j.r.Fidelity == nil {
		return
	}
	for i := range j.r.Fidelity.Checks {
		c := &j.r.Fidelity.Checks[i]
		switch c.Conclusion {
		case report.OnlyAtHome:
			j.hidden(c)
		case report.OnlyInCopy:
			if _, broke := j.met(c); broke {
				j.madeUp(c)
			}
		case report.Unchecked, report.HalfKnown:
			j.unchecked(c)
		}
	}
}

// met finds the statement of a check as it ran, nil when it did not, and whether it failed for what the check counts.
func (j *judge) met(c *report.SourceCheck) (st *report.Statement, broke bool) {
	for i := range j.r.Migrations {
		m := &j.r.Migrations[i]
		for k := range m.Statements {
			st := &m.Statements[k]
			if m.Version == c.Migration && st.Line == c.Line && st.File == c.File {
				return st, st.Failure != nil && breaks(c.Kind, st.Failure)
			}
		}
	}
	return nil, false
}

// breaks tells whether a failure is of the kind that rows in the way of a premise make.
func breaks(kind string, f *report.Failure) bool {
	state := map[string]string{"unique": uniqueViolation, "not null": notNullViolation, "check": checkViolation, "foreign key": foreignKeyViolation}[kind]
	return f.SQLState == state && state != "" || kind == "cast" && strings.HasPrefix(f.SQLState, "22")
}

// hidden is a statement that production's rows are in the way of and the copy's are not. If statements before it change such rows they may
// mend production's too, which a copy without any cannot show.
func (j *judge) hidden(c *report.SourceCheck) {
	f := report.Finding{
		Code: OnlyAtSource, Level: report.Fail, ExitCode: exitFailed, Migration: c.Migration, Object: c.Table, File: c.File, Line: c.Line,
		Text: fmt.Sprintf("%s of %s would fail in production; %s: the masks of %s hide it", c.What, c.Table, c.Counts(), idents(c.Columns)),
		Do: "Mend the rows in a migration before this one, and rehearse with masks that keep what it depends on. Count them in production (read-only):\n" +
			indented(c.SQL+";"),
	}
	if c.Mendable {
		f.Level, f.ExitCode = report.Unknown, exitInconclusive
		f.Text += "; statements before it change rows of that table, and whether they mend this the copy cannot show"
	}
	j.add(f)
}

// madeUp is a statement that failed on rows which masks alone have put in its way.
func (j *judge) madeUp(c *report.SourceCheck) {
	j.add(report.Finding{
		Code: OnlyInCopy, Level: report.Unknown, ExitCode: exitInconclusive, Migration: c.Migration, Object: c.Table, File: c.File, Line: c.Line,
		Text: fmt.Sprintf("%s of %s failed in the masked copy only; %s: the masks of %s make it up", c.What, c.Table, c.Counts(), idents(c.Columns)),
		Do:   "Give these columns masks that keep what the statement depends on (rehearse sanitize masks lists them), and rehearse again: what comes after it was not seen.",
	})
}

// unchecked tells that nobody knows whether masks bear on a statement. Of those that no count fits it is a note.
func (j *judge) unchecked(c *report.SourceCheck) {
	level := report.Warn
	if c.Kind == "other" || c.Conclusion == report.HalfKnown && *c.Source == 0 {
		level = report.Info
	}
	j.add(report.Finding{
		Code: NotChecked, Level: level, Migration: c.Migration, Object: c.Table, File: c.File, Line: c.Line,
		Text: fmt.Sprintf("%s of %s depends on masked values (%s) and was %s: %s", c.What, c.Table, idents(c.Columns), c.Conclusion, c.Why),
	})
}

// sourceNote says what the source has to say about a failure, and whether it is the copy's alone.
func (j *judge) sourceNote(m *report.Migration) (note string, onlyHere bool) {
	if j.r.Fidelity == nil {
		return "", false
	}
	i := slices.IndexFunc(j.r.Fidelity.Checks, func(c report.SourceCheck) bool {
		st, broke := j.met(&c)
		return broke && c.Migration == m.Version && st.Failure != nil && c.Source != nil
	})
	if i < 0 {
		return "", false
	}
	switch c := &j.r.Fidelity.Checks[i]; c.Conclusion {
	case report.Confirmed, report.OnlyInCopy:
		return c.Conclusion + ": " + c.Counts(), c.Conclusion == report.OnlyInCopy
	case report.HalfKnown:
		return c.Counts(), false
	}
	return "", false
}
