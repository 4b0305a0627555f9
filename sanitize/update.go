package sanitize

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
)

// Updated is a rules file with what it lacked.
type Updated struct {
	Text  []byte
	Added []string // a line for each rule that was added: the column as SQL writes it, its rule and the evidence
	// Gone are the rules that match nothing. They stay: a person must say whether something was dropped or renamed.
	Gone []Issue
}

// LayoutError says that lines cannot be added to a file as it is written. Paste has them.
type LayoutError struct {
	File  string
	Paste string
}

// Error names the file.
func (e *LayoutError) Error() string {
	return e.File + " is written in a way that nothing can be added to without changing it"
}

// Update adds rules for the tables and columns that a rules file has none for, as [Starter] would write them, and changes nothing that is
// there: every byte of the file stays, in its order. Mistakes of the file are a *[RulesError].
func Update(file string, src []byte, db Database, samples Samples) (*Updated, error) {
	rules, err := ParseRules(file, src)
	if err != nil {
		return nil, err
	}
	p := rules.lacking(db)
	u := &updater{
		src: string(src), planner: p, suggester: newSuggester(p, samples), newline: "\n",
		missing: make(map[*Table][]*cell),
	}
	if strings.Contains(u.src, "\r\n") {
		u.newline = "\r\n"
	}
	for _, c := range p.wanting() {
		u.missing[c.table] = append(u.missing[c.table], c)
	}
	result := &Updated{Gone: sortIssues(p.err.Unmatched)}
	if len(p.err.Tables)+len(p.err.Columns) == 0 {
		result.Text = src
		return result, nil
	}
	u.add()
	result.Text, result.Added = u.text(), u.added
	if again, err := ParseRules(file, result.Text); u.stuck || err != nil || !again.extends(rules, db) {
		return nil, &LayoutError{File: file, Paste: p.err.Paste}
	}
	return result, nil
}

// lacking finds out which tables and columns have no rule.
func (r *Rules) lacking(db Database) *planner {
	masked, kept := r.amended(db)
	p := newPlanner(r, masked, NewKey())
	p.keep(kept)
	p.assign()
	p.connect()
	p.follow()
	p.fallBack()
	p.findUncovered()
	return p
}

// extends says whether the rules are those of another file and some more, after which nothing is lacking.
func (r *Rules) extends(old *Rules, db Database) bool {
	now := make(map[Relation]*tableRules)
	for _, t := range r.tables {
		now[t.table] = t
	}
	for _, t := range old.tables {
		for name, was := range t.columns {
			if n := now[t.table]; n == nil || n.columns[name] == nil || n.columns[name].decision() != was.decision() {
				return false
			}
		}
	}
	p := r.lacking(db)
	return len(p.err.Tables)+len(p.err.Columns) == 0 && len(r.pending) == len(old.pending) && len(r.defaults) == len(old.defaults)
}

// updater puts lines into a file.
type updater struct {
	src, newline string
	planner      *planner
	suggester    *suggester
	missing      map[*Table][]*cell // columns without a rule that need a line
	edits        []edit
	added        []string
	ended        bool // something was put at the end of the file
	stuck        bool // there is a place that nothing can be put into
}

// edit is text to put before the byte at a place.
type edit struct {
	at   int
	text string
}

func (u *updater) insert(at int, text string) {
	if at == len(u.src) && !u.ended && !strings.HasSuffix(u.src, "\n") {
		text = u.newline + text
	}
	u.ended = u.ended || at == len(u.src)
	u.edits = append(u.edits, edit{at, text})
}

// text is the file with all edits made.
func (u *updater) text() []byte {
	slices.SortStableFunc(u.edits, func(a, b edit) int { return a.at - b.at })
	var b strings.Builder
	from := 0
	for _, e := range u.edits {
		b.WriteString(u.src[from:e.at])
		b.WriteString(e.text)
		from = e.at
	}
	b.WriteString(u.src[from:])
	return []byte(b.String())
}

