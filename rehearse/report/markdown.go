package report

import (
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
)

// MarkdownLimit is the most bytes that [Markdown] writes: GitHub takes 65,536 characters a comment.
const MarkdownLimit = 60_000

// Marker is the first line of the Markdown form, by which a comment about a database is found again to be updated.
func Marker(database string) string {
	return "<!-- rehearse:" + strings.ReplaceAll(url.PathEscape(database), "--", "-%2D") + " -->"
}

// Markdown writes the result as a comment for a pull request: [Marker], the first screen, and the rest folded. Names and
// messages are escaped, so that they neither mention anybody nor become markup. It is at most [MarkdownLimit] bytes long;
// what is left out for that is said.
func Markdown(w io.Writer, r *Result) error {
	m := &markdown{}
	m.document(Marker(r.Source.Database), arrange(r, unicodeSymbols(), limits{rows: 20, lines: 20, cell: 120}))
	if _, err := io.WriteString(w, m.String()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

type markdown struct {
	strings.Builder
	step int
}

// leftOut is what a section ends with when the rest of it did not fit.
const leftOut = "\n_The rest of this section is left out to keep the comment short; the JSON result has it._\n"

func (m *markdown) document(marker string, d document) {
	m.WriteString(marker + "\n## " + escape(d.Headline) + "\n\n")
	parts := make([]string, len(d.Parts))
	for i, p := range d.Parts {
		parts[i] = escape(p)
	}
	m.WriteString(strings.Join(parts, " · ") + "\n")
	for i, s := range d.Sections {
		open := s.Open && (d.Verdict != Go || d.Unfolded)
		// Every later section can still say at least its title and that it was cut.
		reserve := 600 * (len(d.Sections) - i - 1)
		m.section(s, open, MarkdownLimit-reserve)
	}
}

func (m *markdown) section(s section, open bool, until int) {
	title := escape(cut(s.Title, 120, "…"))
	end := "\n"
	if open {
		m.WriteString("\n### " + title + "\n\n")
	} else {
		m.WriteString("\n<details><summary>" + title + "</summary>\n\n")
		end = "\n</details>\n"
	}
	for i, it := range s.Items {
		text := m.item(it, i > 0 && (it.Kind == paragraph || s.Items[i-1].Kind != it.Kind))
		if m.Len()+len(text)+len(leftOut)+len(end) > until {
			m.WriteString(leftOut)
			break
		}
		m.WriteString(text)
	}
	m.WriteString(strings.TrimPrefix(end, "\n"))
}

// item is one item, after a blank line where its kind is another than that of the item before.
func (m *markdown) item(it item, apart bool) string {
	gap, indent := "", ""
	if apart {
		gap = "\n"
	}
	if it.Depth > 0 {
		indent = "   " // within the list item before
	}
	switch it.Kind {
	case bullet:
		return gap + indent + "- " + escape(it.Text) + "\n"
	case step:
		m.step++
		return fmt.Sprintf("%s%d. **%s**: %s\n", gap, m.step, it.Level.Title(), escape(it.Text))
	case code:
		return gap + fenced("sql", it.Text, indent)
	case diff:
		return gap + fenced("diff", it.Text, indent)
	case tabular:
		return gap + markdownTable(it.Grid)
	default:
		return gap + indent + escape(it.Text) + "\n"
	}
}

// fenced sets text in a fence longer than any run of backticks in it.
func fenced(lang, text, indent string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	var b strings.Builder
	for line := range strings.SplitSeq(fence+lang+"\n"+text+"\n"+fence, "\n") {
		b.WriteString(indent + line + "\n")
	}
	return b.String()
}

func markdownTable(g *grid) string {
	var b strings.Builder
	row := func(cells []string) {
		for _, c := range cells {
			b.WriteString("| " + c + " ")
		}
		b.WriteString("|\n")
	}
	row(g.Head)
	rule := make([]string, len(g.Head))
	for i := range rule {
		rule[i] = "---"
	}
	for _, n := range g.Right {
		rule[n] = "--:"
	}
	row(rule)
	for i, r := range g.Rows {
		cells := make([]string, len(r))
		for j, c := range r {
			cells[j] = escape(c)
		}
		if i < len(g.Marks) && g.Marks[i].Weight() > 0 {
			cells[1] = "**" + cells[1] + "**"
		}
		row(cells)
	}
	return b.String()
}

var (
	markup = strings.NewReplacer(
		`\`, `\\`, "`", "\\`", "*", `\*`, "|", `\|`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "&", "&amp;",
		"~~", `\~\~`, "\n", " ",
	)
	mention   = regexp.MustCompile(`([@#])([\pL\pN])`)
	edgeScore = regexp.MustCompile(`(^|[^\pL\pN_])(_+)|(_+)($|[^\pL\pN_])`)
)

// escape keeps plain text plain in GitHub's Markdown: no markup, no mention, no link to an issue.
func escape(s string) string {
	s = markup.Replace(s)
	s = mention.ReplaceAllString(s, "$1\u200b$2")
	return edgeScore.ReplaceAllStringFunc(s, func(m string) string { return strings.ReplaceAll(m, "_", `\_`) })
}
