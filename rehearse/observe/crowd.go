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

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// Whose transactions a [Crowd] has open.
const (
	Reader   = "a reader of the table" // has read it, and keeps what that locked
	Writer   = report.AWriter          // has written it: it locks that and has a transaction id, and no snapshot
	Snapshot = "an old snapshot"       // has read something else
	Dump     = "a dump"                // has locked all tables for reading, as pg_dump does
)

// MostReaders is how many tables of a [Crowd] have a reader and a writer of their own; the dump reads the others too.
const MostReaders = 8

// crowdLook is how often a crowd looks for somebody who waits for it.
const crowdLook = 10 * time.Millisecond

// Crowd are sessions with transactions open, as production has them, in which something was read or written and nothing happens any more. Who has
// read is REPEATABLE READ and holds ACCESS SHARE locks and a snapshot; who has written holds ROW EXCLUSIVE on one table and a transaction id, and
// has changed no row. None asks for more, so that they are part of no deadlock.
type Crowd struct {
	watch            *pgx.Conn
	all              []member
	readers, writers party
	stop             context.CancelFunc
	done             chan struct{}

	mu     sync.Mutex
	waited map[string]time.Duration
	looked time.Time // when it was last seen who waits
}

// Holds is for how long the transactions of a [Crowd] go on from the moment when somebody is first seen to wait for them.
type Holds struct{ Readers, Writers time.Duration }

// party are those of a crowd that end together.
type party struct {
	hold   time.Duration
	rounds int
	from   time.Time // when somebody was first seen to wait for one of them
}

// member is one session of a crowd.
type member struct {
	conn  *pgx.Conn
	party *party
	who   string
	sql   string // what it reads or locks
	in    bool   // its transaction is open
	gone  bool   // its table or session is no more
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

// Gather opens the transactions of a crowd, on sessions that cfg leads to, a superuser: a reader and a writer of each of the tables, quoted and
// qualified, that is there; one that has read none of them; and one that has locked all that are left of the tables with the OIDs given. They
// end when somebody has waited for them for the time of hold, and begin again as often as rounds says; Leave ends them in any case.
func Gather(ctx context.Context, cfg func() *pgx.ConnConfig, tables []string, oids []uint32, hold Holds, rounds int) (_ *Crowd, err error) {
	c := &Crowd{
		readers: party{hold: hold.Readers, rounds: rounds}, writers: party{hold: hold.Writers, rounds: rounds},
		waited: map[string]time.Duration{}, done: make(chan struct{}), stop: func() {},
	}
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
			err1 := c.join(ctx, cfg(), Reader, "SELECT FROM ONLY "+t+" LIMIT 0")
			err2 := c.join(ctx, cfg(), Writer, "LOCK TABLE ONLY "+t+" IN ROW EXCLUSIVE MODE")
			if err := errors.Join(err1, err2); err != nil {
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
	m := member{conn: conn, party: &c.readers, who: who, sql: sql, in: true}
	if who == Writer {
		m.party = &c.writers
	}
	c.all = append(c.all, m)
	if err := m.begin(ctx); err != nil {
		return fmt.Errorf("begin a transaction of the crowd: %w", err)
	}
	return nil
}

// begin opens the member's transaction. It does not wait for a lock, with others in its hands: that could be a deadlock. LOCK TABLE takes no
// snapshot, which a dump has, and no transaction id, which a writer has.
func (m *member) begin(ctx context.Context) error {
	mode, then := "REPEATABLE READ READ ONLY", "SELECT FROM pg_catalog.pg_class LIMIT 1"
	if m.who == Writer {
		mode, then = "READ COMMITTED READ WRITE", "SELECT pg_catalog.pg_current_xact_id()"
	}
	for _, sql := range []string{"BEGIN ISOLATION LEVEL " + mode, "SET LOCAL lock_timeout = 1", m.sql, then} {
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
		for _, p := range c.seen(of, end) {
			p.rounds--
			c.release(ctx, p)
		}
		if c.readers.rounds <= 0 && c.writers.rounds <= 0 {
			return
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
		if m.in || m.gone || m.party.rounds <= 0 {
			continue
		}
		err := m.begin(ctx)
		if m.in = err == nil; !m.in {
			m.gone = exec(ctx, m.conn.PgConn(), "ROLLBACK") != nil || codeOf(err) != "55P03"
		}
	}
}

// release ends the transactions of a party.
func (c *Crowd) release(ctx context.Context, of *party) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
	defer cancel()
	for i := range c.all {
		if m := &c.all[i]; m.party == of {
			_ = exec(ctx, m.conn.PgConn(), "ROLLBACK")
			m.in = false
		}
	}
	of.from = time.Time{}
}

// seen notes who is waited for, since the last look, and gives the parties for which that has gone on for so long. A writer has no snapshot: who
// waits for the end of its transaction waits for what it has written.
func (c *Crowd) seen(of []int32, end bool) (enough []*party) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, since := time.Now(), time.Duration(0)
	if !c.looked.IsZero() {
		since = now.Sub(c.looked)
	}
	c.looked = now
	at := map[string]bool{}
	for _, m := range c.all {
		if !slices.Contains(of, int32(m.conn.PgConn().PID())) {
			continue
		}
		if m.party.from.IsZero() {
			m.party.from = now
		}
		if at[m.who] = true; end && m.who != Writer {
			delete(at, m.who)
			at[Snapshot] = true
		}
	}
	for who := range at {
		c.waited[who] += since
	}
	for _, p := range []*party{&c.readers, &c.writers} {
		if !p.from.IsZero() && now.Sub(p.from) >= p.hold {
			enough = append(enough, p)
		}
	}
	return enough
}

// WaitedFor says for whose transactions somebody waited, in the order of the constants, and for how long, as a look every 10 ms saw it; nil for
// none.
func (c *Crowd) WaitedFor() (all []report.HeldUp) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, who := range []string{Reader, Writer, Snapshot, Dump} {
		if d, waited := c.waited[who]; waited {
			all = append(all, report.HeldUp{By: who, Time: report.Duration(d)})
		}
	}
	return all
}

// Leave ends all that is left of the crowd, with its sessions.
func (c *Crowd) Leave(ctx context.Context) {
	c.stop()
	<-c.done
	c.release(ctx, &c.readers)
	c.release(ctx, &c.writers)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
	defer cancel()
	for _, m := range c.all {
		_ = m.conn.Close(ctx)
	}
	if c.watch != nil {
		_ = c.watch.Close(ctx)
	}
}
