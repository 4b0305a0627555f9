package sqltext

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Shape is a query without what was asked for: every literal is a parameter.
type Shape struct {
	Text   string // one line, without comments
	Params int    // the highest number of a parameter in it
}

// ShapeOf makes the shape of a query: strings and numbers that are in it become the next parameters, comments go, runs of white space are one
// space. Numbers stay where no value can stand: places of ORDER BY and GROUP BY, and the sizes of types. A type before a string
// (interval '1 day') becomes a cast, which takes a parameter too. ok is false for what is not one query: a utility statement, several
// statements, nothing. It is for texts that a server normalised but for some, and for those of people.
func ShapeOf(sql string) (s Shape, ok bool) {
	toks := lexemes(sql)
	for len(toks) > 0 && toks[len(toks)-1].text == ";" {
		toks = toks[:len(toks)-1]
	}
	if !isQuery(toks) || slices.ContainsFunc(toks, func(t lexeme) bool { return t.text == ";" }) {
		return s, false
	}
	for _, t := range toks {
		if t.kind == parameter {
			n, _ := strconv.Atoi(t.text[1:])
			s.Params = max(s.Params, n)
		}
	}
	kept := structural(toks)
	for i := range toks {
		if t := &toks[i]; t.kind == literal && !kept[i] {
			s.Params++
			t.text, t.kind = "$"+strconv.Itoa(s.Params), parameter
		}
	}
	s.Text = joined(typed(toks))
	return s, s.Params < 1000
}

type lexemeKind int

const (
	nothing lexemeKind = iota // white space and comments
	other                     // words, quoted names, signs
	literal
	parameter
)

type lexeme struct {
	kind  lexemeKind
	text  string
	apart bool // white space or a comment stands before it
}

// is compares a word whatever its case.
func (l lexeme) is(words ...string) bool {
	return l.kind == other && slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(l.text, w) })
}

func lexemes(sql string) []lexeme {
	var all []lexeme
	apart := false
	for i := 0; i < len(sql); {
		n, kind := lexemeAt(sql[i:])
		if kind != nothing {
			all = append(all, lexeme{kind: kind, text: sql[i : i+n], apart: apart})
		}
		apart = kind == nothing
		i += n
	}
	return all
}