// add puts the columns of listed tables under them, and the other tables after the last of their schema.
func (u *updater) add() {
	var doc yaml.Node
	if yaml.Load([]byte(u.src), &doc) != nil || len(doc.Content) == 0 || doc.Content[0].Style&yaml.FlowStyle != 0 {
		u.stuck = true
		return
	}
	key, tables := child(doc.Content[0], "tables")
	unlisted := slices.Clone(u.planner.err.Tables)
	for i := range u.planner.db.Tables {
		t := &u.planner.db.Tables[i]
		name := Relation{t.Schema, t.Name}
		isNew := slices.Contains(unlisted, name.String())
		if !isNew && len(u.missing[t]) == 0 {
			continue
		}
		if k, v := tableNode(tables, name); k != nil {
			u.columns(k, v, u.missing[t])
		} else {
			u.table(key, tables, name, u.missing[t])
		}
	}
}

// child is the entry of a mapping with a key; nil when there is none.
func child(n *yaml.Node, name string) (key, value *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}

// tableNode is the entry of a table, however its name is written.
func tableNode(tables *yaml.Node, name Relation) (key, value *yaml.Node) {
	if tables == nil {
		return nil, nil
	}
	for i := 0; i+1 < len(tables.Content); i += 2 {
		if r, err := ParseRelation(tables.Content[i].Value); err == nil && r == name {
			return tables.Content[i], tables.Content[i+1]
		}
	}
	return nil, nil
}

// columns adds to a table that is there.
func (u *updater) columns(key, value *yaml.Node, cells []*cell) {
	switch {
	case value.Kind == yaml.MappingNode && value.Style&yaml.FlowStyle != 0:
		u.intoFlow(value, u.lines(cells, key.Column+1))
	case value.Kind == yaml.MappingNode && len(value.Content) > 0:
		u.insert(u.endOf(value), u.lines(cells, value.Content[0].Column-1))
	case value.Kind == yaml.ScalarNode && value.Value == "" && value.Style == 0:
		u.insert(u.lineAfter(key.Line), u.lines(cells, key.Column+1))
	default:
		u.stuck = true
	}
}

// table adds a table, after the last one of its schema, or after all.
func (u *updater) table(key, tables *yaml.Node, name Relation, cells []*cell) {
	at, indent := len(u.src), 2
	switch {
	case key == nil:
		if !u.ended {
			u.insert(at, "tables:"+u.newline)
		}
	case tables.Kind == yaml.ScalarNode && tables.Value == "" && tables.Style == 0:
		at = u.lineAfter(key.Line)
	case tables.Kind == yaml.MappingNode && tables.Style&yaml.FlowStyle == 0 && len(tables.Content) > 0:
		indent = tables.Content[0].Column - 1
		at = u.endOf(tables)
		for i := 0; i+1 < len(tables.Content); i += 2 {
			if r, err := ParseRelation(tables.Content[i].Value); err == nil && r.Schema == name.Schema {
				at = u.endOfEntry(tables.Content[i], tables.Content[i+1])
			}
		}
	default:
		u.stuck = true
		return
	}
	text := u.newline + strings.Repeat(" ", indent) + yamlKey(name.String()) + ":"
	if len(cells) == 0 {
		text += " {}"
		u.added = append(u.added, name.String()+": {}")
	}
	u.insert(at, text+u.newline+u.lines(cells, indent+2))
}

// lines are those of columns, with their evidence.
func (u *updater) lines(cells []*cell, indent int) string {
	var b strings.Builder
	for _, c := range cells {
		guessed := u.suggester.suggest(c)
		rule, evidence := u.suggester.agreed(c), guessed.evidence()
		switch {
		case u.planner.formerly[c] != nil:
			evidence = "the rule of what may have been its former name"
		case rule != guessed.text:
			evidence = "as the columns that foreign keys tie to it"
		case u.declares(classID(guessed.guess.Class), rule):
			rule = classID(guessed.guess.Class)
		}
		fmt.Fprintf(&b, "%s%s: %s  # %s%s", strings.Repeat(" ", indent), yamlKey(c.column.Name), rule, printable(evidence), u.newline)
		u.added = append(u.added, fmt.Sprintf("%s: %s (%s)", c, rule, evidence))
	}
	return b.String()
}

