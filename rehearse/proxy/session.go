package proxy

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// Session is one client and its connection to the server. Two goroutines work for it: up reads what the client says, down what the server
// does.
type Session struct {
	proxy     *Proxy
	pid       uint32
	key       []byte
	canceller *pgconn.PgConn // for nothing else

	client, server         net.Conn
	fromClient, fromServer *bufio.Reader
	toClient               *bufio.Writer // of down only
	toServer               *bufio.Writer // under gate

	status atomic.Uint32 // of the latest ReadyForQuery
	closed atomic.Bool

	gate     sync.Mutex // held while anything is sent to the server, and while the session is asked
	downAsks bool       // down holds the gate, so that it reads the answers itself
	question atomic.Pointer[question]

	prepared, portals map[string]string // of up only: the statements behind names
	held              []byte            // of up only: messages of an exchange that has not gone to the server
	sending           []string          // of up only: statements that held executes

	mu          sync.Mutex // of what follows; never held while reading, writing or asking
	outstanding int        // answers that are to end in ReadyForQuery
	unsynced    bool       // messages went to the server that no Sync has followed
	bySync      bool       // the latest of the answers is to a Sync
	exchange    *exchange
}

// exchange is what is under way.
type exchange struct {
	texts []string
	tags  []string
	err   error
	done  func(Outcome)
}

// PID is the number of the server's backend.
func (s *Session) PID() uint32 { return s.pid }

// TxStatus is the state of the transaction when the server was ready last: I none, T in one, E in one that failed.
func (s *Session) TxStatus() byte { return byte(s.status.Load()) }

// IsClosed says that the connection to the server is over.
func (s *Session) IsClosed() bool { return s.closed.Load() }

// idle says that the server has answered everything and nothing is on its way.
func (s *Session) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.outstanding == 0 && !s.unsynced
}

// run hands messages on until both sides have ended.
func (s *Session) run() {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.up()
	}()
	s.down()
	s.closed.Store(true)
	_ = s.client.Close()
	_ = s.server.Close()
	if q := s.question.Swap(nil); q != nil {
		q.end(ErrCut)
	}
	<-ended
	if s.exchange != nil {
		if s.exchange.err == nil {
			s.exchange.err = ErrCut
		}
		s.exchange.end()
	}
	s.proxy.o.Gone(s)
}

// up reads from the client. When that is gone, the server hears so, and ends what it does in its own time.
func (s *Session) up() {
	for {
		more, err := s.upward()
		if err == nil && more {
			continue
		}
		s.gate.Lock()
		_ = s.toServer.Flush()
		if half, ok := s.server.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		} else {
			_ = s.server.Close()
		}
		s.gate.Unlock()
		return
	}
}

// upward hands on the next message, or as many as need no look.
func (s *Session) upward() (more bool, err error) {
	typ, size, err := head(s.fromClient)
	if err != nil {
		return false, err
	}
	if typ == 'd' || typ == 'c' || typ == 'f' {
		return true, s.upwardData(size)
	}
	message, rest, err := take(s.fromClient, size)
	if err != nil {
		return false, err
	}
	s.gate.Lock()
	defer s.gate.Unlock()
	if s.closed.Load() {
		return false, net.ErrClosed
	}
	if err := s.forward(typ, message, rest); err != nil {
		return false, err
	}
	if s.fromClient.Buffered() == 0 {
		err = s.toServer.Flush()
	}
	return typ != 'X', err
}

// upwardData hands on rows for COPY.
func (s *Session) upwardData(size int) error {
	s.gate.Lock()
	defer s.gate.Unlock()
	done, err := passRun(s.toServer, s.fromClient, "dcf")
	if !done {
		err = pass(s.toServer, s.fromClient, size)
	}
	if err == nil && s.fromClient.Buffered() == 0 {
		err = s.toServer.Flush()
	}
	return err
}

// forward hands on a message that may begin, be part of, or end an exchange. What an exchange consists of is held back until it is complete:
// once a part of it is with the server, nothing can be asked before it has ended.
func (s *Session) forward(typ byte, message []byte, rest int) error {
	body := message[5:]
	switch typ {
	case 'Q': // Query
		text, _ := cut(body)
		s.begin(shorten(text))
		s.count(1, false, false)
	case 'P', 'B', 'E', 'D', 'C': // Parse, Bind, Execute, Describe, Close
		s.note(typ, body)
		if rest == 0 && s.hold(message) {
			return nil
		}
		s.begin("")
		s.count(0, true, false)
	case 'S', 'H': // Sync, Flush
		open := len(s.held) > 0
		s.begin("")
		if typ == 'S' {
			s.count(1, false, true)
		} else if open {
			s.count(0, true, false)
		}
	case 'F': // FunctionCall
		s.count(1, false, false)
	}
	return errors.Join(s.release(), s.write(message), pass(s.toServer, s.fromClient, rest))
}

func (s *Session) write(b []byte) error {
	_, err := s.toServer.Write(b)
	return err
}

// note remembers which statement a name stands for, and which one is executed.
func (s *Session) note(typ byte, body []byte) {
	name, after := cut(body)
	switch typ {
	case 'P':
		text, _ := cut(after)
		s.prepared[strings.Clone(name)] = shorten(text)
	case 'B':
		statement, _ := cut(after)
		s.portals[name] = s.prepared[statement]
	case 'E':
		s.sending = append(s.sending, s.portals[name])
	case 'C':
		if len(body) > 1 && body[0] == 'S' {
			name, _ := cut(body[1:])
			delete(s.prepared, name)
		}
	}
}

