package observe

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rehearse-db/rehearse/internal/sqltext"
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
		return tokenComment, sqltext.UpTo(sql, "\n", 2)
	case strings.HasPrefix(sql, "/*"):
		return tokenComment, sqltext.Comment(sql)
	case c == '\'' || c == '"':
		return tokenQuoted, sqltext.Quoted(sql, 0, false)
	case (c == 'e' || c == 'E') && len(sql) > 1 && sql[1] == '\'':
		return tokenQuoted, sqltext.Quoted(sql, 1, true)
	case c == '$':
		if n := sqltext.Dollar(sql); n > 0 {
			return tokenDollar, n
		}
		return tokenOther, 1
	}
	r, n := utf8.DecodeRuneInString(sql)
	if unicode.IsSpace(r) {
		return tokenSpace, n
	}
	if !sqltext.IsWord(r) {
		return tokenOther, n
	}
	for n < len(sql) {
		r, size := utf8.DecodeRuneInString(sql[n:])
		if !sqltext.IsWord(r) && r != '$' {
			break
		}
		n += size
	}
	return tokenOther, n
}
