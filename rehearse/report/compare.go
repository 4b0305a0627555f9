package report

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
)

// Comparison is what became of a release between two rehearsals of it: this push against the one before.
type Comparison struct {
	Then, Now *Result
}

// TextCompared writes the difference to an earlier result for a terminal.
func TextCompared(w io.Writer, c Comparison, o TextOptions) error {
	sym := unicodeSymbols()
	if o.ASCII {
		sym = asciiSymbols()
	}
	return writeText(w, c.arrange(sym, limits{rows: 40, lines: 40, cell: 160}), sym, o)
}

// MarkdownCompared writes the difference to an earlier result as a comment, with the marker that [Markdown] has, and within its limit.
func MarkdownCompared(w io.Writer, c Comparison) error {
	m := &markdown{}
	d := c.arrange(unicodeSymbols(), limits{rows: 20, lines: 20, cell: 120})
	d.Unfolded = true
	m.document(Marker(c.Now.Source.Database), d)
	if _, err := io.WriteString(w, m.String()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// comparer arranges a comparison; its arranger is the later result's.
type comparer struct {
	*arranger

	c Comparison
}

func (c Comparison) arrange(sym symbols, lim limits) document {
	a := comparer{&arranger{r: c.Now, sym: sym, lim: lim}, c}
	d := document{Verdict: c.Now.Verdict, Headline: a.change(), Parts: a.runs()}
	for _, s := range []section{a.each(), a.findings("Findings gone", c.Then, c.Now), a.findings("Findings new", c.Now, c.Then), a.others()} {
		if len(s.Items) > 0 {
			d.Sections = append(d.Sections, s)
		}
	}
	if len(d.Sections) == 0 {
		d.Sections = []section{{Title: "Difference", Items: []item{{Text: "None that can be told: the same migrations with the same figures and findings."}}}}
	}
	return d
}

func (c comparer) change() string {
	if c.c.Then.Verdict == c.c.Now.Verdict {
		h := "still " + c.c.Now.Verdict.Title()
		if c.c.Now.Reason != "" {
			h += ": " + c.c.Now.Reason
		}
		return c.text(h)
	}
	return c.text(c.c.Then.Verdict.Title() + c.sym.arrow + c.c.Now.Verdict.Title() + ": " + c.c.Now.Reason)
}

func (c comparer) runs() []string {
	say := func(r *Result) string {
		return fmt.Sprintf("run %s of %sZ", r.ID, r.StartedAt.UTC().Format("2006-01-02 15:04"))
	}
	parts := []string{say(c.c.Now) + " against " + say(c.c.Then)}
	if was, is := c.c.Then.Source.Database, c.c.Now.Source.Database; was != is {
		parts = append(parts, "another database: "+was+c.sym.arrow+is)
	}
	for i := range parts {
		parts[i] = c.cell(parts[i])
	}
	return parts
}

// each is a line for each migration of either, where anything of it can be told.
func (c comparer) each() section {
	s := section{Title: "Migrations", Open: true}
	g := &grid{Head: []string{"migration", "result", "time", "blocked", "rows changed", "rewritten"}}
	add := func(was, is *Migration) {
		g.Rows = append(g.Rows, []string{
			c.cell(name(was, is)), c.cell(c.result(was, is)), c.cell(c.both(was, is, func(m *Migration) string { return m.Duration.String() })),
			c.cell(c.both(was, is, c.blockedMost)), c.cell(c.both(was, is, c.rowsChanged)), c.cell(c.both(was, is, c.rewritten)),
		})
	}
	for i := range c.c.Now.Migrations {
		is := &c.c.Now.Migrations[i]
		add(c.c.Then.migration(is.Version), is)
	}
	for i := range c.c.Then.Migrations {
		if was := &c.c.Then.Migrations[i]; c.c.Now.migration(was.Version) == nil {
			add(was, nil)
		}
	}
	if len(g.Rows) == 0 {
		return s
	}
	left := len(g.Rows) - c.lim.rows
	if left > 0 {
		g.Rows = g.Rows[:c.lim.rows]
	}
	s.Items = []item{{Kind: tabular, Grid: g}}
	if left > 0 {
		s.Items = append(s.Items, item{Text: Count(int64(left), "more migration") + " in the JSON results."})
	}
	return s
}

func (r *Result) migration(version int64) *Migration {
	for i := range r.Migrations {
		if r.Migrations[i].Version == version {
			return &r.Migrations[i]
		}
	}
	return nil
}

func name(was, is *Migration) string {
	if is != nil {
		return is.ShortName()
	}
	return was.ShortName()
}

// both is a figure then and now; once where it is the same, or where the migration is in one of the results only.
func (c comparer) both(was, is *Migration, figure func(*Migration) string) string {
	say := func(m *Migration) string {
		if m.Outcome == NotRun {
			return c.sym.none
		}
		return figure(m)
	}
	switch {
	case was == nil:
		return say(is)
	case is == nil:
		return say(was)
	case say(was) == say(is):
		return say(is)
	}
	return say(was) + c.sym.arrow + say(is)
}

// result is the outcome then and now, and whether it was there.
func (c comparer) result(was, is *Migration) string {
	switch {
	case was == nil:
		return "new: " + outcome(is)
	case is == nil:
		return "gone, was " + outcome(was)
	case outcome(was) == outcome(is):
		return outcome(is)
	}
	return outcome(was) + c.sym.arrow + outcome(is)
}

func outcome(m *Migration) string {
	switch {
	case m.Outcome == Failed && m.Failure != nil && m.Failure.SQLState != "":
		return "failed " + m.Failure.SQLState
	case m.Outcome == TimedOut:
		return "timed out"
	case m.Outcome == NotRun:
		return "not run"
	}
	return string(m.Outcome)
}

// blockedMost is how long reads and writes were kept waiting at most, on the table where that was longest.
func (c comparer) blockedMost(m *Migration) string {
	r := c.c.Then
	if c.c.Now.migration(m.Version) == m {
		r = c.c.Now
	}
	var reads, writes Kept
	for _, k := range r.Kept(m) {
		if k.Reads.Total > reads.Reads.Total {
			reads = k
		}
		if k.Writes.Total > writes.Writes.Total {
			writes = k
		}
	}
	var out []string
	if reads.Reads.Total > 0 {
		out = append(out, "reads of "+reads.Table+" "+reads.Reads.String())
	}
	if writes.Writes.Total > 0 {
		out = append(out, "writes to "+writes.Table+" "+writes.Writes.String())
	}
	switch {
	case len(out) > 0:
		return strings.Join(out, ", ")
	case m.Probed:
		return "nobody (probed)"
	}
	return "nothing seen"
}

// findings are those of one result that the other has not. Their figures differ from run to run, so code, migration and object tell them apart.
func (c comparer) findings(title string, of, other *Result) section {
	s := section{Title: title, Open: true}
	for _, f := range of.Findings {
		in := func(o Finding) bool {
			return o.Code == f.Code && o.Migration == f.Migration && o.Object == f.Object && o.Level == f.Level
		}
		if !slices.ContainsFunc(other.Findings, in) {
			s.Items = append(s.Items, item{Kind: bullet, Text: c.text(f.Level.Title() + ": " + f.Text + " [" + f.Code + "]")})
		}
	}
	s.Items = atMost(s.Items, c.lim.lines, "findings")
	return s
}

// others are what makes figures of the two hard to compare.
func (c comparer) others() section {
	s := section{Title: "What else was another", Open: true}
	was, is := c.c.Then, c.c.Now
	for _, p := range []struct{ what, was, is string }{
		{"server of production", was.Source.Version, is.Source.Version},
		{"staging", strings.TrimSpace(was.Staging.Provider + " " + was.Staging.Image), strings.TrimSpace(is.Staging.Provider + " " + is.Staging.Image)},
		{"rows copied", Digits(was.Snapshot.Rows), Digits(is.Snapshot.Rows)},
		{"program", strings.TrimSpace(was.Tool.Version + " " + was.Tool.Commit), strings.TrimSpace(is.Tool.Version + " " + is.Tool.Commit)},
		{"policy", "", fmt.Sprint(reflect.DeepEqual(was.Policy, is.Policy))},
		{"staging's settings", pairs(timed(was.Staging.Settings)), pairs(timed(is.Staging.Settings))},
	} {
		switch {
		case p.was == p.is || p.what == "policy" && p.is == "true":
		case p.what == "policy":
			s.Items = append(s.Items, item{Kind: bullet, Text: "policy: the two were judged by different budgets"})
		default:
			s.Items = append(s.Items, item{Kind: bullet, Text: c.text(p.what + ": " + orWord(p.was, "none") + c.sym.arrow + orWord(p.is, "none"))})
		}
	}
	return s
}
