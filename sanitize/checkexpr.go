package sanitize

import (
	"regexp"
	"slices"
	"strings"
)

// This file reads as much of a CHECK constraint, as pg_get_constraintdef writes it, as a decision on masks needs: AND, OR and NOT, and below
// them comparisons of a column, or of a function of it, with literals. What it does not recognise is opaque: only the value itself will do.

// condition is a node of a CHECK: all or any of its parts, the opposite of its only part, or, without parts, an atom.
type condition struct {
	op    string // "and", "or", "not", "" for an atom
	parts []condition
	text  string // of an atom
	atom  atom
}

// atom is a comparison that was understood: term op literals. An opaque one has no op.
type atom struct {
	term term
	op   string   // "=", "<>", "<", "<=", ">", ">=", "~", "!~", "~*", "!~*", "~~", "!~~", "~~*", "!~~*", "null", "not null", "any", "none"
	with []string // one literal, several of any and none, and the column's own name in "same" where it is compared with itself
	same bool     // compared with the column itself, such as lower(a) = a
}

// term is a column, within functions of one argument, from the outside in.
type term struct {
	column string
	calls  []string
}

// parseCondition reads CHECK (...), as written by pg_get_constraintdef.
func parseCondition(definition string) condition {
	text := strings.TrimSpace(strings.TrimPrefix(definition, "CHECK"))
	for _, tail := range []string{" NO INHERIT", " NOT VALID", " NOT ENFORCED"} {
		text = strings.TrimSuffix(text, tail)
	}
	return parseNode(text)
}

func parseNode(text string) condition {
	text = unwrap(strings.TrimSpace(text))
	if !hasCase(text) {
		for _, op := range []string{" OR ", " AND "} {
			if parts := splitOutside(text, op); len(parts) > 1 {
				c := condition{op: strings.ToLower(strings.TrimSpace(op))}
				for _, part := range parts {
					c.parts = append(c.parts, parseNode(part))
				}
				return c
			}
		}
		if rest, ok := strings.CutPrefix(text, "NOT "); ok {
			return condition{op: "not", parts: []condition{parseNode(rest)}}
		}
	}
	return condition{text: text, atom: parseAtom(text)}
}

// hasCase says whether there is a CASE at the top, whose parts are joined by words of their own.
func hasCase(text string) bool {
	return strings.HasPrefix(text, "CASE") || strings.Contains(text, "\nCASE")
}

// unwrap takes away brackets around the whole.
func unwrap(text string) string {
	for strings.HasPrefix(text, "(") && closing(text) == len(text)-1 {
		text = strings.TrimSpace(text[1 : len(text)-1])
	}
	return text
}

// closing is the index of the bracket that closes the one that text begins with, -1 for none.
func closing(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"', '\'':
			i = skipQuoted(text, i)
		case '(', '[':
			depth++
		case ')', ']':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// splitOutside splits at a separator that is not within quotes or brackets.
func splitOutside(text, sep string) []string {
	var parts []string
	depth, start := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"', '\'':
			i = skipQuoted(text, i)
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		default:
			if depth == 0 && strings.HasPrefix(text[i:], sep) {
				parts, start = append(parts, text[start:i]), i+len(sep)
				i = start - 1
			}
		}
	}
	return append(parts, text[start:])
}

const (
	typeName = `(?:character varying|double precision|bit varying|time(?:stamp)? with(?:out)? time zone|(?:"(?:[^"]|"")+"|[\pL_][\pL\pN_$]*)(?:\.(?:"(?:[^"]|"")+"|[\pL_][\pL\pN_$]*))?)(?:\([0-9, ]+\))?(?:\[\])?`
	column   = `"(?:[^"]|"")+"|[\pL_][\pL\pN_$]*`
)

var (
	castTail    = regexp.MustCompile(`(?s)^(.*)::` + typeName + `$`)
	collateTail = regexp.MustCompile(`(?s)^(.*) COLLATE (?:` + column + `)(?:\.(?:` + column + `))?$`)
	qualifiedOp = regexp.MustCompile(`^OPERATOR\((?:` + column + `)\.([^)]+)\)$`)
	bareColumn  = regexp.MustCompile(`^(?:` + column + `)$`)
	literal     = regexp.MustCompile(`(?s)^'(?:[^']|'')*'$`)
	number      = regexp.MustCompile(`^-?[0-9]+(?:\.[0-9]+)?$`)
	trimCall    = regexp.MustCompile(`^TRIM\((BOTH|LEADING|TRAILING) FROM (.*)\)$`)
	anyOf       = regexp.MustCompile(`^(ANY|ALL) (\(.*\))$`)
)

// bare takes casts, collations and brackets off a text.
func bare(text string) string {
	for {
		before := text
		text = unwrap(strings.TrimSpace(text))
		for _, tail := range []*regexp.Regexp{castTail, collateTail} {
			if m := tail.FindStringSubmatch(text); m != nil && whole(m[1]) {
				text = m[1]
			}
		}
		if text == before {
			return text
		}
	}
}

