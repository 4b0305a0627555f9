package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// kill weighs what a kill half way leaves of a migration. A GO stays possible where the SQL that helps is at hand, as after a CREATE INDEX
// CONCURRENTLY that was killed; it is conditional where a second run changes data without a word, or nothing helps.
func (j *judge) kill(m *report.Migration) {
	if m.Kill == nil || m.Kill.Outcome.Weight() < 1 {
		return
	}
	p := m.Kill.Worst()
	f := report.Finding{Level: report.Warn, Migration: m.Version, File: m.File, Line: p.Line}
	f.Text = fmt.Sprintf("%s, killed %s: %s", m.ShortName(), p.Place(), p.Again(m.By()))
	f.Do = p.Advice(m.By())
	switch p.Outcome {
	case report.KillNeedsCleanup:
		f.Code = KillNeedsCleanup
		f.Do += repeatable(m, &f)
	case report.KillDiffers:
		f.Code = KillDiffers
		if p.DataDiffers {
			f.Level = report.Condition
		}
		if f.Do == "" {
			f.Do = "Do not run " + m.By().Name() + " again after such a kill before the difference is mended: make each statement do nothing where it has been done, or give it a transaction."
		}
	case report.KillWedged:
		f.Code, f.Level = KillWedged, report.Condition
		f.Do = "Know before the release how to go on after such a kill: nothing that was tried helps. Make the statements repeatable, or give each a file of its own."
	}
	j.add(f)
}

// repeatable says what would spare the clean-up. golang-migrate marks a version dirty before its file, so that nothing does: where that mark is all
// that a kill leaves, it is no more than something to know.
func repeatable(m *report.Migration, f *report.Finding) string {
	invalid := slices.ContainsFunc(m.Kill.Points, func(p report.KillPoint) bool {
		return slices.ContainsFunc(p.Stayed, func(what string) bool { return strings.HasSuffix(what, "(invalid)") })
	})
	switch {
	case m.Migrator != report.GolangMigrate && invalid:
		return "\nA file that begins with DROP INDEX CONCURRENTLY IF EXISTS resumes by itself; IF NOT EXISTS alone takes the invalid index for the one that is wanted."
	case m.Migrator != report.GolangMigrate:
		return "\nStatements that can be repeated (IF NOT EXISTS, IF EXISTS), or a file for each, resume by themselves."
	}
	if !slices.ContainsFunc(m.Kill.Points, func(p report.KillPoint) bool { return len(p.Stayed) > 1 || p.Outcome != report.KillNeedsCleanup }) {
		f.Level = report.Info
	}
	return "\nWhat is done to the version table is what migrate force does: golang-migrate marks a version dirty before its file, and that stays whatever the server undoes."
}
