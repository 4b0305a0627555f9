package sanitize

import (
	"regexp"
	"slices"
	"strings"
)

// This file reads as much of pg_get_indexdef's output as a decision on uniqueness needs. It does not parse SQL: what it does not
// recognise is treated as the worst case.

// indexDef is an index definition taken apart:
//
//	CREATE UNIQUE INDEX i ON s.t USING btree (a, lower(b)) INCLUDE (c) WHERE (d IS NULL)
//	                                          parts          options         predicate
type indexDef struct {
	parts              []string
	options, predicate string
}

// splitIndex takes an index definition apart, and reports whether it could.
func splitIndex(def string) (d indexDef, ok bool) {
	_, rest, ok := cutOutside(def, " USING ")
	if !ok {
		return d, false
	}
	_, list, ok := strings.Cut(rest, " (")
	if !ok {
		return d, false
	}
	depth, start := 1, 0
	for i := 0; i < len(list); i++ {
		switch list[i] {
		case '"', '\'':
			i = skipQuoted(list, i)
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		}
		if i < len(list) && (depth == 0 || depth == 1 && list[i] == ',') {
			d.parts = append(d.parts, strings.TrimSpace(list[start:i]))
			start = i + 1
		}
		if depth == 0 {
			d.options, d.predicate, _ = cutOutside(list[i+1:], " WHERE ")
			return d, true
		}
	}
	return d, false
}

// skipQuoted returns the index of the quote that ends the quoted text beginning at i; a doubled quote begins the next one.
func skipQuoted(s string, i int) int {
	end := strings.IndexByte(s[i+1:], s[i])
	if end < 0 {
		return len(s)
	}
	return i + 1 + end
}

// cutOutside is strings.Cut around a separator that is not within quotes.
func cutOutside(s, sep string) (before, after string, found bool) {
	for i := 0; i < len(s); i++ {
		if strings.HasPrefix(s[i:], sep) {
			return s[:i], s[i+len(sep):], true
		}
		if s[i] == '"' || s[i] == '\'' {
			i = skipQuoted(s, i)
		}
	}
	return s, "", false
}

// identifier matches a quoted or plain identifier, or a string literal, which is none.
var identifier = regexp.MustCompile(`'(?:[^']|'')*'|"(?:[^"]|"")+"|[\p{L}_][\p{L}\p{N}_$]*`)

// mentioned lists the columns of t whose names occur in an expression, in the order of the table. A reference to the whole row
// mentions them all.
func mentioned(t *Table, expr string) []string {
	var names []string
	wholeRow := strings.Contains(expr, ".*")
	for _, word := range identifier.FindAllString(expr, -1) {
		if strings.HasPrefix(word, "'") {
			continue
		}
		if strings.HasPrefix(word, `"`) {
			word = strings.ReplaceAll(word[1:len(word)-1], `""`, `"`)
		}
		names = append(names, word)
	}
	var columns []string
	for _, c := range t.Columns {
		if wholeRow || slices.Contains(names, c.Name) {
			columns = append(columns, c.Name)
		}
	}
	return columns
}

// isPlain reports whether an index element is the column itself, perhaps with a collation, operator class or order.
func isPlain(part, column string) bool {
	rest, ok := strings.CutPrefix(part, quoteIdent(column))
	return ok && (rest == "" || rest[0] == ' ') && !strings.ContainsAny(rest, "()|+-*/")
}

// isFolded reports whether an index element is lower() or upper() of the column and nothing else.
func isFolded(part, column string) bool {
	q := regexp.QuoteMeta(quoteIdent(column))
	folded := regexp.MustCompile(`^(?:lower|upper)\((?:` + q + `|\(` + q + `\)::text)\)(?: [a-z_ ]*)?$`)
	return folded.MatchString(part)
}

// testsNull reports whether all that a predicate does with the column is to ask whether it is NULL.
func testsNull(predicate, column string) bool {
	q := regexp.QuoteMeta(quoteIdent(column))
	test := regexp.MustCompile(`\(` + q + ` IS (?:NOT )?NULL\)`)
	return !slices.Contains(mentioned(&Table{Columns: []Column{{Name: column}}}, test.ReplaceAllString(predicate, "")), column)
}
