package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// oldest is the lowest server_version_num supported.
const oldest = 130000

// idleLimit is how long the source keeps a transaction of ours in which nothing happens; the leader says something every pingEvery.
const (
	idleLimit    = time.Minute
	pingEvery    = 10 * time.Second
	closeTimeout = 10 * time.Second
)

// SourceOptions limits what a source has to bear. The zero value is usable.
type SourceOptions struct {
	LockTimeout      time.Duration // how long a statement may wait for a lock; 0 means 10 s
	StatementTimeout time.Duration // how long a query of the catalog may take, and CopyOptions.Counts together; 0 means 5 min. Reading a table is not limited by it
	Log              *slog.Logger  // nil discards
}

// Source is one read-only session on the database to copy. It is not in a transaction between calls. It belongs to one goroutine.
type Source struct {
	conn   *pgx.Conn
	cfg    *pgx.ConnConfig // leads to this one server; never printed
	opts   SourceOptions
	server Server
	log    *slog.Logger
}

// Server says what the source is.
type Server struct {
	Address          string // user@host:port/database
	SystemIdentifier string // of the cluster; "" where the role may not see it
	VersionNum       int    // 150004
	Version          string // "15.4 (Debian 15.4-1)"
	Database         string
	User             string
	Standby          bool
	Pooled           bool // a pooler is in between, in session mode as far as can be seen
	SizeBytes        int64
	Started          time.Time // when the postmaster started
	Encoding         string
	SearchPath       string // as the application's sessions with this URL have it
	// RuntimeParams are the parameters the URL sets for its sessions, such as search_path, TimeZone, options.
	RuntimeParams map[string]string
}

// Major is the major version: 15.
func (s Server) Major() int { return s.VersionNum / 10000 }

