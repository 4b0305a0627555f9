package sanitize

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rehearse-db/rehearse/sanitize/detect"
)

// StarterOptions tune a starter file; the zero value will do.
type StarterOptions struct {
	// Source names the database in the header, such as "shop"; it must not be a URL with a password. Empty leaves it out.
	Source string
}

// starterHeader tells the reader what the file is and what is asked of them.
const starterHeader = `# Masking rules: what becomes of every column when the database is copied.
#
# This is a first draft, made from names, types%s. A person must review every line of it:
#   - a guess can be wrong, and values that were not sampled can hold anything
#   - "keep" copies the values as they are; those marked REVIEW may well be personal data
#   - redact_text finds addresses, phone and card numbers in prose, but not the names of people
#   - keys of JSON documents, and arrays that are kept, are not masked
# Columns stand in groups: those that look personal by their class, those that nobody understood, those to be reviewed, those that are kept.
# A column of a foreign key follows the column it references and has no line.
# A column or table that is missing here stops the copy.
`

// Starter writes a complete rules file for a database: every table, every column, the mask that its name, type and samples suggest,
// and the evidence behind it as a comment. [ParseRules] and [Rules.Plan] accept the result. Samples may be nil.
func Starter(db Database, samples Samples, opts StarterOptions) []byte {
	p := newPlanner(&Rules{}, db, NewKey())
	p.connect()
	w := &starter{suggester: newSuggester(p, samples), wanting: make(map[*cell]bool)}
	for _, c := range p.wanting() {
		w.wanting[c] = true
	}
	w.suggestAll(p)
	w.header(samples, opts)
	tables := make([]*Table, len(db.Tables))
	for i := range db.Tables {
		tables[i] = &db.Tables[i]
	}
	slices.SortStableFunc(tables, func(a, b *Table) int { return strings.Compare(a.Schema, b.Schema) })
	for i, t := range tables {
		if i == 0 || tables[i-1].Schema != t.Schema {
			fmt.Fprintf(&w.out, "\n  # schema %s\n", printable(quoteIdent(t.Schema)))
		}
		w.table(t)
	}
	return w.out.Bytes()
}

type starter struct {
	suggester *suggester
	wanting   map[*cell]bool
	classes   map[string]string // of detect's classes, the rule that stands in the section classes:
	out       bytes.Buffer
}

func (w *starter) header(samples Samples, opts StarterOptions) {
	from := " and no values"
	if n := samples.columns(); n > 0 {
		from = fmt.Sprintf(" and sampled values of %d columns", n)
	}
	fmt.Fprintf(&w.out, starterHeader, from)
	if opts.Source != "" {
		fmt.Fprintf(&w.out, "# Source: %s\n", printable(opts.Source))
	}
	fmt.Fprintf(&w.out, "version: %s\n", version)
	if len(w.classes) > 0 {
		w.out.WriteString("\nclasses:\n")
	}
	for _, class := range detect.Personal() {
		if text := w.classes[class.Name]; text != "" {
			fmt.Fprintf(&w.out, "  %s: %s\n", class.ID, text)
		}
	}
	w.out.WriteString("\ntables:\n")
}

// suggestAll finds the rule of every column first, so that each class gets the rule that most of its columns have.
func (w *starter) suggestAll(p *planner) {
	w.classes = make(map[string]string)
	counts := make(map[string]map[string]int)
	for _, c := range p.order {
		if !w.wanting[c] {
			continue
		}
		s := w.suggester.suggest(c)
		if classID(s.guess.Class) == "" || s.text == "keep" {
			continue
		}
		if counts[s.guess.Class] == nil {
			counts[s.guess.Class] = make(map[string]int)
		}
		counts[s.guess.Class][s.text]++
	}
	for class, texts := range counts {
		for _, text := range slices.SortedFunc(maps.Keys(texts), arraysLast) {
			if texts[text] > texts[w.classes[class]] {
				w.classes[class] = text
			}
		}
	}
}

// arraysLast orders rules, those for arrays behind all others.
func arraysLast(a, b string) int {
	rank := func(text string) string {
		if strings.HasPrefix(text, "{mask: array,") {
			return "1" + text
		}
		return "0" + text
	}
	return strings.Compare(rank(a), rank(b))
}

// classID is the name that a class of detect has in a rules file; "" for those that have none.
func classID(name string) string {
	for _, class := range detect.Personal() {
		if class.Name == name {
			return class.ID
		}
	}
	return ""
}

