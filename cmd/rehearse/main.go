// Command rehearse answers one question before a release: what will the pending migrations do to production?
//
// It snapshots a production PostgreSQL database, masks it while copying it into a throwaway staging server, applies the pending
// goose migrations there and reports what they did, with one verdict. This package holds the flags, the calls, the exit codes,
// and every sentence said to a person on an error; what a rehearsal is lives in package rehearse.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
)

func main() { os.Exit(realMain()) }

// realMain exists because os.Exit skips deferred calls.
func realMain() (code int) {
	defer func() {
		if p := recover(); p != nil { // Go's own exit code for it is 2, which means a mistake of usage here
			u := ui{err: os.Stderr}
			u.error("internal error: %v", p)
			u.hint("this is a mistake in rehearse; please report it with the lines below\n" + string(debug.Stack()))
			code = exitInternal
		}
	}()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50) // memory is bounded by what is read at a time, not by what is left of what was read before
	}
	dropEmptySettings()
	signal.Ignore(syscall.SIGPIPE) // a closed stdout is an error of write, not the end of the process
	ctx, stop := withSignals(context.Background(), os.Stderr)
	defer stop()
	return run(ctx, os.Args, os.Stdout, os.Stderr)
}

// dropEmptySettings makes an empty REHEARSE_ variable mean none at all, as build servers have it where a setting is not made. That of
// --encrypt-to stays, to be refused: a snapshot that everybody can read is not what it was for.
func dropEmptySettings() {
	for _, entry := range os.Environ() {
		if name, value, _ := strings.Cut(entry, "="); value == "" && strings.HasPrefix(name, "REHEARSE_") && name != encryptTo {
			os.Unsetenv(name)
		}
	}
}

// interruption is the cause of a context that a signal ended.
type interruption struct{ signal os.Signal }

func (i *interruption) Error() string { return i.signal.String() }

// exitCode is 128 + the signal's number, as shells have it.
func (i *interruption) exitCode() int {
	switch i.signal {
	case syscall.SIGTERM:
		return exitTerminated
	case syscall.SIGHUP:
		return exitHungUp
	}
	return exitInterrupted
}

// withSignals cancels the context at the first SIGINT, SIGTERM or SIGHUP (the terminal is gone), so that everything started is ended and
// removed. The signals then have their default effect again: a second one kills at once. A SIGHUP that nohup ignores stays ignored.
func withSignals(parent context.Context, stderr io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	done := make(chan struct{})
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			cancel(&interruption{s})
			ui{err: stderr}.note("%s: ending and removing what was started; once more to kill at once", s)
		case <-done:
		}
	}()
	return ctx, func() { signal.Stop(signals); close(done); cancel(nil) }
}

// interrupted is the signal that ended ctx, nil when none did.
func interrupted(ctx context.Context) *interruption {
	var i *interruption
	if errors.As(context.Cause(ctx), &i) {
		return i
	}
	return nil
}
