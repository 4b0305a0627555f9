package report

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// BackVerdict is what became of a migration's way back, by the words of docs/way-back.md.
type BackVerdict string

// The verdicts, from the best to the worst.
const (
	BackNothing    BackVerdict = "nothing"     // the migration changed neither schema nor rows: there is nothing to take back
	BackReversible BackVerdict = "reversible"  // schema and data are back exactly
	BackSchemaOnly BackVerdict = "schema_only" // the schema is back and no value was lost, but what the migration wrote stays
	BackIncomplete BackVerdict = "incomplete"  // the schema does not come back as it was; no value was lost
	BackLossy      BackVerdict = "lossy"       // values or rows that were there before are lost
	BackNoOp       BackVerdict = "no_op"       // the down does nothing, though the migration did something
	BackNone       BackVerdict = "none"        // there is no down
	BackFails      BackVerdict = "fails"       // the down fails
)

// Back is the way back from one migration: what its down did to the database in which it alone was applied last, and what came of applying it
// again. The database is a clone of the copy; the way back of each migration is walked from the state that those before it leave.
type Back struct {
	Verdict    BackVerdict `json:"verdict"`
	Duration   Duration    `json:"duration"` // of the down, as that of a migration
	Locks      []Exposure  `json:"locks,omitempty"`
	Blocked    []Blocked   `json:"blocked,omitempty"` // how long others would have waited for the tables that the migration locks, as probes saw it
	Rewrites   []Rewrite   `json:"rewrites,omitempty"`
	Statements []Statement `json:"statements,omitempty"`
	WAL        int64       `json:"wal_bytes"`
	Failure    *Failure    `json:"failure,omitempty"`

	// NotRestored is how the schema after the down differs from that before the migration, seen as a change from then to now.
	NotRestored []Change `json:"not_restored,omitempty"`
	// Moved are the tables whose columns are back in another order, which is no difference of the schema here.
	Moved []string `json:"moved,omitempty"`
	// Data is how contents after the down differ from those before the migration, exactly. Values lost are those of Lost.
	Data []TableContents `json:"data,omitempty"`
	Lost []ColumnLoss    `json:"lost,omitempty"`

	Again *Again `json:"again,omitempty"` // nil: the migration was not applied again
}

// ColumnLoss is how many values of a column, or with an empty column how many whole rows, were there before a migration and are not after its down.
type ColumnLoss struct {
	Table  string `json:"table"` // as it was called before the migration
	Column string `json:"column,omitempty"`
	Rows   int64  `json:"rows"`
}

// Again is what applying a migration once more, after its down, gave.
type Again struct {
	Outcome     Outcome    `json:"outcome"`
	Duration    Duration   `json:"duration"`
	Locks       []Exposure `json:"locks,omitempty"`
	Failure     *Failure   `json:"failure,omitempty"`
	Differences []Change   `json:"differences,omitempty"` // of the schema, from after the first time to after the second
}

// Conclude draws the verdict. did tells whether the migration did anything that can be seen, down whether its down did.
func (b *Back) Conclude(did, down bool) {
	same := len(b.NotRestored)+len(b.Data) == 0
	switch {
	case b.Failure != nil:
		b.Verdict = BackFails
	case same && !did:
		b.Verdict = BackNothing
	case same:
		b.Verdict = BackReversible
	case did && !down:
		b.Verdict = BackNoOp
	case len(b.Lost) > 0:
		b.Verdict = BackLossy
	case len(b.NotRestored) > 0:
		b.Verdict = BackIncomplete
	default:
		b.Verdict = BackSchemaOnly
	}
}

// Losses are the values and rows that a comparison with the state before a migration shows as lost.
func Losses(data []TableContents) []ColumnLoss {
	var out []ColumnLoss
	for _, t := range data {
		name := t.Table
		if t.Was != "" {
			name = t.Was
		}
		if t.OnlyBefore > 0 {
			out = append(out, ColumnLoss{Table: name, Rows: t.OnlyBefore})
		}
		for _, c := range t.Columns {
			column := c.Column
			if c.Was != "" {
				column = c.Was
			}
			if c.Lost() > 0 {
				out = append(out, ColumnLoss{Table: name, Column: column, Rows: c.Lost()})
			}
		}
	}
	return out
}

