package staging

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// Reason says in one word why a provider could not give a server, so that a command can choose its hint.
type Reason string

// The reasons of a ProviderError.
const (
	ReasonNoEngine    Reason = "no engine"        // no Docker engine answers
	ReasonWrongDaemon Reason = "wrong daemon"     // another Docker engine answers than the one asked for
	ReasonImage       Reason = "image missing"    // the image is not there and cannot be had
	ReasonPort        Reason = "port"             // the published port, or the relay's, cannot be reached
	ReasonBinaries    Reason = "binaries missing" // no initdb and postgres of the major version
	ReasonUser        Reason = "user"             // root must become another user, and cannot
	ReasonStart       Reason = "start failed"     // the server ended; Log has its last lines
	ReasonDown        Reason = "server down"      // the server ended or crashed after it had started; Log has why, if it said so
	ReasonDiskFull    Reason = "disk full"        // the staging server's disk is full
	ReasonSpec        Reason = "bad request"      // the Spec asks for something that cannot be
)

// ProviderError is why a provider could not start, reconfigure or reach a throwaway server.
type ProviderError struct {
	Provider string // "container" or "local"
	Reason   Reason
	Looked   []string // ReasonBinaries: the directories looked at, in order
	Log      []string // ReasonStart, ReasonDown, ReasonDiskFull: the last lines the server wrote; of staging, so masked data at most
	Err      error
}

func (e *ProviderError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "staging: %s: %s", e.Provider, e.Reason)
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if n := len(e.Log); n > 0 {
		fmt.Fprintf(&b, ": %s", strings.Join(e.Log, " | "))
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *ProviderError) Unwrap() error { return e.Err }

// MajorError says that an image holds another major version of PostgreSQL than the one asked for.
type MajorError struct {
	Image         string
	Major, Wanted int
}

func (e *MajorError) Error() string {
	return fmt.Sprintf("image %s is PostgreSQL %d, %d is wanted", e.Image, e.Major, e.Wanted)
}

// ExitError is a program run by Exec that ended with a status other than 0. What it said went to Exec's stderr.
type ExitError struct {
	Program string
	Code    int // -1 when a signal ended it
}

func (e *ExitError) Error() string {
	if e.Code < 0 {
		return fmt.Sprintf("%s was ended by a signal", e.Program)
	}
	return fmt.Sprintf("%s ended with status %d", e.Program, e.Code)
}

// ErrUnknownRun is returned by Destroy for a run that has no server.
var ErrUnknownRun = errors.New("no staging server of that run")

// DiskFull reports whether err says that a disk is full: SQLSTATE 53100 from the staging server, a provider's own finding, or the
// operating system's ENOSPC.
func DiskFull(err error) bool {
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) && pg.Code == "53100" {
		return true
	}
	full := func(p *ProviderError) bool { return p.Reason == ReasonDiskFull }
	return slices.ContainsFunc(ProviderErrors(err), full) || errors.Is(err, syscall.ENOSPC)
}

// ProviderErrors are all of the ProviderErrors in err, in order: two when neither provider could start a server.
func ProviderErrors(err error) []*ProviderError {
	switch e := err.(type) { //nolint:errorlint // the tree is walked by hand, since errors.As stops at the first
	case *ProviderError:
		return []*ProviderError{e}
	case interface{ Unwrap() []error }:
		var all []*ProviderError
		for _, one := range e.Unwrap() {
			all = append(all, ProviderErrors(one)...)
		}
		return all
	case interface{ Unwrap() error }:
		return ProviderErrors(e.Unwrap())
	}
	return nil
}

// startFailed makes the error of a server that did not come up, from what it wrote.
func startFailed(provider, log string, err error) *ProviderError {
	e := &ProviderError{Provider: provider, Reason: ReasonStart, Log: lastLines(log, 6), Err: err}
	said := outOfSpace(log)
	if said != "" {
		e.Log = []string{said}
	}
	if said != "" || errors.Is(err, syscall.ENOSPC) {
		e.Reason = ReasonDiskFull
	}
	return e
}

// outOfSpace is the last line of log that says that a disk is full, "" when none does.
func outOfSpace(log string) string {
	last := ""
	for line := range strings.Lines(log) {
		if strings.Contains(line, "No space left on device") || strings.Contains(line, "Disk quota exceeded") {
			last = strings.TrimSpace(line)
		}
	}
	return last
}

// lastWords are the lines of log in which a server says why it crashed, three at most: never those that quote a statement.
func lastWords(log string) []string {
	var words []string
	for line := range strings.Lines(log) {
		if strings.Contains(line, "PANIC:") || strings.Contains(line, "was terminated by signal") {
			words = append(words, strings.TrimSpace(line))
		}
	}
	return words[:min(len(words), 3)]
}

// lastLines is the last n lines of log that are not blank.
func lastLines(log string, n int) []string {
	var lines []string
	for line := range strings.Lines(log) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-n):]
}
