package premise

import (
	"slices"
	"strings"
)

// parser reads the tokens of one statement.
type parser struct {
	sql  string
	toks []token
	i    int
}

// accept goes past words in a row, if they are next.
func (p *parser) accept(words ...string) bool {
	for k, w := range words {
		if t := p.peek(k); t.text != w || t.kind == text || t.kind == quotedName {
			return false
		}
	}
	p.i += len(words)
	return true
}

func (p *parser) peek(k int) token {
	if p.i+k < len(p.toks) {
		return p.toks[p.i+k]
	}
	return token{start: len(p.sql), end: len(p.sql)}
}

func (p *parser) done() bool { return p.i >= len(p.toks) }

// name reads a name that may be qualified; the last two parts count.
func (p *parser) name() Name {
	var n Name
	for {
		n.Schema, n.Name = n.Name, p.peek(0).name()
		p.i++
		if !p.accept(".") {
			return n
		}
	}
}

// brackets reads what stands in brackets, if they are next.
func (p *parser) brackets() ([]token, bool) {
	if p.peek(0).text != "(" || p.peek(0).kind != sign {
		return nil, false
	}
	depth := 0
	for i := p.i; i < len(p.toks); i++ {
		if p.toks[i].kind != sign {
			continue
		}
		switch p.toks[i].text {
		case "(":
			depth++
		case ")":
			depth--
		}
		if depth == 0 {
			inner := p.toks[p.i+1 : i]
			p.i = i + 1
			return inner, true
		}
	}
	return nil, false
}

// rest are the tokens that are left.
func (p *parser) rest() []token {
	rest := p.toks[min(p.i, len(p.toks)):]
	p.i = len(p.toks)
	return rest
}

// raw is the text of tokens as it stands, comments in between included as white space.
func (p *parser) raw(toks []token) string {
	var b strings.Builder
	for i, t := range toks {
		if i > 0 && t.start > toks[i-1].end {
			b.WriteByte(' ')
		}
		b.WriteString(p.sql[t.start:t.end])
	}
	return b.String()
}

// statement is what one statement needs.
func (p *parser) statement() []Premise {
	if p.done() {
		return nil
	}
	at := p.peek(0).start
	var found []Premise
	switch {
	case p.accept("create"):
		found = p.create()
	case p.accept("alter", "table"):
		found = p.alterTable()
	default:
		found = p.other()
	}
	for i := range found {
		found[i].At = max(found[i].At, at)
	}
	return found
}

// other is a statement that works on rows in a way that is not one condition.
func (p *parser) other() []Premise {
	verb := p.peek(0).text
	var of Name
	switch {
	case p.accept("update"), p.accept("insert", "into"), p.accept("delete", "from"), p.accept("merge", "into"):
		p.accept("only")
		of = p.name()
	case verb == "with", verb == "select", verb == "do", verb == "call", verb == "refresh":
	case verb == "alter" && p.peek(1).text == "domain":
		verb = "alter domain"
	default:
		return nil
	}
	return []Premise{{Kind: Other, Table: of, What: strings.ToUpper(verb), Why: "what it does with values is not one condition on rows"}}
}

// create recognises indexes and what else of CREATE reads rows.
func (p *parser) create() []Premise {
	unique := p.accept("unique")
	if !p.accept("index") {
		materialized := p.accept("materialized", "view")
		if !materialized && !p.accept("table") {
			return nil
		}
		if !slices.ContainsFunc(p.toks, func(t token) bool { return t.kind == word && t.text == "select" }) {
			return nil
		}
		return []Premise{{Kind: Other, What: "a query that fills a new table", Why: "what it does with values is not one condition on rows"}}
	}
	p.accept("concurrently")
	p.accept("if", "not", "exists")
	if !p.accept("on") {
		p.name()
		if !p.accept("on") {
			return nil
		}
	}
	p.accept("only")
	f := Premise{Kind: Unique, Only: true, Table: p.name()}
	if p.accept("using") {
		p.i++
	}
	list, ok := p.brackets()
	if !ok {
		return nil
	}
	expressions := false
	for _, element := range split(list, ",") {
		key, expression := p.key(element)
		f.Keys = append(f.Keys, key)
		expressions = expressions || expression
	}
	where := p.clauses(&f)
	f.What = "index on (" + p.raw(list) + ")"
	if unique {
		f.What = "unique " + f.What
	}
	if f.Where != "" {
		f.What += " where " + f.Where
	}
	if !unique && !expressions && f.Where == "" {
		return nil
	}
	all := p.withCasts(f, list, false)
	if found, _, known := p.casts(where); !known || len(found) > 0 {
		all[0].Why = mayFail
		all = all[:1]
	}
	switch {
	case unique:
		return all
	case all[0].Why == "" && cannotFail(list) && cannotFail(where):
		return all[1:]
	}
	all[0].Kind, all[0].Why, all[0].Casts = Other, "whether an expression of an index fails on a value is not one condition on rows", nil
	return all
}

// clauses reads what follows the elements of an index, and gives its WHERE.
func (p *parser) clauses(f *Premise) (where []token) {
	for !p.done() {
		switch {
		case p.accept("nulls", "not", "distinct"):
			f.NullsOne = true
		case p.accept("where"):
			where = p.rest()
			f.Where = p.raw(where)
		default:
			if _, ok := p.brackets(); !ok {
				p.i++
			}
		}
	}
	return where
}

// key is an element of an index as an expression of SQL, without operator class and order, and whether it is more than a column.
func (p *parser) key(element []token) (sql string, expression bool) {
	q := &parser{sql: p.sql, toks: element}
	if inner, ok := q.brackets(); ok {
		sql, expression = "("+p.raw(inner)+")", true
	} else {
		q.name()
		column := q.i == 1
		if _, ok := q.brackets(); ok {
			sql, expression = p.raw(element[:q.i]), true
		} else if column && len(element) > 0 {
			sql = Quote(element[0].text)
		}
	}
	if q.accept("collate") {
		from := q.i
		q.name()
		sql += " COLLATE " + p.raw(element[from:min(q.i, len(element))])
	}
	return sql, expression
}

// Quote puts a plain name in quotes.
func Quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
