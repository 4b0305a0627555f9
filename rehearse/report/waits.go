package report

import (
	"fmt"
	"slices"
	"strings"
)

// migrationHead are the columns of the table of migrations: where probes asked, how long reads and writes waited; else how long locks were held.
func (a *arranger) migrationHead() []string {
	if a.r.Probing == nil {
		return []string{"migration", "result", "time", "blocked meanwhile", "rewritten", "rows changed"}
	}
	return []string{"migration", "result", "time", "reads blocked", "writes blocked", "rewritten", "rows changed"}
}

// blockedCells are the cells of a migration below the columns that say what it blocked.
func (a *arranger) blockedCells(m *Migration) []string {
	if a.r.Probing == nil {
		return []string{a.blocked(m)}
	}
	var reads, writes Kept
	for _, k := range a.r.Kept(m) {
		if k.Reads.Total > reads.Reads.Total {
			reads = k
		}
		if k.Writes.Total > writes.Writes.Total {
			writes = k
		}
	}
	cells := []string{blockedCell(reads, reads.Reads), blockedCell(writes, writes.Writes)}
	for i, cell := range cells {
		switch {
		case cell != "":
		case slices.ContainsFunc(m.Statements, Statement.LocksUnseen):
			cells[i] = "nothing seen"
		case i == 1 && slices.ContainsFunc(m.Rows, func(t TableRows) bool { return t.Before != nil && t.Updated+t.Deleted > 0 }):
			cells[i] = "0 (row locks)"
		default:
			cells[i] = "0"
		}
	}
	return cells
}

// blockedCell is the worst table with its time: "7.2 s shop.orders".
func blockedCell(k Kept, f Figure) string {
	if f.Total == 0 {
		return ""
	}
	cell := f.Total.String() + " " + k.Table
	if f.Method != Probed {
		cell += " (lock held)"
	}
	return cell
}

// waits is the ledger of how long others would have waited, by migration and table.
func (a *arranger) waits() section {
	s := section{Title: "How long others would have waited"}
	p := a.r.Probing
	if p == nil {
		return s
	}
	g := &grid{Head: []string{"migration", "table", "reads blocked", "longest wait", "writes blocked", "longest wait", "how"}, Right: []int{2, 3, 4, 5}}
	for i := range a.r.Migrations {
		m := &a.r.Migrations[i]
		for _, k := range a.r.Kept(m) {
			if k.Reads.Total+k.Writes.Total > 0 {
				g.Rows = append(g.Rows, a.waitRow(m, k))
			}
		}
	}
	left := len(g.Rows) - 2*a.lim.rows
	if left > 0 {
		g.Rows = g.Rows[:2*a.lim.rows]
	}
	if len(g.Rows) > 0 {
		s.Items = append(s.Items, item{Kind: tabular, Grid: g})
	} else {
		s.Items = append(s.Items, item{Text: "Nobody waited for any of the tables."})
	}
	if left > 0 {
		s.Items = append(s.Items, item{Text: Digits(int64(left)) + " more lines are in the JSON result."})
	}
	s.Items = append(s.Items, item{Text: a.text(a.probing(p))})
	if len(p.NotProbed) > 0 {
		s.Items = append(s.Items, item{Text: a.text("Not probed: " + list(p.NotProbed, a.lim.lines) + "; of those it is how long a lock was held.")})
	}
	return s
}

func (a *arranger) waitRow(m *Migration, k Kept) []string {
	how := string(Probed)
	if k.Writes.Method != Probed {
		how = "time of the lock (" + string(k.Writes.Method) + ")"
	}
	if b, _ := a.r.BlockedOf(m, k.Table); b.Missing {
		how += "; then there was no such table"
	}
	return []string{
		a.cell(m.ShortName()), a.cell((&Exposure{Table: k.Table, Object: k.Object}).Name()),
		a.time(k.Reads.Total), a.time(k.Reads.Longest), a.time(k.Writes.Total), a.time(k.Writes.Longest), how,
	}
}

// probing says how the probes asked, with the noise of the machine.
func (a *arranger) probing(p *Probing) string {
	return fmt.Sprintf("Probed: the migrations ran once more on a clone, and two sessions for each of %s asked every %s for the lock that a read and a write take first, "+
		"%s times in all, and touched no row. A wait counts when the server could not give the lock at once; one shorter than %s may be missed. "+
		"Noise of this machine: a probe that did not wait took %s (median), %s at most.",
		Count(int64(len(p.Tables)), "table"), p.Every, Digits(int64(p.Probes)), p.Every, p.NoiseMedian, p.NoiseMax)
}

// time is a time in a cell.
func (a *arranger) time(d Duration) string {
	if d == 0 {
		return a.sym.none
	}
	return d.String()
}

