package snapshot

import (
	"context"
	"fmt"
	"strings"

	"github.com/rehearse-db/rehearse/sanitize"
)

// copyAgain copies from the start, once more, after the recovery of a standby has cancelled a copy: with a new view, which is as old as
// the second beginning, into a database made anew.
func copyAgain(ctx context.Context, src *Source, plan *sanitize.Plan, target Target, opts CopyOptions, first *SourceError) (*Result, error) {
	opts.Log.Warn("the standby's recovery cancelled the copy, which begins again", "doing", first.Doing, "sqlstate", first.SQLState)
	if err := src.reconnect(ctx); err != nil {
		return nil, err
	}
	if err := target.Empty(ctx); err != nil {
		return nil, fmt.Errorf("empty the target for a second copy: %w", err)
	}
	res, err := copyOnce(ctx, src, plan, target, opts)
	if second := src.recovery(err); second != nil {
		second.Twice = true
		return nil, second
	}
	if err != nil {
		return nil, err
	}
	res.Retried = fmt.Sprintf("the standby's recovery cancelled the first copy (%s, SQLSTATE %s)", first.Doing, first.SQLState)
	return res, nil
}

// recovery is what the recovery of a standby has cancelled, nil when that is not why err came. It may be but one part of err: without the
// session that holds the view, the others cannot adopt it. pg_dump tells no SQLSTATE; on a server whose messages are in another language a
// dump that was cancelled is a failed one, unless the view is lost as well.
func (s *Source) recovery(err error) *SourceError {
	switch e := err.(type) { //nolint:errorlint // the tree is walked by hand, since errors.As stops at the first
	case *SourceError:
		if e.Kind == Recovery {
			return e
		}
	case *DumpError:
		if strings.Contains(e.Text, "conflict with recovery") {
			return &SourceError{Kind: Recovery, Server: s.server.Address, Doing: "dump the schema", SQLState: "40001"}
		}
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			if found := s.recovery(one); found != nil {
				return found
			}
		}
	case interface{ Unwrap() error }:
		return s.recovery(e.Unwrap())
	}
	return nil
}

// reconnect gives the source another session for its own, which may be lost.
func (s *Source) reconnect(ctx context.Context) error {
	_ = closeConn(ctx, s.conn)
	conn, err := s.session(ctx, nil)
	if err != nil {
		return err
	}
	s.conn = conn
	return nil
}
