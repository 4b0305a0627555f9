package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// columns judges which columns a migration changed in tables that it names. A column is declared when a statement that names the table names the
// column too; an UPDATE that can be read declares those of its SET list, and one that puts rows in all columns. What is changed
// besides comes through a trigger, whose code may name it, or a function. Tables that are not named at all are judged as a whole, and those that were replaced too.
func (j *judge) columns(m *report.Migration) {
	if len(m.Contents) == 0 {
		return
	}
	d := declarations{script: readScript(m), old: oldNames(m.Schema)}
	led := d.reached(m.Rows)
	for _, t := range m.Contents {
		if len(t.Key) == 0 || t.Replaced || t.Gone || t.Table == j.r.Session.VersionTable {
			continue
		}
		rels := d.relations(tableNames(m, t)...)
		if !anyOf(rels, d.names) {
			continue
		}
		var undeclared []report.ColumnContents
		for _, c := range t.Columns {
			if !c.Dropped && !d.sets(rels, c.Column) && (c.Was == "" || !d.sets(rels, c.Was)) {
				undeclared = append(undeclared, c)
			}
		}
		undeclared = j.triggered(m, t, undeclared, led)
		if len(undeclared) > 0 {
			j.undeclaredColumns(m, t, undeclared, d)
		}
	}
}

// tableNames are the names by which a statement reaches a table: its own of before and after, those above it, and those of its partitions.
func tableNames(m *report.Migration, t report.TableContents) []string {
	names := []string{t.Table, t.Was}
	for _, r := range m.Rows {
		if r.Table != t.Table && r.Table != t.Was {
			continue
		}
		names = append(append(names, r.Root), r.Parents...)
		for _, p := range r.Partitions {
			names = append(names, p.Table)
		}
	}
	return names
}

// triggered tells of columns that triggers or foreign keys of named tables change, and gives those that are left.
func (j *judge) triggered(m *report.Migration, t report.TableContents, columns []report.ColumnContents, led reach) (rest []report.ColumnContents) {
	at := slices.IndexFunc(m.Rows, func(r report.TableRows) bool { return r.Table == t.Table })
	if at < 0 {
		return columns
	}
	var told []report.ColumnContents
	var by []string
	for _, c := range columns {
		w := slices.IndexFunc(m.Rows[at].Through, func(w report.Through) bool { return slices.Contains(w.Columns, c.Column) && led.begins(w, "") })
		if w < 0 {
			rest = append(rest, c)
			continue
		}
		told = append(told, c)
		if name := m.Rows[at].Through[w].String(); !slices.Contains(by, name) {
			by = append(by, name)
		}
	}
	if len(told) > 0 {
		j.add(report.Finding{
			Code: RowsIndirect, Level: report.Info, Migration: m.Version, File: m.File, Object: t.Table + "." + ident(told[0].Column),
			Text: fmt.Sprintf("%s changed columns of %s that no statement of it sets, by way of %s: %s", m.ShortName(), t.Table, strings.Join(by, ", "), columnCounts(told)),
		})
	}
	return rest
}

// undeclaredColumns tells of columns that were changed and that nothing names. Where not all of the migration can be read it says no more. A column of
// dates or times is no more than a warning, whatever the policy: triggers that note when a row was changed are in half of all schemas.
func (j *judge) undeclaredColumns(m *report.Migration, t report.TableContents, columns []report.ColumnContents, d declarations) {
	f := report.Finding{Code: RowsUnexpected, Level: report.Warn, Migration: m.Version, File: m.File, Object: t.Table + "." + ident(columns[0].Column)}
	what := "a column"
	if len(columns) > 1 {
		what = "columns"
	}
	f.Text = fmt.Sprintf("%s changed %s of %s that no statement of it sets: %s", m.ShortName(), what, t.Table, columnCounts(columns))
	if why := d.unreadable(); why != "" || isGo(m) {
		if why == "" {
			why = "it is Go code"
		}
		f.Code = ColumnsNotJudged
		f.Text = fmt.Sprintf("%s changed columns of %s that its text does not name, and whether it means to could not be judged, since %s: %s",
			m.ShortName(), t.Table, why, columnCounts(columns))
		f.Do = "Look at the code for these columns, and at the table's triggers."
		j.add(f)
		return
	}
	f.Do = "Look for a trigger. If the change is meant, say so by naming the column in the SET list."
	if slices.ContainsFunc(columns, func(c report.ColumnContents) bool { return !c.Moment }) {
		j.unexpected(&f, change{})
	}
	j.add(f)
}

