package premise

import (
	"regexp"
	"slices"
	"strings"
)

// taken is what is taken out of a document as text, by the kinds of its tokens: doc -> 'a' ->> 'b'.
var taken = regexp.MustCompile(`^n(\.n)*((->|#>)v)*(->>|#>>)v$`)

// isText tells what is text whatever the column's type, since it is taken out of a document as that.
func isText(expr []token) bool {
	var kinds strings.Builder
	for _, t := range unwrapped(expr) {
		switch {
		case t.kind == text, t.kind == word && strings.Trim(t.text, "0123456789") == "":
			kinds.WriteByte('v')
		case t.kind == sign:
			kinds.WriteString(t.text)
		default:
			kinds.WriteByte('n')
		}
	}
	return taken.MatchString(kinds.String())
}

// unwrapped takes brackets off that are around all of an expression.
func unwrapped(expr []token) []token {
	for {
		q := &parser{toks: expr}
		inner, ok := q.brackets()
		if !ok || !q.done() {
			return expr
		}
		expr = inner
	}
}

// skips are what lets an expression come out without all of it being evaluated for a row.
var skips = []string{"or", "case", "coalesce", "nullif"}

// casts are those that an expression makes of what is taken out of documents, each of them for every row; columns are those that it casts as they
// are. known is false where some rows may be spared a cast.
func (p *parser) casts(expr []token) (all []Premise, columns []string, known bool) {
	spares := false
	for i, t := range expr {
		next := token{}
		if i+1 < len(expr) {
			next = expr[i+1]
		}
		switch {
		case t.kind == word:
			spares = spares || slices.Contains(skips, t.text) || t.text == "not" && next.text == "("
		case t.kind == sign && t.text == ":" && next.kind == sign && next.text == ":":
			operand, to := unwrapped(operandBefore(expr[:i])), typeAfter(expr[i+2:])
			switch {
			case len(to) == 1 && (to[0].text == "text" || to[0].text == "varchar"):
			case len(operand) == 1 && operand[0].name() != "":
				columns = append(columns, operand[0].text)
			case isText(operand):
				f := Premise{Kind: Cast, Using: true, Text: true, Expr: p.raw(operand), Type: strings.ToLower(p.raw(to))}
				f.What = "cast of " + f.Expr + " to " + f.Type
				all = append(all, f)
			}
		}
	}
	return all, columns, !spares || len(all) == 0 || p.nullsAside(expr, all)
}

// nullsAside tells an expression in which no row is spared a cast but those that have NULL to be cast: x IS NULL OR x::int > 0.
func (p *parser) nullsAside(expr []token, all []Premise) bool {
	expr = unwrapped(expr)
	var parts [][]token
	from, depth, others := 0, 0, 0
	for i, t := range append(slices.Clone(expr), token{kind: word, text: "or"}) {
		switch {
		case t.kind == sign && t.text == "(":
			depth++
		case t.kind == sign && t.text == ")":
			depth--
		case t.kind == word && t.text == "or" && depth == 0:
			parts = append(parts, expr[from:i])
			from = i + 1
		case t.kind == word && (slices.Contains(skips, t.text) || t.text == "not" && i+1 < len(expr) && expr[i+1].text == "("):
			return false
		}
	}
	for _, part := range parts {
		n := len(part)
		isNull := n > 2 && part[n-2].text == "is" && part[n-1].text == "null"
		if !isNull || slices.ContainsFunc(all, func(f Premise) bool { return p.raw(unwrapped(part[:n-2])) != f.Expr }) {
			others++
		}
	}
	return others <= 1
}

// mayFail is why an expression is not run at the source.
const mayFail = "a cast in it may fail on a value, which would put the value into the server's log"

// withCasts is a premise about an expression, with those about the casts in it.
func (p *parser) withCasts(f Premise, expr []token, later bool) []Premise {
	found, columns, known := p.casts(expr)
	f.CastColumns = columns
	if f.Later = later; !known || later && len(found) > 0 {
		f.Why = mayFail
		return []Premise{f}
	}
	f.Casts = found
	all := []Premise{f}
	for _, c := range found {
		c.What += " in " + f.What
		c.Table, c.Only, c.Where = f.Table, f.Only, f.Where
		all = append(all, c)
	}
	return all
}

// operandBefore is what a :: after these tokens casts: a name, a text, or what stands in brackets with nothing called.
func operandBefore(toks []token) []token {
	n := len(toks)
	switch {
	case n == 0:
		return nil
	case toks[n-1].kind != sign:
		return toks[n-1:]
	case toks[n-1].text != ")":
		return nil
	}
	depth := 0
	for i := n - 1; i >= 0; i-- {
		if toks[i].kind != sign {
			continue
		}
		switch toks[i].text {
		case ")":
			depth++
		case "(":
			depth--
		}
		if depth == 0 {
			if i > 0 && (toks[i-1].kind == quotedName || toks[i-1].kind == word && !slices.Contains(connects, toks[i-1].text)) {
				return nil
			}
			return toks[i:]
		}
	}
	return nil
}

// connects are words after which brackets call nothing.
var connects = []string{"and", "or", "not", "in", "between", "is", "like", "ilike", "where"}

// typeAfter is the name of a type that tokens begin with, with its modifiers: words that belong together, numbers in brackets, and [].
func typeAfter(toks []token) []token {
	q := &parser{toks: toks}
	switch {
	case q.accept("double", "precision"), q.accept("character", "varying"), q.accept("timestamp", "with", "time", "zone"), q.accept("timestamp", "without", "time", "zone"):
	case q.peek(0).name() == "":
		return nil
	default:
		q.i++
	}
	q.brackets()
	q.accept("[", "]")
	return toks[:q.i]
}

// harmless are functions that no value makes fail.
var harmless = []string{"lower", "upper", "trim", "btrim", "ltrim", "rtrim", "md5", "length", "char_length", "left", "right", "coalesce", "nullif"}

// cannotFail tells an expression that no value makes fail: names, texts, comparisons, ways into documents, functions that are known, and casts, which are
// premises of their own.
func cannotFail(expr []token) bool {
	for i, t := range expr {
		next := token{}
		if i+1 < len(expr) {
			next = expr[i+1]
		}
		switch {
		case t.kind == quotedName && next.text == "(",
			t.kind == word && next.text == "(" && next.kind == sign && !slices.Contains(harmless, t.text) && !slices.Contains(connects, t.text),
			t.kind == word && t.text == "case",
			t.kind == sign && strings.Contains("/%*+^~!@&", t.text),
			t.kind == sign && t.text == "-" && next.text != ">":
			return false
		}
	}
	return true
}
