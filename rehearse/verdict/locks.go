package verdict

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

const (
	worthTelling = report.Duration(100 * time.Millisecond) // a wait below this is told only in the migration's line
	worthWarning = report.Duration(time.Second)            // from here on people notice
	smallRewrite = 1 << 20                                 // bytes: a rewrite below this is a note
	smallScan    = 10_000                                  // rows: a scan below this is not told
)

// taker is the statement that took the lock, nil when it is not known.
func taker(m *report.Migration, e report.Exposure) *report.Statement {
	for i := range m.Statements {
		st := &m.Statements[i]
		for _, l := range st.Locks {
			if l.Table == e.Table && l.Mode == e.Mode && (e.Line == 0 || st.Line == e.Line) {
				return st
			}
		}
	}
	for i := range m.Statements {
		if st := &m.Statements[i]; e.Line != 0 && st.Line == e.Line {
			return st
		}
	}
	return nil
}

// remedy is what blocks less than a statement did, to the same end. The zero value is none.
type remedy struct {
	text  string   // a sentence; where SQL follows it ends in a colon
	marks []string // annotations of goose that the SQL needs
	steps []string // the SQL to run instead of the statement, each ended by a semicolon and in a transaction of its own, if in any
}

func (a remedy) String() string {
	if len(a.steps) == 0 {
		return a.text
	}
	return a.text + "\n" + indented(strings.Join(append(slices.Clone(a.marks), a.steps...), "\n"))
}

// concurrently are the statements that have a way to do it CONCURRENTLY, up to where that word stands.
var (
	createIndex = regexp.MustCompile(`(?i)^\s*CREATE\s+(UNIQUE\s+)?INDEX\s+`)
	reindex     = regexp.MustCompile(`(?i)^\s*REINDEX\s+(\([^)]*\)\s*)?(INDEX|TABLE|SCHEMA|DATABASE)\s+`)
	refresh     = regexp.MustCompile(`(?i)^\s*REFRESH\s+MATERIALIZED\s+VIEW\s+`)
)

// aside is a statement done while others write.
func aside(m *report.Migration, sql, text string, start *regexp.Regexp) remedy {
	sql = start.ReplaceAllStringFunc(sql, func(s string) string { return strings.TrimRight(s, " \n\t") + " CONCURRENTLY " })
	r := remedy{text: text, steps: []string{ended(sql)}}
	if m.Migrator == "" && !m.Command {
		r.marks = []string{"-- +goose NO TRANSACTION", "-- +goose Up"}
	}
	return r
}

// lockAdvice is the change that takes a weaker lock or holds it for less time.
func lockAdvice(m *report.Migration, e report.Exposure) remedy {
	st := taker(m, e)
	if st == nil || len(st.SQL) >= sqlCut {
		return remedy{}
	}
	toks := tokens(st.SQL)
	free := !has(toks, "concurrently") && alone(toks)
	switch {
	case createIndex.MatchString(st.SQL) && free:
		if len(lockedTables(st)) > 1 {
			return remedy{text: "The table is partitioned, and CONCURRENTLY does not take such: make the index ON ONLY the table, build one CONCURRENTLY on each partition, " +
				"and attach each with ALTER INDEX ... ATTACH PARTITION."}
		}
		return aside(m, st.SQL, "Build the index while others write, alone in a migration without a transaction:", createIndex)
	case reindex.MatchString(st.SQL) && free:
		return aside(m, st.SQL, "Build it anew while others write, alone in a migration without a transaction:", reindex)
	case refresh.MatchString(st.SQL) && free && !has(toks, "with", "no", "data"):
		return aside(m, st.SQL, "Refresh it while others read, which takes a unique index on its columns:", refresh)
	case st.Tag == "ALTER TABLE":
		return alterAdvice(toks, st.SQL, e.Table)
	case len(m.Statements) > 1 && m.Transaction:
		return remedy{text: "The lock is held until the commit: move what follows the statement into a migration of its own."}
	}
	return remedy{}
}

