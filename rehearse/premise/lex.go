package premise

import (
	"strings"
	"unicode/utf8"
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
		return until(s, "\n", 2), sign, true
	case strings.HasPrefix(s, "/*"):
		return comment(s), sign, true
	case c == '"':
		return quoted(s, 0, false), quotedName, false
	case c == '\'':
		return quoted(s, 0, false), text, false
	case len(s) > 1 && s[1] == '\'' && strings.IndexByte("eEbBxXnN", c) >= 0:
		return quoted(s, 1, c == 'e' || c == 'E'), text, false
	case c == '$':
		if n := dollar(s); n > 0 {
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

func until(s, end string, from int) int {
	if i := strings.Index(s[from:], end); i >= 0 {
		return from + i
	}
	return len(s)
}

// comment is the length of a block comment, which may hold others.
func comment(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(s)
}

func quoted(s string, open int, backslash bool) int {
	for i := open + 1; i < len(s); i++ {
		switch {
		case backslash && s[i] == '\\':
			i++
		case s[i] != s[open]:
		case i+1 < len(s) && s[i+1] == s[open]:
			i++
		default:
			return i + 1
		}
	}
	return len(s)
}

// dollar is the length of a dollar-quoted text, 0 for another dollar.
func dollar(s string) int {
	end := strings.IndexByte(s[1:], '$') + 1
	if end == 0 {
		return 0
	}
	for i := 1; i < end; i++ {
		if !wordByte(s[i]) || i == 1 && s[i] >= '0' && s[i] <= '9' {
			return 0
		}
	}
	tag := s[:end+1]
	return min(len(s), until(s, tag, len(tag))+len(tag))
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
