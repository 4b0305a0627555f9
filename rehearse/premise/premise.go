// Package premise says what a statement of a migration needs of the rows that are there: that no two have the same key, that none lacks a
// value, that every one meets a condition, can be cast, or references a row. Where these rows are masked, a rehearsal meets other values than
// production; so each such need is put as a condition that finds the rows which break it, to be counted on both sides.
//
// It is a recogniser of a few forms of DDL, not a parser of SQL: CREATE UNIQUE INDEX, and of ALTER TABLE the adding of UNIQUE, PRIMARY KEY,
// CHECK and FOREIGN KEY, VALIDATE CONSTRAINT, SET NOT NULL and TYPE. What else works on rows is told as [Other], with what it names.
package premise

import (
	"slices"
	"strings"
)

// Kind is what is needed of the rows.
type Kind string

// The kinds. Of Other nothing can be counted.
const (
	Unique     Kind = "unique"
	NotNull    Kind = "not null"
	Check      Kind = "check"
	Cast       Kind = "cast"
	ForeignKey Kind = "foreign key"
	Validate   Kind = "validate" // a constraint that stands already, by its name
	Other      Kind = "other"
)

// Name is a table's, plain: as SQL folds it, without quotes. Schema is "" where the statement names none.
type Name struct{ Schema, Name string }

// Premise is one need of one statement.
type Premise struct {
	Kind  Kind
	Table Name
	Only  bool     // rows of inheriting tables do not count
	What  string   // the form, in words: "unique index on (lower(email))"
	At    int      // offset of it in the SQL
	Words []string // every name in it that may be a column's

	Keys     []string // of Unique: expressions as SQL, columns quoted
	Where    string   // of a partial index
	NullsOne bool     // NULLS NOT DISTINCT
	Column   string   // of NotNull and Cast: its plain name
	Expr     string   // of Check: the condition; of Cast: what is cast, "" for the column itself
	Type     string   // of Cast: as the statement has it
	Using    bool     // of Cast: an explicit cast, not an assignment
	Text     bool     // of Cast: what is cast is text, whatever the column's type

	// Casts are those that its expressions make for every row, each a premise of its own beside it: where one fails nothing else is found out.
	Casts []Premise
	// CastColumns are plain names that its expressions cast as they are.
	CastColumns []string

	Columns       []string // of ForeignKey: plain names
	Parent        Name
	ParentColumns []string // nil: the primary key's

	Constraint string // plain name of the constraint that is added or validated
	Later      bool   // NOT VALID: it looks at no row until it is validated
	Why        string // why the rows that break it cannot be counted, where the form does not let them be
}

// Reads tells whether the premise depends on a column, by its plain name.
func (f *Premise) Reads(column string) bool {
	switch f.Kind {
	case NotNull:
		return column == f.Column
	case ForeignKey:
		return slices.Contains(f.Columns, column)
	}
	return slices.Contains(f.Words, column)
}

// Read finds the premises of a migration's statement, which may hold several statements of SQL.
func Read(sql string) []Premise {
	var all []Premise
	for _, toks := range statements(lex(sql)) {
		p := &parser{sql: sql, toks: toks}
		for _, found := range p.statement() {
			found.Words = append(found.Words, words(p.toks)...)
			slices.Sort(found.Words)
			found.Words = slices.Compact(found.Words)
			all = append(all, found)
		}
	}
	return all
}

// Creates tells which tables a statement makes or renames into being: their rows are not the source's.
func Creates(sql string) []Name {
	var all []Name
	for _, toks := range statements(lex(sql)) {
		p := &parser{sql: sql, toks: toks}
		switch {
		case p.accept("create"):
			for p.accept("global") || p.accept("local") || p.accept("temp") || p.accept("temporary") || p.accept("unlogged") || p.accept("foreign") {
			}
			if p.accept("table") {
				p.accept("if", "not", "exists")
				all = append(all, p.name())
			}
		}
	}
	return all
}

// Writes tells whether a statement changes, by name, values of some columns of a table or which rows it has, or runs code that names it or
// may do anything: then the rows that a later statement meets are not those that were copied.
func Writes(sql string, table Name, columns []string) bool {
	for _, toks := range statements(lex(sql)) {
		if len(toks) == 0 {
			continue
		}
		all := words(toks)
		named := slices.Contains(all, table.Name)
		values := named && slices.ContainsFunc(columns, func(c string) bool { return slices.Contains(all, c) })
		switch toks[0].text {
		case "call":
			return true
		case "update", "alter":
			if values && (toks[0].text == "update" || slices.Contains(all, "using")) {
				return true
			}
		case "do", "select", "with", "insert", "delete", "merge", "truncate", "copy":
			if named {
				return true
			}
		}
	}
	return false
}

// words are the names in tokens: words and quoted names; of dollar-quoted code too, which may name anything.
func words(toks []token) []string {
	var all []string
	for _, t := range toks {
		switch {
		case t.kind == word || t.kind == quotedName:
			all = append(all, t.text)
		case t.kind == text && strings.HasPrefix(t.text, "$"):
			for _, inner := range lex(strings.Trim(t.text, "$")) {
				if inner.kind == word || inner.kind == quotedName {
					all = append(all, inner.text)
				}
			}
		}
	}
	return all
}
