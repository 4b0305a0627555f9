package report

import (
	"slices"
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

// fit gives every column of a table a width so that together they take at most width columns, nil when they cannot
// without breaking a word or squeezing text below 16 columns. The widest columns give way first.
func fit(g *grid, width int) []int {
	widths, least := make([]int, len(g.Head)), make([]int, len(g.Head))
	for _, row := range append([][]string{g.Head}, g.Rows...) {
		for i, c := range row {
			widths[i] = max(widths[i], text.StringWidthWithoutEscSequences(c))
			for word := range strings.FieldsSeq(c) {
				least[i] = max(least[i], text.StringWidthWithoutEscSequences(word))
			}
		}
	}
	total := 0
	for i := range widths {
		least[i] = max(least[i], min(widths[i], 16))
		total += widths[i]
	}
	for ; total > width; total-- {
		i := slices.Index(widths, slices.Max(widths))
		if widths[i] <= least[i] {
			return nil
		}
		widths[i]--
	}
	return widths
}
