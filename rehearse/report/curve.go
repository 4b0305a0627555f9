package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Scaling is the copies with fewer rows that the pending migrations were timed on again, for how times grow.
type Scaling struct {
	Sizes []ScaledCopy `json:"sizes"` // the whole copy first, then the larger before the smaller
}

// ScaledCopy is a copy with a share of the rows of the tables that migrations work on.
type ScaledCopy struct {
	Share  float64      `json:"share"` // as asked for; 1: the copy as it is
	Runs   int          `json:"runs"`  // that went to their end; each has a point of every statement
	Tables []ScaledRows `json:"tables"`
	// Failed is why there are no more runs; "" when all went to their end.
	Failed string `json:"failed,omitempty"`
}

// ScaledRows is how many rows a table was left with, of partitioned tables the sum. Rows that others must have stay, so that it can be more
// than the share, and what refers to rows taken out goes with them, so that it can be less.
type ScaledRows struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"`
}

// Curve is how the times of a migration and its statements grow with the rows.
type Curve struct {
	Whole      Growth   `json:"whole"`
	Statements []Growth `json:"statements,omitempty"` // those that took longest, in their order; none where runs did not have the same ones
}

// GrowthForm is how a time grows with the rows.
type GrowthForm string

// The forms.
const (
	GrowsLinear    GrowthForm = "linear"    // with the rows, or a logarithm faster: the two cannot be told apart
	GrowsConstant  GrowthForm = "constant"  // it does not, or by little
	GrowsUndecided GrowthForm = "undecided" // times of one size differ too much to tell; there is an interval all the same
	GrowsQuick     GrowthForm = "quick"     // below 50 ms at every size: whether it grows was not seen
	GrowsUnknown   GrowthForm = "unknown"   // nothing can be said
)

// Growth is what was seen of one time at several sizes, and what follows from it.
type Growth struct {
	Statement int           `json:"statement,omitempty"` // counted from 1; 0: the migration as a whole
	Line      int           `json:"line,omitempty"`
	Tables    []string      `json:"tables"` // whose rows are counted in Rows, as they were before the first migration
	Points    []GrowthPoint `json:"points"` // the most rows first
	Form      GrowthForm    `json:"form"`
	Why       string        `json:"why,omitempty"`          // there is no interval, in words
	Fixed     Duration      `json:"fixed,omitempty"`        // whatever the rows, by the line; of linear
	Million   Duration      `json:"each_million,omitempty"` // for a million rows, by the line; of linear
	// Source is inferred for as many rows as the source has, Twice for twice as many. nil: that cannot be said.
	Source *Inferred `json:"source,omitempty"`
	Twice  *Inferred `json:"twice,omitempty"`
}

// GrowthPoint are the times of the runs at one size.
type GrowthPoint struct {
	Rows int64      `json:"rows"`
	Took []Duration `json:"took"`
}

// Median is that of the times; there must be one at least.
func (p GrowthPoint) Median() Duration { return Repeated(slices.Sorted(slices.Values(p.Took))).Median }

// Inferred is between which times one lies that nobody has seen.
type Inferred struct {
	Rows       int64    `json:"rows"`
	RowsMethod Method   `json:"rows_method"`
	Beyond     bool     `json:"beyond"` // Rows is more than the copy has
	Least      Duration `json:"least"`
	Most       Duration `json:"most"`
	Method     Method   `json:"method"` // always estimated
}

// CurveMethod is how intervals of a [Growth] come about.
const CurveMethod = "Unobserved runs on clones of the copy and of copies with fewer rows. Two curves were fitted by least squares, " +
	"t = a + b*rows and t = a + b*rows*log2(rows), with neither a nor b below nought; an interval holds what both say of a further run on this " +
	"machine in 95 of 100 cases (Student's t, two degrees of freedom fewer than there are times). It is inferred: memory that no longer " +
	"suffices, bloat, load and other hardware are on no curve. Below 50 ms its end is the longest time seen, multiplied as the rows are."

