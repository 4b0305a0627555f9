// Package sqltext finds where quotes and comments of SQL end (PostgreSQL's documentation, 4.1 lexical structure). What is not closed reaches
// to the end.
package sqltext

import (
	"strings"
	"unicode"
)

// IsWord tells characters of words: of names, keywords and numbers.
func IsWord(r rune) bool {
	return r == '_' || r > 127 && !unicode.IsSpace(r) || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// UpTo is the index of end in sql from a start on, or the length.
func UpTo(sql, end string, from int) int {
	if i := strings.Index(sql[from:], end); i >= 0 {
		return from + i
	}
	return len(sql)
}

// Comment is the length of the block comment that sql begins with, which can hold others.
func Comment(sql string) int {
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

// Quoted is the length of a quoted text whose opening quote stands at the index open. A doubled quote is one of the text.
func Quoted(sql string, open int, backslash bool) int {
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

// Dollar is the length of the dollar-quoted text that sql begins with, 0 when the dollar is another's: a parameter.
func Dollar(sql string) int {
	end := strings.IndexByte(sql[1:], '$')
	if end < 0 {
		return 0
	}
	tag := sql[1 : end+1]
	for i, r := range tag {
		if !IsWord(r) || i == 0 && unicode.IsDigit(r) {
			return 0
		}
	}
	delimiter := sql[:end+2]
	return min(len(sql), UpTo(sql, delimiter, len(delimiter))+len(delimiter))
}
