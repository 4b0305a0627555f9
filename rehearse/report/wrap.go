package report

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// wrap breaks s between words into lines of at most width columns. A word wider than that keeps a line of its own:
// a broken name cannot be searched for or pasted. It never returns nothing.
func wrap(s string, width int) []string {
	var lines []string
	line, room := "", width
	for word := range strings.FieldsSeq(s) {
		n := text.StringWidthWithoutEscSequences(word)
		if line != "" && n+1 > room {
			lines = append(lines, line)
			line, room = "", width
		}
		if line != "" {
			line += " "
			room--
		}
		line += word
		room -= n
	}
	return append(lines, line)
}

// wrapParts joins parts with dot, and breaks lines between parts as long as a part fits a line.
func wrapParts(parts []string, dot string, width int) []string {
	var lines []string
	line := ""
	for _, p := range parts {
		switch {
		case line == "":
			line = p
		case text.StringWidthWithoutEscSequences(line+dot+p) <= width:
			line += dot + p
		default:
			lines = append(lines, wrap(line, width)...)
			line = p
		}
	}
	return append(lines, wrap(line, width)...)
}
