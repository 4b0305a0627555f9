package sanitize

import (
	"slices"

	yaml "go.yaml.in/yaml/v4"

	"github.com/rehearse-db/rehearse/sanitize/detect"
	"github.com/rehearse-db/rehearse/sanitize/mask"
)

// Samples are values of columns by table and column, in PostgreSQL's text form and without NULLs. They are unmasked: they are only
// looked at, and nothing made from them quotes one.
type Samples map[Relation]map[string][]string

// suggestion is a rule proposed for a column.
type suggestion struct {
	text   string // YAML on one line
	guess  detect.Guess
	review bool // the proposal leaves something as it is that may be personal data
}

// suggester proposes rules that fit: types, lengths, unique keys, partition keys and everything tied by foreign keys.
type suggester struct {
	planner *planner
	samples Samples
	needs   map[*cell]need
	pinned  map[*cell]bool // can only be kept
	made    map[*cell]suggestion
}

func newSuggester(p *planner, samples Samples) *suggester {
	s := &suggester{planner: p, samples: samples, needs: make(map[*cell]need), pinned: make(map[*cell]bool), made: make(map[*cell]suggestion)}
	for i := range p.db.Tables {
		t := &p.db.Tables[i]
		for _, u := range t.Unique {
			for _, d := range throughGenerated(t, demands(t, u)) {
				s.demand(t, d)
			}
		}
		for _, name := range t.PartitionKey {
			s.demand(t, demand{column: name, need: needKeep})
		}
	}
	return s
}

func (s *suggester) demand(t *Table, d demand) {
	c := s.planner.cells[cellKey{Relation{t.Schema, t.Name}, d.column}]
	if c == nil {
		return
	}
	if old, ok := s.needs[c]; !ok || d.need > old {
		s.needs[c] = d.need
	}
}

// suggest proposes the rule of a column that needs a line. All columns that foreign keys tie together get one rule.
func (s *suggester) suggest(c *cell) suggestion {
	if made, ok := s.made[c]; ok {
		return made
	}
	group := c.group()
	guess := s.guess(c, group)
	chosen := suggestion{text: "keep", guess: guess, review: guess.Doubtful || guess.Rules[0] != "keep"}
	for _, text := range guess.Rules {
		if s.fits(text, group) {
			chosen.text, chosen.review = text, guess.Doubtful || text == "keep" && guess.Rules[0] != "keep"
			break
		}
	}
	for _, member := range group {
		s.made[member] = chosen
	}
	return chosen
}

// guess classifies the column, or the first column tied to it that looks like something that should not be kept.
func (s *suggester) guess(c *cell, group []*cell) detect.Guess {
	first := s.classify(c)
	if first.Rules[0] != "keep" {
		return first
	}
	for _, member := range group {
		if g := s.classify(member); g.Class != "" && len(member.parents) == 0 && g.Rules[0] != "keep" {
			return g
		}
	}
	return first
}

func (s *suggester) classify(c *cell) detect.Guess {
	col := detect.Column{Schema: c.table.Schema, Table: c.table.Name, Name: c.column.Name, BaseType: c.column.BaseType, TypeKind: c.column.TypeKind, Enum: len(c.column.Labels) > 0, Comment: c.column.Comment}
	return detect.Classify(col, s.samples[c.relation()][c.column.Name])
}

// group is the column with all that foreign keys tie to it, directly or not.
func (c *cell) group() []*cell {
	group := []*cell{c}
	seen := map[*cell]bool{c: true}
	for i := 0; i < len(group); i++ {
		for _, next := range group[i].neighbours() {
			if !seen[next] {
				seen[next] = true
				group = append(group, next)
			}
		}
	}
	return group
}

// fits reports whether a rule works for every column of a group.
func (s *suggester) fits(text string, group []*cell) bool {
	r := parseRule(text)
	if r == nil {
		return false
	}
	for _, c := range group {
		m, err := mask.Compile(r.Rule, c.target(), s.planner.keys)
		if err != nil {
			return false
		}
		if n, ok := s.needs[c]; ok && !satisfies(m, n) {
			return false
		}
		_, constant := m.Const()
		tied := c.column.Generated || c.table.Verbatim || c.column.BaseType == "int2" && len(group) > 1 && !constant
		if tied && !m.Keep() {
			return false
		}
	}
	return true
}

// parseRule reads a rule as a rules file would, without classes; nil when it is none.
func parseRule(text string) *rule {
	var doc yaml.Node
	if yaml.Load([]byte(text), &doc) != nil || len(doc.Content) == 0 {
		return nil
	}
	p := &parser{masks: mask.Catalogue()}
	r := p.rule(doc.Content[0], "the suggestion")
	if len(p.issues) > 0 {
		return nil
	}
	return r
}

// paste writes the lines that would cover tables without rules and columns without a line, to stand under "tables:".
func (p *planner) paste(unlisted []*Table, missing []*cell) string {
	if len(unlisted)+len(missing) == 0 {
		return ""
	}
	s := newSuggester(p, nil)
	wanting := make(map[*Table][]*cell)
	for _, c := range p.wanting() {
		wanting[c.table] = append(wanting[c.table], c)
	}
	var out []byte
	for i := range p.db.Tables {
		t := &p.db.Tables[i]
		cells := wanting[t]
		if !slices.Contains(unlisted, t) && !slices.ContainsFunc(missing, func(c *cell) bool { return c.table == t }) {
			continue
		}
		out = append(out, "  "+yamlKey(Relation{t.Schema, t.Name}.String())+":"...)
		if len(cells) == 0 {
			out = append(out, " {}"...)
		}
		out = append(out, '\n')
		for _, c := range cells {
			out = append(out, "    "+yamlKey(c.column.Name)+": "+s.agreed(c)+"\n"...)
		}
	}
	return string(out)
}

// agreed is the suggestion for a column, or the rule that a column tied to it has already.
func (s *suggester) agreed(c *cell) string {
	if r := s.planner.formerly[c]; r != nil && r.node != nil {
		return flow(r.node)
	}
	for _, member := range c.group() {
		if r := member.rule; r != nil && (r.class != "" || len(r.Params) == 0 && r.Domain == "") {
			if r.class != "" {
				return yamlKey(r.class)
			}
			return r.Name
		}
	}
	return s.suggest(c).text
}