// whole says that a text is one operand: it has neither an open quote or bracket nor a blank outside of them.
func whole(text string) bool {
	return len(splitOutside(text, " ")) == 1 && strings.Count(text, "(") == strings.Count(text, ")") && strings.Count(text, "'")%2 == 0
}

// parseAtom reads a comparison.
func parseAtom(text string) atom {
	for op, tail := range map[string]string{"null": " IS NULL", "not null": " IS NOT NULL"} {
		if rest, ok := strings.CutSuffix(text, tail); ok {
			a := atom{op: op}
			if t, ok := parseTerm(rest); ok {
				a.term = t
			}
			if a.term.column == "" || len(a.term.calls) > 0 && !a.ofArray() {
				return atom{}
			}
			return a
		}
	}
	words := splitOutside(text, " ")
	if len(words) < 3 {
		return atom{}
	}
	at := slices.IndexFunc(words, isOperator)
	if at < 1 || at == len(words)-1 {
		return atom{}
	}
	op := words[at]
	if m := qualifiedOp.FindStringSubmatch(op); m != nil {
		op = m[1]
	}
	return compare(strings.Join(words[:at], " "), op, strings.Join(words[at+1:], " "))
}

func isOperator(word string) bool {
	return strings.Trim(word, "<>=~!*") == "" || qualifiedOp.MatchString(word)
}

// compare reads the two sides of an operator.
func compare(left, op, right string) atom {
	t, ok := parseTerm(left)
	if !ok {
		if t, ok = parseTerm(right); !ok || op != "=" && op != "<>" {
			return atom{}
		}
		left, right = right, left
	}
	if m := anyOf.FindStringSubmatch(right); m != nil {
		with, ok := parseList(m[2])
		switch {
		case ok && m[1] == "ANY" && op == "=":
			return atom{term: t, op: "any", with: with}
		case ok && m[1] == "ALL" && op == "<>":
			return atom{term: t, op: "none", with: with}
		}
		return atom{}
	}
	if v, ok := parseLiteral(right); ok {
		return atom{term: t, op: op, with: []string{v}}
	}
	if other, ok := parseTerm(right); ok && other.column == t.column && len(t.calls)+len(other.calls) == 1 {
		t.calls = append(t.calls, other.calls...)
		return atom{term: t, op: op, same: true}
	}
	return atom{}
}

// parseTerm reads a column, or a function of one argument over one.
func parseTerm(text string) (t term, ok bool) {
	text = bare(text)
	if m := trimCall.FindStringSubmatch(text); m != nil {
		inner, ok := parseTerm(m[2])
		inner.calls = append([]string{map[string]string{"BOTH": "btrim", "LEADING": "ltrim", "TRAILING": "rtrim"}[m[1]]}, inner.calls...)
		return inner, ok
	}
	if bareColumn.MatchString(text) && text != "NULL" && !strings.HasPrefix(text, "CURRENT_") && text != "true" && text != "false" {
		if strings.HasPrefix(text, `"`) {
			text = strings.ReplaceAll(text[1:len(text)-1], `""`, `"`)
		}
		return term{column: text}, true
	}
	name, arguments, found := strings.Cut(text, "(")
	if !found || !strings.HasSuffix(arguments, ")") || !slices.Contains(understoodCalls, name) {
		return t, false
	}
	arguments = strings.TrimSuffix(arguments, ")")
	if slices.Contains(dimensionCalls, name) {
		var dimension string
		if arguments, dimension, ok = strings.Cut(arguments, ", "); !ok || !number.MatchString(dimension) {
			return t, false
		}
	}
	inner, ok := parseTerm(arguments)
	inner.calls = append([]string{name}, inner.calls...)
	return inner, ok
}

// understoodCalls are functions of PostgreSQL's own; those of other schemas are written with their schema.
var understoodCalls = []string{
	"length", "char_length", "character_length", "octet_length", "lower", "upper", "btrim", "ltrim", "rtrim", "json_typeof", "jsonb_typeof",
	"cardinality", "array_ndims", "array_dims", "array_length", "array_lower", "array_upper",
}

// dimensionCalls have the number of a dimension as their second argument.
var dimensionCalls = []string{"array_length", "array_lower", "array_upper"}

// ofArray is a test of how many elements an array has, and where.
func (a atom) ofArray() bool {
	return len(a.term.calls) == 1 && (a.term.calls[0] == "cardinality" || strings.HasPrefix(a.term.calls[0], "array_"))
}

// parseLiteral reads a text or a number.
func parseLiteral(text string) (string, bool) {
	text = bare(text)
	switch {
	case literal.MatchString(text):
		return strings.ReplaceAll(text[1:len(text)-1], "''", "'"), true
	case number.MatchString(text):
		return text, true
	}
	return "", false
}

// parseList reads ARRAY[...] of literals.
func parseList(text string) ([]string, bool) {
	inner, ok := strings.CutPrefix(bare(text), "ARRAY[")
	if !ok || !strings.HasSuffix(inner, "]") {
		return nil, false
	}
	var all []string
	for _, item := range splitOutside(strings.TrimSuffix(inner, "]"), ", ") {
		v, ok := parseLiteral(item)
		if !ok {
			return nil, false
		}
		all = append(all, v)
	}
	return all, true
}
