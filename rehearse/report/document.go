package report

import (
	"strings"
)

// A document is the result arranged for reading: what [Text] and [Markdown] share. It holds plain text only;
// wrapping, escaping and colour are the renderers' business.
type document struct {
	Headline string
	Verdict  Verdict
	Unfolded bool     // Markdown shows open sections whatever the verdict is
	Parts    []string // the circumstances, one line
	Sections []section
}

// section is a heading with items. Open sections belong to the first screen.
type section struct {
	Title string
	Open  bool
	Items []item
}

type itemKind int

const (
	paragraph itemKind = iota
	bullet
	step    // numbered
	code    // SQL, kept line by line
	diff    // lines that begin with +, - or ~, kept line by line
	tabular // Grid
)

// item is one thing to read. Depth indents it below the item before.
type item struct {
	Kind  itemKind
	Text  string
	Depth int
	Level Level // of a step: its weight
	Grid  *grid
}

// grid is a table; the first column names the row.
type grid struct {
	Head  []string
	Rows  [][]string
	Right []int // columns that hold numbers
	Marks []Level
}

// limits bound a document: rows of a table, lines of a list, runes of a cell or a sentence.
type limits struct {
	rows, lines, cell int
}

// arranger builds the document of one result.
type arranger struct {
	r   *Result
	sym symbols
	lim limits

	worst map[int64]Level // the weightiest finding of each migration
}

func arrange(r *Result, sym symbols, lim limits) document {
	a := &arranger{r: r, sym: sym, lim: lim, worst: map[int64]Level{}}
	for _, f := range r.Findings {
		if w, ok := a.worst[f.Migration]; !ok || f.Level.Weight() > w.Weight() {
			a.worst[f.Migration] = f.Level
		}
	}
	doc := document{Headline: a.headline(), Verdict: r.Verdict, Parts: a.circumstances()}
	for _, build := range []func() section{
		a.migrations, a.doThisFirst, a.wayBack, a.overrides, a.checks, a.parts, a.alsoSeen, a.waits, a.among, a.queries, a.schema, a.rows, a.contents, a.cost,
		a.failures, a.killed, a.repeated, a.curves, a.fidelity, a.notMeasured, a.leftovers, a.masks, a.audit, a.method,
	} {
		if s := build(); len(s.Items) > 0 {
			doc.Sections = append(doc.Sections, s)
		}
	}
	return doc
}

// Weight orders levels: a Fail weighs most, an Info nothing.
func (l Level) Weight() int {
	switch l {
	case Fail:
		return 4
	case Unknown:
		return 3
	case Condition:
		return 2
	case Warn:
		return 1
	default:
		return 0
	}
}

// Title is the level as people read it beside a finding.
func (l Level) Title() string {
	switch l {
	case Fail:
		return "NO-GO"
	case Unknown:
		return "not known"
	case Condition:
		return "condition"
	case Warn:
		return "warning"
	default:
		return "note"
	}
}

// text is s made safe for one item: cleaned and cut.
func (a *arranger) text(s string) string {
	return oneLine(s, 4*a.lim.cell, a.sym.ellipsis)
}

func (a *arranger) cell(s string) string {
	return oneLine(s, a.lim.cell, a.sym.ellipsis)
}

// advice splits what a finding says to do into sentences and SQL; the SQL are the lines indented by four spaces.
func (a *arranger) advice(do string) []item {
	var out []item
	for line := range strings.SplitSeq(clean(do), "\n") {
		kind, depth, text := paragraph, 1, strings.TrimSpace(line)
		if strings.HasPrefix(line, "    ") {
			kind, depth, text = code, 2, strings.TrimRight(line[4:], " ")
		}
		if kind == paragraph && len(out) == 0 {
			text = "Do: " + text
		}
		switch last := len(out) - 1; {
		case strings.TrimSpace(line) == "":
		case kind == code && last >= 0 && out[last].Kind == code:
			out[last].Text += "\n" + cut(text, 8*a.lim.cell, a.sym.ellipsis)
		default:
			out = append(out, item{Kind: kind, Depth: depth, Text: cut(text, 8*a.lim.cell, a.sym.ellipsis)})
		}
	}
	return out
}

// atMost keeps the first n items and says how many are left out.
func atMost(items []item, n int, what string) []item {
	if len(items) <= n {
		return items
	}
	left := Digits(int64(len(items) - n))
	return append(items[:n:n], item{Kind: paragraph, Text: left + " more " + what + " are in the JSON result."})
}
