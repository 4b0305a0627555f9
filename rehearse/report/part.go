package report

import (
	"cmp"
	"fmt"
	"slices"
)

// What TableCopy.Part says.
const (
	PartNone       = "none"       // no row, by the rules
	PartRows       = "rows"       // those that meet a condition of the rules
	PartRoot       = "root"       // what the subset begins with
	PartReached    = "reached"    // those that belong to rows of the subset
	PartReferenced = "referenced" // those that rows of the subset reference
)

// partWords is what stands in the table of parts.
var partWords = map[string]string{
	PartNone: "none, by the rules", PartRows: "those of a condition", PartRoot: "root of the subset",
	PartReached: "what belongs to the subset", PartReferenced: "what the subset references",
}

// PartWords is what TableCopy.Part says, for people; "all rows" for "".
func PartWords(part string) string { return cmp.Or(partWords[part], "all rows") }

// Share is how many rows of the source are in the copy.
type Share struct {
	Rows, Of int64
	Method   Method // of Of
	Tables   int    // tables with a part of their rows
}

// String is how many rows there are, and which share of them was copied: "about 467,000 (5.1 %)".
func (s Share) String() string { return some(s.Of, s.Method) + " (" + percent(s.Rows, s.Of) + ")" }

// Share sums up how many rows were copied of how many there are.
func (s Snapshot) Share() Share {
	sum := Share{Rows: s.Rows, Method: Exact}
	for _, t := range s.Tables {
		if t.Part == "" {
			sum.Of += t.Rows
			continue
		}
		sum.Of += t.SourceRows
		sum.Tables++
		if t.SourceRowsMethod != Exact {
			sum.Method = Estimated
		}
	}
	return sum
}

// shareOfRows is how many of the rows there are, in words.
func (a *arranger) shareOfRows() string {
	s, tables := a.r.Snapshot.Share(), Count(int64(len(a.r.Snapshot.Tables)), "table")
	if s.Tables == 0 {
		return fmt.Sprintf("100 %% of rows (%s in %s)", Digits(s.Rows), tables)
	}
	return fmt.Sprintf("%s of rows (%s of %s; %s of %s in part)", percent(s.Rows, s.Of), Digits(s.Rows), some(s.Of, s.Method), Digits(int64(s.Tables)), tables)
}

// some is a number of rows that may be an estimate.
func some(n int64, m Method) string {
	if m == Exact {
		return Digits(n)
	}
	return "about " + Digits(n)
}

// percent is n of all: never 0 % nor 100 % unless it is just that.
func percent(n, all int64) string {
	share := 100 * float64(n) / float64(max(all, 1))
	switch {
	case n == 0 && all > 0:
		return "0 %"
	case n >= all:
		return "100 %"
	case share < 0.1:
		return "below 0.1 %"
	case share < 9.95:
		return fmt.Sprintf("%.1f %%", share)
	}
	return fmt.Sprintf("%.0f %%", min(share, 99))
}

// parts lists the tables of which staging has a part of the rows, the largest first.
func (a *arranger) parts() section {
	s := section{Title: "Staging has a part of the rows"}
	partial := slices.DeleteFunc(slices.Clone(a.r.Snapshot.Tables), func(t TableCopy) bool { return t.Part == "" })
	slices.SortStableFunc(partial, func(x, y TableCopy) int { return cmp.Compare(y.SourceRows, x.SourceRows) })
	if len(partial) == 0 {
		return s
	}
	g := &grid{Head: []string{"table", "share", "rows", "of", "which"}, Right: []int{1, 2, 3}}
	for i, t := range partial {
		if i == a.lim.rows {
			break
		}
		g.Rows = append(g.Rows, []string{a.cell(t.Table), percent(t.Rows, t.SourceRows), Digits(t.Rows), some(t.SourceRows, t.SourceRowsMethod), PartWords(t.Part)})
	}
	s.Items = append(s.Items, item{Kind: tabular, Grid: g})
	if n := len(partial) - len(g.Rows); n > 0 {
		s.Items = append(s.Items, item{Text: Count(int64(n), "more table") + " in the JSON result."})
	}
	for _, b := range a.r.Snapshot.BrokenKeys {
		s.Items = append(s.Items, item{Kind: bullet, Text: a.text(fmt.Sprintf(
			"%s of %s: %s set to NULL, as the rules ask: what they name is not in the copy", list(b.Columns, 10), b.Table, Count(b.Rows, "value")))})
	}
	return s
}