// lexemeAt is the length and kind of what sql, which is not empty, begins with.
func lexemeAt(sql string) (int, lexemeKind) {
	c := sql[0]
	switch {
	case c == ' ' || c >= '\t' && c <= '\r':
		return 1, nothing
	case strings.HasPrefix(sql, "--"):
		return UpTo(sql, "\n", 2), nothing
	case strings.HasPrefix(sql, "/*"):
		return Comment(sql), nothing
	case c == '"':
		return Quoted(sql, 0, false), other
	case c == '\'':
		return Quoted(sql, 0, false), literal
	case len(sql) > 1 && sql[1] == '\'' && strings.IndexByte("eEbBxXnN", c) >= 0:
		return Quoted(sql, 1, c == 'e' || c == 'E'), literal
	case len(sql) > 2 && (c == 'u' || c == 'U') && sql[1] == '&' && (sql[2] == '\'' || sql[2] == '"'):
		if sql[2] == '"' {
			return Quoted(sql, 2, false), other
		}
		return Quoted(sql, 2, false), literal
	case c == '$':
		return dollar(sql)
	case isDigit(c), c == '.' && len(sql) > 1 && isDigit(sql[1]):
		return number(sql), literal
	}
	r, n := utf8.DecodeRuneInString(sql)
	if !IsWord(r) {
		return n, other
	}
	for n < len(sql) {
		r, size := utf8.DecodeRuneInString(sql[n:])
		if !IsWord(r) && r != '$' {
			break
		}
		n += size
	}
	return n, other
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// dollar is a parameter, or a text within dollars.
func dollar(sql string) (int, lexemeKind) {
	n := 1
	for n < len(sql) && isDigit(sql[n]) {
		n++
	}
	if n > 1 {
		return n, parameter
	}
	if n := Dollar(sql); n > 0 {
		return n, literal
	}
	return 1, other
}

// number is the length of a number: digits, a fraction, an exponent, and the forms 0x1F and 1_000 that are of PostgreSQL 16.
func number(sql string) int {
	n := 0
	for n < len(sql) {
		c := sql[n]
		sign := (c == '+' || c == '-') && n > 0 && (sql[n-1] == 'e' || sql[n-1] == 'E') && !strings.HasPrefix(sql, "0x") && !strings.HasPrefix(sql, "0X")
		if !isDigit(c) && c != '.' && c != '_' && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !sign {
			break
		}
		n++
	}
	return n
}

// isQuery tells statements that read or change rows by what they begin with.
func isQuery(toks []lexeme) bool {
	for _, t := range toks {
		if t.text != "(" {
			return t.is("select", "insert", "update", "delete", "with", "merge", "values", "table")
		}
	}
	return false
}

// sized are the types whose name a size in brackets can follow.
var sized = []string{
	"numeric", "decimal", "dec", "varchar", "character", "varying", "char", "nchar", "bpchar", "bit", "varbit", "float",
	"time", "timetz", "timestamp", "timestamptz", "interval", "second", "vector",
}

// structural tells which numbers are no values: sizes of types, and places of ORDER BY and GROUP BY.
func structural(toks []lexeme) map[int]bool {
	kept := map[int]bool{}
	depth := 0
	listed := map[int]bool{} // by depth: within the list of ORDER BY or GROUP BY
	for i, t := range toks {
		switch {
		case t.text == "(":
			depth++
			listed[depth] = false
			if i > 0 && toks[i-1].is(sized...) {
				for _, at := range sizes(toks, i+1) {
					kept[at] = true
				}
			}
		case t.text == ")":
			depth = max(0, depth-1)
		case t.is("by") && i > 0 && toks[i-1].is("order", "group"):
			listed[depth] = true
		case t.is("limit", "offset", "having", "for", "fetch", "union", "intersect", "except", "window", "order", "returning"):
			listed[depth] = false
		case t.kind == literal && listed[depth] && isPlace(toks, i):
			kept[i] = true
		}
	}
	return kept
}

// sizes are the numbers up to the closing bracket when nothing but small numbers and commas stands there.
func sizes(toks []lexeme, from int) []int {
	var at []int
	for i := from; i < len(toks); i++ {
		switch t := toks[i]; {
		case t.text == ")":
			return at
		case t.text == ",":
		case isSmall(t):
			at = append(at, i)
		default:
			return nil
		}
	}
	return nil
}

// isSmall tells a whole number of at most four digits.
func isSmall(t lexeme) bool {
	return t.kind == literal && len(t.text) <= 4 && strings.Trim(t.text, "0123456789") == ""
}

// isPlace tells a number that stands alone between the commas of its list.
func isPlace(toks []lexeme, i int) bool {
	if !isSmall(toks[i]) || !(toks[i-1].is("by") || toks[i-1].text == ",") {
		return false
	}
	if i+1 == len(toks) {
		return true
	}
	next := toks[i+1]
	return next.text == "," || next.text == ")" || next.is("asc", "desc", "nulls", "limit", "offset", "having", "for", "fetch", "union", "intersect", "except", "window", "order")
}

// literalTypes are the types that may stand before a string, but not before a parameter.
var literalTypes = []string{
	"interval", "date", "time", "timetz", "timestamp", "timestamptz", "numeric", "json", "jsonb", "uuid", "inet", "cidr", "bytea", "bool", "boolean",
	"text", "varchar", "point", "money", "xml", "int", "integer", "bigint", "smallint", "real", "float",
}

// typed turns a type with a parameter behind it into a cast: interval $1 is none that parses, CAST($1 AS interval) is.
func typed(toks []lexeme) []lexeme {
	var out []lexeme
	for i, t := range toks {
		from := len(out)
		if n := len(out); t.kind == parameter && n > 0 {
			switch {
			case n >= 4 && out[n-1].is("zone") && out[n-2].is("time") && out[n-3].is("with", "without") && out[n-4].is("time", "timestamp"):
				from = n - 4
			case out[n-1].is(literalTypes...) && (n == 1 || out[n-2].text != "." && out[n-2].text != ":" && !out[n-2].is("as")):
				from = n - 1
			}
		}
		if from == len(out) {
			out = append(out, t)
			continue
		}
		kind := slices.Clone(out[from:])
		kind[0].apart = true
		out = append(out[:from], lexeme{other, "CAST", toks[i].apart || from > 0}, lexeme{other, "(", false}, lexeme{parameter, t.text, false}, lexeme{other, "AS", true})
		out = append(append(out, kind...), lexeme{other, ")", false})
	}
	return out
}

func joined(toks []lexeme) string {
	var b strings.Builder
	for i, t := range toks {
		if i > 0 && (t.apart && t.text != ")" || runsOn(toks[i-1].text, t.text)) {
			b.WriteByte(' ')
		}
		b.WriteString(t.text)
	}
	return b.String()
}

// runsOn tells two lexemes that would be one without a space between them, as a parameter in the place of a string after a word.
func runsOn(a, b string) bool {
	last, _ := utf8.DecodeLastRuneInString(a)
	first, _ := utf8.DecodeRuneInString(b)
	return (IsWord(last) || last == '$') && (IsWord(first) || first == '$')
}
