package snapshot

import (
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// Where messages of the server hold values: in data exceptions anything in quotes may be one, elsewhere what stands after a colon or the
// word value; other quotes are around names. Text in the wrong encoding is quoted byte by byte.
var (
	quotedValue = regexp.MustCompile(`(: |\b[Vv]alue )("(?:[^"]|"")*"|'(?:[^']|'')*'|[«»][^«»]*[«»]|„[^“]*“)`)
	anyBytes    = regexp.MustCompile(`0x[0-9a-fA-F]{2}( 0x[0-9a-fA-F]{2})*`)
	anyQuoted   = regexp.MustCompile(`"(?:[^"]|"")*"|'(?:[^']|'')*'|[«»][^«»]*[«»]|„[^“]*“`)
)

const raised = "P0001"

// stateOf is the SQLSTATE that decides how a message is read: that of RAISE for all that a function has put together.
func stateOf(e *pgconn.PgError) string {
	if catalog.Raised(e) {
		return raised
	}
	return e.Code
}

// withoutValues takes out of a message of the staging server what may be a value of a row: columns that are kept hold the source's own.
// What a function raises (SQLSTATE P0001) is put together by the function, so that nothing in it can be told from a value. An empty code
// is an error that came without one.
func withoutValues(code, message string) string {
	switch {
	case code == raised:
		return "raised by a function"
	case strings.HasPrefix(code, "22"):
		return anyQuoted.ReplaceAllString(anyBytes.ReplaceAllString(message, "…"), "…")
	}
	return quotedValue.ReplaceAllString(anyBytes.ReplaceAllString(message, "…"), "$1…")
}
