package verdict

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// run judges whether the rehearsal came to its end, and what it could not see.
func (j *judge) run() {
	r := j.r
	if s := r.Stopped; s != nil {
		j.add(report.Finding{
			Code: RunStopped, Level: report.Unknown, ExitCode: s.ExitCode,
			Text: fmt.Sprintf("the rehearsal stopped at %q: %s", s.Phase, s.Reason),
			Do:   "Mend that and rehearse again: nothing is known about what was not reached.",
		})
	} else if len(r.Migrations) == 0 {
		j.add(report.Finding{Code: NoPending, Level: report.Info, Text: "no migration is pending: the version table has every file"})
	}
	for _, n := range r.NotMeasured {
		if n.Needed {
			j.add(report.Finding{
				Code: NotMeasured, Level: report.Unknown, ExitCode: exitInconclusive, Object: n.What,
				Text: fmt.Sprintf("the policy needs %s, which was not measured: %s", n.What, n.Why),
			})
		}
	}
	for _, e := range r.Snapshot.SchemaErrors {
		j.schemaError(e)
	}
	j.audit()
	j.notRun()
}

// schemaError weighs an object that staging lacks: it leaves the question open when a migration names it.
func (j *judge) schemaError(e report.SchemaError) {
	f := report.Finding{
		Code: SchemaRestore, Level: report.Warn, Object: e.Object,
		Text: fmt.Sprintf("%s could not be made in staging: %s; no migration names it", e.Object, e.Reason),
	}
	_, name, _ := strings.Cut(e.Object, " ")
	for i := range j.r.Migrations {
		m := &j.r.Migrations[i]
		if s := readScript(m); s.names(parseRelation(name)) || s.names(lastWord(e.Object)) {
			f.Level, f.ExitCode, f.Migration = report.Unknown, exitInconclusive, m.Version
			f.Text = fmt.Sprintf("%s names %s, which could not be made in staging: %s", m.ShortName(), e.Object, e.Reason)
			break
		}
	}
	j.add(f)
}

func lastWord(s string) relation {
	return parseRelation(s[strings.LastIndexByte(s, ' ')+1:])
}

// notRun tells once which migrations were never tried.
func (j *judge) notRun() {
	var names []string
	f := report.Finding{Code: MigrationNotRun, Level: report.Unknown, ExitCode: exitInconclusive}
	for _, m := range j.r.Migrations {
		switch m.Outcome {
		case report.Failed, report.TimedOut:
			f.Level, f.ExitCode = report.Info, 0
		case report.NotRun:
			if len(names) == 0 {
				f.Migration = m.Version
			}
			names = append(names, m.ShortName())
		}
	}
	if len(names) == 0 {
		return
	}
	was := " was not run, so nothing is known about it: "
	if len(names) > 1 {
		was = " were not run, so nothing is known about them: "
	}
	f.Text = report.Count(int64(len(names)), "migration") + was + some(names)
	j.add(f)
}

// some names the first five.
func some(names []string) string {
	if len(names) > 5 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:5], ", "), len(names)-5)
	}
	return strings.Join(names, ", ")
}

// drift judges where the version table and the files disagree.
func (j *judge) drift() {
	d := j.r.Drift
	if d == nil {
		return
	}
	level, exit := report.Fail, exitDrift
	if d.Allowed {
		level, exit = report.Warn, 0
	}
	if n := len(d.MissingFiles); n > 0 {
		names := make([]string, n)
		for i, v := range d.MissingFiles {
			names[i] = fmt.Sprint(v)
		}
		j.add(report.Finding{
			Code: DriftMissingFile, Level: level, ExitCode: exit,
			Text: fmt.Sprintf("%s applied in production %s no file here: %s", report.Count(int64(n), "version"), has1(n), some(names)),
			Do:   "Bring the files back (they were merged elsewhere, renamed or deleted), or rehearse the branch that has them.",
		})
	}
	if n := len(d.OutOfOrder); n > 0 {
		do := "goose stops here: give the files versions above the newest, or deploy and rehearse with out-of-order migrations allowed (--allow-missing)."
		if d.Allowed {
			do = "They were rehearsed since --allow-missing was given: goose up stops here unless the deploy gives it too."
		}
		j.add(report.Finding{
			Code: DriftOutOfOrder, Level: level, ExitCode: exit,
			Text: fmt.Sprintf("%s below production's newest version %s never applied there: %s", report.Count(int64(n), "file"), was(n), some(d.OutOfOrder)),
			Do:   do,
		})
	}
}

