package premise

import (
	"strings"
	"unicode/utf8"

	"github.com/rehearse-db/rehearse/internal/sqltext"
)

// tokenKind is what a token is, as far as a recogniser needs to know.
type tokenKind int

const (
	sign       tokenKind = iota // one character
	word                        // folded to lower case
	quotedName                  // without its quotes
	text                        // a string, dollar-quoted or not, as it stands
)

type token struct {
	kind       tokenKind
	text       string
	start, end int // in the SQL
}

// name is the token as a name, "" when it is none.
func (t token) name() string {
	if t.kind == word || t.kind == quotedName {
		return t.text
	}
	return ""
}

// lex splits SQL the way PostgreSQL does (4.1 of its documentation), without comments and white space. What is not closed reaches to the end.
func lex(sql string) []token {
	var all []token
	for i := 0; i < len(sql); {
		n, kind, skip := next(sql[i:])
		if !skip {
			t := token{kind: kind, text: sql[i : i+n], start: i, end: i + n}
			switch kind {
			case word:
				t.text = strings.ToLower(t.text)
			case quotedName:
				t.text = strings.ReplaceAll(strings.TrimSuffix(t.text[1:], `"`), `""`, `"`)
			}
			all = append(all, t)
		}
		i += n
	}
	return all
}

func next(s string) (n int, kind tokenKind, skip bool) {
	switch c := s[0]; {
	case c == ' ' || c >= '\t' && c <= '\r':
		return 1, sign, true
	case strings.HasPrefix(s, "--"):
		return sqltext.UpTo(s, "\n", 2), sign, true
	case strings.HasPrefix(s, "/*"):
		return sqltext.Comment(s), sign, true
	case c == '"':
		return sqltext.Quoted(s, 0, false), quotedName, false
	case c == '\'':
		return sqltext.Quoted(s, 0, false), text, false
	case len(s) > 1 && s[1] == '\'' && strings.IndexByte("eEbBxXnN", c) >= 0:
		return sqltext.Quoted(s, 1, c == 'e' || c == 'E'), text, false
	case c == '$':
		if n := sqltext.Dollar(s); n > 0 {
			return n, text, false
		}
	case wordByte(c):
		for n < len(s) && (wordByte(s[n]) || s[n] == '$') {
			n++
		}
		return n, word, false
	}
	_, n = utf8.DecodeRuneInString(s)
	return n, sign, false
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}

// statements splits at semicolons outside of brackets. Brackets are closed in what is left of SQL that does not close them.
func statements(toks []token) [][]token {
	return split(toks, ";")
}

// split cuts tokens at a sign outside of brackets.
func split(toks []token, at string) [][]token {
	var all [][]token
	depth, from := 0, 0
	for i, t := range toks {
		if t.kind != sign {
			continue
		}
		switch t.text {
		case "(", "[":
			depth++
		case ")", "]":
			depth--
		case at:
			if depth == 0 {
				all = append(all, toks[from:i])
				from = i + 1
			}
		}
	}
	if from < len(toks) {
		all = append(all, toks[from:])
	}
	return all
}
