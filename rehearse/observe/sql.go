package observe

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSQL is the most of a statement that is kept for display, in characters.
const maxSQL = 2000

// Fold makes SQL fit for display: comments are left out, runs of white space become one space, and what is longer than limit
// characters is cut and ends in "…". Strings and quoted names stay as they are; in dollar-quoted bodies only white space is folded.
func Fold(sql string, limit int) string {
	var b strings.Builder
	space := false
	for sql != "" {
		kind, n := token(sql)
		text := sql[:n]
		sql = sql[n:]
		switch kind {
		case tokenSpace, tokenComment:
			space = b.Len() > 0
			continue
		case tokenDollar:
			text = strings.Join(strings.Fields(text), " ")
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteString(text)
	}
	return cut(b.String(), limit)
}

func cut(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit-1]) + "…"
}

// several says whether sql holds more than one statement: something follows a semicolon that is no comment.
func several(sql string) bool {
	ended := false
	for sql != "" {
		kind, n := token(sql)
		switch {
		case kind == tokenSpace || kind == tokenComment:
		case kind == tokenOther && sql[:n] == ";":
			ended = true
		case ended:
			return true
		}
		sql = sql[n:]
	}
	return false
}

type tokenKind int

const (
	tokenOther tokenKind = iota // one character, or a word
	tokenSpace
	tokenComment
	tokenQuoted // 'string', E'string' and "name"
	tokenDollar // $tag$ body $tag$
)

// token is the kind and length of the token sql, which is not empty, begins with, as far as needed to know text from quotes and comments
// (PostgreSQL's documentation, 4.1 lexical structure). What is not closed reaches to the end.
func token(sql string) (tokenKind, int) {
	switch c := sql[0]; {
	case strings.HasPrefix(sql, "--"):
		return tokenComment, upTo(sql, "\n", 2)
	case strings.HasPrefix(sql, "/*"):
		return tokenComment, blockComment(sql)
	case c == '\'' || c == '"':
		return tokenQuoted, quoted(sql, 0, false)
	case (c == 'e' || c == 'E') && len(sql) > 1 && sql[1] == '\'':
		return tokenQuoted, quoted(sql, 1, true)
	case c == '$':
		if n := dollar(sql); n > 0 {
			return tokenDollar, n
		}
		return tokenOther, 1
	}
	r, n := utf8.DecodeRuneInString(sql)
	if unicode.IsSpace(r) {
		return tokenSpace, n
	}
	if !isWord(r) {
		return tokenOther, n
	}
	for n < len(sql) {
		r, size := utf8.DecodeRuneInString(sql[n:])
		if !isWord(r) && r != '$' {
			break
		}
		n += size
	}
	return tokenOther, n
}

func isWord(r rune) bool {
	return r == '_' || r > 127 && !unicode.IsSpace(r) || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// upTo is the index of end in sql from a start on, or the length.
func upTo(sql, end string, from int) int {
	if i := strings.Index(sql[from:], end); i >= 0 {
		return from + i
	}
	return len(sql)
}

// blockComment is the length of a comment, which can hold others.
func blockComment(sql string) int {
	depth := 0
	for i := 0; i+1 < len(sql); i++ {
		switch sql[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(sql)
}

// quoted is the length of a quoted text whose opening quote stands at the index open. A doubled quote is one of the text.
func quoted(sql string, open int, backslash bool) int {
	for i := open + 1; i < len(sql); i++ {
		switch {
		case backslash && sql[i] == '\\':
			i++
		case sql[i] == sql[open] && i+1 < len(sql) && sql[i+1] == sql[open]:
			i++
		case sql[i] == sql[open]:
			return i + 1
		}
	}
	return len(sql)
}

// dollar is the length of a dollar-quoted text, 0 when the dollar is another's: a parameter.
func dollar(sql string) int {
	end := strings.IndexByte(sql[1:], '$')
	if end < 0 {
		return 0
	}
	tag := sql[1 : end+1]
	for i, r := range tag {
		if !isWord(r) || i == 0 && unicode.IsDigit(r) {
			return 0
		}
	}
	delimiter := sql[:end+2]
	return min(len(sql), upTo(sql, delimiter, len(delimiter))+len(delimiter))
}
