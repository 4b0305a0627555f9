package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Fidelity says where masking may hide what a migration meets in production, or make up what it does not.
type Fidelity struct {
	Columns []ColumnFidelity `json:"columns"` // every masked column, those that pending migrations name first
	Checks  []SourceCheck    `json:"checks"`  // in the order of the migrations
	Took    Duration         `json:"took"`    // all counts at the source together
}

// ColumnFidelity holds what a masked column's values are like against what the masks made of them. It holds counts, lengths and shapes, no value.
type ColumnFidelity struct {
	Table  string   `json:"table"`
	Column string   `json:"column"`
	Mask   string   `json:"mask"`
	Before *Profile `json:"before,omitempty"` // as the source has them; nil: nobody looked, since the mask makes all values one
	After  *Profile `json:"after,omitempty"`

	Differs []string `json:"differs"` // in words, what may matter first
	Touches []Touch  `json:"touches"`
}

// Touch is a statement of a pending migration that names a masked column.
type Touch struct {
	Migration int64  `json:"migration"`
	File      string `json:"file"`
	Line      int    `json:"line"`
	What      string `json:"what"` // "unique index on (lower(email))"
}

// Profile is what is known of a column's values. NULLs are no values.
type Profile struct {
	Rows     int64   `json:"rows"`
	Nulls    int64   `json:"nulls"`
	Empty    int64   `json:"empty"`
	Spaced   int64   `json:"spaced"` // begin or end in white space
	NonASCII int64   `json:"non_ascii"`
	Integers int64   `json:"integers"`          // look like one
	Numbers  int64   `json:"numbers"`           // look like one, integers among them
	Dates    int64   `json:"dates"`             // begin with a date in figures
	Digits   int     `json:"digits,omitempty"`  // most figures before the point of a number
	Chars    Lengths `json:"chars"`             // lengths in characters
	Bytes    Lengths `json:"bytes"`             // lengths in bytes
	Buckets  []int64 `json:"buckets,omitempty"` // values by their length in characters: 0, 1, 2 to 3, 4 to 7, 8 to 15 ...

	Distinct int64   `json:"distinct"`
	Folded   int64   `json:"distinct_lower"` // distinct in lower case
	Method   Method  `json:"distinct_method"`
	Shapes   []Shape `json:"shapes,omitempty"`
}

// Lengths are those of a column's values.
type Lengths struct {
	Min  int     `json:"min"`
	Max  int     `json:"max"`
	Mean float64 `json:"mean"`
}

// Shape is what values look like: "a.a@a.a".
type Shape struct {
	Shape string `json:"shape"`
	Count int64  `json:"count"`
}

// What a SourceCheck concludes.
const (
	Confirmed  = "confirmed at source"         // both sides have rows in the way
	OnlyInCopy = "only in the masked copy"     // the source has none
	OnlyAtHome = "only at source"              // the copy has none: the masks hide them
	Neither    = "nothing in the way"          // on either side
	Unchecked  = "not checked at the source"   // see Why
	HalfKnown  = "counted at the source alone" // the copy could not be asked
)

// SourceCheck is a statement whose outcome depends on masked values, and how many rows are in its way: at the source, in the frozen view that
// was copied, and in the copy before any migration.
type SourceCheck struct {
	Migration  int64    `json:"migration"`
	File       string   `json:"file"`
	Line       int      `json:"line"`
	Kind       string   `json:"kind"` // "unique", "not null", "check", "cast", "foreign key", "other"
	What       string   `json:"what"`
	Table      string   `json:"table"`
	Columns    []string `json:"columns"` // the masked ones among those that it reads, plain names
	Conclusion string   `json:"conclusion"`
	Source     *int64   `json:"source,omitempty"`  // rows in the way, of a unique key the values that several rows have
	Staging    *int64   `json:"staging,omitempty"` // likewise
	Why        string   `json:"why,omitempty"`     // why a side was not counted
	SQL        string   `json:"sql,omitempty"`     // the count
	Took       Duration `json:"took"`
	Mendable   bool     `json:"mendable,omitempty"` // a statement before it changes rows of the table
}

// Conclude fills Conclusion from the counts.
func (c *SourceCheck) Conclude() {
	switch {
	case c.Source == nil:
		c.Conclusion = Unchecked
	case c.Staging == nil:
		c.Conclusion = HalfKnown
	case *c.Source > 0 && *c.Staging > 0:
		c.Conclusion = Confirmed
	case *c.Source > 0:
		c.Conclusion = OnlyAtHome
	case *c.Staging > 0:
		c.Conclusion = OnlyInCopy
	default:
		c.Conclusion = Neither
	}
}

// Counts says how many rows are in the way on both sides.
func (c *SourceCheck) Counts() string {
	noun := map[string]string{"unique": "duplicated key", "foreign key": "orphaned row", "not null": "NULL"}[c.Kind]
	noun = cmp.Or(noun, "row in the way")
	say := func(n int64) string {
		if noun == "row in the way" && n != 1 {
			return Digits(n) + " rows in the way"
		}
		return Count(n, noun)
	}
	switch {
	case c.Source == nil:
		return ""
	case c.Staging == nil:
		return say(*c.Source) + " at the source"
	}
	return fmt.Sprintf("%s at the source, %s in the masked copy", say(*c.Source), Digits(*c.Staging))
}

