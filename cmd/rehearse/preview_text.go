package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rehearse-db/rehearse/rehearse"
)

// previewText lays rows out: a line a row where they fit, else a line a value. What is before a mask stands to the left of what is after.
func previewText(p *rehearse.MaskPreview, width int, ascii bool) string {
	if len(p.Rows) == 0 {
		return ""
	}
	s := signs{hidden: "•••", arrow: " → ", cut: "…"}
	if ascii {
		s = signs{hidden: "***", arrow: " -> ", cut: "..."}
	}
	if grid, ok := s.grid(p, width); ok {
		return grid
	}
	return s.expanded(p, width)
}

// signs are what stands for things, as the locale can show them.
type signs struct{ hidden, arrow, cut string }

// widest is the most characters of a value in a grid; a longer one is a reason to give it a line.
const widest = 40

// grid is a line a row. It does not fit where a line is longer than the terminal is wide, or a value too long for one cell.
func (s signs) grid(p *rehearse.MaskPreview, width int) (string, bool) {
	lines := [][]string{make([]string, len(p.Columns)), make([]string, len(p.Columns))}
	for i, c := range p.Columns {
		lines[0][i], lines[1][i] = plainText([]byte(c.Name)), c.Mask
	}
	for _, row := range p.Rows {
		cells := make([]string, len(row))
		for i, v := range row {
			before, after := s.before(v), s.after(v, p.Columns[i])
			if utf8.RuneCountInString(before) > widest || utf8.RuneCountInString(after) > widest {
				return "", false
			}
			if cells[i] = before + s.arrow + after; p.Columns[i].Kept {
				cells[i] = before
			}
		}
		lines = append(lines, cells)
	}
	widths, total := make([]int, len(p.Columns)), 0
	for i := range p.Columns {
		for _, line := range lines {
			widths[i] = max(widths[i], utf8.RuneCountInString(line[i]))
		}
		total += widths[i] + len("  ")
	}
	if total > width {
		return "", false
	}
	var b strings.Builder
	for _, line := range lines {
		var text strings.Builder
		for i, cell := range line {
			text.WriteString(padded(cell, widths[i]) + "  ")
		}
		b.WriteString(strings.TrimRight(text.String(), " ") + "\n")
	}
	return b.String(), true
}

// expanded is a line a value.
func (s signs) expanded(p *rehearse.MaskPreview, width int) string {
	name, mask, room := 0, 0, 0
	for _, c := range p.Columns {
		name, mask = max(name, utf8.RuneCountInString(plainText([]byte(c.Name)))), max(mask, len(c.Mask))
	}
	for _, row := range p.Rows {
		for _, v := range row {
			room = max(room, utf8.RuneCountInString(s.before(v)))
		}
	}
	left := max(8, (width-name-mask-len("      ")-utf8.RuneCountInString(s.arrow))/2)
	room = min(room, left)
	var b strings.Builder
	for n, row := range p.Rows {
		fmt.Fprintf(&b, "row %d\n", n+1)
		for i, v := range row {
			c := p.Columns[i]
			line := "  " + padded(plainText([]byte(c.Name)), name) + "  " + padded(c.Mask, mask) + "  "
			if c.Kept {
				line += s.short(s.before(v), 2*left)
			} else {
				line += padded(s.short(s.before(v), room), room) + s.arrow + s.short(s.after(v, c), 2*left-room)
			}
			b.WriteString(strings.TrimRight(line, " ") + "\n")
		}
	}
	return b.String()
}

// before is the value as the source has it, or what may be told of it.
func (s signs) before(v rehearse.PreviewValue) string {
	switch {
	case v.Null:
		return "NULL"
	case v.Hidden:
		return fmt.Sprintf("%s (%d)", s.hidden, v.Length)
	}
	return shown(v.Before)
}

// after is the value as a copy has it.
func (s signs) after(v rehearse.PreviewValue, c rehearse.PreviewColumn) string {
	switch {
	case v.After == nil && !c.Kept:
		return "NULL"
	case v.Same && !v.Null:
		return shown(v.After) + " (unchanged)"
	}
	return shown(v.After)
}

// shown is a value in one line. An empty one, and one that reads NULL, stand in quotes.
func shown(value []byte) string {
	if len(value) == 0 || string(value) == "NULL" {
		return `"` + string(value) + `"`
	}
	return plainText(value)
}

// plainText writes what a terminal would act upon, or nobody could see, as the escapes of a string in Go.
func plainText(value []byte) string {
	var b strings.Builder
	for rest := value; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, rest[0])
		case r == '\\':
			b.WriteString(`\\`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < 0x80 && unicode.IsControl(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case !unicode.IsPrint(r) && r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		rest = rest[n:]
	}
	return b.String()
}

// short cuts a text to at most n characters.
func (s signs) short(text string, n int) string {
	r := []rune(text)
	if len(r) <= n {
		return text
	}
	return string(r[:max(0, n-utf8.RuneCountInString(s.cut))]) + s.cut
}

func padded(text string, n int) string {
	return text + strings.Repeat(" ", max(0, n-utf8.RuneCountInString(text)))
}
