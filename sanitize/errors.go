package sanitize

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Issue is one mistake in a rules file. Line and Column count from 1 and are 0 when the mistake has no place in the file.
type Issue struct {
	File         string
	Line, Column int
	Text         string // what is wrong, lower case, no full stop
}

// String is "file:line:column: text", or the text alone when the issue has no place.
func (i Issue) String() string {
	if i.Line == 0 {
		return i.Text
	}
	return fmt.Sprintf("%s:%d:%d: %s", i.File, i.Line, i.Column, i.Text)
}

// RulesError holds every mistake of a rules file that shows without looking at a database, in order of their places.
type RulesError struct {
	File   string
	Issues []Issue // at least one
}

// Error gives one line per issue.
func (e *RulesError) Error() string { return joinIssues(e.Issues) }

// PlanError tells all the ways in which a rules file and a database disagree; nothing may be copied.
type PlanError struct {
	File      string
	Tables    []string // tables that no rule names, as SQL writes them, sorted
	Columns   []string // columns of listed tables that have no rule, in the database's order of tables and columns
	Unmatched []Issue  // rules for tables and columns that are not there, or that must not have a rule
	Issues    []Issue  // masks that do not fit a column's type, break a unique key, or disagree along a foreign key
	Orphans   bool     // among Issues is a table that has not all its rows although a whole one references it
	Programs  bool     // among Issues is a mask that gives raw values to a program, which has not been allowed
	Paste     string   // YAML to put under "tables:", a suggested rule for everything in Tables and Columns; "" when there is nothing to add
}

// Error names everything that is wrong; the parts are separated by line ends.
func (e *PlanError) Error() string {
	var parts []string
	if n := len(e.Tables); n > 0 {
		parts = append(parts, fmt.Sprintf("%s no rules: %s", have(n, "table"), strings.Join(e.Tables, ", ")))
	}
	if n := len(e.Columns); n > 0 {
		parts = append(parts, fmt.Sprintf("%s no rule: %s", have(n, "column"), strings.Join(e.Columns, ", ")))
	}
	if len(e.Unmatched) > 0 {
		parts = append(parts, joinIssues(e.Unmatched))
	}
	if len(e.Issues) > 0 {
		parts = append(parts, joinIssues(e.Issues))
	}
	return strings.Join(parts, "\n")
}

// ValueError is a value that a column's mask could not handle. It never holds the value nor a part of it.
type ValueError struct {
	Table  Relation
	Column string // empty when the row as a whole is not what the plan expects
	Mask   string // empty as Column
	Reason string // what is wrong, to follow "a value" or "a row": "is not a date"
}

// Error names table, column and mask, and the reason.
func (e *ValueError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("mask %s: a row %s", e.Table, e.Reason)
	}
	return fmt.Sprintf("mask %s with %s: a value %s", e.Table.column(e.Column), e.Mask, e.Reason)
}

func have(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " has"
	}
	return fmt.Sprintf("%d %ss have", n, noun)
}

func joinIssues(issues []Issue) string {
	lines := make([]string, len(issues))
	for i, issue := range issues {
		lines[i] = issue.String()
	}
	return strings.Join(lines, "\n")
}

// sortIssues orders by place, then text, and drops repetitions.
func sortIssues(issues []Issue) []Issue {
	slices.SortFunc(issues, func(a, b Issue) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Text, b.Text))
	})
	return slices.Compact(issues)
}