// Compare says in words where two profiles differ in what can matter to a migration.
func Compare(before, after Profile) []string {
	var all []string
	for _, p := range []struct {
		what     string
		was, now int64
	}{
		{"NULLs", before.Nulls, after.Nulls},
		{"empty", before.Empty, after.Empty},
		{"with outer spaces", before.Spaced, after.Spaced},
		{"non-ASCII", before.NonASCII, after.NonASCII},
		{"integers", before.Integers, after.Integers},
		{"numbers", before.Numbers, after.Numbers},
		{"dates", before.Dates, after.Dates},
	} {
		if p.was != p.now && (p.what != "numbers" || before.Numbers-before.Integers != after.Numbers-after.Integers) {
			all = append(all, fmt.Sprintf("%s %s → %s", p.what, Digits(p.was), Digits(p.now)))
		}
	}
	all = append(distinctness(before, after), all...)
	switch b, a := before, after; {
	case b.Chars.Min != a.Chars.Min || b.Chars.Max != a.Chars.Max:
		all = append(all, fmt.Sprintf("characters %s → %s", span(b.Chars), span(a.Chars)))
	case b.Bytes.Max != a.Bytes.Max:
		all = append(all, fmt.Sprintf("bytes %s → %s", span(b.Bytes), span(a.Bytes)))
	}
	if shapes(before) != shapes(after) {
		all = append(all, fmt.Sprintf("mostly %s → %s", shapes(before), shapes(after)))
	}
	return all
}

// distinctness compares distinct values, and those that differ in case alone.
func distinctness(before, after Profile) []string {
	var all []string
	exact := before.Method == Exact && after.Method == Exact
	about, slack := "", 0.0
	if !exact {
		about, slack = "about ", 0.05*float64(max(before.Distinct, after.Distinct))
	}
	if math.Abs(float64(before.Distinct-after.Distinct)) > slack {
		all = append(all, fmt.Sprintf("distinct %s%s → %s", about, Digits(before.Distinct), Digits(after.Distinct)))
	}
	was, now := before.Distinct-before.Folded, after.Distinct-after.Folded
	if math.Abs(float64(was-now)) > slack {
		all = append(all, fmt.Sprintf("equal but for case %s%s → %s", about, Digits(max(was, 0)), Digits(max(now, 0))))
	}
	return all
}

func span(l Lengths) string {
	if l.Min == l.Max {
		return Digits(int64(l.Max))
	}
	return Digits(int64(l.Min)) + " to " + Digits(int64(l.Max))
}

// shapes is the most frequent shape, with its share to the nearest ten percent.
func shapes(p Profile) string {
	if len(p.Shapes) == 0 {
		return "nothing"
	}
	s := p.Shapes[0]
	if share := 10 * math.Round(10*float64(s.Count)/float64(max(p.Rows-p.Nulls, 1))); share < 10 {
		return "many shapes"
	} else if share < 100 {
		return fmt.Sprintf("\"%s\" (%.0f %%)", s.Shape, share)
	}
	return `"` + s.Shape + `"`
}

// fidelity tells which conclusions masking may have falsified, and what the source said to that.
func (a *arranger) fidelity() section {
	s := section{Title: "What masking changed, and what depends on it"}
	f := a.r.Fidelity
	if f == nil {
		return s
	}
	add := func(format string, args ...any) {
		s.Items = append(s.Items, item{Kind: bullet, Text: a.text(fmt.Sprintf(format, args...))})
	}
	for _, c := range f.Checks {
		add("%s", a.check(c))
	}
	if asked := slices.DeleteFunc(slices.Clone(f.Checks), func(c SourceCheck) bool { return c.Source == nil }); len(asked) > 0 {
		add("these counts were made at the source in the view that was copied, read-only, in %s together; nothing else left it", f.Took)
	}
	s.Items = atMost(s.Items, a.lim.lines, "checks")
	var quiet int64
	var lines []item
	for _, c := range f.Columns {
		if len(c.Differs) == 0 && len(c.Touches) == 0 {
			quiet++
			continue
		}
		lines = append(lines, item{Kind: bullet, Text: oneLine(a.column(c), 4*a.lim.cell, a.sym.ellipsis)})
	}
	s.Items = append(s.Items, atMost(lines, a.lim.lines, "columns")...)
	if quiet > 0 {
		add("%s: nothing that matters differs", Count(quiet, "other masked column"))
	}
	return s
}

func (a *arranger) check(c SourceCheck) string {
	text := c.Conclusion + ": " + c.What
	if c.Table != "" {
		text += " of " + c.Table
	}
	if at := place(c.File, c.Line); at != "" {
		text += " (" + at + ")"
	}
	for _, more := range []string{c.Counts(), c.Why} {
		if more != "" {
			text += "; " + more
		}
	}
	if c.Mendable && c.Conclusion == Confirmed {
		text += "; that is before statements which change such rows, and may mend them"
	}
	return text
}

// column is one line about a column.
func (a *arranger) column(c ColumnFidelity) string {
	text := fmt.Sprintf("%s.%s (%s): ", c.Table, c.Column, c.Mask)
	switch {
	case c.Before == nil:
		text += "every value becomes one and the same; what the source has was not looked at"
	case len(c.Differs) == 0:
		text += "nothing that matters differs"
	default:
		text += strings.ReplaceAll(strings.Join(c.Differs, ", "), " → ", a.sym.arrow)
	}
	var on []string
	for _, t := range c.Touches {
		at := place(t.File, t.Line)
		if i := strings.LastIndexByte(at, '/'); i >= 0 {
			at = at[i+1:]
		}
		on = append(on, t.What+" ("+at+")")
	}
	if len(on) > 0 {
		text += "; bears on " + list(on, 5)
	}
	return text
}
