package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// TextOptions say what the terminal can do. The zero value is 80 columns, Unicode, without colour.
type TextOptions struct {
	Width int  // columns; 0: 80; never less than 20
	Color bool // ANSI colours, which only ever repeat what words say
	ASCII bool // our own signs in ASCII; names keep their letters
}

// Text writes the result for a terminal: the verdict first, then what to do, then the evidence. Long lists are cut with a
// line that says so. SQL and definitions are never wrapped, so that they can be copied.
func Text(w io.Writer, r *Result, o TextOptions) error {
	sym := unicodeSymbols()
	if o.ASCII {
		sym = asciiSymbols()
	}
	return writeText(w, arrange(r, sym, limits{rows: 40, lines: 40, cell: 160}), sym, o)
}

// writeText writes a document for a terminal.
func writeText(w io.Writer, d document, sym symbols, o TextOptions) error {
	if o.Width == 0 {
		o.Width = 80
	}
	buf := bufio.NewWriter(w)
	t := &terminal{w: buf, width: max(20, o.Width), color: o.Color, sym: sym}
	t.document(d)
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// terminal writes a document; an error sticks to the buffered writer and is told at the end.
type terminal struct {
	w     *bufio.Writer
	width int
	color bool
	sym   symbols
	step  int
}

func (t *terminal) document(d document) {
	for _, line := range wrap(d.Headline, t.width) {
		t.line(t.paint(line, bold+verdictColor(d.Verdict)))
	}
	for _, line := range wrapParts(d.Parts, t.sym.dot, t.width) {
		t.line(line)
	}
	for _, s := range d.Sections {
		t.line("")
		for _, line := range wrap(s.Title, t.width) {
			t.line(t.paint(line, bold))
		}
		for _, it := range s.Items {
			t.item(it)
		}
	}
}

func (t *terminal) item(it item) {
	indent := strings.Repeat("    ", it.Depth)
	switch it.Kind {
	case paragraph:
		t.hang("  "+indent, "  "+indent, it.Text)
	case bullet:
		t.hang("  "+indent+"- ", "  "+indent+"  ", it.Text)
	case step:
		t.step++
		word := fmt.Sprintf("%2d. ", t.step)
		t.hang("  "+word, "      ", t.paint(it.Level.Title()+":", levelColor(it.Level))+" "+it.Text)
	case code, diff:
		for line := range strings.SplitSeq(it.Text, "\n") {
			t.line("  " + indent + line)
		}
	case tabular:
		t.grid(it.Grid)
	}
}

// hang writes s wrapped, with first before its first line and rest before the others.
func (t *terminal) hang(first, rest, s string) {
	for i, line := range wrap(s, t.width-text.StringWidthWithoutEscSequences(first)) {
		if i > 0 {
			first = rest
		}
		t.line(first + line)
	}
}

func (t *terminal) line(s string) {
	t.w.WriteString(strings.TrimRight(s, " "))
	t.w.WriteByte('\n')
}

// grid writes a table, or where it would be wider than the terminal a paragraph a row.
func (t *terminal) grid(g *grid) {
	widths := fit(g, t.width-2*len(g.Head))
	if widths == nil {
		t.stacked(g)
		return
	}
	out := t.table(g, widths)
	for line := range strings.SplitSeq(out, "\n") {
		t.line(line)
	}
}

func (t *terminal) table(g *grid, widths []int) string {
	tw := table.NewWriter()
	tw.SetStyle(table.Style{
		Box:     table.BoxStyle{PaddingLeft: "  ", MiddleVertical: ""},
		Options: table.Options{},
		Format:  table.FormatOptions{Header: text.FormatDefault},
	})
	configs := make([]table.ColumnConfig, len(widths))
	for i, w := range widths {
		configs[i] = table.ColumnConfig{Number: i + 1, WidthMax: w, WidthMaxEnforcer: text.WrapSoft}
	}
	for _, n := range g.Right {
		configs[n].Align, configs[n].AlignHeader = text.AlignRight, text.AlignRight
	}
	tw.SetColumnConfigs(configs)
	tw.AppendHeader(tableRow(g.Head))
	for i, r := range g.Rows {
		row := tableRow(r)
		if i < len(g.Marks) {
			row[1] = t.paint(r[1], levelColor(g.Marks[i]))
		}
		tw.AppendRow(row)
	}
	return tw.Render()
}

func tableRow(cells []string) table.Row {
	row := make(table.Row, len(cells))
	for i, c := range cells {
		row[i] = c
	}
	return row
}

// stacked writes a row as its name and, below it, each cell with its heading.
func (t *terminal) stacked(g *grid) {
	for i, r := range g.Rows {
		name := r[0]
		rest := r[1:]
		heads := g.Head[1:]
		if i < len(g.Marks) {
			name += "  " + t.paint(r[1], levelColor(g.Marks[i]))
			rest, heads = r[2:], heads[1:]
		}
		t.hang("  ", "    ", name)
		var parts []string
		for j, cell := range rest {
			if cell != "" && cell != t.sym.none {
				parts = append(parts, strings.TrimSpace(heads[j]+" "+cell))
			}
		}
		if len(parts) > 0 {
			t.hang("      ", "      ", strings.Join(parts, ", "))
		}
	}
}

// The colours, as the terminal wants them.
const (
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

func (t *terminal) paint(s, color string) string {
	if !t.color || color == "" || s == "" {
		return s
	}
	return color + s + reset
}

func verdictColor(v Verdict) string {
	switch v {
	case Go:
		return green
	case NoGo:
		return red
	default:
		return yellow
	}
}

func levelColor(l Level) string {
	switch l {
	case Fail:
		return red
	case Info:
		return green
	default:
		return yellow
	}
}
