package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/internal/sqltext"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// Rows that one transaction keeps locked are told from here on: below, nobody notices.
const (
	manyRows = 10_000
	longLock = worthWarning
)

// BatchSize is how many values of the key a batch has that [Batches] makes.
const BatchSize = 10_000

// changedRows is a statement that changed many rows of a table that others can see, and kept them locked.
type changedRows struct {
	at    int // in Migration.Statements
	table string
	held  report.Duration // from the statement's start to the end of the commit
}

// rowLocks are the statements of a migration that kept many rows locked for long, of tables that were not locked as a whole anyway.
func rowLocks(m *report.Migration) []changedRows {
	var out []changedRows
	for i := range m.Statements {
		st := &m.Statements[i]
		if st.Tag != "UPDATE" && st.Tag != "DELETE" || st.Failure != nil || st.Rows == nil || *st.Rows < manyRows {
			continue
		}
		held := st.Duration
		if st.Transaction {
			for _, later := range m.Statements[i+1:] {
				held += later.Duration
			}
			held += m.Commit
		}
		table := targetOf(m, i)
		if table == "" || held < longLock || blockedBy(m.Statements[:i+1], table) != "" {
			continue
		}
		out = append(out, changedRows{at: i, table: table, held: held})
	}
	return out
}

// targetOf is the table that a statement changes, quoted and qualified, when it is one that was there before; "" when that cannot be told.
func targetOf(m *report.Migration, at int) string {
	name, _ := target(tokens(m.Statements[at].SQL))
	for i := at; i >= 0; i-- {
		for _, l := range m.Statements[i].Locks {
			if rel := parseRelation(l.Table); l.Object == "" && rel.name == name.name && (name.schema == "" || rel.schema == name.schema) {
				return l.Table
			}
		}
	}
	return ""
}

// target is what an UPDATE or DELETE FROM names first, and the name that the rest of the statement has for it.
func target(toks []string) (rel relation, alias string) {
	i := 0
	switch {
	case has(toks[:min(1, len(toks))], "update"):
		i = 1
	case has(toks[:min(2, len(toks))], "delete", "from"):
		i = 2
	default:
		return relation{}, ""
	}
	if i < len(toks) && toks[i] == "only" {
		i++
	}
	switch {
	case i+2 < len(toks) && toks[i+1] == ".":
		rel, i = relation{schema: toks[i], name: toks[i+2]}, i+3
	case i < len(toks):
		rel, i = relation{name: toks[i]}, i+1
	}
	if i+1 < len(toks) && toks[i] == "as" {
		i++
	}
	if i < len(toks) && !slices.Contains([]string{"set", "where", "using", ";", "*"}, toks[i]) {
		return rel, toks[i]
	}
	return rel, rel.name
}

// rowLocks tells them.
func (j *judge) rowLocks(m *report.Migration) {
	for _, c := range rowLocks(m) {
		st := &m.Statements[c.at]
		j.add(report.Finding{
			Code: RowsLocked, Level: report.Warn, Migration: m.Version, Object: c.table, File: m.File, Line: st.Line,
			Text: fmt.Sprintf("%s kept %s of %s locked for up to %s (%s, from the statement's start to the end of the commit)",
				m.ShortName(), report.Count(*st.Rows, "row"), c.table, c.held, st.Tag),
			Do: "Who writes one of these rows waits that long. Change them in batches, each committed by itself, in a migration without a transaction." +
				j.rehearsed(m, c.table, st.Line),
		})
	}
}

// Batch is an UPDATE or DELETE that could be done in batches.
type Batch struct {
	Statement int // its place in Migration.Statements
	Table     string
}

// BatchesOf are the statements of a migration that kept many rows locked for long and whose text can be cut into batches.
func BatchesOf(m *report.Migration) []Batch {
	var out []Batch
	for _, c := range rowLocks(m) {
		if sql := m.Statements[c.at].SQL; len(sql) < sqlCut && cuttable(tokens(sql)) {
			out = append(out, Batch{Statement: c.at, Table: c.table})
		}
	}
	return out
}

// cuttable tells whether a condition can be added at the end of a statement: nothing comes after WHERE's own expression.
func cuttable(toks []string) bool {
	if !alone(toks) {
		return false
	}
	depth := 0
	for _, t := range toks {
		switch t {
		case "(":
			depth++
		case ")":
			depth--
		case "returning", "with", "current":
			if depth == 0 {
				return false
			}
		}
	}
	return true
}

// Batches is a statement done over a range of a key at a time, each batch committed by itself: a DO block, which must not stand in a transaction. key
// is a column of whole numbers that is unique and that the statement does not change; "" is given where the text has no such form.
func Batches(sql, table, key string) string {
	toks := tokens(sql)
	if i := slices.Index(toks, "set"); i >= 0 && slices.Contains(toks[i:], key) && assigns(toks[i:], key) {
		return ""
	}
	text := strings.TrimRight(strings.TrimSpace(sql), "; \n\t")
	where := whereOf(text)
	switch {
	case where < 0:
		text += " WHERE "
	default:
		text = text[:where] + "WHERE (" + strings.TrimSpace(text[where+len("where"):]) + ") AND "
	}
	if strings.Contains(text, "$batches$") {
		return ""
	}
	_, alias := target(toks)
	k := ident(key)
	return fmt.Sprintf(`DO $batches$ DECLARE low bigint; high bigint; BEGIN
SELECT min(%[1]s), max(%[1]s) INTO low, high FROM %[2]s;
WHILE low <= high LOOP
  %[3]s%[6]s.%[1]s BETWEEN low AND low + %[4]d;
  COMMIT;
  low := low + %[5]d;
END LOOP; END $batches$;`, k, table, text, BatchSize-1, BatchSize, ident(alias))
}

// assigns tells whether a SET list gives a column a value.
func assigns(toks []string, column string) bool {
	for i := 1; i+1 < len(toks) && toks[i] != "where"; i++ {
		if toks[i] == column && (toks[i+1] == "=" || toks[i+1] == "," || toks[i+1] == ")") && (toks[i-1] == "set" || toks[i-1] == "," || toks[i-1] == "(") {
			return true
		}
	}
	return false
}

// whereOf is where a statement's own WHERE begins, outside of quotes and brackets; -1 when it has none.
func whereOf(sql string) int {
	depth := 0
	for i := 0; i < len(sql); {
		switch c := sql[i]; {
		case c == '\'' || c == '"':
			escapes := c == '\'' && i > 0 && (sql[i-1] == 'e' || sql[i-1] == 'E') && (i == 1 || !isWord(sql[i-2]))
			i += sqltext.Quoted(sql[i:], 0, escapes)
			continue
		case c == '$':
			i += max(1, sqltext.Dollar(sql[i:]))
			continue
		case c == '(':
			depth++
		case c == ')':
			depth--
		case isWord(c):
			n := wordEnd(sql[i:])
			if depth == 0 && strings.EqualFold(sql[i:i+n], "where") {
				return i
			}
			i += n
			continue
		}
		i++
	}
	return -1
}
