package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rehearse-db/rehearse/snapshot"
)

// TestLettersTheEncodingLacks are the masks' fault.
func TestLettersTheEncodingLacks(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("copy: %w", &snapshot.TargetError{Doing: "load a.b", SQLState: "22P05", Err: errors.New("x")})
	if got := codeOf(t.Context(), err); got != exitMasking {
		t.Errorf("exit code %d, want %d", got, exitMasking)
	}
	if hint := hintFor(err); !strings.Contains(hint, "encoding does not have") {
		t.Errorf("hint %q", hint)
	}
}

// TestTextThatIsNotUTF8 is the source's fault, wherever it shows, and each kind has its way out.
func TestTextThatIsNotUTF8(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{
		&snapshot.TargetError{Doing: "load a.b", SQLState: "22021", Err: errors.New("x")}:                   "does not read it",
		&snapshot.SourceError{Kind: snapshot.NotUTF8, Doing: "copy a.b", SQLState: "22P05"}:                 "does not read it",
		&snapshot.SourceError{Kind: snapshot.NotUTF8, Doing: "prepare the session", SQLState: "0A000"}:      "a database in UTF8",
		&snapshot.SourceError{Kind: snapshot.NotUTF8, Doing: "describe the database", Err: errors.New("x")}: "rename them",
	} {
		if got := codeOf(t.Context(), err); got != exitSource {
			t.Errorf("%v: exit code %d, want %d", err, got, exitSource)
		}
		if hint := hintFor(err); !strings.Contains(hint, want) {
			t.Errorf("%v: hint %q lacks %q", err, hint, want)
		}
	}
}

// TestDumpFailures has each way that the schema cannot be dumped blamed on the source or on staging, with a hint of its own.
func TestDumpFailures(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  snapshot.DumpError
		code int
		hint string
	}{
		"too old":       {snapshot.DumpError{Program: "pg_dump", Kind: snapshot.DumpVersion}, exitStaging, "newer on this machine"},
		"not there":     {snapshot.DumpError{Program: "/x", Kind: snapshot.DumpMissing}, exitStaging, "newer on this machine"},
		"lock":          {snapshot.DumpError{Program: "pg_dump", Kind: snapshot.DumpLock}, exitSource, "--lock-timeout"},
		"right":         {snapshot.DumpError{Program: "pg_dump", Kind: snapshot.DumpFailed, Text: "permission denied for table a"}, exitSource, "locks each table whole"},
		"no more slots": {snapshot.DumpError{Program: "pg_dump", Kind: snapshot.DumpUnreachable, Text: "FATAL: too many connections"}, exitSource, "CONNECTION LIMIT"},
		"none for us":   {snapshot.DumpError{Program: "pg_dump", Kind: snapshot.DumpUnreachable, Text: "FATAL:  sorry, too many clients already"}, exitSource, "fewer --jobs"},
		"table gone":    {snapshot.DumpError{Program: "pg_dump", Kind: snapshot.DumpRefused, Text: `query failed: ERROR:  relation "a" does not exist`}, exitSource, "run it again"},
		"odd catalog":   {snapshot.DumpError{Program: "pg_dump", Kind: snapshot.DumpRefused, Text: "query failed: ERROR:  x"}, exitSource, "its log"},
		"ended":         {snapshot.DumpError{Program: "pg_dump", Kind: snapshot.DumpFailed, Text: "query failed: FATAL:  terminating connection due to administrator command"}, exitSource, "run it again"},
		"no way there":  {snapshot.DumpError{Program: "pg_dump", Kind: snapshot.DumpUnreachable, Text: "timeout expired"}, exitStaging, "runs here"},
		"restore":       {snapshot.DumpError{Program: "pg_restore", Kind: snapshot.DumpFailed, Text: "permission denied for schema a"}, exitStaging, "does not take the schema"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.err.Err = errors.New("exit status 1")
			err := fmt.Errorf("copy: %w", &tc.err)
			if got := codeOf(t.Context(), err); got != tc.code {
				t.Errorf("exit code %d, want %d", got, tc.code)
			}
			if hint := hintFor(err); !strings.Contains(hint, tc.hint) {
				t.Errorf("hint %q lacks %q", hint, tc.hint)
			}
		})
	}
}
