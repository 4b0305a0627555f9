package snapshot

import (
	"regexp"
	"strings"
)

// Where messages of the server hold values: in data exceptions anything in quotes may be one, elsewhere what stands after a colon or the
// word value; other quotes are around names.
var (
	quotedValue = regexp.MustCompile(`(: |\b[Vv]alue )("(?:[^"]|"")*"|'(?:[^']|'')*'|[«»][^«»]*[«»]|„[^“]*“)`)
	anyQuoted   = regexp.MustCompile(`"(?:[^"]|"")*"|'(?:[^']|'')*'|[«»][^«»]*[«»]|„[^“]*“`)
)

const raised = "P0001"

// withoutValues takes out of a message of the staging server what may be a value of a row: columns that are kept hold the source's own.
// What a function raises (SQLSTATE P0001) is put together by the function, so that nothing in it can be told from a value. An empty code
// is an error that came without one.
func withoutValues(code, message string) string {
	switch {
	case code == raised:
		return "raised by a function"
	case strings.HasPrefix(code, "22"):
		return anyQuoted.ReplaceAllString(message, "…")
	}
	return quotedValue.ReplaceAllString(message, "$1…")
}
