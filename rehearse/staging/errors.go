package staging

import (
	"errors"
	"fmt"
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
	ReasonDiskFull    Reason = "disk full"        // the staging server's disk is full
	ReasonSpec        Reason = "bad request"      // the Spec asks for something that cannot be
)

// ProviderError is why a provider could not start, reconfigure or reach a throwaway server.
type ProviderError struct {
	Provider string // "container" or "local"
	Reason   Reason
	Looked   []string // ReasonBinaries: the directories looked at, in order
	Log      []string // ReasonStart, ReasonDiskFull: the last lines the server wrote; of staging, so masked data at most
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
	if p := (*ProviderError)(nil); errors.As(err, &p) && p.Reason == ReasonDiskFull {
		return true
	}
	return errors.Is(err, syscall.ENOSPC)
}

// startFailed makes the error of a server that did not come up, from what it wrote.
func startFailed(provider, log string, err error) *ProviderError {
	e := &ProviderError{Provider: provider, Reason: ReasonStart, Log: lastLines(log, 6), Err: err}
	if strings.Contains(log, "No space left on device") || strings.Contains(log, "Disk quota exceeded") || errors.Is(err, syscall.ENOSPC) {
		e.Reason = ReasonDiskFull
	}
	return e
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
