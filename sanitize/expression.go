package sanitize

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/sanitize/mask"
)

// Reading says what the source is asked for in the place of a column.
type Reading int

// The readings. A value that no mask looks at stays where it is.
const (
	ReadValue      Reading = iota
	ReadNothing            // every row has NULL
	ReadNullness           // every row has the same value, or NULL where the column is NULL
	ReadExpression         // what the mask's Expression makes of the row
)

// readingOf decides how a column is read that no other column's mask needs.
func readingOf(m *mask.Mask) Reading {
	_, constant := m.Const()
	switch {
	case m.Expression != "":
		return ReadExpression
	case m.Null():
		return ReadNothing
	case constant:
		return ReadNullness
	}
	return ReadValue
}

// Expression is one that the source is to evaluate in the place of a column.
type Expression struct {
	Table  Relation
	Column string
	SQL    string
	Calls  []string // names of functions in it, and perhaps of others
	At     Issue    // where it stands, to be completed by what is wrong with it
}

// Expressions are those of a plan, in the database's order.
func (p *Plan) Expressions() []Expression { return p.expressions }

// checkExpressions refuses expressions that are more than that, as far as it shows without a server, and takes note of the others.
func (p *planner) checkExpressions() {
	for _, c := range p.order {
		if c.mask == nil || c.mask.Expression == "" {
			continue
		}
		at := c.rule.placeOf("expression")
		text, calls := badExpression(c.mask.Expression)
		if text != "" {
			p.issue(at, "%s: the expression cannot be one: %s", c, text)
			continue
		}
		p.expressions = append(p.expressions, Expression{
			Table: c.relation(), Column: c.column.Name, SQL: c.mask.Expression, Calls: calls, At: p.at(at, ""),
		})
	}
}

// notInExpressions are words that begin a subquery or an aggregate that is no function.
var notInExpressions = []string{"select", "values", "table", "json_arrayagg", "json_objectagg", "over"}

// badExpression says why a text cannot stand within parentheses as one expression over a row with built-in functions only, "" when it can, and
// which names are called in it. Names with a schema before them are refused, since all others are looked up among what is built in.
func badExpression(s string) (text string, calls []string) {
	if text := badCondition(s); text != "" {
		return text, nil
	}
	field := false // a dot was last
	for i := 0; i < len(s); {
		n, name := nameAt(s, i)
		if n == 0 {
			n = 1
			if s[i] == '\'' || s[i] == '$' {
				n = max(quoted(s, i), 1)
			}
			if strings.TrimSpace(s[i:i+1]) != "" {
				field = s[i] == '.'
			}
			i += n
			continue
		}
		next := strings.TrimLeft(s[i+n:], " \t\r\n\f")
		switch {
		case s[i] != '"' && slices.Contains(notInExpressions, name):
			return fmt.Sprintf("it has the word %s; it can have neither subqueries nor windows", strings.ToUpper(name)), nil
		case name == "u" && strings.HasPrefix(s[i+n:], "&"):
			return "it has a text with U&; write the characters themselves", nil
		case strings.HasPrefix(next, ".") && name != "pg_catalog":
			return fmt.Sprintf("%s has a dot behind it; only columns of the row, by their names alone, and built-in functions can be used", quoteIdent(name)), nil
		case field || strings.HasPrefix(next, "("):
			calls = append(calls, name)
		}
		field = false
		i += n
	}
	return "", calls
}

// nameAt reads the name or word that begins at s[i], quoted or not, and gives its length there; 0 for none.
func nameAt(s string, i int) (n int, name string) {
	if s[i] == '"' {
		n = quoted(s, i)
		return n, strings.ReplaceAll(s[i+1:i+n-1], `""`, `"`)
	}
	if !wordByte(s[i]) || s[i] == '$' {
		return 0, ""
	}
	for n < len(s)-i && wordByte(s[i+n]) {
		n++
	}
	if '0' <= s[i] && s[i] <= '9' {
		return 0, ""
	}
	return n, strings.ToLower(s[i : i+n])
}
