package snapshot

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// snapshotID is what pg_export_snapshot returns: it goes into a statement that takes no parameter.
var snapshotID = regexp.MustCompile(`^[0-9A-Fa-f-]+$`)

// errTooLong is the cause when a copy held its snapshot for longer than CopyOptions.MaxAge.
var errTooLong = errors.New("the snapshot was held for as long as is allowed")

// frozen is the leader's transaction, whose view everybody adopts. Its session may be used by several goroutines, through do.
type frozen struct {
	src  *Source
	id   string
	lsn  string
	at   time.Time // the source's clock
	from time.Time // ours

	mu   sync.Mutex
	held time.Duration // set when released
	stop context.CancelFunc
	lose context.CancelCauseFunc
	done chan struct{}
}

// freeze opens and exports the view. The returned context ends when the view is lost or has been held for maxAge (0: no limit);
// release ends it in any case.
func (s *Source) freeze(ctx context.Context, maxAge time.Duration) (context.Context, *frozen, error) {
	f := &frozen{src: s, from: time.Now(), done: make(chan struct{})}
	if _, err := s.conn.Exec(ctx, sqlBegin); err != nil {
		return nil, nil, s.failed("freeze", err)
	}
	err := s.conn.QueryRow(ctx, sqlExport).Scan(&f.id, &f.at, &f.lsn)
	if err == nil && !snapshotID.MatchString(f.id) {
		err = errors.New("the server gave an odd snapshot identifier")
	}
	if err != nil {
		return nil, nil, errors.Join(s.failed("freeze", err), release(ctx, s.conn))
	}
	ctx, lose := context.WithCancelCause(ctx)
	pings, stop := context.WithCancel(ctx)
	f.stop, f.lose = stop, lose
	go f.keepAlive(pings, maxAge)
	return ctx, f, nil
}

// keepAlive says something every few seconds, so that the server may take silence for death.
func (f *frozen) keepAlive(ctx context.Context, maxAge time.Duration) {
	defer close(f.done)
	var expired <-chan time.Time
	if maxAge > 0 {
		timer := time.NewTimer(maxAge)
		defer timer.Stop()
		expired = timer.C
	}
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-expired:
			f.lose(&SourceError{Kind: Expired, Server: f.src.server.Address, Doing: "hold the snapshot", Err: errTooLong})
			return
		case <-tick.C:
			if err := f.ping(ctx); err != nil && ctx.Err() == nil {
				f.lose(err)
				return
			}
		}
	}
}

// ping does nothing when the session is in use: then it is not silent.
func (f *frozen) ping(ctx context.Context) error {
	if !f.mu.TryLock() {
		return nil
	}
	defer f.mu.Unlock()
	// A ping that is cancelled would cost the session; release waits for it instead.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pingEvery/2)
	defer cancel()
	_, err := f.src.conn.Exec(ctx, sqlPing)
	return f.src.failed("hold the snapshot", err)
}

// do runs g in the leader's transaction.
func (f *frozen) do(doing string, g func(tx *pgx.Conn) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.src.failed(doing, g(f.src.conn))
}

// worker opens a session that sees what the leader sees.
func (f *frozen) worker(ctx context.Context) (*pgx.Conn, error) {
	conn, err := f.src.session(ctx, gathering)
	if err != nil {
		return nil, err
	}
	for _, sql := range []string{sqlBegin, fmt.Sprintf(sqlAdopt, f.id), sqlUnlimited, sqlSavepoint} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			closeConn(ctx, conn)
			if lost := f.lost(ctx, err); lost != nil {
				err = lost
			}
			return nil, f.src.failed("adopt the snapshot", err)
		}
	}
	return conn, nil
}

// lost is why the leader's session has ended, when that is why a view could not be adopted: its server then says that there is none.
func (f *frozen) lost(ctx context.Context, err error) error {
	if !stateIs(err, noSnapshot) {
		return nil
	}
	return f.do("hold the snapshot", func(tx *pgx.Conn) error {
		_, err := tx.Exec(ctx, sqlPing)
		return err
	})
}

// noSnapshot is the SQLSTATE of an identifier for which there is no view (any more).
const noSnapshot = "22023"

// release lets the view go, once, and remembers how long it was held.
func (f *frozen) release(ctx context.Context) error {
	f.stop()
	<-f.done
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held > 0 {
		return nil
	}
	defer f.lose(context.Canceled)
	err := release(ctx, f.src.conn)
	f.held = time.Since(f.from)
	return f.src.failed("release the snapshot", err)
}
