// Package proxy stands between any migration tool and staging, and hears what the tool says.
//
// A [Proxy] listens on loopback and leads each client to the server on a session of its own, logged in there by itself: the client has a
// password that the proxy made up. Messages go over as they came, in both directions, and only what tells of statements is looked at:
// Query, Parse, Bind and Execute on the way there, CommandComplete, ErrorResponse and ReadyForQuery on the way back.
//
// What a client sends until it waits for an answer is an exchange. Options.Sent is called before an exchange with statements goes to the
// server, and what it returned when the server is ready again, before the client gets to know that. In both moments nothing is under way, so
// that the session can be asked on the client's own connection and in its own transaction ([Session.Ask]), which the client does not notice.
package proxy

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// startTimeout bounds how long a client may take to log in, and connecting to the server for it.
const startTimeout = time.Minute

// Options say where a proxy leads, and who hears what passes.
type Options struct {
	// Target connects to the server, as the role that all clients are.
	Target func() *pgconn.Config
	// Database is the name that clients know the database by, whatever it is called behind.
	Database string
	// Sent is called before an exchange with statements goes to the server, with their text, and what it returns when the server has
	// answered, or the session is over. Both may ask the session.
	Sent func(s *Session, sql string) (done func(Outcome))
	// Gone is called when a session is over.
	Gone func(s *Session)
	Log  *slog.Logger // nil for none
}

// Outcome is what became of an exchange.
type Outcome struct {
	SQL  string   // all of it: a client may add to an exchange before it is answered
	Tags []string // of the statements that succeeded, in order
	Err  error    // a *pgconn.PgError, or ErrCut
}

// ErrCut says that a session ended before its statement did.
var ErrCut = errors.New("the connection ended before the statement did")

// Proxy is one listener and its sessions.
type Proxy struct {
	o        Options
	password string
	listener net.Listener
	ctx      context.Context //nolint:containedctx // the life of the proxy, which begins with Listen and ends with Close
	stop     context.CancelFunc
	all      sync.WaitGroup

	mu       sync.Mutex
	sessions map[*Session]bool
	clients  map[net.Conn]bool // also those that are logging in
}

// Listen opens a proxy on a free port of loopback. Close ends it.
func Listen(ctx context.Context, o Options) (*Proxy, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the migrating command: %w", err)
	}
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	random := make([]byte, 20)
	_, _ = rand.Read(random) // never fails, says its documentation
	p := &Proxy{
		o: o, password: base32.StdEncoding.EncodeToString(random), listener: listener, sessions: map[*Session]bool{}, clients: map[net.Conn]bool{},
	}
	p.ctx, p.stop = context.WithCancel(context.WithoutCancel(ctx))
	p.all.Go(p.accept)
	return p, nil
}

// Address is how clients connect.
func (p *Proxy) Address() (host, port, user, password, database string) {
	at, _ := p.listener.Addr().(*net.TCPAddr)
	return "127.0.0.1", strconv.Itoa(at.Port), p.o.Target().User, p.password, p.o.Database
}

// URL is the address in one, for clients that take one.
func (p *Proxy) URL() string {
	host, port, user, password, database := p.Address()
	u := url.URL{
		Scheme: "postgresql", User: url.UserPassword(user, password), Host: net.JoinHostPort(host, port), Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Drain waits until all clients are gone and what they left running has ended, for as long as ctx allows. Who is still there then stays.
func (p *Proxy) Drain(ctx context.Context) (gone bool) {
	for {
		p.mu.Lock()
		left := len(p.clients)
		p.mu.Unlock()
		if left == 0 {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// Cut ends all sessions that there are. The server may still work on what they sent.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.sessions {
		_ = s.server.Close()
	}
	for c := range p.clients {
		_ = c.Close()
	}
}

// Close ends the proxy and all its sessions.
func (p *Proxy) Close() {
	_ = p.listener.Close()
	p.stop()
	p.Cut()
	p.all.Wait()
}

func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			if p.ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
				p.o.Log.Debug("accept a client of the proxy", "error", err)
				time.Sleep(10 * time.Millisecond)
				continue
			}
			return
		}
		p.mu.Lock()
		p.clients[c] = true
		p.mu.Unlock()
		p.all.Go(func() { p.serve(c) })
	}
}

// serve works for one client until either side ends.
func (p *Proxy) serve(c net.Conn) {
	defer func() {
		_ = c.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.clients, c)
	}()
	s, err := p.login(c)
	if err != nil {
		p.o.Log.Debug("a client of the proxy was not let in", "error", err)
	}
	if s == nil {
		return
	}
	p.mu.Lock()
	p.sessions[s] = true
	p.mu.Unlock()
	if p.ctx.Err() == nil {
		s.run()
	}
	_ = s.server.Close()
	p.mu.Lock()
	delete(p.sessions, s)
	p.mu.Unlock()
}

// cancel passes a client's wish on to the server that works for it. What no statement of the client is under way for would hit a question.
func (p *Proxy) cancel(pid uint32, key []byte) {
	var found *Session
	p.mu.Lock()
	for s := range p.sessions {
		if s.pid == pid && subtle.ConstantTimeCompare(s.key, key) == 1 {
			found = s
		}
	}
	p.mu.Unlock()
	if found == nil || found.question.Load() != nil || found.idle() {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, startTimeout)
	defer cancel()
	if err := found.canceller.CancelRequest(ctx); err != nil {
		p.o.Log.Debug("cancel a statement", "error", err)
	}
}