// declares says whether the file uses a class of that name for that rule.
func (u *updater) declares(class, text string) bool {
	wanted := parseRule(text)
	for _, t := range u.planner.rules.tables {
		for _, r := range t.columns {
			if wanted != nil && class != "" && r.class == class && describeRule(r.Rule) == describeRule(wanted.Rule) {
				return true
			}
		}
	}
	return false
}

// offset is the place of a node's first byte.
func (u *updater) offset(n *yaml.Node) int {
	at := u.lineAfter(n.Line - 1)
	for range n.Column - 1 {
		_, size := utf8.DecodeRuneInString(u.src[at:])
		at += size
	}
	return at
}

// lineAfter is where the line after the given one begins.
func (u *updater) lineAfter(line int) int {
	at := 0
	for range line {
		end := strings.IndexByte(u.src[at:], '\n')
		if end < 0 {
			return len(u.src)
		}
		at += end + 1
	}
	return at
}

// endOf is the beginning of the line behind all that belongs to a mapping in block style.
func (u *updater) endOf(n *yaml.Node) int {
	last := len(n.Content) - 2
	return u.endOfEntry(n.Content[last], n.Content[last+1])
}

// endOfEntry is the beginning of the line behind an entry of such a mapping: lines that are further in belong to it, and so does the end of
// a list or mapping in brackets.
func (u *updater) endOfEntry(key, value *yaml.Node) int {
	end := u.lineAfter(max(key.Line, lastLine(value)))
	for at := end; at < len(u.src); {
		next := at + strings.IndexByte(u.src[at:]+"\n", '\n') + 1
		next = min(next, len(u.src))
		line := u.src[at:next]
		text := strings.TrimLeft(line, " ")
		switch trimmed := strings.TrimSpace(line); {
		case trimmed == "": // belongs to it only when more does
		case len(line)-len(text) > key.Column-1, strings.HasPrefix(trimmed, "}"), strings.HasPrefix(trimmed, "]"):
			end = next
		default:
			return end
		}
		at = next
	}
	return end
}

func lastLine(n *yaml.Node) int {
	last := n.Line
	for _, c := range n.Content {
		last = max(last, lastLine(c))
	}
	return last
}

// intoFlow puts lines before the brace that ends a mapping in flow style.
func (u *updater) intoFlow(n *yaml.Node, lines string) {
	begin := u.offset(n)
	end, last := closingBracket(u.src[begin:])
	if end < 0 {
		u.stuck = true
		return
	}
	if c := u.src[begin+last]; c != '{' && c != ',' {
		u.insert(begin+last+1, ",")
	}
	column := n.Column - 1
	if line := u.src[u.lineAfter(n.Line-1):begin]; strings.TrimSpace(line) != "" {
		column = len(line) - len(strings.TrimLeft(line, " "))
	}
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimSuffix(lines, u.newline), u.newline) {
		rule, comment, _ := strings.Cut(line, "  # ")
		b.WriteString(u.newline + rule + ",  # " + comment)
	}
	u.insert(begin+end, b.String()+u.newline+strings.Repeat(" ", column))
}

// closingBracket finds the brace that ends the mapping that text begins with, and the last byte before it that is no space or comment; -1 when
// there is none.
func closingBracket(text string) (end, last int) {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '#' && i > 0 && strings.ContainsRune(" \t\n", rune(text[i-1])):
			i += strings.IndexByte(text[i:]+"\n", '\n')
			continue
		case (c == '"' || c == '\'') && strings.IndexByte("{[,:", text[last]) >= 0:
			i = afterQuoted(text, i)
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return i, last
			}
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			continue
		}
		last = min(i, len(text)-1)
	}
	return -1, last
}

// afterQuoted is the place of the quote that ends what the one at i begins.
func afterQuoted(text string, i int) int {
	quote := text[i]
	for i++; i < len(text); i++ {
		switch {
		case quote == '"' && text[i] == '\\':
			i++
		case text[i] == quote && quote == '\'' && i+1 < len(text) && text[i+1] == quote:
			i++
		case text[i] == quote:
			return i
		}
	}
	return len(text)
}
