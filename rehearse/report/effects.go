package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// blocked is what a migration kept others from: the longest time for each thing blocked.
func (a *arranger) blocked(m *Migration) string {
	var out []string
	for _, what := range []string{"reads and writes", "writes"} {
		var worst *Exposure
		tables := map[string]bool{}
		for i := range m.Locks {
			e := &m.Locks[i]
			if e.Blocks != what {
				continue
			}
			tables[e.Table] = true
			if worst == nil || e.Held > worst.Held {
				worst = e
			}
		}
		if worst != nil {
			out = append(out, what+" of "+exposure(worst, int64(len(tables))))
		}
	}
	switch {
	case len(out) > 0:
		return strings.Join(out, "; ")
	case slices.ContainsFunc(m.Statements, Statement.LocksUnseen):
		return "nothing seen"
	}
	return "nothing"
}

// LocksUnseen tells a statement that may have locked tables without anybody having seen it: it ran outside a transaction and was over
// before the next look, or it failed, which releases its locks.
func (st Statement) LocksUnseen() bool {
	if len(st.Locks) > 0 {
		return false
	}
	switch st.Tag {
	case "BEGIN", "START TRANSACTION", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET", "RESET", "SHOW":
		return false
	}
	return !st.Transaction || st.Failure != nil
}

func exposure(e *Exposure, tables int64) string {
	s := e.Name()
	if tables > 1 {
		s += " and " + Count(tables-1, "more table")
	}
	return s + " for " + About(e.Held, e.Method)
}

// Name is the table, with the index through which it was locked when that was locked harder: "shop.orders (index shop.i)".
func (e *Exposure) Name() string {
	if e.Object == "" {
		return e.Table
	}
	return e.Table + " (index " + e.Object + ")"
}

// About is a time with how it is known: "7.2 s" when exact, "about 7.2 s (sampled)" otherwise.
func About(d Duration, m Method) string {
	if m == Exact || m == "" {
		return d.String()
	}
	return fmt.Sprintf("about %s (%s)", d, m)
}

// rewritten is the storage a migration wrote anew, the largest first.
func (a *arranger) rewritten(m *Migration) string {
	all := slices.Clone(m.Rewrites)
	slices.SortStableFunc(all, func(x, y Rewrite) int {
		return cmp.Or(cmp.Compare(len(x.Index), len(y.Index)), cmp.Compare(y.Bytes, x.Bytes))
	})
	if len(all) == 0 {
		return "nothing"
	}
	w := all[0]
	what := w.Table
	if w.Index != "" {
		what = "index " + w.Index
	}
	s := fmt.Sprintf("%s (%s, %s)", what, w.Reason, Bytes(w.Bytes))
	if n := len(all) - 1; n > 0 {
		s += fmt.Sprintf(" and %s more", Digits(int64(n)))
	}
	return s
}

// rowsChanged sums a migration's changes up, with the table's name when there is only one, and tells what the sums hide: tables that
// were truncated, dropped or replaced.
func (a *arranger) rowsChanged(m *Migration) string {
	var ins, upd, del, tables int64
	name, about := "", ""
	var notes []string
	for _, t := range m.Rows {
		if s := rowsNote(t); s != "" {
			notes = append(notes, t.Table+" "+s)
		}
		if t.Inserted+t.Updated+t.Deleted == 0 {
			if rowsNote(t) == "" && t.Before != nil && *t.Before != *t.After { // counted, though nothing was seen to change
				notes = append(notes, t.Table+": "+Digits(*t.Before)+a.sym.arrow+Count(*t.After, "row"))
			}
			continue
		}
		ins, upd, del = ins+t.Inserted, upd+t.Updated, del+t.Deleted
		tables++
		name = t.Table
		if t.Method == Sampled || t.Method == Estimated {
			about = "about "
		}
	}
	var parts []string
	for _, p := range []struct {
		n    int64
		verb string
	}{{ins, "inserted"}, {upd, "updated"}, {del, "deleted"}} {
		if p.n != 0 {
			parts = append(parts, about+Digits(p.n)+" "+p.verb)
		}
	}
	var out []string
	switch {
	case tables == 1:
		out = append(out, strings.Join(parts, ", ")+" in "+name)
	case tables > 1:
		out = append(out, strings.Join(parts, ", ")+" in "+Count(tables, "table"))
	}
	if n := len(notes); n > 0 {
		out = append(out, notes[0])
		if n > 1 {
			out[len(out)-1] += fmt.Sprintf(" and %s more", Digits(int64(n-1)))
		}
	}
	if len(out) == 0 {
		return "0"
	}
	return strings.Join(out, "; ")
}