func has1(n int) string {
	if n == 1 {
		return "has"
	}
	return "have"
}

func was(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

// time judges the budgets of time.
func (j *judge) time() {
	var total report.Duration
	for _, m := range j.r.Migrations {
		total += m.Took()
		if limit := report.Duration(j.p.MaxMigrationTime); limit > 0 && m.Took() > limit {
			j.add(report.Finding{
				Code: MigrationOverBudget, Level: report.Fail, ExitCode: exitPolicy, Migration: m.Version, File: m.File,
				Text: fmt.Sprintf("%s took %s%s, over the budget of %s for a migration", m.ShortName(), m.Took(), slept(m), limit),
				Do:   "Split it: changes of the schema in one migration, changes of rows in batches outside of it.",
			})
		}
	}
	if limit := report.Duration(j.p.MaxTotalTime); limit > 0 && total > limit {
		j.add(report.Finding{
			Code: TotalOverBudget, Level: report.Fail, ExitCode: exitPolicy,
			Text: fmt.Sprintf("all migrations together took %s, over the budget of %s", total, limit),
			Do:   "Release them in parts, or take the slowest out of the release.",
		})
	}
}

func slept(m report.Migration) string {
	text := ""
	if m.Slept > 0 {
		text = fmt.Sprintf(" (%s of it asleep)", m.Slept)
	}
	if m.Repeat != nil {
		text += fmt.Sprintf(" (median of %d runs)", m.Repeat.Runs)
	}
	return text
}

// outcome judges what became of a migration.
func (j *judge) outcome(m *report.Migration) {
	isGo := strings.HasSuffix(m.File, ".go") || strings.HasSuffix(m.Name, ".go")
	switch m.Outcome {
	case report.Failed:
		j.failed(m)
	case report.TimedOut:
		j.add(report.Finding{
			Code: MigrationTimedOut, Level: report.Unknown, ExitCode: exitTimeout, Migration: m.Version, File: m.File, Line: failLine(m),
			Text: fmt.Sprintf("%s had not finished after %s, when the time limit of the rehearsal ended it", m.ShortName(), m.Duration),
			Do:   "Rehearse with a higher --timeout to learn how long it takes; if it waits for something, nothing in staging will ever give it.",
		})
		j.halfApplied(m)
	case report.NotRun:
		if isGo {
			j.add(report.Finding{
				Code: GoMigration, Level: report.Unknown, ExitCode: exitInconclusive, Migration: m.Version, File: m.File,
				Text: fmt.Sprintf("%s is a Go migration and was not run: its code is not part of this program", m.ShortName()),
				Do:   "Rehearse with the program that has the Go migrations compiled in.",
			})
		}
		return
	case report.Applied:
		j.passedOver(m)
		if isGo {
			j.add(report.Finding{
				Code: GoMigration, Level: report.Info, Migration: m.Version, File: m.File,
				Text: fmt.Sprintf("%s is a Go migration: its statements were seen, without their lines", m.ShortName()),
			})
		}
	}
}

func failLine(m *report.Migration) int {
	if m.Failure != nil {
		return m.Failure.Line
	}
	return 0
}

// failed is the finding of a migration that the server refused.
func (j *judge) failed(m *report.Migration) {
	f := m.Failure
	if f == nil {
		f = &report.Failure{Message: "no reason was recorded"}
	}
	state := ""
	if f.SQLState != "" {
		state = " (" + f.SQLState + ")"
	}
	found := report.Finding{
		Code: MigrationFailed, Level: report.Fail, ExitCode: exitFailed, Migration: m.Version, Object: f.Table, File: f.File, Line: f.Line,
		Text: fmt.Sprintf("%s failed: %s%s", m.ShortName(), f.Message, state),
	}
	if found.File == "" {
		found.File = m.File
	}
	if f.SQLState == diskFull {
		found.Level, found.ExitCode = report.Unknown, exitStaging
		found.Text += "; the disk of the staging server is full, which says nothing about production"
		found.Do = "Rehearse again where staging has more room: as much as the source's database, and again what the migration makes."
		j.add(found)
		return
	}
	c := newCause(m, f)
	if c.lacksExtension() {
		found.Level, found.ExitCode = report.Unknown, exitInconclusive
		found.Text += "; the staging server lacks the extension, which says nothing about production"
	}
	counted, do := c.offenders()
	if counted != "" {
		found.Text += "; " + counted
	}
	said, onlyHere := j.sourceNote(m)
	switch note := j.maskNote(c); {
	case said != "": // the source was asked: there is nothing to infer from masks
		found.Text += "; " + said
	case note != "":
		found.Text += "; " + note
	}
	found.Do = cmp.Or(do, c.advice(j.r.Session))
	if onlyHere { // what to do is told with that finding
		found.Level, found.ExitCode, found.Do = report.Unknown, exitInconclusive, ""
	}
	if note, do := j.inPart(c); note != "" {
		found.Level, found.ExitCode = report.Unknown, exitInconclusive
		found.Text, found.Do = found.Text+"; "+note, do
	}
	j.add(found)
	j.halfApplied(m)
}

// halfApplied tells what a migration that is not one transaction leaves in the database when it does not finish.
func (j *judge) halfApplied(m *report.Migration) {
	if !isHalfApplied(m) {
		return
	}
	f := report.Finding{
		Code: HalfApplied, Level: report.Fail, ExitCode: exitFailed, Migration: m.Version, File: m.File,
		Text: fmt.Sprintf("%s is half applied, since not all of it ran in one transaction: %s", m.ShortName(), m.Failure.StaysApplied),
		Do:   "Running it again meets what is there already. Make each statement repeatable (IF NOT EXISTS), or give each a file of its own.",
	}
	if m.Outcome == report.TimedOut {
		f.Level, f.ExitCode = report.Condition, 0
	}
	var sql []string
	for _, l := range m.Leftovers {
		if l.SQL != "" {
			sql = append(sql, indented(l.SQL))
		}
	}
	if slices.ContainsFunc(m.Leftovers, func(l report.Leftover) bool { return l.Kind == kindInvalidIndex }) {
		f.Do += " IF NOT EXISTS would take an invalid index for the one that is wanted: drop it first."
	}
	if len(sql) > 0 {
		f.Do += " To clean up:\n" + strings.Join(sql, "\n")
	}
	j.add(f)
}

func isHalfApplied(m *report.Migration) bool {
	return m.Failure != nil && m.Failure.StaysApplied != ""
}

// indented sets SQL as [report.Finding.Do] wants it.
func indented(sql string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(sql), "\n", "\n    ")
}