// alterAdvice splits an ALTER TABLE that reads the whole table under its lock.
//
// table is the one that was locked. Another one may be the one altered: that with the foreign key to it, or its partitioned parent.
func alterAdvice(toks []string, sql, table string) remedy {
	if name, at := altered(toks); at >= 0 && !parseRelation(table).at(toks, at) {
		table = name
	}
	switch {
	case has(toks, "set", "not", "null"):
		return notNullAdvice(toks, table)
	case has(toks, "add", "constraint") && (has(toks, "foreign", "key") || has(toks, "check")) &&
		!has(toks, "not", "valid") && single(toks):
		return remedy{
			text: "Add it without looking at the rows that are there, then check them in a later migration, which lets reads and writes pass:",
			steps: []string{
				strings.TrimRight(strings.TrimSpace(sql), ";") + " NOT VALID;",
				fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s;", table, ident(after(toks, "constraint"))),
			},
		}
	case has(toks, "add") && (has(toks, "unique") || has(toks, "primary", "key")) && single(toks):
		return uniqueAdvice(toks, table)
	}
	return remedy{}
}

// altered is the table that an ALTER TABLE names, quoted where it must be, and the index of its bare name; -1 when it is none.
func altered(toks []string) (name string, at int) {
	if !has(toks[:min(2, len(toks))], "alter", "table") {
		return "", -1
	}
	at = 2
	if has(toks[:min(at+2, len(toks))], "if", "exists") {
		at += 2
	}
	if at < len(toks) && toks[at] == "only" {
		at++
	}
	switch {
	case at+2 < len(toks) && toks[at+1] == ".":
		return ident(toks[at]) + "." + ident(toks[at+2]), at + 2
	case at < len(toks):
		return ident(toks[at]), at
	}
	return "", -1
}

// notNullAdvice proves the column by a check first; from PostgreSQL 12 on SET NOT NULL then reads nothing.
func notNullAdvice(toks []string, table string) remedy {
	for i := range toks {
		if i < 1 || !has(toks[i:min(len(toks), i+3)], "set", "not", "null") {
			continue
		}
		col := toks[i-1]
		name := ident(parseRelation(table).name + "_" + col + "_not_null")
		return remedy{
			text: "Prove it by a check first, each step a migration of its own; SET NOT NULL then reads no row:",
			steps: []string{
				fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID;", table, name, ident(col)),
				fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s;", table, name),
				fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s SET NOT NULL;", table, ident(col)),
				fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s;", table, name),
			},
		}
	}
	return remedy{}
}

// uniqueAdvice builds the index beforehand, while others write.
func uniqueAdvice(toks []string, table string) remedy {
	kind, word, suffix := "UNIQUE", "unique", "_key"
	if has(toks, "primary", "key") {
		kind, word, suffix = "PRIMARY KEY", "key", "_pkey"
	}
	cols := listAfter(toks, word)
	if len(cols) == 0 {
		return remedy{}
	}
	name := after(toks, "constraint")
	if name == "" && kind == "UNIQUE" {
		name = parseRelation(table).name + "_" + strings.Join(cols, "_") + suffix
	} else if name == "" {
		name = parseRelation(table).name + suffix
	}
	return remedy{
		text: "Build the index while others write, alone in a migration without a transaction, and attach it in the next:",
		steps: []string{
			fmt.Sprintf("CREATE UNIQUE INDEX CONCURRENTLY %s ON %s (%s);", ident(name), table, idents(cols)),
			fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s %s USING INDEX %s;", table, ident(name), kind, ident(name)),
		},
	}
}

// single tells whether an ALTER TABLE has one action and nothing follows it, so that its text can be put together anew.
func single(toks []string) bool {
	depth := 0
	for _, t := range toks {
		switch {
		case t == "(":
			depth++
		case t == ")":
			depth--
		case t == "," && depth == 0:
			return false
		}
	}
	return alone(toks)
}

// lockedTables are the tables that a statement kept others from writing to.
func lockedTables(st *report.Statement) map[string]bool {
	tables := map[string]bool{}
	for _, l := range st.Locks {
		if l.Object == "" && (l.Mode == "SHARE" || l.Mode == "ACCESS EXCLUSIVE") {
			tables[l.Table] = true
		}
	}
	return tables
}

// alone tells whether a text is one statement.
func alone(toks []string) bool {
	i := slices.Index(toks, ";")
	return i < 0 || i == len(toks)-1
}

// after is the token after the first of the words, "" without one.
func after(toks []string, word string) string {
	for i, t := range toks {
		if t == word && i+1 < len(toks) {
			return toks[i+1]
		}
	}
	return ""
}

func ended(sql string) string { return strings.TrimRight(strings.TrimSpace(sql), ";") + ";" }