// The groups of a table's lines, in their order; within one, the classes go as detect.Personal has them.
const (
	groupUnknown = 100 + iota
	groupReview
	groupKept
)

func groupOf(s suggestion) int {
	switch {
	case s.review:
		return groupReview
	case s.text == "keep":
		return groupKept
	}
	return cmp.Or(1+slices.IndexFunc(detect.Personal(), func(c detect.Class) bool { return c.Name == s.guess.Class }), groupUnknown)
}

// columns counts the columns that have a sample.
func (s Samples) columns() int {
	n := 0
	for _, table := range s {
		for _, values := range table {
			n += min(len(values), 1)
		}
	}
	return n
}

// table writes one table: its lines, and comments for the columns that need none.
func (w *starter) table(t *Table) {
	name := Relation{t.Schema, t.Name}
	if t.Verbatim {
		fmt.Fprintf(&w.out, "\n  # %s is bookkeeping and copied as it is\n", printable(name.String()))
		return
	}
	fmt.Fprintf(&w.out, "\n  %s:", yamlKey(name.String()))
	var lines, notes []starterLine
	for i := range t.Columns {
		if l := w.column(w.suggester.planner.cells[cellKey{name, t.Columns[i].Name}]); l.text == "" {
			notes = append(notes, l)
		} else {
			lines = append(lines, l)
		}
	}
	slices.SortStableFunc(lines, func(a, b starterLine) int { return a.group - b.group })
	if len(lines) == 0 {
		w.out.WriteString(" {}")
	}
	if n := len(t.Partitions); n > 0 {
		fmt.Fprintf(&w.out, " # and its partitions, %d in all", n)
	}
	w.out.WriteByte('\n')
	w.lines(lines)
	for _, l := range notes {
		fmt.Fprintf(&w.out, "    # %s\n", printable(l.comment))
	}
}

// starterLine is a column's line, without its text for one that needs no line.
type starterLine struct {
	text, comment string
	group         int
}

// lines writes lines with their comments below one another.
func (w *starter) lines(lines []starterLine) {
	width := 0
	for _, l := range lines {
		if n := utf8.RuneCountInString(l.text); n <= 60 {
			width = max(width, n)
		}
	}
	for _, l := range lines {
		fmt.Fprintf(&w.out, "    %s%s  # %s\n", l.text, strings.Repeat(" ", max(0, width-utf8.RuneCountInString(l.text))), printable(l.comment))
	}
}

// column returns the line of a column and its comment; the line is empty when the column needs none.
func (w *starter) column(c *cell) starterLine {
	name := quoteIdent(c.column.Name)
	switch {
	case c.column.Generated:
		return starterLine{comment: name + " is generated by the server"}
	case !w.wanting[c]:
		return starterLine{comment: fmt.Sprintf("%s follows %s", name, c.leader())}
	}
	s := w.suggester.suggest(c)
	text := s.text
	if id := classID(s.guess.Class); id != "" && w.classes[s.guess.Class] == text {
		text = id
	}
	return starterLine{text: yamlKey(c.column.Name) + ": " + text, comment: s.evidence(), group: groupOf(s)}
}

// evidence is what a suggestion rests on, as a comment.
func (s suggestion) evidence() string {
	comment := s.guess.Evidence
	if s.guess.Class != "" {
		comment = s.guess.Class + ": " + comment
	}
	if s.review {
		comment = "REVIEW: " + comment
		if s.text == "keep" && s.guess.Rules[0] != "keep" {
			comment += "; nothing but keep fits the column"
		}
	}
	return comment
}

// leader is the column that c takes its rule from first.
func (c *cell) leader() *cell {
	for _, e := range c.parents {
		if !e.parent.column.Generated {
			return e.parent
		}
	}
	return c
}

// plainKey matches the names that YAML reads as text without quotes.
var plainKey = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_]*(\.[\p{L}_][\p{L}\p{N}_]*)*$`)

// yamlKey writes a name as a YAML key, in quotes where it needs them.
func yamlKey(s string) string {
	switch strings.ToLower(s) {
	case "null", "true", "false", "yes", "no", "on", "off", "y", "n":
		return "'" + s + "'"
	}
	if plainKey.MatchString(s) {
		return s
	}
	if printable(s) != s {
		return strconv.QuoteToASCII(s)
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// printable replaces what could end a comment, or hide in it.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