// rowsNote is what numbers alone would hide.
func rowsNote(t TableRows) string {
	switch {
	case t.Replaced:
		return "replaced by another table of that name"
	case t.Truncated:
		return "truncated"
	case t.Before != nil && t.After == nil:
		return "dropped"
	}
	return partitionsNote(t.Partitions)
}

// partitionsNote tells of partitions that came or went: "partition shop.p1 detached", "3 partitions dropped".
func partitionsNote(all []PartitionRows) string {
	names := map[string][]string{}
	for _, p := range all {
		switch {
		case p.Moved != "":
			names[p.Moved] = append(names[p.Moved], p.Table)
		case p.Before != nil && p.After == nil:
			names["dropped"] = append(names["dropped"], p.Table)
		}
	}
	var out []string
	for _, what := range []string{"attached", "detached", "dropped"} {
		switch n := names[what]; len(n) {
		case 0:
		case 1:
			out = append(out, "partition "+n[0]+" "+what)
		default:
			out = append(out, Count(int64(len(n)), "partition")+" "+what)
		}
	}
	return strings.Join(out, "; ")
}

// rows is the table of row counts, the largest changes first when not all fit.
func (a *arranger) rows() section {
	s := section{Title: "Rows changed"}
	all := slices.Clone(a.r.Rows)
	slices.SortStableFunc(all, func(x, y TableRows) int { return cmp.Compare(x.Table, y.Table) })
	if len(all) == 0 {
		if a.ran() {
			s.Items = []item{{Text: "No row of a table that existed before was inserted, updated or deleted (counted before and after)."}}
		}
		return s
	}
	left := len(all) - a.lim.rows
	if left > 0 {
		slices.SortStableFunc(all, func(x, y TableRows) int { return cmp.Compare(weight(y), weight(x)) })
		all = all[:a.lim.rows]
	}
	g := &grid{Head: []string{"table", "before", "after", "inserted", "updated", "deleted", ""}, Right: []int{1, 2, 3, 4, 5}}
	for _, t := range all {
		g.Rows = append(g.Rows, []string{
			a.cell(t.Table), orNone(t.Before, a.sym.none), orNone(t.After, a.sym.none),
			a.changed(t, t.Inserted), a.changed(t, t.Updated), a.changed(t, t.Deleted), a.rowsRemark(t),
		})
	}
	s.Items = append(s.Items, item{Kind: tabular, Grid: g})
	if left > 0 {
		s.Items = append(s.Items, item{Text: fmt.Sprintf("The table shows the largest changes; %s more are in the JSON result.", Digits(int64(left)))})
	}
	s.Items = append(s.Items, item{Text: "Before and after are exact counts of staging."})
	return s
}

func (a *arranger) changed(t TableRows, n int64) string {
	if n != 0 && (t.Method == Sampled || t.Method == Estimated) {
		return "about " + Digits(n)
	}
	return Digits(n)
}

func (a *arranger) rowsRemark(t TableRows) string {
	note := rowsNote(t)
	if note == "" && t.Before == nil {
		note = "new"
	}
	return note
}

// weight is how much a table's rows changed.
func weight(t TableRows) int64 {
	w := t.Inserted + t.Updated + t.Deleted
	if t.Before != nil && (t.After == nil || t.Replaced || t.Truncated) {
		w += *t.Before
	}
	return w
}

func orNone(n *int64, none string) string {
	if n == nil {
		return none
	}
	return Digits(*n)
}

// ran tells whether any migration was tried.
func (a *arranger) ran() bool {
	return slices.ContainsFunc(a.r.Migrations, func(m Migration) bool { return m.Outcome != NotRun })
}
