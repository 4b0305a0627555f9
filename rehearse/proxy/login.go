package proxy

import (
	"bufio"
	"context"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// The numbers that stand where a start-up message has its version (PostgreSQL's documentation, 55.7 message formats).
const (
	cancelRequest = 80877102
	sslRequest    = 80877103
	gssRequest    = 80877104
	version3      = 196608
)

const longestStart = 10000 // as the server has it

// login lets a client in and connects it to the server; no session and no error for a client that only cancels or asks.
func (p *Proxy) login(c net.Conn) (*Session, error) {
	if err := c.SetDeadline(time.Now().Add(startTimeout)); err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(c, bufferSize)
	params, err := p.greet(c, in)
	if params == nil || err != nil {
		return nil, err
	}
	cfg := p.o.Target()
	if err := p.admit(c, in, params, cfg.User); err != nil {
		return nil, err
	}
	delete(params, "user")
	delete(params, "database")
	if cfg.RuntimeParams = maps.Clone(cfg.RuntimeParams); cfg.RuntimeParams == nil {
		cfg.RuntimeParams = map[string]string{}
	}
	maps.Copy(cfg.RuntimeParams, params)
	ctx, cancel := context.WithTimeout(p.ctx, startTimeout)
	defer cancel()
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, errors.Join(err, send(c, refusal(err)))
	}
	s, err := p.session(ctx, c, in, conn)
	if err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return s, c.SetDeadline(time.Time{})
}

// greet reads how a client wants to start. TLS and GSSAPI it does not get; parameters are nil for one that wanted a statement cancelled.
func (p *Proxy) greet(c net.Conn, in *bufio.Reader) (map[string]string, error) {
	for {
		var head [8]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			if errors.Is(err, io.EOF) { // it only looked whether somebody listens
				return nil, nil
			}
			return nil, err
		}
		length, code := binary.BigEndian.Uint32(head[:]), binary.BigEndian.Uint32(head[4:])
		if length < 8 || length > longestStart {
			return nil, fmt.Errorf("a start-up message of %d bytes", length)
		}
		body := make([]byte, length-8)
		if _, err := io.ReadFull(in, body); err != nil {
			return nil, err
		}
		switch {
		case code == sslRequest || code == gssRequest:
			if _, err := c.Write([]byte("N")); err != nil {
				return nil, err
			}
		case code == cancelRequest && len(body) >= 4:
			p.cancel(binary.BigEndian.Uint32(body), body[4:])
			return nil, nil
		case code>>16 == version3>>16:
			return negotiate(c, code, body)
		default:
			return nil, send(c, fatal("0A000", "the proxy of rehearse knows version 3 of the protocol"))
		}
	}
}

// negotiate reads the parameters of a start-up message, and tells a client that asks for a newer minor version, or for options of the
// protocol, that it gets 3.0 without.
func negotiate(c net.Conn, code uint32, body []byte) (map[string]string, error) {
	params := map[string]string{}
	words := strings.Split(strings.TrimRight(string(body), "\x00"), "\x00")
	for i := 0; i+1 < len(words); i += 2 {
		params[words[i]] = words[i+1]
	}
	var unknown []string
	for name := range params {
		if strings.HasPrefix(name, "_pq_.") {
			unknown = append(unknown, name)
			delete(params, name)
		}
	}
	slices.Sort(unknown)
	if code == version3 && len(unknown) == 0 {
		return params, nil
	}
	return params, send(c, &pgproto3.NegotiateProtocolVersion{NewestMinorProtocol: version3, UnrecognizedOptions: unknown})
}

// admit asks for the proxy's own password. It asks for it in clear, which every client can do, and nobody but this machine hears.
func (p *Proxy) admit(c net.Conn, in *bufio.Reader, params map[string]string, user string) error {
	if err := send(c, &pgproto3.AuthenticationCleartextPassword{}); err != nil {
		return err
	}
	typ, size, err := head(in)
	if err != nil {
		return err
	}
	if typ != 'p' || size > longestStart {
		return fmt.Errorf("a client answered the question for its password with %q", typ)
	}
	message := make([]byte, size)
	if _, err := io.ReadFull(in, message); err != nil {
		return err
	}
	given, _ := cut(message[5:])
	database := params["database"]
	if database == "" {
		database = params["user"]
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(given), []byte(p.password)) != 1:
		err = errors.New("the password is not the one of DATABASE_URL and PGPASSWORD, which rehearse made for this command")
		return errors.Join(err, send(c, fatal("28P01", err.Error())))
	case params["user"] != user:
		err = fmt.Errorf("migrations are rehearsed as role %q: log in as that (PGUSER), or have rehearse take %q (--role)", user, params["user"])
		return errors.Join(err, send(c, fatal("28000", err.Error())))
	case database != p.o.Database:
		err = fmt.Errorf("rehearse has a copy of database %q only, not of %q", p.o.Database, database)
		return errors.Join(err, send(c, fatal("3D000", err.Error())))
	}
	return nil
}

// session takes over a connection to the server and tells the client that it is in.
func (p *Proxy) session(ctx context.Context, c net.Conn, in *bufio.Reader, conn *pgconn.PgConn) (*Session, error) {
	if err := conn.SyncConn(ctx); err != nil { // pgconn may still be reading in the background
		return nil, err
	}
	h, err := conn.Hijack()
	if err != nil {
		return nil, err
	}
	s := &Session{
		proxy: p, pid: h.PID, key: h.SecretKey, client: c, server: h.Conn, fromClient: in,
		fromServer: bufio.NewReaderSize(h.Conn, bufferSize), toClient: bufio.NewWriterSize(c, bufferSize), toServer: bufio.NewWriterSize(h.Conn, bufferSize),
		prepared: map[string]string{}, portals: map[string]string{},
	}
	s.status.Store(uint32(h.TxStatus))
	if s.canceller, err = pgconn.Construct(h); err != nil {
		return nil, err
	}
	messages := []pgproto3.BackendMessage{&pgproto3.AuthenticationOk{}}
	for _, name := range slices.Sorted(maps.Keys(h.ParameterStatuses)) {
		messages = append(messages, &pgproto3.ParameterStatus{Name: name, Value: h.ParameterStatuses[name]})
	}
	messages = append(messages, &pgproto3.BackendKeyData{ProcessID: s.pid, SecretKey: s.key}, &pgproto3.ReadyForQuery{TxStatus: h.TxStatus})
	return s, send(c, messages...)
}

// refusal is what a client hears of an error of connecting: the server's own words where it had some.
func refusal(err error) *pgproto3.ErrorResponse {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return fatal("08006", "rehearse cannot connect to the staging server")
	}
	e := fatal(pe.Code, pe.Message)
	e.Detail, e.Hint = pe.Detail, pe.Hint
	return e
}

func fatal(code, message string) *pgproto3.ErrorResponse {
	return &pgproto3.ErrorResponse{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: code, Message: message}
}

// send writes messages at once.
func send(w io.Writer, messages ...pgproto3.BackendMessage) (err error) {
	var b []byte
	for _, m := range messages {
		if b, err = m.Encode(b); err != nil {
			return err
		}
	}
	_, err = w.Write(b)
	return err
}
