package observe

import (
	"errors"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// Failure is an error of staging fit for a report: the server's SQLSTATE, message and names of objects, without any value of a row. For
// other errors it is the error's text.
func Failure(err error) *report.Failure {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		if err == nil {
			return nil
		}
		return &report.Failure{Message: err.Error()}
	}
	f := &report.Failure{
		SQLState: pe.Code, Message: withoutValues(pe, pe.Message), Hint: withoutValues(pe, pe.Hint),
		Column: pe.ColumnName, Constraint: pe.ConstraintName,
	}
	if pe.TableName != "" {
		f.Table = quoteIdent(pe.SchemaName) + "." + quoteIdent(pe.TableName)
	}
	if columns, rest, ok := keyDetail(pe.Detail); ok {
		f.Message += ": key (" + columns + ") " + rest
		f.Columns = splitIdents(columns)
	}
	return f
}

// anyQuoted finds what messages quote: "…" and '…'. literal finds what else may be a value: numbers, addresses. anyBytes are those of text in
// the wrong encoding.
var (
	anyBytes  = regexp.MustCompile(`0x[0-9a-fA-F]{2}( 0x[0-9a-fA-F]{2})*`)
	anyQuoted = regexp.MustCompile(`"(?:[^"]|"")*"|'(?:[^']|'')*'|«[^»]*»|„[^“]*“`)
	literal   = regexp.MustCompile(`\S*@\S*|\b\d[\d.,:/-]*\b`)
)

// withoutValues takes out of a message what may be a value. The server's own messages name objects in quotes; only those of data
// exceptions (class 22) and of functions that raise errors themselves quote data.
func withoutValues(e *pgconn.PgError, message string) string {
	switch {
	case catalog.Raised(e):
		return literal.ReplaceAllString(anyQuoted.ReplaceAllString(message, "…"), "…")
	case strings.HasPrefix(e.Code, "22"):
		return anyQuoted.ReplaceAllString(anyBytes.ReplaceAllString(message, "…"), "…")
	}
	return message
}

// endings are what the server says of a key after its values.
var endings = []string{
	"already exists.", "is duplicated.", "is still referenced from table ", "is not present in table ", "conflicts with existing key ", "conflicts with key ",
}

// keyDetail reads a detail such as `Key (email, id)=(a@b, 5) already exists.` and drops the values. It is not ok for any other
// detail, such as "Failing row contains (…)", nor in another language.
func keyDetail(detail string) (columns, rest string, ok bool) {
	detail, isKey := strings.CutPrefix(detail, "Key (")
	columns, values, found := strings.Cut(detail, ")=(")
	if !isKey || !found {
		return "", "", false
	}
	for _, ending := range endings {
		i := strings.LastIndex(values, ") "+ending)
		if i < 0 {
			continue
		}
		rest = strings.TrimSuffix(values[i+2:], ".")
		if strings.HasPrefix(ending, "conflicts") {
			rest = "conflicts with another row's"
		}
		return columns, rest, true
	}
	return "", "", false
}

// splitIdents splits "a, \"b, c\"" into plain names; an expression, as of an index, stays as it is.
func splitIdents(list string) []string {
	var out []string
	start, depth := 0, 0
	add := func(s string) {
		s = strings.TrimSpace(s)
		if len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"' {
			s = strings.ReplaceAll(s[1:len(s)-1], `""`, `"`)
		}
		out = append(out, s)
	}
	for i := 0; i < len(list); {
		kind, n := token(list[i:])
		switch {
		case kind == tokenOther && list[i] == '(':
			depth++
		case kind == tokenOther && list[i] == ')':
			depth--
		case kind == tokenOther && list[i] == ',' && depth == 0:
			add(list[start:i])
			start = i + 1
		}
		i += n
	}
	add(list[start:])
	return out
}

// plainIdent is a name that needs no quotes unless it is reserved.
var plainIdent = regexp.MustCompile(`^[a-z_][a-z0-9_$]*$`)

func quoteIdent(name string) string {
	if plainIdent.MatchString(name) {
		return name
	}
	return pgx.Identifier{name}.Sanitize()
}

// positionLine is the line of sql, counted from nought, that the server's error points to; -1 when it points to none.
func positionLine(err error, sql string) int {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) || pe.Position <= 0 {
		return -1
	}
	line, pos := 0, int32(1)
	for _, r := range sql {
		if pos >= pe.Position {
			break
		}
		if r == '\n' {
			line++
		}
		pos++
	}
	return line
}