// rewrites judges the tables that a migration wrote anew; a TRUNCATE is told by its rows, and a REFRESH is
// meant to write anew.
func (j *judge) rewrites(m *report.Migration) {
	for _, w := range rewritesOf(m) {
		if w.Index != "" || w.Reason == "truncate" || w.Reason == "refresh" {
			continue
		}
		f := report.Finding{
			Code: Rewrite, Level: report.Warn, Migration: m.Version, Object: w.Table, File: m.File, Line: w.line,
			Text: fmt.Sprintf("%s rewrote %s (%s): %s of new storage", m.ShortName(), w.Table, w.Reason, report.Bytes(w.Bytes)),
			Do:   rewriteAdvice(w.Reason),
		}
		switch limit := j.p.AllowRewriteBelow; {
		case limit == 0:
			f.Code, f.Level, f.ExitCode = RewriteOverBudget, report.Fail, exitPolicy
			f.Text += "; the policy allows no table to be rewritten"
		case limit > 0 && w.Bytes >= limit:
			f.Code, f.Level, f.ExitCode = RewriteOverBudget, report.Fail, exitPolicy
			f.Text += ", over the budget of " + report.Bytes(limit)
		case w.Bytes < smallRewrite:
			f.Level = report.Info
		}
		j.add(f)
	}
}

// rewriteAt is a rewrite with the line of its statement, 0 when it is not known.
type rewriteAt struct {
	report.Rewrite
	line int
}

// rewritesOf lists a migration's rewrites as its statements have them, or without lines where none of them has any.
func rewritesOf(m *report.Migration) []rewriteAt {
	var out []rewriteAt
	for i := range m.Statements {
		for _, w := range m.Statements[i].Rewrites {
			out = append(out, rewriteAt{w, m.Statements[i].Line})
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, w := range m.Rewrites {
		out = append(out, rewriteAt{Rewrite: w})
	}
	return out
}

func rewriteAdvice(reason string) string {
	switch {
	case strings.Contains(reason, "type"):
		return "Add a column of the new type, keep it in step by a trigger, fill it in batches, then swap the names."
	case strings.Contains(reason, "default"):
		return "Add the column without a default, set the default in a second statement, and fill the old rows in batches."
	}
	return ""
}

// scans tells which statements read a whole table while nobody else could use it.
func (j *judge) scans(m *report.Migration) {
	for i := range m.Statements {
		st := &m.Statements[i]
		for _, sc := range st.Scans {
			blocks := blockedBy(m.Statements[:i+1], sc.Table)
			if sc.Rows < smallScan || blocks == "" || rewrote(st, sc.Table) || st.Tag == "CREATE INDEX" {
				continue
			}
			f := report.Finding{
				Code: FullScan, Level: report.Info, Migration: m.Version, Object: sc.Table, File: st.File, Line: st.Line,
				Text: fmt.Sprintf("%s read %s%s of %s (%s) while its lock blocked %s", m.ShortName(), leader(st.Tag), report.Count(sc.Rows, "row"), sc.Table, st.Tag, blocks),
			}
			if st.Tag == "ALTER TABLE" && len(st.SQL) < sqlCut {
				f.Do = alterAdvice(tokens(st.SQL), st.SQL, sc.Table).String()
			}
			if st.Duration >= worthWarning {
				f.Level = report.Warn
			}
			j.add(f)
		}
	}
}

// leader marks the rows of statements that parallel workers may have shared: what those read is not in the session's counters. PostgreSQL
// has none for statements that change rows.
func leader(tag string) string {
	switch tag {
	case "INSERT", "UPDATE", "DELETE", "MERGE":
		return ""
	}
	return "at least "
}

// blockedBy tells what a table's lock kept others from while the last of the statements ran, "" when it let all pass: its own lock or,
// inside a transaction, one that was taken before and not given back yet.
func blockedBy(statements []report.Statement, table string) string {
	blocks := ""
	for i := len(statements) - 1; i >= 0; i-- {
		st := &statements[i]
		last := i == len(statements)-1
		if !last && (!st.Transaction || st.Tag == "COMMIT" || st.Tag == "ROLLBACK") {
			break
		}
		for _, l := range st.Locks {
			switch {
			case l.Table != table || l.Object != "":
			case l.Mode == "ACCESS EXCLUSIVE":
				return blocksReadsAndWrites
			case l.Mode == "SHARE" || l.Mode == "SHARE ROW EXCLUSIVE" || l.Mode == "EXCLUSIVE":
				blocks = blocksWritesOnly
			}
		}
		if !st.Transaction {
			break
		}
	}
	return blocks
}

func rewrote(st *report.Statement, table string) bool {
	for _, w := range st.Rewrites {
		if w.Table == table {
			return true
		}
	}
	return false
}
