package proxy

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// errBusy says that a session cannot be asked, since the server has not answered all that the client sent.
var errBusy = errors.New("the client has sent more already")

// probeName is the name of the statements and portals that questions use: those without a name are the client's, which a simple query would
// take from it.
const probeName = "_rehearse"

// question is one that the server has not answered yet.
type question struct {
	results  []*pgconn.Result
	rows     [][][]byte
	err      error
	finished chan struct{}
}

func (q *question) end(err error) {
	if q.err == nil {
		q.err = err
	}
	close(q.finished)
}

// Ask sends statements on the session and gives their results, in text, one for each up to the one that failed. It is for what Options.Sent names, and
// what that returned: the client hears nothing of it. It fails when the client has sent more already. When ctx is over before the answer has
// come, the session is ended.
func (s *Session) Ask(ctx context.Context, statements ...string) ([]*pgconn.Result, error) {
	if !s.idle() || s.closed.Load() {
		return nil, errBusy
	}
	q := &question{finished: make(chan struct{})}
	message, err := asked(statements)
	if err != nil {
		return nil, err
	}
	s.question.Store(q)
	defer context.AfterFunc(ctx, func() { _ = s.server.Close() })()
	if err := errors.Join(s.write(message), s.toServer.Flush()); err != nil {
		s.question.Store(nil)
		return nil, err
	}
	for s.downAsks && s.question.Load() == q {
		if err := s.downward(); err != nil {
			s.question.Store(nil)
			return q.results, errors.Join(ctx.Err(), err)
		}
	}
	<-q.finished
	return q.results, q.err
}

// asked is the messages of statements, each of its own, in one exchange.
func asked(statements []string) (b []byte, err error) {
	for _, sql := range statements {
		for _, m := range []pgproto3.FrontendMessage{
			&pgproto3.Parse{Name: probeName, Query: sql}, &pgproto3.Bind{DestinationPortal: probeName, PreparedStatement: probeName},
			&pgproto3.Execute{Portal: probeName}, &pgproto3.Close{ObjectType: 'P', Name: probeName}, &pgproto3.Close{ObjectType: 'S', Name: probeName},
		} {
			if b, err = m.Encode(b); err != nil {
				return nil, err
			}
		}
	}
	return (&pgproto3.Sync{}).Encode(b)
}

// answer takes a message that came while a question is open. What the server says unasked goes to the client, but for notices, which are
// about the question.
func (s *Session) answer(typ byte, size int) error {
	if typ == 'A' || typ == 'S' {
		return errors.Join(pass(s.toClient, s.fromServer, size), s.toClient.Flush())
	}
	message, rest, err := take(s.fromServer, size)
	if err == nil && rest > 0 {
		_, err = s.fromServer.Discard(rest)
	}
	if err != nil {
		return err
	}
	q := s.question.Load()
	if q == nil { // the session is being ended
		return errBusy
	}
	switch typ {
	case 'D':
		var row pgproto3.DataRow
		if err := row.Decode(message[5:]); err != nil {
			return err
		}
		q.rows = append(q.rows, row.Values)
	case 'C':
		tag, _ := cut(message[5:])
		q.results = append(q.results, &pgconn.Result{Rows: q.rows, CommandTag: pgconn.NewCommandTag(tag)})
		q.rows = nil
	case 'E':
		q.err = serverError(message[5:])
	case 'Z':
		s.status.Store(uint32(message[5]))
		s.question.Store(nil)
		q.end(nil)
	}
	return nil
}
