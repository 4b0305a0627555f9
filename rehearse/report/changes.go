package report

import (
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

// schema lists what the migrations changed in the schema: + added, - dropped, ~ changed, children indented.
func (a *arranger) schema() section {
	s := section{Title: "Schema"}
	if len(a.r.Schema) == 0 {
		if a.ran() {
			s.Items = []item{{Text: "The schema is the same before and after."}}
		}
		return s
	}
	s.Title = "Schema: " + schemaSummary(a.r.Schema)
	var lines []item
	for _, c := range a.r.Schema {
		lines = append(lines, a.change(c, "", 0)...)
	}
	s.Items = foldDiffs(atMost(lines, 4*a.lim.lines, "lines"))
	return s
}

// schemaSummary counts the changes at the top: "2 added, 1 changed".
func schemaSummary(cs []Change) string {
	n := map[string]int64{}
	for _, c := range cs {
		n[c.Action]++
	}
	var out []string
	for _, action := range []string{"added", "dropped", "changed", "renamed", "replaced"} {
		if n[action] > 0 {
			out = append(out, Digits(n[action])+" "+action)
		}
	}
	return strings.Join(out, ", ")
}

// change is one line, its sign always in the first column, then its long attributes as diffs, then its children.
func (a *arranger) change(c Change, parent string, depth int) []item {
	name, old := within(parent, c.Name), within(parent, c.OldName)
	var line string
	switch c.Action {
	case "added":
		line = fmt.Sprintf("+ %s %s", c.Kind, name)
	case "dropped":
		line = fmt.Sprintf("- %s %s", c.Kind, name)
	case "renamed":
		line = fmt.Sprintf("~ %s %s%s%s (renamed)", c.Kind, old, a.sym.arrow, name)
	case "replaced":
		line = fmt.Sprintf("~ %s %s: dropped and made anew under its name", c.Kind, name)
	default:
		line = fmt.Sprintf("~ %s %s", c.Kind, name)
	}
	short, long := a.attributes(c)
	if c.Action == "dropped" && len(c.Children) > 0 {
		line += " with " + kinds(c.Children)
	}
	if len(short) > 0 {
		line += ": " + strings.Join(short, "; ")
	}
	indent := strings.Repeat("  ", depth)
	line = a.text(line)
	items := []item{{Kind: diff, Text: line[:1] + indent + line[1:]}}
	for _, l := range long {
		if !strings.HasPrefix(l, "@@") {
			l = l[:1] + indent + "    " + l[1:]
		}
		items = append(items, item{Kind: diff, Text: l})
	}
	if c.Action == "dropped" {
		return items // its children went with it
	}
	for _, child := range c.Children {
		items = append(items, a.change(child, c.Name, depth+1)...)
	}
	return items
}

// attributes are the changed attributes, those of one line in words and the others as lines of a unified diff.
func (a *arranger) attributes(c Change) (short, long []string) {
	for _, at := range c.Attributes {
		before, after := clean(at.Before), clean(at.After)
		multi := strings.Contains(before+after, "\n")
		switch {
		case c.Action == "added" || c.Action == "dropped":
			if !multi {
				short = append(short, strings.TrimPrefix(at.Name+" ", "definition ")+oneLine(before+after, 2*a.lim.cell, a.sym.ellipsis))
			}
		case multi && before != "" && after != "":
			long = append(long, a.unified(at.Name, before, after)...)
		case before == "":
			short = append(short, at.Name+" set to "+oneLine(after, a.lim.cell, a.sym.ellipsis))
		case after == "":
			short = append(short, at.Name+" "+oneLine(before, a.lim.cell, a.sym.ellipsis)+" dropped")
		default:
			short = append(short, at.Name+" "+before+a.sym.arrow+after)
		}
	}
	return short, long
}

// within shortens the name of a child by its parent's, which stands above it.
func within(parent, name string) string {
	if parent == "" {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(name, parent+"."), " on "+parent)
}

// kinds counts objects by kind, in the order in which they come: "2 columns, 1 index".
func kinds(cs []Change) string {
	var order []string
	n := map[string]int64{}
	for _, c := range cs {
		if n[c.Kind] == 0 {
			order = append(order, c.Kind)
		}
		n[c.Kind]++
	}
	for i, kind := range order {
		order[i] = strings.NewReplacer("indexs", "indexes", "policys", "policies").Replace(Count(n[kind], kind))
	}
	return strings.Join(order, ", ")
}

func (a *arranger) unified(name, before, after string) []string {
	text := udiff.Unified("", "", before+"\n", after+"\n")
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	lines = append([]string{"~" + oneLine(name, a.lim.cell, a.sym.ellipsis) + ":"}, lines[min(2, len(lines)):]...) // without the names of files
	if n := 2 * a.lim.lines; len(lines) > n {
		rest := len(lines) - n
		lines = append(lines[:n:n], fmt.Sprintf("(%d more lines in the JSON result)", rest))
	}
	for i := range lines {
		lines[i] = cut(lines[i], 2*a.lim.cell, a.sym.ellipsis)
	}
	return lines
}

// foldDiffs joins neighbouring diff lines into one item each, so that they are set as one block.
func foldDiffs(items []item) []item {
	var out []item
	for _, it := range items {
		if last := len(out) - 1; it.Kind == diff && last >= 0 && out[last].Kind == diff {
			out[last].Text += "\n" + it.Text
			continue
		}
		out = append(out, it)
	}
	return out
}
