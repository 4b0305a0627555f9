package report

import (
	"fmt"
	"strings"
)

// TableContents is how the contents of one table differ between two moments, column by column. All figures are exact counts; how values are
// compared is told in docs/way-back.md. Tables and columns without a difference are left out.
type TableContents struct {
	Table      string           `json:"table"`         // its name after; before, where it is no more
	Was        string           `json:"was,omitempty"` // its name before, where that was another
	Key        []string         `json:"key,omitempty"` // the columns by which rows were matched; none: whole rows were compared, and no column can be named
	Columns    []ColumnContents `json:"columns,omitempty"`
	OnlyBefore int64            `json:"only_before"`        // rows that are not there after; without a key also those that changed
	OnlyAfter  int64            `json:"only_after"`         // rows that were not there before; without a key also those that changed
	Replaced   bool             `json:"replaced,omitempty"` // it is another table under the same name
	Gone       bool             `json:"gone,omitempty"`     // there is no such table after
}

// ColumnContents is how the values of one column differ in the rows that are there before and after.
type ColumnContents struct {
	Column  string `json:"column"`
	Was     string `json:"was,omitempty"`     // its name before, where that was another
	Rows    int64  `json:"rows"`              // in which the value is another
	Filled  int64  `json:"filled,omitempty"`  // of them, those in which it was NULL before
	Dropped bool   `json:"dropped,omitempty"` // there is no such column after: Rows had a value in it
	Retyped bool   `json:"retyped,omitempty"` // its type is another
	Anew    bool   `json:"anew,omitempty"`    // another column of the same table stands under its name
	Moment  bool   `json:"moment,omitempty"`  // a date or a time with a date, before and after
}

// Lost is how many rows have lost a value: NULL that was filled is no loss.
func (c ColumnContents) Lost() int64 { return c.Rows - c.Filled }

// Any tells whether there is a difference at all.
func (t TableContents) Any() bool { return len(t.Columns) > 0 || t.OnlyBefore+t.OnlyAfter > 0 }

// contents lists the columns whose values migrations changed.
func (a *arranger) contents() section {
	s := section{Title: "Contents changed"}
	for _, m := range a.r.Migrations {
		for _, t := range m.Contents {
			s.Items = append(s.Items, item{Kind: bullet, Text: a.text(m.ShortName() + ": " + contentsLine(t))})
		}
	}
	if len(s.Items) == 0 {
		return s
	}
	s.Items = append(atMost(s.Items, a.lim.lines, "lines"),
		item{Text: "Each table that a migration may have changed was compared with a clone from before it, row by row; the counts are exact."})
	return s
}

// contentsLine is the difference of one table: "shop.orders: total in 1,204 rows, note dropped with 3 values; 5 rows new".
func contentsLine(t TableContents) string {
	name := t.Table
	if t.Was != "" {
		name += " (was " + t.Was + ")"
	}
	var parts []string
	for _, c := range t.Columns {
		parts = append(parts, columnLine(c))
	}
	var rows []string
	if t.OnlyBefore > 0 {
		rows = append(rows, Count(t.OnlyBefore, "row")+" gone")
	}
	if t.OnlyAfter > 0 {
		rows = append(rows, Count(t.OnlyAfter, "row")+" new")
	}
	if len(rows) > 0 {
		parts = append(parts, strings.Join(rows, " and "))
	}
	line := name + ": " + strings.Join(parts, ", ")
	switch {
	case t.Gone:
		line += " with the table"
	case len(t.Key) == 0 && len(t.Columns) == 0 && t.OnlyBefore > 0 && t.OnlyAfter > 0:
		line += " or changed (it has no key to tell which, and which columns)"
	}
	return line
}

func columnLine(c ColumnContents) string {
	switch {
	case c.Dropped:
		return fmt.Sprintf("%s dropped with %s", c.Column, Count(c.Rows, "value"))
	case c.Was != "":
		return fmt.Sprintf("%s (was %s) in %s", c.Column, c.Was, Count(c.Rows, "row"))
	}
	return fmt.Sprintf("%s in %s", c.Column, Count(c.Rows, "row"))
}
