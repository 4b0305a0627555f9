package verdict

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// key is the columns of the unique key that failed, in order, plain names or expressions; nil when they are not known.
func (c cause) key() []string {
	switch {
	case len(c.f.Columns) > 0:
		return c.f.Columns
	case has(c.toks, "create", "unique", "index"):
		return listAfter(c.toks, "on")
	case has(c.toks, "primary", "key"):
		return listAfter(c.toks, "key")
	case has(c.toks, "unique"):
		return listAfter(c.toks, "unique")
	}
	return nil
}

func (c cause) duplicates() string {
	cols := c.key()
	if key := c.f.Constraint; !c.adds() && key != "" && c.f.Table != "" {
		return fmt.Sprintf("The key %s stands in production too, and the statement writes a value that another row has, of before or of the statement itself: "+
			"choose values that are free, or say what to do with such rows (ON CONFLICT for an INSERT).", ident(key))
	}
	if c.f.Table == "" || len(cols) == 0 {
		return "Find the duplicates in production before the release and decide which rows stay."
	}
	list := keyList(cols)
	var where []string
	if !has(c.toks, "nulls", "not", "distinct") {
		where = append(where, "("+list+") IS NOT NULL")
	}
	if c.partial() {
		only := predicate(c.sql)
		if only == "" {
			return "Find the duplicates among the rows that the index is for, by its WHERE, and decide which stay."
		}
		where = append(where, "("+only+")")
	}
	from := c.f.Table
	if len(where) > 0 {
		from += " WHERE " + strings.Join(where, " AND ")
	}
	return "Decide which rows stay, and mend them in a migration before this one. Find them in production (read-only):\n" +
		fmt.Sprintf("    SELECT %s, count(*) FROM %s GROUP BY %s HAVING count(*) > 1 ORDER BY count(*) DESC;", list, from, list)
}

// partial tells a unique index that is for some rows only.
func (c cause) partial() bool {
	return has(c.toks, "create", "unique", "index") && has(c.toks, "where")
}

// whereWord is where the predicate of an index begins: outside of brackets there is one WHERE at most.
var whereWord = regexp.MustCompile(`(?i)\bWHERE\b`)

// predicate is the WHERE of a statement that makes one index, which is the last of it; "" when it cannot be told.
func predicate(sql string) string {
	if len(sql) >= sqlCut {
		return ""
	}
	for _, at := range whereWord.FindAllStringIndex(sql, -1) {
		if depth, quoted := nesting(sql[:at[0]]); depth == 0 && !quoted {
			return strings.Trim(sql[at[1]:], "; \n\t")
		}
	}
	return ""
}

// nesting tells in how many brackets a text ends, and whether in quotes.
func nesting(text string) (depth int, quoted bool) {
	quote := byte(0)
	for i := range len(text) {
		switch ch := text[i]; {
		case quote != 0:
			if ch == quote {
				quote = 0
			}
		case ch == '\'' || ch == '"':
			quote = ch
		case ch == '(':
			depth++
		case ch == ')':
			depth--
		}
	}
	return depth, quote != 0
}

// isExpression tells an index expression, as the server prints it, from a column's name.
func isExpression(column string) bool { return strings.ContainsAny(column, "(:") }

// keyList sets the elements of a key as SQL.
func keyList(cols []string) string {
	out := make([]string, len(cols))
	for i, col := range cols {
		if out[i] = ident(col); isExpression(col) {
			out[i] = col
		}
	}
	return strings.Join(out, ", ")
}

// keyNote judges duplicates in a new key, which masks that keep values distinct cannot have made.
func (j *judge) keyNote(c cause) string {
	cols := c.key()
	if len(cols) == 0 || c.table.name == "" {
		return ""
	}
	var distinct, lossy []report.ColumnMask
	var only []string // what decides which rows a partial index is for
	if c.partial() {
		only = c.toks[slices.Index(c.toks, "where"):]
	}
	for _, cm := range j.masksOf(c.table) {
		switch {
		case slices.Contains(only, cm.Column):
			lossy = append(lossy, cm)
		case !slices.Contains(cols, cm.Column):
		case cm.Distinct:
			distinct = append(distinct, cm)
		default:
			lossy = append(lossy, cm)
		}
	}
	switch {
	case len(lossy) > 0:
		if len(only) > 0 {
			return masked(lossy) + ", and decides which rows the index is for, or can become equal: production may have no duplicates"
		}
		return masked(lossy) + ", which can make different values equal: production may have no duplicates"
	case len(distinct) == 1:
		return masked(distinct) + ", which keeps values distinct: production has these duplicates too"
	case len(distinct) > 1:
		return masked(distinct) + ", which keep values distinct: production has these duplicates too"
	case j.copied(c.table):
		return "no column of the key is masked: production has these duplicates too"
	}
	return ""
}
