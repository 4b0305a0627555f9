package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Whose transactions a [Crowd] has open.
const (
	Reader   = "a reader of the table" // has read it, and keeps what that locked
	Snapshot = "an old snapshot"       // has read something else
	Dump     = "a dump"                // has locked all tables for reading, as pg_dump does
)

// MostReaders is how many tables of a [Crowd] have a reader of their own; the dump reads the others too.
const MostReaders = 8

// crowdLook is how often a crowd looks for somebody who waits for it.
const crowdLook = 10 * time.Millisecond

// Crowd are sessions with transactions open, as production has them: each REPEATABLE READ, in which something was read and nothing happens
// any more. All it holds are ACCESS SHARE locks and a snapshot, and it asks for no more, so that it is part of no deadlock.
type Crowd struct {
	watch  *pgx.Conn
	all    []member
	hold   time.Duration
	rounds int
	stop   context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex
	waited map[string]bool
	from   time.Time // when somebody was first seen to wait
}

// member is one session of a crowd.
type member struct {
	conn *pgx.Conn
	who  string
	sql  string // what it reads
	in   bool   // its transaction is open
	gone bool   // its table or session is no more
}

// Tables are the OIDs of the tables there are, but for those named, quoted and qualified, for Gather (pg_class).
func Tables(ctx context.Context, cfg *pgx.ConnConfig, but ...string) (oids []uint32, err error) {
	conn, err := crowdSession(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	rows, err := conn.Query(ctx, `SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM unnest($1::text[]) but WHERE to_regclass(but) = c.oid) ORDER BY c.oid`, but)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uint32])
}

// Gather opens the transactions of a crowd, on sessions that cfg leads to, a superuser: a reader of each of the tables, quoted and
// qualified, that is there; one that has read none of them; and one that has locked all that are left of the tables with the OIDs given. They
// end when somebody has waited for them for the time of hold, and begin again as often as rounds says; Leave ends them in any case.
func Gather(ctx context.Context, cfg func() *pgx.ConnConfig, tables []string, oids []uint32, hold time.Duration, rounds int) (_ *Crowd, err error) {
	c := &Crowd{hold: hold, rounds: rounds, waited: map[string]bool{}, done: make(chan struct{}), stop: func() {}}
	defer func() {
		if err != nil {
			close(c.done)
			c.Leave(ctx)
		}
	}()
	if c.watch, err = crowdSession(ctx, cfg()); err != nil {
		return nil, err
	}
	names, err := c.names(ctx, oids)
	if err != nil {
		return nil, err
	}
	var read []string
	for _, t := range tables {
		if len(read) < MostReaders && slices.Contains(names, t) {
			read = append(read, t)
			if err := c.join(ctx, cfg(), Reader, "SELECT FROM ONLY "+t+" LIMIT 0"); err != nil {
				return nil, err
			}
		}
	}
	other := "SELECT FROM pg_catalog.pg_class LIMIT 1"
	if i := slices.IndexFunc(names, func(n string) bool { return !slices.Contains(tables, n) }); i >= 0 {
		other = "SELECT FROM ONLY " + names[i] + " LIMIT 0"
	}
	if err := c.join(ctx, cfg(), Snapshot, other); err != nil {
		return nil, err
	}
	if len(names) > 0 {
		if err := c.join(ctx, cfg(), Dump, "LOCK TABLE ONLY "+strings.Join(names, ", ONLY ")+" IN ACCESS SHARE MODE"); err != nil {
			return nil, err
		}
	}
	looking, stop := context.WithCancel(ctx)
	c.stop = stop
	go c.look(looking)
	return c, nil
}

// crowdSession connects with no limit on how long a transaction may last or be idle, whatever the server's settings.
func crowdSession(ctx context.Context, cfg *pgx.ConnConfig) (*pgx.Conn, error) {
	cfg = cfg.Copy()
	cfg.Tracer = nil
	cfg.RuntimeParams["application_name"] = "rehearse crowd"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect a session of the crowd: %w", err)
	}
	_, err = conn.Exec(ctx, `SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings
  WHERE name IN ('idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout', 'statement_timeout', 'lock_timeout')`)
	if err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, fmt.Errorf("prepare a session of the crowd: %w", err)
	}
	return conn, nil
}