// Open connects and makes the session read-only, by the server's own setting. A role that may only read suffices, and a standby
// will do. Failures are a *[SourceError]; servers below PostgreSQL 13 and poolers in transaction mode are refused.
func Open(ctx context.Context, cfg *pgx.ConnConfig, opts SourceOptions) (*Source, error) {
	if opts.LockTimeout == 0 {
		opts.LockTimeout = 10 * time.Second
	}
	if opts.StatementTimeout == 0 {
		opts.StatementTimeout = 5 * time.Minute
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	conn, pinned, err := connectPinned(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s := &Source{conn: conn, cfg: pinned, opts: opts, log: opts.Log}
	s.server.Address = describeServer(pinned)
	s.server.RuntimeParams = maps.Clone(cfg.RuntimeParams)
	if err := s.settle(ctx); err != nil {
		closeConn(ctx, conn)
		return nil, err
	}
	return s, nil
}

// settle prepares the new session and reads what the server is.
func (s *Source) settle(ctx context.Context) error {
	if err := s.prepare(ctx, s.conn); err != nil {
		return err
	}
	v := &s.server
	err := s.conn.QueryRow(ctx, sqlServer).Scan(&v.VersionNum, &v.Version, &v.Database, &v.User, &v.Standby, &v.SizeBytes, &v.Started,
		&v.Encoding, &v.SearchPath)
	if err != nil {
		return s.failed("describe the server", err)
	}
	if v.VersionNum < oldest {
		return &SourceError{Kind: TooOld, Server: v.Address, Doing: "connect", Err: fmt.Errorf("it is %s", v.Version)}
	}
	if err := s.detectPooler(ctx); err != nil {
		return err
	}
	if err := s.conn.QueryRow(ctx, sqlIdentity).Scan(&v.SystemIdentifier); err != nil {
		s.log.Debug("the source does not tell its system identifier", "error", s.failed("identify", err))
	}
	return ctx.Err()
}

// prepare applies sqlSession to a new session.
func (s *Source) prepare(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, sqlSession, milliseconds(idleLimit), milliseconds(s.opts.LockTimeout), milliseconds(s.opts.StatementTimeout))
	if stateIs(err, "0A000") { // of client_encoding: MULE_INTERNAL has no conversion
		return &SourceError{Kind: NotUTF8, Server: s.server.Address, Doing: "prepare the session", SQLState: "0A000"}
	}
	return s.failed("prepare the session", err)
}

// session opens one more session on the same server.
func (s *Source) session(ctx context.Context, frontend pgconn.BuildFrontendFunc) (*pgx.Conn, error) {
	cfg := s.cfg.Copy()
	if frontend != nil {
		cfg.BuildFrontend = frontend
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, s.failed("connect", err)
	}
	if err := s.prepare(ctx, conn); err != nil {
		closeConn(ctx, conn)
		return nil, err
	}
	return conn, nil
}

// detectPooler refuses a pooler that gives every transaction another server process: the number in the cancellation key it
// invents is not a process's, and while a second session holds a process in a transaction, ours changes or shares it.
func (s *Source) detectPooler(ctx context.Context) error {
	first, _, err := s.backend(ctx, s.conn)
	if err != nil {
		return err
	}
	s.server.Pooled = first != s.conn.PgConn().PID()
	if !s.server.Pooled {
		return nil
	}
	other, err := s.session(ctx, nil)
	if err != nil {
		return err
	}
	defer closeConn(ctx, other)
	if _, err := other.Exec(ctx, sqlBegin); err != nil {
		err = s.failed("look for a pooler", err)
		if e := (*SourceError)(nil); errors.As(err, &e) && e.SQLState == "08P01" { // in statement mode it takes no transaction
			e.Kind, e.Doing = Pooled, "connect"
		}
		return err
	}
	held, _, err := s.backend(ctx, other)
	if err != nil {
		return err
	}
	again, readOnly, err := s.backend(ctx, s.conn)
	if err != nil {
		return err
	}
	if held == first || again != first || !readOnly {
		return &SourceError{Kind: Pooled, Server: s.server.Address, Doing: "connect"}
	}
	return nil
}

func (s *Source) backend(ctx context.Context, conn *pgx.Conn) (pid uint32, readOnly bool, err error) {
	var on string
	err = conn.QueryRow(ctx, sqlBackend).Scan(&pid, &on)
	return pid, on == "on", s.failed("look for a pooler", err)
}

// Server says what the source is, as seen when it was opened.
func (s *Source) Server() Server { return s.server }

// Close ends the session.
func (s *Source) Close(ctx context.Context) error { return closeConn(ctx, s.conn) }

// failed makes an error of the source out of err. A read-only transaction in which one view holds cannot fail to be serialised (40001) but
// by recovery, and what a deadlock cancels on a standby has recovery on its other side.
func (s *Source) failed(doing string, err error) error {
	err = sourceError(s.server.Address, doing, err)
	if e := (*SourceError)(nil); s.server.Standby && errors.As(err, &e) && e.SQLState == "40P01" {
		e.Kind = Recovery
	}
	return err
}

// read runs f in a read-only transaction of the source's own session.
func (s *Source) read(ctx context.Context, doing string, f func(tx *pgx.Conn) error) (err error) {
	if _, err := s.conn.Exec(ctx, sqlBegin); err != nil {
		return s.failed(doing, err)
	}
	defer func() { err = errors.Join(err, s.failed(doing, release(ctx, s.conn))) }()
	return s.failed(doing, f(s.conn))
}

// release ends conn's transaction, also when ctx is over; a connection already lost has ended it.
func release(ctx context.Context, conn *pgx.Conn) error {
	if conn.IsClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_, err := conn.Exec(ctx, sqlRelease)
	return err
}

// closeConn ends a session, also when ctx is over, and waits until the server has been told to stop what it was doing.
func closeConn(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	err := conn.Close(ctx)
	select {
	case <-conn.PgConn().CleanupDone():
	case <-ctx.Done():
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
