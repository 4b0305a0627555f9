package snapshot

import (
	"regexp"
	"strconv"
	"strings"
)

// namespaceClass is the oid of pg_namespace, which is the same in every database.
const namespaceClass = 2615

// tocEntry is a line of pg_restore --list: "215; 1259 16390 TABLE shop orders owner".
type tocEntry struct {
	id            int
	class, object uint32 // catalog and oid in the source
	text          string // "TABLE shop orders owner"
}

var tocLine = regexp.MustCompile(`^(\d+); (\d+) (\d+) (.*)$`)

// parseTOC reads pg_restore --list. Comments begin with a semicolon; no name spans lines, since pg_dump writes line feeds as spaces.
func parseTOC(list string) []tocEntry {
	var entries []tocEntry
	for line := range strings.Lines(list) {
		m := tocLine.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if m == nil {
			continue
		}
		id, _ := strconv.Atoi(m[1])
		class, _ := strconv.ParseUint(m[2], 10, 32)
		object, _ := strconv.ParseUint(m[3], 10, 32)
		entries = append(entries, tocEntry{id: id, class: uint32(class), object: uint32(object), text: m[4]})
	}
	return entries
}

// connectsOut says that the object could lead from staging back to where it should not: it holds or uses credentials.
func (e tocEntry) connectsOut() bool {
	return strings.HasPrefix(e.text, "USER MAPPING ") || strings.HasPrefix(e.text, "SUBSCRIPTION ")
}

var (
	failedEntry  = regexp.MustCompile(`^pg_restore: (?:from|in) TOC entry \d+; \d+ \d+ (.*)$`)
	failedReason = regexp.MustCompile(`^pg_restore: (?:error|warning): (?:could not execute query: )?(.*)$`)
)

// parseRestoreErrors reads what pg_restore says on standard error about objects the server refused. Of the server's message
// the first line is kept.
func parseRestoreErrors(stderr string) []RestoreError {
	var errs []RestoreError
	object := ""
	for line := range strings.Lines(stderr) {
		line = strings.TrimRight(line, "\r\n")
		if m := failedEntry.FindStringSubmatch(line); m != nil {
			object = withoutOwner(m[1])
			continue
		}
		m := failedReason.FindStringSubmatch(line)
		if m == nil || strings.HasPrefix(m[1], "errors ignored on restore") {
			continue
		}
		errs = append(errs, RestoreError{Object: object, Reason: strings.TrimSpace(strings.TrimPrefix(m[1], "ERROR:"))})
	}
	return errs
}

// withoutOwner cuts the last word, which is the owner; an owner with a space in its name leaves its beginning.
func withoutOwner(text string) string {
	if i := strings.LastIndexByte(text, ' '); i > 0 {
		return text[:i]
	}
	return text
}

// firstError is the first line of a client program's standard error that says error or fatal, without the program's name.
func firstError(stderr string) string {
	for line := range strings.Lines(stderr) {
		for _, mark := range []string{": error: ", ": fatal: ", "[archiver] "} {
			if _, text, ok := strings.Cut(line, mark); ok {
				return strings.TrimSpace(text)
			}
		}
	}
	return ""
}