// String is the loss in words: "1,204 values of shop.orders.total", "3 rows of shop.orders".
func (l ColumnLoss) String() string {
	if l.Column == "" {
		return Count(l.Rows, "row") + " of " + l.Table
	}
	return Count(l.Rows, "value") + " of " + l.Table + "." + l.Column
}

// Title is the verdict as people read it.
func (v BackVerdict) Title() string {
	switch v {
	case BackNothing:
		return "nothing to undo"
	case BackSchemaOnly:
		return "schema only"
	case BackNoOp:
		return "does nothing"
	}
	return string(v)
}

// down is a migration's cell in the column of the ways back: "reversible, 4.1 s", "lossy: currency".
func (a *arranger) down(m *Migration) string {
	b := m.Back
	if b == nil {
		return a.sym.none
	}
	cell := b.Verdict.Title()
	switch b.Verdict {
	case BackReversible, BackSchemaOnly, BackIncomplete:
		cell += ", " + b.Duration.String()
	case BackLossy:
		cell += ": " + lostNames(b.Lost)
	case BackFails:
		if b.Failure != nil && b.Failure.SQLState != "" {
			cell += " " + b.Failure.SQLState
		}
	}
	if b.Again != nil && b.Again.Outcome != Applied && b.Verdict != BackNoOp {
		cell += "; up fails after it"
	}
	return a.cell(cell)
}