// left judges what the release as a whole leaves half done.
func (j *judge) left() {
	for _, l := range j.r.Leftovers {
		m := j.origin(l)
		if m != nil && m.Outcome != report.Applied && isHalfApplied(m) {
			continue // its clean-up is told there
		}
		f := report.Finding{Code: LeftBehind, Level: report.Warn, Object: l.Object}
		if m != nil {
			f.Migration, f.File = m.Version, m.File
		}
		f.Text = fmt.Sprintf("left behind on %s: %s %s", l.Table, l.Kind, l.Object)
		switch l.Kind {
		case kindInvalidIndex:
			f.Code, f.Level = InvalidIndex, report.Condition
			f.Text = fmt.Sprintf("index %s on %s is left invalid: no query uses it and every write still pays for it", l.Object, l.Table)
		case kindNotValid:
			f.Code, f.Level = ConstraintNotValid, report.Info
			f.Text = fmt.Sprintf("constraint %s on %s is not validated: it holds for new rows only", l.Object, l.Table)
		}
		if l.SQL != "" {
			f.Do = "Once the release is out:\n" + indented(l.SQL)
		}
		j.add(f)
	}
}

// origin is the migration that left something behind, nil when it is not known.
func (j *judge) origin(l report.Leftover) *report.Migration {
	for i := range j.r.Migrations {
		m := &j.r.Migrations[i]
		for _, o := range m.Leftovers {
			if o.Kind == l.Kind && o.Object == l.Object && o.Table == l.Table {
				return m
			}
		}
	}
	return nil
}

// files tells what the files themselves lack.
func (j *judge) files() {
	var noDown, empty []string
	for _, m := range j.r.Migrations {
		if j.withoutDown(&m) && !m.Command {
			noDown = append(noDown, m.ShortName())
		}
		if m.Empty {
			empty = append(empty, m.ShortName())
		}
	}
	if len(noDown) > 0 {
		j.add(report.Finding{
			Code: NoDown, Level: report.Info,
			Text: fmt.Sprintf("%s without a Down: rolling back would undo nothing and report success: %s", report.Count(int64(len(noDown)), "migration"), some(noDown)),
		})
	}
	if len(empty) > 0 {
		j.add(report.Finding{
			Code: EmptyMigration, Level: report.Info,
			Text: fmt.Sprintf("%s without a statement: %s", report.Count(int64(len(empty)), "migration"), some(empty)),
		})
	}
}
