package migrate

import (
	"strconv"
	"strings"
)

// annotation is the goose annotation on a line, in lower case: "up", "statementbegin"; "" when the line has none.
func annotation(line string) string {
	trimmed := strings.TrimSpace(line)
	if !strings.HasPrefix(trimmed, "--") || !strings.Contains(trimmed, "+goose") {
		return ""
	}
	_, after, _ := strings.Cut(trimmed, "+goose")
	return strings.ToLower(strings.TrimSpace(after))
}

// finder finds the statements that goose took from a file in that file, one after the other.
type finder struct {
	lines  []string
	at     int  // the line to search from
	envsub bool // goose replaced variables in some lines
}

// newFinder begins to search after '-- +goose Up'.
func newFinder(text string) *finder {
	f := &finder{lines: strings.Split(text, "\n")}
	up := false
	for i, line := range f.lines {
		switch annotation(line) {
		case "up":
			if !up {
				f.at, up = i+1, true
			}
		case "envsub on":
			f.envsub = true
		}
	}
	return f
}

// next is the line number, 1-based, of each line of the next statement; nil when it is not found.
func (f *finder) next(stmt string) []int {
	want := strings.Split(stmt, "\n")
	for start := f.at; start < len(f.lines); start++ {
		if found := f.match(start, want); found != nil {
			f.at = found[len(found)-1]
			return found
		}
	}
	return nil
}

// match compares a statement with the lines from start on. goose takes annotations out of a statement, trims it, and replaces variables.
func (f *finder) match(start int, want []string) []int {
	var found []int
	for i := start; i < len(f.lines) && len(found) < len(want); i++ {
		if annotation(f.lines[i]) != "" {
			if len(found) == 0 {
				return nil
			}
			continue
		}
		have, wanted := strings.TrimSpace(f.lines[i]), strings.TrimSpace(want[len(found)])
		if have != wanted && (!f.envsub || !strings.Contains(have, "$")) {
			return nil
		}
		found = append(found, i+1)
	}
	if len(found) < len(want) {
		return nil
	}
	return found
}

// lineOf is the number of the first line that reads like line, 0 when there is none.
func lineOf(text, line string) int {
	n := 0
	for l := range strings.Lines(text) {
		n++
		if strings.TrimSpace(l) == strings.TrimSpace(line) {
			return n
		}
	}
	return 0
}

// annotationLine finds the line that goose quotes in its error about an annotation.
func annotationLine(text, msg string) int {
	_, msg, _ = strings.Cut(msg, "annotation line ")
	quoted, err := strconv.QuotedPrefix(msg)
	if err != nil {
		return 0
	}
	line, _ := strconv.Unquote(quoted)
	return lineOf(text, line)
}

// unfinished finds the statement that goose quotes in its error about a missing semicolon.
func unfinished(text, msg string) int {
	_, msg, _ = strings.Cut(msg, "unfinished SQL query: ")
	quoted, err := strconv.QuotedPrefix(msg)
	if err != nil {
		return 0
	}
	stmt, _ := strconv.Unquote(quoted)
	if lines := newFinder(text).next(stmt); lines != nil {
		return lines[0]
	}
	return 0
}

// misplaced is the line of the first annotation out of order, or of SQL before the first; when the file ends too early, the line of what was
// left open; and 1 for a file without annotations.
func misplaced(text string) int {
	section, open, n := "", 0, 0
	for line := range strings.Lines(text) {
		n++
		a := annotation(line)
		trimmed := strings.TrimSpace(line)
		switch {
		case a == "" && section == "" && trimmed != "" && !strings.HasPrefix(trimmed, "--"):
			return n
		case a == "up" && section != "",
			a == "down" && (section != "up" || open > 0),
			a == "statementbegin" && (section == "" || open > 0),
			a == "statementend" && open == 0:
			return n
		case a == "up" || a == "down":
			section = a
		case a == "statementbegin":
			open = n
		case a == "statementend":
			open = 0
		}
	}
	return max(1, open)
}