func isGo(m *report.Migration) bool {
	return strings.HasSuffix(m.File, ".go") || strings.HasSuffix(m.Name, ".go") || strings.HasPrefix(m.Name, "version ")
}

// columnCounts is "total in 1,204 rows, changed in 3 rows".
func columnCounts(columns []report.ColumnContents) string {
	var out []string
	for _, c := range columns {
		out = append(out, ident(c.Column)+" in "+report.Count(c.Rows, "row"))
	}
	return some(out)
}

// changedColumns is what is known of the columns of a table whose rows changed: "; balance in 3 rows".
func changedColumns(m *report.Migration, table string) string {
	for _, t := range m.Contents {
		columns := slices.DeleteFunc(slices.Clone(t.Columns), func(c report.ColumnContents) bool { return c.Dropped })
		if t.Table == table && len(columns) > 0 {
			return "; " + columnCounts(columns)
		}
	}
	return ""
}

// unreadable says what of a migration runs code that its text may not show.
func (s script) unreadable() string {
	if s.cut {
		return "part of its text was not kept"
	}
	for _, toks := range s.statements {
		if len(toks) == 0 {
			continue
		}
		switch toks[0] {
		case "do":
			return "it has a DO block"
		case "call":
			return "it calls a procedure"
		case "select":
			if slices.Contains(toks, "(") {
				return "it calls a function"
			}
		}
	}
	return ""
}

// sets tells whether a statement that names a table names a column of it as one that it changes.
func (s script) sets(rels []relation, column string) bool {
	return slices.ContainsFunc(s.statements, func(toks []string) bool { return statementSets(toks, rels, column) })
}

func statementSets(toks []string, rels []relation, column string) bool {
	if !slices.ContainsFunc(rels, func(rel relation) bool { return named(toks, rel) }) {
		return false
	}
	for _, rel := range rels {
		if putsRows(toks, rel) {
			return true
		}
	}
	if toks[0] != "update" {
		return slices.Contains(toks, column)
	}
	for i, t := range toks {
		if t == column && inSetList(toks, i) {
			return true
		}
	}
	return false
}

func named(toks []string, rel relation) bool {
	return (script{statements: [][]string{toks}}).names(rel)
}

// putsRows tells whether rows are put into the relation: INSERT INTO, MERGE INTO, COPY.
func putsRows(toks []string, rel relation) bool {
	for i := range toks {
		if !rel.at(toks, i) {
			continue
		}
		before := i - 1
		if before >= 1 && toks[before] == "." {
			before -= 2
		}
		if before >= 0 && toks[before] == "only" {
			before--
		}
		if before >= 0 && (toks[before] == "into" || toks[before] == "copy") {
			return true
		}
	}
	return false
}

// inSetList tells a column at i that is given a value: after SET or a comma and before =, or in a list before =.
func inSetList(toks []string, i int) bool {
	if i == 0 || i+1 >= len(toks) {
		return false
	}
	before, after := toks[i-1], toks[i+1]
	if (before == "set" || before == ",") && (after == "=" || after == "[" || after == ".") {
		return true
	}
	if before != "(" && before != "," {
		return false
	}
	for k := i + 1; k+1 < len(toks) && k-i < 4000; k += 2 { // the names of the list stand at the odd places
		switch toks[k] {
		case ",":
		case ")":
			return toks[k+1] == "="
		default:
			return false
		}
	}
	return false
}