// among tells what became of the migrations among long transactions of others.
func (a *arranger) among() section {
	s := section{Title: "Among long transactions of others"}
	h := a.r.Hostility
	if h == nil {
		return s
	}
	g := &grid{Head: []string{"migration", "waited for", "without lock_timeout: reads stalled", "writes stalled", "with lock_timeout " + h.LockTimeout.String()}, Right: []int{2, 3}}
	var passed int64
	for i := range a.r.Migrations {
		m := &a.r.Migrations[i]
		switch {
		case m.Hostile == nil:
		case len(m.Hostile.WaitedFor) == 0:
			passed++
		default:
			g.Rows = append(g.Rows, a.amongRow(m))
		}
	}
	if len(g.Rows) > 0 {
		s.Items = append(s.Items, item{Kind: tabular, Grid: g})
	}
	if passed > 0 {
		s.Items = append(s.Items, item{Text: a.text(Count(passed, "migration") + " that might have waited did not wait for any of them.")})
	}
	for _, text := range a.crowd(h) {
		s.Items = append(s.Items, item{Text: a.text(text)})
	}
	return s
}

func (a *arranger) amongRow(m *Migration) []string {
	h := m.Hostile
	_, reads, writes := h.Plain.Worst()
	row := []string{m.ShortName(), a.heldUp(h), a.time(reads), a.time(writes), "not needed: it waited for less"}
	switch {
	case h.OwnTimeout && h.Plain.Refused():
		row[2], row[3], row[4] = a.time(reads)+" (its own lock_timeout)", a.time(writes), "its own: "+a.refusal(&h.Plain)
	case h.Limited != nil:
		row[4] = a.refusal(h.Limited)
	case h.Plain.Outcome != Applied:
		row[4] = "failed without one, too"
	}
	for i := range row {
		row[i] = a.cell(row[i])
	}
	return row
}

// heldUp says for whom it waited, and for how long each.
func (a *arranger) heldUp(h *Hostile) string {
	if len(h.Plain.HeldUp) == 0 {
		return strings.Join(h.WaitedFor, ", ")
	}
	all := make([]string, 0, len(h.Plain.HeldUp))
	for _, by := range h.Plain.HeldUp {
		all = append(all, fmt.Sprintf("%s (%s)", by.By, by.Time))
	}
	return strings.Join(all, ", ")
}

// refusal says how an attempt ended, how long others waited meanwhile, and what it left.
func (a *arranger) refusal(run *HostileRun) string {
	_, reads, writes := run.Worst()
	text := "refused (" + run.Failure.SQLState + ")"
	if run.Failure.Line > 0 {
		text += fmt.Sprintf(" at line %d", run.Failure.Line)
	}
	if last := len(run.HeldUp) - 1; last >= 0 {
		text += " behind " + run.HeldUp[0].By
		if last > 0 {
			text += fmt.Sprintf(" and %d more", last)
		}
	}
	if worst := max(reads, writes); worst > 0 {
		text += ", stall " + worst.String()
	}
	for _, l := range run.Leftovers {
		text += ", leaves " + l.Kind + " " + l.Object
	}
	if run.Failure.StaysApplied != "" {
		text += ", stays applied: " + run.Failure.StaysApplied
	}
	if run.Failure.Recorded != "" {
		text += ", recorded: " + run.Failure.Recorded
	}
	return text
}

// crowd says among what they were applied, and what the source has of that.
func (a *arranger) crowd(h *Hostility) []string {
	among := fmt.Sprintf("Rehearsed on a clone, with transactions open that had read each table the migration locks, something else, and, as pg_dump does, all tables. "+
		"They went on for %s from when they were waited for: %s. Others had written each table it locks, and went on for %s: %s. They held a lock and a transaction id, and no row: who waits for a row is not rehearsed.",
		h.Hold, h.HoldFrom, h.WriterHold, h.WriterHoldFrom)
	text := "In production a stall lasts as long as your longest transaction."
	switch {
	case h.Longest == nil:
	case h.Clients == 0:
		text = "When the source was copied no client had a transaction open there; in production a stall lasts as long as your longest transaction."
	default:
		text = fmt.Sprintf("When the source was copied the oldest transaction there was %s old, of %s", *h.Longest, Count(int64(h.Clients), "open one"))
		if h.LongestWriter != nil && *h.LongestWriter > 0 {
			text += fmt.Sprintf("; the oldest that had written, %s", *h.LongestWriter)
		}
		text += "."
	}
	if h.Hidden > 0 {
		text += fmt.Sprintf(" The role may not look into %s: with pg_read_all_stats it could.", Count(int64(h.Hidden), "session"))
	}
	return []string{among, text}
}