// lostNames are the columns that lost values, without their tables, and the tables that lost rows.
func lostNames(lost []ColumnLoss) string {
	var names []string
	for _, l := range lost {
		name := l.Column
		if name == "" {
			name = "rows of " + l.Table
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return list(names, 3)
}

// downs puts the column of the ways back into the table of migrations, where any was walked.
func (a *arranger) downs(g *grid, shown []int) {
	if !slices.ContainsFunc(a.r.Migrations, func(m Migration) bool { return m.Back != nil }) {
		return
	}
	g.Head = append(g.Head, "down")
	for i, n := range shown {
		g.Rows[i] = append(g.Rows[i], a.down(&a.r.Migrations[n]))
	}
}

// wayBack is what somebody needs who must roll back.
func (a *arranger) wayBack() section {
	s := section{Title: "If you must roll back", Open: true}
	byVerdict := map[BackVerdict][]string{}
	var took Duration
	for _, m := range a.r.Migrations {
		if m.Back == nil {
			continue
		}
		byVerdict[m.Back.Verdict] = append(byVerdict[m.Back.Verdict], m.ShortName())
		if m.Back.Verdict == BackReversible {
			took += m.Back.Duration
		}
	}
	if names := byVerdict[BackReversible]; len(names) > 0 {
		text := "%s restores schema and data exactly, in %s."
		if len(names) > 1 {
			text = "%s restore schema and data exactly, in %s together."
		}
		s.Items = append(s.Items, item{Text: a.text(fmt.Sprintf(text, list(names, 6), took))})
	}
	for i := len(a.r.Migrations) - 1; i >= 0; i-- { // as downs are run
		s.Items = append(s.Items, a.backOf(&a.r.Migrations[i])...)
	}
	s.Items = append(s.Items, a.lockedByDowns()...)
	if names := byVerdict[BackNone]; len(names) > 0 {
		s.Items = append(s.Items, item{Text: a.text(fmt.Sprintf("No down: %s. %s.", list(names, 6), a.r.migrator().rolledBack()))})
	}
	if len(s.Items) > 0 {
		s.Items = append(atMost(s.Items, a.lim.lines, "lines"), item{Text: "Each down was run on a clone of the copy in the state it would meet, schema and rows were compared with " +
			"those before the migration, and the migration was applied again. What an application writes after the release was not there to be lost."})
	}
	return s
}

// leastHeld is the shortest lock of a down that is worth a line.
const leastHeld = Duration(100 * time.Millisecond)

// lockedByDowns tells what downs keep others from: a rollback takes locks as a release does.
func (a *arranger) lockedByDowns() []item {
	var items []item
	for _, m := range a.r.Migrations {
		if m.Back == nil {
			continue
		}
		for _, b := range m.Back.Blocked {
			if max(b.Reads.Total, b.Writes.Total) >= leastHeld {
				items = append(items, item{Kind: bullet, Text: a.text(fmt.Sprintf("The down of %s blocked reads of %s for %s, and writes for %s (probed).",
					m.ShortName(), b.Table, b.Reads.Total, b.Writes.Total))})
			}
		}
		for _, e := range m.Back.Locks {
			if e.Object == "" && slices.ContainsFunc(m.Back.Blocked, func(b Blocked) bool { return b.Table == e.Table }) {
				continue
			}
			if e.Held >= leastHeld && e.Blocks != "schema changes" {
				items = append(items, item{Kind: bullet, Text: a.text(fmt.Sprintf("The down of %s kept others from %s of %s for %s.", m.ShortName(), e.Blocks, e.Name(), About(e.Held, e.Method)))})
			}
		}
	}
	return items
}

// backOf are the lines of a way back that is not exact.
func (a *arranger) backOf(m *Migration) []item {
	b := m.Back
	if b == nil {
		return nil
	}
	var says []string
	switch b.Verdict {
	case BackLossy:
		says = append(says, restored(b)+"what it does not bring back: "+strings.Join(losses(b.Lost), ", "))
	case BackSchemaOnly:
		says = append(says, "restores the schema and loses nothing, but leaves what the migration wrote: "+strings.Join(left(b.Data), "; "))
	case BackIncomplete:
		says = append(says, "loses no value, but the schema is not what it was")
	case BackNoOp:
		says = append(says, "has a down that does nothing: "+m.Migrator.Name()+" counts it as rolled back")
	case BackFails:
		says = append(says, "has a down that fails"+failing(b.Failure))
	}
	if b.Again != nil && b.Again.Outcome != Applied {
		says = append(says, "it cannot be applied again after its down"+failing(b.Again.Failure))
	} else if b.Again != nil && len(b.Again.Differences) > 0 {
		says = append(says, "applied again it makes another schema")
	}
	var items []item
	if len(says) > 0 {
		items = append(items, item{Kind: bullet, Text: a.text(m.ShortName() + " " + strings.Join(says, "; ") + ".")})
	}
	var lines []item
	for _, c := range b.NotRestored {
		if b.Verdict != BackNoOp {
			lines = append(lines, a.change(c, "", 0)...)
		}
	}
	for _, it := range foldDiffs(atMost(lines, a.lim.lines, "lines")) {
		it.Depth = 1
		items = append(items, it)
	}
	if len(b.Moved) > 0 {
		items = append(items, item{Kind: bullet, Text: a.text(fmt.Sprintf("%s: columns of %s are back in another order, which INSERTs without a list of columns notice.",
			m.ShortName(), list(b.Moved, 4)))})
	}
	return items
}

// restored says whether the schema at least is back.
func restored(b *Back) string {
	if len(b.NotRestored) > 0 {
		return "does not restore the schema, and "
	}
	return "restores the schema; "
}

func losses(lost []ColumnLoss) []string {
	var out []string
	for _, l := range lost {
		out = append(out, l.String())
	}
	if n := len(out); n > 6 {
		out = append(out[:6:6], Digits(int64(n-6))+" more losses")
	}
	return out
}

// left is what stays of what a migration wrote.
func left(data []TableContents) []string {
	var out []string
	for _, t := range data {
		if t.OnlyAfter > 0 {
			out = append(out, Count(t.OnlyAfter, "row")+" of "+t.Table)
		}
		for _, c := range t.Columns {
			out = append(out, Count(c.Rows, "value")+" of "+t.Table+"."+c.Column)
		}
	}
	return out
}

func failing(f *Failure) string {
	if f == nil {
		return ""
	}
	s := ": " + f.Message
	if f.SQLState != "" {
		s += " (" + f.SQLState + ")"
	}
	if at := place(f.File, f.Line); at != "" {
		s += " at " + at
	}
	if f.StaysApplied != "" {
		s += "; of it stay " + f.StaysApplied
	}
	return s
}
