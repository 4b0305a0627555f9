package report

import (
	"fmt"
	"slices"
	"strings"
)

// KillOutcome is what becomes of a migration whose session is ended half way, when its migrator is run again.
type KillOutcome string

// The outcomes, from the best to the worst.
const (
	KillResumes      KillOutcome = "resumes"       // the second run succeeds, and the database is as after an undisturbed one
	KillNeedsCleanup KillOutcome = "needs_cleanup" // the second run fails; SQL is known that helps, since it did on a clone
	KillDiffers      KillOutcome = "differs"       // the second run succeeds, and the database is not as after an undisturbed one
	KillWedged       KillOutcome = "wedged"        // the second run fails, and nothing that was tried helps
)

// Weight orders outcomes: what resumes weighs nothing.
func (o KillOutcome) Weight() int {
	return slices.Index([]KillOutcome{KillResumes, KillNeedsCleanup, KillDiffers, KillWedged}, o)
}

// Kill is what was seen of a migration whose backend was terminated, at several points of it one after the other, each time on the
// database as it was before the migration. After each, the migrator was run again on a new session.
type Kill struct {
	Outcome    KillOutcome `json:"outcome"`    // the worst of the points
	Statements int         `json:"statements"` // that the migration has
	Points     []KillPoint `json:"points"`
	LeftOut    string      `json:"left_out,omitempty"` // why not all points were tried; "" when all were
	// NotCompared are columns, as table.column, whose values differ between two undisturbed runs too, so that nothing follows from them.
	NotCompared []string `json:"not_compared,omitempty"`
}

// KillPoint is one place at which a migration was killed.
type KillPoint struct {
	Statement int         `json:"statement"` // counted from 1
	Line      int         `json:"line"`      // of that statement; 0 when it could not be found in the file
	Inside    bool        `json:"inside"`    // killed while it ran; otherwise when it had ended, and before whatever comes next, the commit too
	Stayed    []string    `json:"stayed"`    // what of the migration was in the database then, in words; empty: nothing
	Outcome   KillOutcome `json:"outcome"`
	Failure   *Failure    `json:"failure,omitempty"` // of the second run
	// Differs is what was otherwise after the second run than after an undisturbed one, in words, and DataDiffers that rows or values were.
	Differs     []string `json:"differs,omitempty"`
	DataDiffers bool     `json:"data_differs,omitempty"`
	// Cleanup is SQL that was run on a clone after such a kill, with which the database came to be as after an undisturbed run: with the migrator
	// run again after it or, where ByHand is set, by itself, the entry in the version table included. "" when none is known.
	Cleanup string `json:"cleanup,omitempty"`
	ByHand  bool   `json:"by_hand,omitempty"`
}

// Place is where a point is, for people: "after line 4", "in the middle of line 4".
func (p KillPoint) Place() string {
	at := fmt.Sprintf("line %d", p.Line)
	if p.Line == 0 {
		at = fmt.Sprintf("statement %d", p.Statement)
	}
	if p.Inside {
		return "in the middle of " + at
	}
	return "after " + at
}

// Worst is the point with the worst outcome, the first of them.
func (k *Kill) Worst() KillPoint {
	var worst KillPoint
	for i, p := range k.Points {
		if i == 0 || p.Outcome.Weight() > worst.Outcome.Weight() {
			worst = p
		}
	}
	return worst
}

// Again is what the migrator's second run came to, for people: "goose up resumes", "migrate up fails: ...".
func (p KillPoint) Again(by Migrator) string {
	switch {
	case p.Outcome == KillResumes:
		return by.Up() + " resumes"
	case p.Failure != nil:
		text := by.Up() + " fails: " + p.Failure.Message
		if p.Failure.SQLState != "" {
			text += " (" + p.Failure.SQLState + ")"
		}
		return text
	}
	return by.Up() + " succeeds and leaves something else: " + list(p.Differs, 5)
}

// killed tells what a kill half way leaves.
func (a *arranger) killed() section {
	s := section{Title: "Killed half way"}
	var resume []string
	points := 0
	for i := range a.r.Migrations {
		m := &a.r.Migrations[i]
		switch {
		case m.Kill == nil || len(m.Kill.Points) == 0:
		case m.Kill.Outcome == KillResumes && m.Kill.LeftOut == "":
			resume = append(resume, m.ShortName())
			points += len(m.Kill.Points)
		default:
			s.Items = append(s.Items, a.kill(m)...)
		}
	}
	if len(resume) > 0 {
		verb := " was killed after each statement ("
		if len(resume) > 1 {
			verb = " were killed after each statement ("
		}
		s.Items = append(s.Items, item{Kind: bullet, Text: a.text(list(resume, 10) + verb + Count(int64(points), "point") +
			"); " + a.r.migrator().Up() + " resumed each time, to the same end")})
	}
	if len(s.Items) > 0 {
		s.Items = append(s.Items, item{Text: "Each point on a clone or after a rollback that was verified: the backend was terminated by another session, " + a.r.migrator().Name() + " run again " +
			"on a new one, and schema and rows compared with those of an undisturbed run."})
	}
	return s
}

// kill tells of one migration: points that came to the same are one line.
func (a *arranger) kill(m *Migration) []item {
	title := m.ShortName() + ":"
	if m.Kill.LeftOut != "" {
		title += " " + m.Kill.LeftOut
	}
	items := []item{{Text: a.text(title)}}
	var places [][]string
	var told []KillPoint
	for _, p := range m.Kill.Points {
		same := func(q KillPoint) bool {
			return q.Again(m.By()) == p.Again(m.By()) && slices.Equal(q.Stayed, p.Stayed) && q.Cleanup == p.Cleanup && q.ByHand == p.ByHand
		}
		if i := slices.IndexFunc(told, same); i >= 0 {
			places[i] = append(places[i], p.Place())
			continue
		}
		told, places = append(told, p), append(places, []string{p.Place()})
	}
	for i, p := range told {
		stays := "nothing stays"
		if len(p.Stayed) > 0 {
			stays = "stays: " + list(p.Stayed, 5)
		}
		items = append(items, item{Kind: bullet, Text: a.text(fmt.Sprintf("killed %s: %s; %s", list(places[i], 10), stays, p.Again(m.By())))})
		if p.Cleanup != "" {
			items = append(items, a.advice(p.Advice(m.By()))...)
		}
	}
	if n := m.Kill.NotCompared; len(n) > 0 {
		items = append(items, item{Kind: bullet, Text: a.text("not compared, since two undisturbed runs differ there too: values of " + list(n, 5))})
	}
	return items
}

// Advice is what to do after such a kill, its SQL in lines that begin with four spaces.
func (p KillPoint) Advice(by Migrator) string {
	text := "Killed " + p.Place() + ":"
	switch {
	case p.Cleanup == "":
		return ""
	case p.ByHand:
		text += " do not run " + by.Name() + " again, but finish by hand (tried on a clone, it ends as an undisturbed run does):\n"
	case p.Failure == nil:
		text += " clean up before " + by.Name() + " is run again (tried on a clone, it ends as an undisturbed run does):\n"
	default:
		text += " clean up, then run " + by.Name() + " again (tried on a clone, it ends as an undisturbed run does):\n"
	}
	return text + "    " + strings.ReplaceAll(strings.TrimSpace(p.Cleanup), "\n", "\n    ")
}
