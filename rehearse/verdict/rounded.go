package verdict

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// rounded tells of columns whose type was changed to one that keeps less of some values: of numbers and times the digits, of texts the end. It goes by
// the comparison of contents, so that it is told with how many, and only where the statement says that no other value was meant.
func (j *judge) rounded(m *report.Migration) {
	s := readScript(m)
	for _, t := range m.Contents {
		if t.Replaced || t.Gone || len(t.Key) == 0 {
			continue
		}
		for _, c := range t.Columns {
			was, is := retyped(m, t.Table, c.Column)
			verb := s.narrows(parseRelation(t.Table), c.Column, was, is)
			if c.Dropped || c.Anew || c.Lost() == 0 || verb == "" || s.unreadable() != "" || s.rewritten(m, t.Table, c.Column) {
				continue
			}
			j.add(report.Finding{
				Code: ValuesRounded, Level: report.Warn, Migration: m.Version, File: m.File, Object: t.Table + "." + ident(c.Column),
				Text: fmt.Sprintf("%s %s %s of %s.%s, whose type was %s and is %s", m.ShortName(), verb, report.Count(c.Lost(), "value"), t.Table, ident(c.Column), was, is),
				Do:   "If all of each value is needed, choose a type that keeps it. Only a backup, or a copy of the column made before, brings back what is gone.",
			})
		}
	}
}

// rewritten tells whether values of a column may be others for another reason than its type: a statement sets them, or a trigger may have.
func (s script) rewritten(m *report.Migration, table, column string) bool {
	rels := []relation{parseRelation(table)}
	for _, toks := range s.statements {
		if len(toks) > 0 && toks[0] != "alter" && statementSets(toks, rels, column) {
			return true
		}
	}
	for _, t := range m.Rows {
		if t.Table == table {
			return slices.ContainsFunc(t.Through, func(w report.Through) bool { return slices.Contains(w.Columns, column) })
		}
	}
	return false
}

// retyped is the type of a column before and after a migration; "" where it was not changed.
func retyped(m *report.Migration, table, column string) (was, is string) {
	for _, c := range m.Schema {
		if c.Kind != "table" || c.Name != table {
			continue
		}
		for _, child := range c.Children {
			if child.Kind != "column" || child.Name != table+"."+ident(column) {
				continue
			}
			for _, a := range child.Attributes {
				if a.Name == "type" {
					return a.Before, a.After
				}
			}
		}
	}
	return "", ""
}

var modifier = regexp.MustCompile(`\([0-9, -]*\)`)

// families are types that are compared by what their values mean, so that a value that differs has lost something.
var families = map[string]string{
	"smallint": "number", "integer": "number", "bigint": "number", "numeric": "number", "real": "number", "double precision": "number",
	"text": "text", "character varying": "text", "character": "text",
	"timestamp without time zone": "timestamp", "date": "timestamp", "timestamp with time zone": "timestamptz",
	"time without time zone": "time", "time with time zone": "timetz", "interval": "interval",
}

// narrows says what changing a column from one type to another did to values that differ since: "rounded", "cut"; "" where they may be meant to be
// others, or no statement is seen to do it.
func (s script) narrows(rel relation, column, was, is string) string {
	family := families[modifier.ReplaceAllString(was, "")]
	if family == "" || family != families[modifier.ReplaceAllString(is, "")] {
		return ""
	}
	verb := "rounded"
	if family == "text" || strings.HasPrefix(is, "date") {
		verb = "cut"
	}
	for _, toks := range s.statements {
		at := columnType(toks, column)
		if at < 0 || !named(toks, rel) {
			continue
		}
		using := usingOf(toks[at:])
		if using == nil || slices.ContainsFunc(using, func(t string) bool { return narrowing[t] }) || isCast(using, column) {
			return verb
		}
	}
	return ""
}

// narrowing are functions that leave something of a value away.
var narrowing = wordSet("round trunc floor ceil ceiling left right substr substring date_trunc")

// columnType is where TYPE stands after a column's name; -1: nowhere.
func columnType(toks []string, column string) int {
	for i := range toks {
		if toks[i] == column && (has(toks[i+1:min(i+2, len(toks))], "type") || has(toks[i+1:min(i+4, len(toks))], "set", "data", "type")) {
			return i
		}
	}
	return -1
}

// usingOf is the expression after USING, up to the comma that ends the action; nil: there is none.
func usingOf(toks []string) []string {
	depth, from := 0, -1
	for i, t := range toks {
		switch t {
		case "(":
			depth++
		case ")":
			depth--
		case "using":
			if depth == 0 && from < 0 {
				from = i + 1
			}
		case ",", ";":
			if depth == 0 && from < 0 {
				return nil
			}
			if depth == 0 {
				return toks[from:i]
			}
		}
	}
	if from < 0 {
		return nil
	}
	return toks[from:]
}

// isCast tells an expression that is a cast of the column and no more: col::type, (col)::type, CAST(col AS type).
func isCast(toks []string, column string) bool {
	var plain []string
	for _, t := range toks {
		if t != "(" && t != ")" {
			plain = append(plain, t)
		}
	}
	if len(plain) > 0 && plain[0] == "cast" {
		return len(plain) > 3 && plain[1] == column && plain[2] == "as" && onlyType(plain[3:])
	}
	return len(plain) > 3 && plain[0] == column && plain[1] == ":" && plain[2] == ":" && onlyType(plain[3:])
}

// onlyType tells the words of a type, with the numbers of its modifier.
func onlyType(toks []string) bool {
	return !slices.ContainsFunc(toks, func(t string) bool { return t != "," && !isWord(t[0]) })
}