// curves tells how times grow with the rows.
func (a *arranger) curves() section {
	s := section{Title: "Times, by number of rows"}
	if a.r.Scaling == nil {
		return s
	}
	g := &grid{Head: []string{"migration", "rows", "took (median)", "grows", "at production's rows (inferred)", "at twice these"}}
	var more int64
	for i := range a.r.Migrations {
		m := &a.r.Migrations[i]
		if m.Curve == nil {
			continue
		}
		for _, w := range m.Curve.told() {
			if len(g.Rows) == a.lim.rows {
				more++
				continue
			}
			g.Rows = append(g.Rows, a.growthRow(m, w))
		}
	}
	if len(g.Rows) > 0 {
		s.Items = append(s.Items, item{Kind: tabular, Grid: g})
	}
	if more > 0 {
		s.Items = append(s.Items, item{Text: Count(more, "more line") + " in the JSON result."})
	}
	for _, size := range a.r.Scaling.Sizes {
		s.Items = append(s.Items, item{Kind: bullet, Text: a.text(size.words())})
	}
	if len(g.Rows) > 0 {
		s.Items = append(s.Items, item{Text: CurveMethod + " All times are in the JSON result."})
	}
	return s
}

// told are the growths worth a line: the migration, and where it has several statements those that are not too quick to say anything.
func (c *Curve) told() []*Growth {
	all := []*Growth{&c.Whole}
	if len(c.Statements) > 1 {
		for i := range c.Statements {
			if g := &c.Statements[i]; g.Form != GrowsQuick {
				all = append(all, g)
			}
		}
	}
	return all
}

func (a *arranger) growthRow(m *Migration, g *Growth) []string {
	name := m.ShortName()
	switch {
	case g.Line > 0:
		name += fmt.Sprintf(", line %d", g.Line)
	case g.Statement > 0:
		name += fmt.Sprintf(", statement %d", g.Statement)
	}
	var rows, took []string
	for _, p := range g.Points {
		rows, took = append(rows, Digits(p.Rows)), append(took, p.Median().String())
	}
	none := a.sym.none
	return []string{a.cell(name), strings.Join(rows, ", "), strings.Join(took, ", "), a.cell(g.words()), g.Source.words(none), g.Twice.words(none)}
}

// words are how it grows, for people.
func (g *Growth) words() string {
	switch g.Form {
	case GrowsLinear:
		if g.Fixed == 0 {
			return fmt.Sprintf("with the rows: %s a million", g.Million)
		}
		return fmt.Sprintf("with the rows: %s and %s a million", g.Fixed, g.Million)
	case GrowsConstant:
		return "not seen to grow"
	case GrowsUndecided:
		return "not to be told: times of one size differ too much"
	case GrowsQuick:
		return "too quick to tell"
	}
	return "cannot be told: " + g.Why
}

// words are the interval, for people.
func (i *Inferred) words(none string) string {
	if i == nil {
		return none
	}
	return i.String()
}

// String is the interval with the rows that it is for: "4.1 s to 4.9 s (12,000,000 rows)".
func (i *Inferred) String() string {
	times := i.Least.String() + " to " + i.Most.String()
	if i.Least == 0 {
		times = "at most " + i.Most.String()
	}
	return fmt.Sprintf("%s (%s rows)", times, some(i.Rows, i.RowsMethod))
}

// words are what a size was, for people.
func (c *ScaledCopy) words() string {
	text := fmt.Sprintf("%g %% of the rows", 100*c.Share)
	if c.Share == 1 {
		text = "The whole copy"
	}
	tables := slices.SortedStableFunc(slices.Values(c.Tables), func(x, y ScaledRows) int { return cmp.Compare(y.Rows, x.Rows) })
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.Table + " " + Digits(t.Rows)
	}
	if len(names) > 0 {
		text += " (" + list(names, 5) + ")"
	}
	text += ": " + Count(int64(c.Runs), "run")
	if c.Failed != "" {
		text += ", no more: " + c.Failed
	}
	return text
}
