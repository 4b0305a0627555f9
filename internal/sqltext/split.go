package sqltext

import "strings"

// Queries splits a text at the semicolons that end statements, as psql does: those outside of quotes, comments, parentheses and the
// BEGIN ATOMIC ... END of a function. Each part comes with the line on which it begins, from 1; parts without anything to send are left out.
func Queries(text string) (parts []string, lines []int) {
	var s splitter
	begun := -1
	flush := func(end int) {
		if begun >= 0 {
			parts = append(parts, strings.TrimSpace(text[begun:end]))
			lines = append(lines, 1+strings.Count(text[:begun], "\n"))
		}
		begun, s = -1, splitter{}
	}
	for from := 0; from < len(text); {
		n, kind := lexemeAt(text[from:])
		switch {
		case kind == nothing:
		case s.ends(lexeme{kind: kind, text: text[from : from+n]}):
			flush(from)
		case begun < 0:
			begun = from
		}
		from += n
	}
	flush(len(text))
	return parts, lines
}

// splitter follows one statement up to its semicolon, by the rules of psql's own scanner (psqlscan.l).
type splitter struct {
	words  []lexeme // the first four
	parens int
	begins int // BEGIN and CASE that are open in the body of a function
}

// ends says whether a lexeme is the semicolon that ends the statement.
func (s *splitter) ends(l lexeme) bool {
	switch l.text {
	case "(":
		s.parens++
	case ")":
		s.parens = max(0, s.parens-1)
	case ";":
		return s.parens == 0 && s.begins == 0
	}
	if len(s.words) < 4 {
		s.words = append(s.words, l)
	}
	switch {
	case s.parens > 0 || !s.makesFunction():
	case l.is("begin"), s.begins > 0 && l.is("case"):
		s.begins++
	case s.begins > 0 && l.is("end"):
		s.begins--
	}
	return false
}

// makesFunction tells CREATE [OR REPLACE] FUNCTION and PROCEDURE, whose bodies may have semicolons of their own.
func (s *splitter) makesFunction() bool {
	w := s.words
	if len(w) == 4 && w[0].is("create") && w[1].is("or") && w[2].is("replace") {
		return w[3].is("function", "procedure")
	}
	return len(w) > 1 && w[0].is("create") && w[1].is("function", "procedure")
}

// Backslash is where a text has a backslash outside of quotes and comments, which is how commands of psql begin and nothing of SQL; -1 for
// nowhere.
func Backslash(text string) int {
	for from := 0; from < len(text); {
		n, _ := lexemeAt(text[from:])
		if text[from] == '\\' {
			return from
		}
		from += n
	}
	return -1
}
