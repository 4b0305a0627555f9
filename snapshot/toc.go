package snapshot

import (
	"regexp"
	"strconv"
	"strings"
)

// OIDs of catalogs, which are the same in every database.
const (
	namespaceClass = 2615 // pg_namespace
	relationClass  = 1259 // pg_class
	functionClass  = 1255 // pg_proc
)

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

// unwanted says that the entry must not come along: credentials, with which staging could connect to where it should not, and
// statistics, which hold raw values (pg_dump 18 can write them).
func (e tocEntry) unwanted() bool {
	for _, kind := range []string{"USER MAPPING ", "SUBSCRIPTION ", "STATISTICS DATA "} {
		if strings.HasPrefix(e.text, kind) {
			return true
		}
	}
	return false
}

var (
	failedEntry  = regexp.MustCompile(`^pg_restore: (?:from|in) TOC entry \d+; \d+ \d+ (.*)$`)
	failedReason = regexp.MustCompile(`^pg_restore: (?:error|warning): (?:could not execute query: )?(.*)$`)
)

// ignoredErrors says that pg_restore came to its end, objects refused or not.
func ignoredErrors(stderr string) bool { return strings.Contains(stderr, "errors ignored on restore") }

// parseRestoreErrors reads what pg_restore, working alone, says on standard error about objects the server refused. Of the server's message
// the first line is kept, without values. Within one entry the object is the entry, however many of its statements fail.
func parseRestoreErrors(stderr string) []RestoreError {
	var errs []RestoreError
	object := ""
	for line := range strings.Lines(stderr) {
		line = strings.TrimRight(line, "\r\n")
		if m := failedEntry.FindStringSubmatch(line); m != nil {
			object = withoutOwner(m[1])
		} else if m := failedReason.FindStringSubmatch(line); m != nil && !strings.HasPrefix(m[1], "errors ignored on restore") {
			errs = append(errs, RestoreError{Object: object, Reason: withoutValues("", strings.TrimSpace(strings.TrimPrefix(m[1], "ERROR:")))})
		} else if command, ok := strings.CutPrefix(line, "Command was: "); ok && object == "" && len(errs) > 0 {
			errs[len(errs)-1].Object = shorten(command) // PostgreSQL 18 does not name the entry
		} else if len(errs) > 0 && isRaised(line) { // the context that a function's own error has
			errs[len(errs)-1].Reason = withoutValues(raised, "")
		}
	}
	return errs
}

// shorten makes at most 120 characters of the first line of a command.
func shorten(command string) string {
	line := []rune(strings.TrimSuffix(command, ";"))
	if len(line) > 120 {
		return string(line[:119]) + "…"
	}
	return string(line)
}

// isRaised tells the context of what a function says itself: "PL/pgSQL function f(integer) line 2 at RAISE".
func isRaised(context string) bool {
	return strings.Contains(context, " RAISE") || strings.Contains(context, " ASSERT")
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
