package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// Does says what code does to the rows of a table by name: "inserted", "updated", "deleted", as of [report.Through].
func Does(code, table string) []string { return does(tokens(code), parseRelation(table)) }

func does(toks []string, rel relation) []string {
	found := map[string]bool{}
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
		switch {
		case before >= 0 && toks[before] == "update":
			found[report.RowsUpdated] = true
		case before < 1:
		case toks[before-1] == "insert" && toks[before] == "into":
			found[report.RowsInserted] = true
			found[report.RowsUpdated] = found[report.RowsUpdated] || has(toks[i:], "do", "update")
		case toks[before-1] == "delete" && toks[before] == "from":
			found[report.RowsDeleted] = true
		case toks[before-1] == "merge" && toks[before] == "into":
			found[report.RowsInserted], found[report.RowsUpdated], found[report.RowsDeleted] = true, true, true
		}
	}
	return inOrder(found)
}

func inOrder(kinds map[string]bool) []string {
	var out []string
	for _, k := range []string{report.RowsInserted, report.RowsUpdated, report.RowsDeleted} {
		if kinds[k] {
			out = append(out, k)
		}
	}
	return out
}

// Words are the names and keywords of code, folded as PostgreSQL does.
func Words(code string) []string { return tokens(code) }

// Named are those of some columns that stand in code.
func Named(code string, columns []string) []string {
	toks := tokens(code)
	return slices.DeleteFunc(slices.Clone(columns), func(c string) bool { return !slices.Contains(toks, c) })
}

// reach says how rows were changed that a migration's text does not name: by way of tables that it names.
type reach struct {
	d    declarations
	rows []report.TableRows
	led  map[string][]report.Through // by table, those that explain all of its changes
}

// reached follows triggers, rules and foreign keys from the tables that a migration names, as far as they lead.
func (d declarations) reached(rows []report.TableRows) reach {
	r := reach{d: d, rows: rows, led: map[string][]report.Through{}}
	for more := true; more; {
		more = false
		for _, t := range rows {
			if r.led[t.Table] != nil {
				continue
			}
			if all := r.explain(t); all != nil {
				r.led[t.Table], more = all, true
			}
		}
	}
	return r
}

// explain are the ways by which all that happened to a table's rows has come; nil where something has come otherwise.
func (r reach) explain(t report.TableRows) []report.Through {
	c := r.d.of(t)
	if t.Truncated || t.Replaced || t.Before == nil || t.After == nil {
		return nil
	}
	kinds := map[string]bool{
		report.RowsInserted: t.Inserted != 0 && !c.named, report.RowsUpdated: t.Updated != 0 && !c.named,
		report.RowsDeleted: !c.removed && (t.Deleted != 0 && !c.named || *t.After < expected(t)),
	}
	var by []report.Through
	for _, kind := range inOrder(kinds) {
		some := slices.DeleteFunc(slices.Clone(t.Through), func(w report.Through) bool { return !slices.Contains(w.Does, kind) || !r.begins(w, kind) })
		if len(some) == 0 {
			return nil
		}
		for _, w := range some {
			if !slices.ContainsFunc(by, w.Same) {
				by = append(by, w)
			}
		}
	}
	return by
}

// begins tells whether a migration's text names the table that sets a way off, or its changes were explained. A view must be written to by name.
func (r reach) begins(w report.Through, kind string) bool {
	if w.Kind == "view" {
		rel := parseRelation(w.On)
		return slices.ContainsFunc(r.d.statements, func(toks []string) bool { return slices.Contains(does(toks, rel), kind) })
	}
	if r.d.silences() && w.Kind != "rule" {
		return false
	}
	if r.led[w.On] != nil {
		return true
	}
	for _, t := range r.rows {
		if t.Table == w.On {
			return r.d.of(t).named
		}
	}
	return anyOf(r.d.relations(w.On), r.d.names)
}

// silences tells whether triggers, those of foreign keys among them, may not fire in a migration, so that nothing follows from there being some.
func (d declarations) silences() bool {
	return slices.ContainsFunc(d.statements, func(toks []string) bool {
		return has(toks, "disable", "trigger") || slices.Contains(toks, "session_replication_role")
	})
}

// through words a finding about rows that were changed by way of others. That rows went, or were changed, is worth a warning: who reads the file
// does not see it. Rows that were added, as to a log, are a note, and so are those
// that were changed in a view.
func (j *judge) through(f *report.Finding, m *report.Migration, t report.TableRows, by []report.Through) {
	f.Code = RowsIndirect
	names := make([]string, len(by))
	for i, w := range by {
		names[i] = w.String()
	}
	f.Text = fmt.Sprintf("%s changed rows of %s by way of %s: %s", m.ShortName(), t.Table, strings.Join(names, ", "), verbs(t)) + changedColumns(m, t.Table)
	if *t.After < *t.Before {
		f.Text += fmt.Sprintf("; %s before, %s after", report.Count(*t.Before, "row"), report.Digits(*t.After))
	}
	inView := !slices.ContainsFunc(by, func(w report.Through) bool { return w.Kind != "view" })
	if t.Updated+t.Deleted == 0 || inView {
		f.Level = report.Info
	}
	f.Do = "If that is not meant, change the rows that set it off in another way, or have the migration see to these first."
}