// names are the names, as SQL has them, that tables have now; LOCK TABLE takes no materialised views.
func (c *Crowd) names(ctx context.Context, oids []uint32) ([]string, error) {
	rows, err := c.watch.Query(ctx, `SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY ($1) AND c.relkind IN ('r', 'p') ORDER BY c.oid`, oids)
	if err != nil {
		return nil, fmt.Errorf("name the tables: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// join opens one more transaction.
func (c *Crowd) join(ctx context.Context, cfg *pgx.ConnConfig, who, sql string) error {
	conn, err := crowdSession(ctx, cfg)
	if err != nil {
		return err
	}
	m := member{conn: conn, who: who, sql: sql, in: true}
	c.all = append(c.all, m)
	if err := m.begin(ctx); err != nil {
		return fmt.Errorf("begin a transaction of the crowd: %w", err)
	}
	return nil
}

// begin opens the member's transaction. It does not wait for a lock, with others in its hands: that could be a deadlock. LOCK TABLE takes no
// snapshot, which a dump has.
func (m *member) begin(ctx context.Context) error {
	for _, sql := range []string{"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "SET LOCAL lock_timeout = 1", m.sql, "SELECT FROM pg_catalog.pg_class LIMIT 1"} {
		if err := exec(ctx, m.conn.PgConn(), sql); err != nil {
			return err
		}
	}
	return nil
}

// look ends the transactions when somebody has waited for them for so long (pg_stat_activity, pg_blocking_pids), and begins them again while
// there are rounds.
func (c *Crowd) look(ctx context.Context) {
	defer close(c.done)
	for ctx.Err() == nil {
		var of []int32
		var end bool
		// Canaries wait behind who waits for the crowd. Who waits for the end of a transaction, rather than for a lock it has, waits for its snapshot.
		err := c.watch.QueryRow(ctx, `SELECT coalesce(array_agg(DISTINCT p), '{}'), coalesce(bool_or(a.wait_event = 'virtualxid'), false)
  FROM pg_stat_activity a, unnest(pg_blocking_pids(a.pid)) p
  WHERE a.datname = current_database() AND a.wait_event_type = 'Lock' AND a.application_name <> 'rehearse canary' AND p = ANY ($1)`, c.pids()).Scan(&of, &end)
		if err != nil && c.watch.IsClosed() {
			return // ended, as migrations may do to all other sessions
		}
		if c.seen(of, end) {
			c.rounds--
			c.release(ctx)
			if c.rounds <= 0 {
				return
			}
		}
		c.again(ctx)
		pause(ctx, crowdLook)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (c *Crowd) pids() (pids []int32) {
	for _, m := range c.all {
		pids = append(pids, int32(m.conn.PgConn().PID()))
	}
	return pids
}

// again tries once to begin the transactions that are not open: those whose locks are not to be had have to wait outside, as others do.
func (c *Crowd) again(ctx context.Context) {
	for i := range c.all {
		m := &c.all[i]
		if m.in || m.gone {
			continue
		}
		err := m.begin(ctx)
		if m.in = err == nil; !m.in {
			m.gone = exec(ctx, m.conn.PgConn(), "ROLLBACK") != nil || codeOf(err) != "55P03"
		}
	}
}

// release ends the transactions.
func (c *Crowd) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
	defer cancel()
	for i := range c.all {
		_ = exec(ctx, c.all[i].conn.PgConn(), "ROLLBACK")
		c.all[i].in = false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.from = time.Time{}
}

// seen notes who is waited for, and tells whether that has gone on for so long.
func (c *Crowd) seen(of []int32, end bool) (enough bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(of) > 0 && c.from.IsZero() {
		c.from = time.Now()
	}
	for _, m := range c.all {
		if slices.Contains(of, int32(m.conn.PgConn().PID())) {
			who := m.who
			if end {
				who = Snapshot
			}
			c.waited[who] = true
		}
	}
	return !c.from.IsZero() && time.Since(c.from) >= c.hold
}

// WaitedFor says for whose transactions somebody waited, in the order of the constants; nil for none.
func (c *Crowd) WaitedFor() (who []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range []string{Reader, Snapshot, Dump} {
		if c.waited[w] {
			who = append(who, w)
		}
	}
	return who
}

// Leave ends all that is left of the crowd, with its sessions.
func (c *Crowd) Leave(ctx context.Context) {
	c.stop()
	<-c.done
	c.release(ctx)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
	defer cancel()
	for _, m := range c.all {
		_ = m.conn.Close(ctx)
	}
	if c.watch != nil {
		_ = c.watch.Close(ctx)
	}
}