// hold keeps a message back where an exchange can still begin with it, and there is room.
func (s *Session) hold(message []byte) bool {
	if !s.idle() || len(s.held)+len(message) > longestHeld {
		return false
	}
	s.held = append(s.held, message...)
	return true
}

// release hands on what was held.
func (s *Session) release() error {
	held := s.held
	s.held = nil
	if cap(held) <= bufferSize { // to be used again
		s.held = held[:0]
	}
	return s.write(held)
}

// begin has the exchange heard of before it goes to the server: a Query's text, or what was executed. Where one is under way, it is a part of it.
func (s *Session) begin(text string) {
	texts := s.sending
	s.sending = nil
	if text != "" {
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		return
	}
	s.mu.Lock()
	if s.exchange != nil {
		s.exchange.add(texts)
		s.mu.Unlock()
		return
	}
	e := &exchange{}
	e.add(texts)
	s.mu.Unlock()
	if e.done = s.proxy.o.Sent(s, e.sql()); e.done == nil {
		e.done = func(Outcome) {}
	}
	s.mu.Lock()
	s.exchange = e
	s.mu.Unlock()
}

// count notes what goes to the server before it goes there.
func (s *Session) count(ready int, unsynced, sync bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outstanding += ready
	s.unsynced = unsynced
	if ready > 0 {
		s.bySync = sync
	}
}

// add takes statements up; one that is executed again and again is named once.
func (e *exchange) add(texts []string) {
	for _, t := range texts {
		if n := len(e.texts); n == 0 || e.texts[n-1] != t {
			e.texts = append(e.texts, t)
		}
	}
}

func (e *exchange) sql() string { return strings.Join(e.texts, ";\n") }

func (e *exchange) end() { e.done(Outcome{SQL: e.sql(), Tags: e.tags, Err: e.err}) }

// down reads from the server, until it ends or the client cannot be told any more: a server ends what it does for a client that it cannot
// write to.
func (s *Session) down() {
	for {
		if err := s.downward(); err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				s.proxy.o.Log.Debug("a session of the proxy ended", "error", err)
			}
			return
		}
	}
}

// unheard are the types of messages that nobody but the client needs: rows, descriptions, acknowledgements, notices.
const unheard = "dDTtn123sNASGHWcV"

// downward hands on the next message, or as many as nobody looks at.
func (s *Session) downward() error {
	typ, size, err := head(s.fromServer)
	if err != nil {
		return errors.Join(err, s.toClient.Flush())
	}
	if s.question.Load() != nil {
		return s.answer(typ, size)
	}
	done, err := passRun(s.toClient, s.fromServer, unheard)
	switch {
	case done || err != nil:
	case typ == 'C' || typ == 'E' || typ == 'G' || typ == 'Z':
		err = s.heard(typ, size)
	default:
		err = pass(s.toClient, s.fromServer, size)
	}
	if err == nil && s.fromServer.Buffered() == 0 {
		err = s.toClient.Flush()
	}
	return err
}

// heard hands on a message that tells of the exchange.
func (s *Session) heard(typ byte, size int) error {
	message, rest, err := take(s.fromServer, size)
	if err != nil {
		return err
	}
	switch typ {
	case 'C':
		tag, _ := cut(message[5:])
		s.mu.Lock()
		if s.exchange != nil {
			s.exchange.tags = append(s.exchange.tags, tag)
		}
		s.mu.Unlock()
	case 'E':
		s.mu.Lock()
		if s.exchange != nil {
			s.exchange.err = serverError(message[5:])
		}
		s.mu.Unlock()
	case 'G': // the server takes rows now, and ignores the Sync that came with the COPY
		s.mu.Lock()
		if s.bySync && s.outstanding > 0 {
			s.outstanding--
			s.unsynced = true
		}
		s.mu.Unlock()
	case 'Z':
		if s.ready(message[5]) {
			defer s.gate.Unlock()
		}
	}
	_, err = s.toClient.Write(message)
	if err == nil {
		err = pass(s.toClient, s.fromServer, rest)
	}
	if err == nil && typ == 'Z' {
		err = s.toClient.Flush()
	}
	return err
}

func serverError(body []byte) error {
	var e pgproto3.ErrorResponse
	if err := e.Decode(body); err != nil {
		return err
	}
	return pgconn.ErrorResponseToPgError(&e)
}

// ready ends the exchange when the server has answered everything. Then the gate is held, until the client has been told.
func (s *Session) ready(status byte) (held bool) {
	s.mu.Lock()
	s.outstanding--
	s.status.Store(uint32(status))
	s.mu.Unlock()
	for { // who holds the gate may wait for answers, which only this goroutine reads
		if !s.idle() {
			return false
		}
		if s.gate.TryLock() {
			break
		}
		time.Sleep(20 * time.Microsecond)
	}
	if !s.idle() {
		s.gate.Unlock()
		return false
	}
	s.mu.Lock()
	e := s.exchange
	s.exchange = nil
	s.mu.Unlock()
	if e != nil {
		s.downAsks = true
		e.end()
		s.downAsks = false
	}
	return true
}
