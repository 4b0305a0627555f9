package report

import (
	"cmp"
	"fmt"
	"slices"
)

func (a *arranger) headline() string {
	h := a.r.Verdict.Title()
	if a.r.Reason != "" {
		h += ": " + a.r.Reason
	}
	return a.text(h)
}

// circumstances is the line below the verdict: what was rehearsed, on what, as whom.
func (a *arranger) circumstances() []string {
	r := a.r
	parts := []string{Count(int64(len(r.Migrations)), "pending migration")}
	if len(r.Migrations) == 0 && r.Stopped != nil {
		parts = nil // nobody looked yet
	}
	switch s := r.Snapshot; {
	case s.TakenAt.IsZero():
		parts = append(parts, "nothing was copied")
	default:
		where := fmt.Sprintf("masked copy of %s @ %sZ", r.Source.Database, s.TakenAt.UTC().Format("2006-01-02 15:04"))
		if s.LSN != "" {
			where += " (LSN " + s.LSN + ")"
		}
		if s.Archive != nil {
			where += ", from snapshot " + s.Archive.Name
		}
		parts = append(parts, where)
	}
	if r.Source.Version != "" {
		parts = append(parts, a.versions())
	}
	if len(r.Snapshot.Tables) > 0 {
		parts = append(parts, a.shareOfRows())
	}
	if r.Session.Role != "" {
		parts = append(parts, "applied as role "+r.Session.Role)
	}
	for i := range parts {
		parts[i] = a.cell(parts[i])
	}
	return parts
}

func (a *arranger) versions() string {
	v := "PostgreSQL " + a.r.Source.Version
	if s := a.r.Staging.Version; s != "" && s != a.r.Source.Version {
		v += " (staging " + s + ")"
	}
	return v
}

// migrations is the table with a line per migration.
func (a *arranger) migrations() section {
	s := section{Title: "Migrations", Open: true}
	all := a.r.Migrations
	if len(all) == 0 {
		if a.r.Stopped == nil {
			s.Items = []item{{Text: "No migration is pending: every file is in the version table."}}
		}
		return s
	}
	shown := a.worthShowing()
	g := &grid{Head: a.migrationHead(), Right: []int{2}}
	for _, i := range shown {
		g.Rows = append(g.Rows, a.migrationRow(&all[i]))
		g.Marks = append(g.Marks, a.mark(&all[i]))
	}
	a.downs(g, shown)
	s.Items = append(s.Items, item{Kind: tabular, Grid: g})
	if n := len(all) - len(shown); n > 0 {
		s.Items = append(s.Items, item{Text: a.others(shown)})
	}
	if slices.ContainsFunc(all, func(m Migration) bool { return m.Outcome == Applied }) {
		s.Items = append(s.Items, item{Text: "Seconds are those of this staging server. In production likely the same shape, with different seconds; " +
			"and each lock first waits for the transactions that hold the table."})
	}
	s.Items = append(s.Items, a.bill()...)
	return s
}

// worthShowing picks the migrations to show, in order of application: what failed, what has findings, then the slowest.
func (a *arranger) worthShowing() []int {
	all := a.r.Migrations
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	if len(all) <= a.lim.rows {
		return order
	}
	rank := func(m *Migration) int {
		switch {
		case m.Outcome == Failed || m.Outcome == TimedOut:
			return 0
		case m.Outcome == NotRun:
			return 6
		default:
			return 5 - a.mark(m).Weight()
		}
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(rank(&all[i]), rank(&all[j])), cmp.Compare(all[j].Duration, all[i].Duration))
	})
	order = order[:a.lim.rows]
	slices.Sort(order)
	return order
}

// others sums up the migrations that are not in the table.
func (a *arranger) others(shown []int) string {
	var applied, notRun int64
	var total, longest Duration
	for i, m := range a.r.Migrations {
		if _, ok := slices.BinarySearch(shown, i); ok {
			continue
		}
		if m.Outcome == NotRun {
			notRun++
			continue
		}
		applied++
		total += m.Duration
		longest = max(longest, m.Duration)
	}
	text := "The table shows those with findings and the slowest."
	if applied > 0 {
		text += fmt.Sprintf(" %s more: together %s, none longer than %s.", Count(applied, "migration"), total, longest)
	}
	if notRun > 0 {
		text += fmt.Sprintf(" %s more: not run.", Count(notRun, "migration"))
	}
	return text
}

// mark is the weight of a migration's line.
func (a *arranger) mark(m *Migration) Level {
	switch m.Outcome {
	case Failed:
		return Fail
	case TimedOut, NotRun:
		return Unknown
	}
	if l, ok := a.worst[m.Version]; ok {
		return l
	}
	return Info
}

func (a *arranger) migrationRow(m *Migration) []string {
	if m.Outcome == NotRun {
		row := slices.Repeat([]string{a.sym.none}, len(a.migrationHead()))
		row[0], row[1] = a.cell(m.ShortName()), "not run"
		return row
	}
	time := m.Duration.String()
	if m.Waited > 0 {
		time += fmt.Sprintf(" (%s waiting for locks)", m.Waited)
	}
	if m.Slept > 0 {
		time += fmt.Sprintf(" (%s asleep)", m.Slept)
	}
	row := slices.Concat([]string{m.ShortName(), a.resultWord(m), time}, a.blockedCells(m), []string{a.rewritten(m), a.rowsChanged(m)})
	for i := range row {
		row[i] = a.cell(row[i])
	}
	return row
}

func (a *arranger) resultWord(m *Migration) string {
	switch m.Outcome {
	case Failed:
		if m.Failure != nil && m.Failure.SQLState != "" {
			return a.sym.bad + "FAILED " + m.Failure.SQLState
		}
		return a.sym.bad + "FAILED"
	case TimedOut:
		return a.sym.bad + "TIMED OUT"
	}
	switch l := a.mark(m); l {
	case Info:
		return a.sym.ok + "ok"
	case Fail:
		return a.sym.bad + "NO-GO"
	default:
		return a.sym.warn + l.Title()
	}
}

// doThisFirst are the findings that matter to the verdict, each with its exact step.
func (a *arranger) doThisFirst() section {
	s := section{Title: "Do this first", Open: true}
	if a.r.Verdict == Go {
		s.Title = "Warnings"
	}
	var n, left int
	for _, f := range a.r.Findings {
		switch {
		case f.Level.Weight() == 0:
			continue
		case n == a.lim.lines:
			left++
			continue
		}
		n++
		s.Items = append(s.Items, a.finding(step, f)...)
	}
	if left > 0 {
		s.Items = append(s.Items, item{Text: Count(int64(left), "more finding") + " in the JSON result, none of greater weight."})
	}
	return s
}

func (a *arranger) alsoSeen() section {
	s := section{Title: "Also seen"}
	for _, f := range a.r.Findings {
		if f.Level.Weight() == 0 {
			s.Items = append(s.Items, a.finding(bullet, f)...)
		}
	}
	s.Items = atMost(s.Items, 2*a.lim.lines, "lines")
	return s
}

func (a *arranger) finding(kind itemKind, f Finding) []item {
	text := f.Text
	if at := place(f.File, f.Line); at != "" {
		text += " (" + at + ")"
	}
	text += " [" + f.Code + "]"
	return append([]item{{Kind: kind, Level: f.Level, Text: a.text(text)}}, a.advice(f.Do)...)
}
