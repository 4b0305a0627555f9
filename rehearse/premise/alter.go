package premise

import (
	"slices"
	"strings"
)

// alterTable recognises the actions of ALTER TABLE that look at rows.
func (p *parser) alterTable() []Premise {
	p.accept("if", "exists")
	only := p.accept("only")
	table := p.name()
	p.accept("*")
	var all []Premise
	for _, action := range split(p.rest(), ",") {
		q := &parser{sql: p.sql, toks: action}
		for _, f := range q.action() {
			f.Table, f.At = table, action[0].start
			f.Only = only || f.Kind == Unique || f.Kind == ForeignKey
			all = append(all, f)
		}
	}
	return all
}

func (p *parser) action() []Premise {
	switch {
	case p.accept("validate", "constraint"):
		name := p.peek(0).name()
		return []Premise{{Kind: Validate, Constraint: name, What: "constraint " + name}}
	case p.accept("add"):
		return p.add()
	case p.accept("alter"):
		p.accept("column")
		return p.alterColumn()
	}
	return nil
}

// add recognises constraints, and new columns that are computed from others.
func (p *parser) add() []Premise {
	var f Premise
	if p.accept("constraint") {
		f.Constraint = p.peek(0).name()
		p.i++
	}
	switch {
	case p.accept("check"):
		inner, ok := p.brackets()
		if !ok {
			return nil
		}
		f.Kind, f.Expr = Check, p.raw(inner)
		f.What = "CHECK (" + f.Expr + ")"
		return p.withCasts(f, inner, p.contains("not", "valid"))
	case p.accept("unique"), p.accept("primary", "key"):
		return p.uniqueKey(f)
	case p.accept("foreign", "key"):
		return p.foreignKey(f)
	case p.accept("exclude"):
		f.Kind, f.What, f.Why = Other, "exclusion constraint", "whether two rows exclude each other is not counted"
		return []Premise{f}
	case p.contains("generated") && p.contains("stored"):
		f.Kind, f.What, f.Why = Other, "generated column", "whether its expression fails on a value is not one condition on rows"
		return []Premise{f}
	}
	return nil
}

// contains tells whether the words stand in a row in what is left.
func (p *parser) contains(words ...string) bool {
	for i := p.i; i < len(p.toks); i++ {
		q := &parser{sql: p.sql, toks: p.toks, i: i}
		if q.accept(words...) {
			return true
		}
	}
	return false
}

// uniqueKey is a UNIQUE or PRIMARY KEY, whose words have been read; of the latter every column must have a value too.
func (p *parser) uniqueKey(f Premise) []Premise {
	primary := p.toks[p.i-1].text == "key"
	f.Kind, f.What = Unique, "unique key"
	if primary {
		f.What = "primary key"
	}
	f.NullsOne = p.accept("nulls", "not", "distinct")
	p.accept("nulls", "distinct")
	list, ok := p.brackets()
	if !ok {
		return nil // USING INDEX: the index has been made
	}
	f.What += " on (" + p.raw(list) + ")"
	all := []Premise{f}
	for _, column := range names(list) {
		all[0].Keys = append(all[0].Keys, Quote(column))
		if primary {
			all = append(all, Premise{Kind: NotNull, Column: column, What: "NOT NULL of " + column + " in a primary key"})
		}
	}
	return all
}

// names are the plain names in a list.
func names(list []token) []string {
	var all []string
	for _, t := range list {
		if n := t.name(); n != "" {
			all = append(all, n)
		}
	}
	return all
}

func (p *parser) foreignKey(f Premise) []Premise {
	list, ok := p.brackets()
	if !ok || !p.accept("references") {
		return nil
	}
	f.Kind, f.Columns, f.Parent = ForeignKey, names(list), p.name()
	f.What = "foreign key on (" + p.raw(list) + ")"
	if parents, ok := p.brackets(); ok {
		f.ParentColumns = names(parents)
	}
	if p.contains("match", "full") && len(f.Columns) > 1 {
		f.Why = "MATCH FULL of several columns is not counted"
	}
	f.Later = p.contains("not", "valid")
	return []Premise{f}
}

// alterColumn recognises SET NOT NULL and TYPE.
func (p *parser) alterColumn() []Premise {
	f := Premise{Column: p.peek(0).name()}
	p.i++
	if p.accept("set", "not", "null") {
		f.Kind, f.What = NotNull, "SET NOT NULL of "+f.Column
		return []Premise{f}
	}
	p.accept("set", "data")
	if !p.accept("type") {
		return nil
	}
	rest := p.rest()
	using := slices.IndexFunc(rest, func(t token) bool { return t.kind == word && t.text == "using" })
	kind := rest
	if using >= 0 {
		kind = rest[:using]
	}
	if i := slices.IndexFunc(kind, func(t token) bool { return t.kind == word && t.text == "collate" }); i >= 0 {
		kind = kind[:i]
	}
	f.Kind, f.Type = Cast, strings.ToLower(p.raw(kind))
	f.What = "cast of " + f.Column + " to " + f.Type
	if using >= 0 {
		p.using(&f, rest[using+1:])
	}
	return []Premise{f}
}

// using takes apart the expression of USING: what is cast at its end, and to what.
func (p *parser) using(f *Premise, expr []token) {
	f.What += " using " + p.raw(expr)
	expr = unwrapped(expr)
	q := &parser{sql: p.sql, toks: expr}
	var inner, to []token
	if q.accept("cast") {
		list, ok := q.brackets()
		as := slices.IndexFunc(list, func(t token) bool { return t.kind == word && t.text == "as" })
		if ok && q.done() && as > 0 {
			inner, to = list[:as], list[as+1:]
		}
	} else if i := lastCast(expr); i > 0 {
		inner, to = expr[:i], expr[i+2:]
	}
	switch {
	case lastCast(expr) < 0 && len(to) == 0:
		f.Expr = p.raw(expr)
	case len(to) == 0 || anyCast(inner):
		f.Why = "its USING is more than one cast of an expression"
	default:
		f.Using, f.Expr, f.Type, f.Text = true, p.raw(inner), strings.ToLower(p.raw(to)), isText(inner)
	}
}

// anyCast tells whether something within an expression is cast.
func anyCast(toks []token) bool {
	return lastCast(toks) >= 0 || slices.ContainsFunc(toks, func(t token) bool { return t.kind == word && t.text == "cast" })
}

// lastCast is the index of the last :: outside of brackets after which only a type's name follows; the index of any other :: otherwise, as
// nought, and -1 without any.
func lastCast(toks []token) int {
	any, depth := -1, 0
	for i := len(toks) - 1; i > 0; i-- {
		t := toks[i]
		if t.kind != sign {
			continue
		}
		switch t.text {
		case ")", "]":
			depth++
		case "(", "[":
			depth--
		case ":":
			if toks[i-1].text != ":" {
				continue
			}
			if depth == 0 && any < 0 && typeName(toks[i+1:]) {
				return i - 1
			}
			any = 0
		}
	}
	return any
}

// typeName tells whether tokens are the name of a type, perhaps with its modifiers.
func typeName(toks []token) bool {
	for i, t := range toks {
		switch {
		case t.kind == quotedName || t.kind == word:
		case t.kind == sign && i > 0 && strings.Contains("(),.[]", t.text):
		default:
			return false
		}
	}
	return len(toks) > 0
}
