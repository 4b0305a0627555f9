package verdict

import (
	"fmt"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// What a backfill must leave at least for VACUUM to be worth a finding: so many dead versions of rows, and this share of the table.
const (
	deadRows  = 10_000
	deadShare = 0.1
)

// remains judges what a migration leaves for the server to do, or to stumble upon.
func (j *judge) remains(m *report.Migration) {
	for _, s := range m.Left.Statistics {
		if s.BackBy == 0 {
			j.add(report.Finding{
				Code: StatisticsLost, Level: report.Info, Migration: m.Version, Object: s.Table, File: m.File,
				Text: m.ShortName() + " leaves the planner guessing; " + s.Words(),
				Do:   "Autovacuum gets to it some time later; to be sure, add to the migration, after its last statement:\n" + indented(s.Analyze),
			})
		}
	}
	for _, d := range m.Left.Dead {
		if d.MendedBy != 0 || d.Dead < deadRows || float64(d.Dead) < deadShare*float64(d.Rows) {
			continue
		}
		j.add(report.Finding{
			Code: DeadRows, Level: report.Warn, Migration: m.Version, Object: d.Table, File: m.File,
			Text: m.ShortName() + " leaves " + d.Words(),
			Do:   "Once it is out, outside of a transaction; what grew stays, for new rows:\n" + indented("VACUUM (ANALYZE) "+d.Table+";"),
		})
	}
	for _, s := range m.Left.Sequences {
		if s.MendedBy == 0 {
			j.sequence(m, s)
		}
	}
}

func (j *judge) sequence(m *report.Migration, s report.LeftSequence) {
	f := report.Finding{Code: SequenceBehind, Level: report.Condition, Migration: m.Version, Object: s.Sequence, File: m.File}
	f.Text = "after " + m.ShortName() + " " + s.Words()
	switch s.Kind {
	case report.SequenceBehind:
		f.Text += "; the next insert fails, or gives a number twice where no key forbids it"
		f.Do = "Add to the migration, after the rows are in:\n" + indented(s.SQL)
	case report.SequenceOrphaned:
		f.Code, f.Level = LeftBehind, report.Info
		f.Do = "If nothing else uses it:\n" + indented(s.SQL)
	default:
		f.Code, f.Level = SequenceNearEnd, report.Info
		f.Do = "Plan for a wider column: inserts fail when it is full."
	}
	j.add(f)
}

// room judges WAL and disk by their budgets.
func (j *judge) room(m *report.Migration) {
	if limit := j.p.MaxWAL; limit > 0 && m.WAL > limit {
		j.add(report.Finding{
			Code: WALOverBudget, Level: report.Fail, ExitCode: exitPolicy, Migration: m.Version, File: m.File,
			Text: fmt.Sprintf("%s wrote %s of WAL, over the budget of %s", m.ShortName(), report.Bytes(m.WAL), report.Bytes(limit)),
			Do:   "Work in batches with pauses, so that standbys and archiving keep up, or raise the budget.",
		})
	}
	limit := j.p.MaxDiskPeak
	if limit <= 0 || m.Outcome == report.NotRun {
		return
	}
	if m.Disk == nil {
		j.add(report.Finding{
			Code: NotMeasured, Level: report.Unknown, ExitCode: exitInconclusive, Migration: m.Version, File: m.File,
			Text: fmt.Sprintf("the disk that %s needed could not be measured, and there is a budget for it", m.ShortName()),
		})
		return
	}
	if extra := m.Disk.Extra(); extra > limit {
		j.add(report.Finding{
			Code: DiskOverBudget, Level: report.Fail, ExitCode: exitPolicy, Migration: m.Version, File: m.File,
			Text: fmt.Sprintf("%s needed %s of disk more than before while it ran (%s, without WAL), over the budget of %s", m.ShortName(), report.Bytes(extra), m.Disk.Method, report.Bytes(limit)),
			Do:   "Make the room, change rows in batches with VACUUM in between, or raise the budget.",
		})
	}
}
