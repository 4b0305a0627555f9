package verdict

import (
	"fmt"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

const dropColumnAdvice = dropAdvice + " See that no running version of the application still uses them."

// droppedColumns tells of columns that a migration dropped with their values, those made anew under their names too. Where the values were not
// counted all dropped columns are told; what became of tables that are gone or replaced is told of those.
func (j *judge) droppedColumns(m *report.Migration) {
	if m.Back == nil && m.Contents == nil {
		j.droppedUncounted(m)
		return
	}
	for _, t := range m.Contents {
		var lost []string
		for _, c := range t.Columns {
			switch {
			case t.Replaced:
			case c.Dropped:
				lost = append(lost, fmt.Sprintf("%s with its %s", ident(c.Column), report.Count(c.Rows, "value")))
			case c.Anew && c.Lost() > 0:
				lost = append(lost, fmt.Sprintf("%s, made anew without %s", ident(c.Column), report.Count(c.Lost(), "value")))
			}
		}
		if len(lost) > 0 {
			j.dropped(m, t.Table, lost, "")
		}
	}
}

// droppedUncounted goes by the schema alone.
func (j *judge) droppedUncounted(m *report.Migration) {
	for _, c := range m.Schema {
		if c.Kind != "table" || c.Action == "dropped" || c.Action == "added" || c.Action == "replaced" {
			continue
		}
		var lost []string
		for _, child := range c.Children {
			if child.Kind == "column" && (child.Action == "dropped" || child.Action == "replaced") {
				lost = append(lost, strings.TrimPrefix(child.Name, c.Name+"."))
			}
		}
		if len(lost) > 0 {
			j.dropped(m, c.Name, lost, "; what values were in there was not counted")
		}
	}
}

func (j *judge) dropped(m *report.Migration, table string, columns []string, uncounted string) {
	what := "a column"
	if len(columns) > 1 {
		what = "columns"
	}
	j.add(report.Finding{
		Code: ColumnDropped, Level: report.Warn, Migration: m.Version, Object: table, File: m.File,
		Text: fmt.Sprintf("%s dropped %s of %s: %s%s", m.ShortName(), what, table, some(columns), uncounted), Do: dropColumnAdvice,
	})
}
