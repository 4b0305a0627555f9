package verdict

import (
	"fmt"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// curves holds times that nobody has seen, inferred for more rows than the copy has, against the budgets of time. What is wholly above one is a
// condition, never a failure: those are for what was seen.
func (j *judge) curves() {
	var least, most report.Duration
	inferred, whole := false, true
	for i := range j.r.Migrations {
		m := &j.r.Migrations[i]
		took := beyond(m)
		if took == nil {
			whole = whole && m.Curve != nil && m.Curve.Whole.Source != nil
			least, most = least+m.Took(), most+m.Took()
			continue
		}
		inferred = true
		least, most = least+took.Least, most+took.Most
		limit := report.Duration(j.p.MaxMigrationTime)
		if limit == 0 || m.Took() > limit || took.Most <= limit {
			continue
		}
		f := report.Finding{
			Code: TimeInferred, Level: report.Info, Migration: m.Version, File: m.File,
			Text: fmt.Sprintf("%s took %s on the copy's rows; in production (inferred, by %d times at %s) it takes %s, and the budget for a migration is %s",
				m.ShortName(), m.Took(), times(&m.Curve.Whole), report.Count(int64(len(m.Curve.Whole.Points)), "size"), took, limit),
		}
		if took.Least > limit {
			f.Level = report.Condition
			f.Do = "Rehearse it on all rows before the release, or split it: changes of the schema in one migration, changes of rows in batches outside of it."
		}
		j.add(f)
	}
	if inferred {
		j.allInferred(least, most, whole)
	}
}

// allInferred is the same for all migrations together; whole says that there is an interval for each: others take as long as was seen at least.
func (j *judge) allInferred(least, most report.Duration, whole bool) {
	limit := report.Duration(j.p.MaxTotalTime)
	var seen report.Duration
	for _, m := range j.r.Migrations {
		seen += m.Took()
	}
	if limit == 0 || seen > limit || most <= limit || !whole && least <= limit {
		return
	}
	sum := fmt.Sprintf("%s to %s", least, most)
	if !whole {
		sum = fmt.Sprintf("%s at least", least)
	}
	f := report.Finding{
		Code: TimeInferred, Level: report.Info,
		Text: fmt.Sprintf("all migrations together took %s on the copy's rows; in production (inferred: the sum of what each takes) it is %s, "+
			"and the budget is %s", seen, sum, limit),
	}
	if least > limit {
		f.Level, f.Do = report.Condition, "Rehearse them on all rows before the release, release them in parts, or take the slowest out of the release."
	}
	j.add(f)
}

// beyond is the time of a migration inferred for more rows than the copy has; nil where none is, or where its time was seen.
func beyond(m *report.Migration) *report.Inferred {
	if m.Curve == nil || m.Curve.Whole.Source == nil || !m.Curve.Whole.Source.Beyond {
		return nil
	}
	return m.Curve.Whole.Source
}

// times are how many times were taken.
func times(g *report.Growth) (n int) {
	for _, p := range g.Points {
		n += len(p.Took)
	}
	return n
}
