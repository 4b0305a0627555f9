package observe

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// watcher is the second session. It never opens a transaction block and never asks anything that waits for a lock on a user's relation.
type watcher struct {
	cfg     *pgx.ConnConfig
	mu      sync.Mutex
	conn    *pgx.Conn
	version int // server_version_num
}

// openWatcher connects, as its own application, with limits that keep it from hanging on what the migration does.
func openWatcher(ctx context.Context, cfg *pgx.ConnConfig) (*watcher, error) {
	cfg = cfg.Copy()
	cfg.Tracer = nil
	cfg.RuntimeParams["application_name"] = "rehearse observer"
	cfg.RuntimeParams["lock_timeout"] = "1000"
	cfg.RuntimeParams["statement_timeout"] = "30000"
	cfg.RuntimeParams["search_path"] = "pg_catalog"
	cfg.RuntimeParams["plan_cache_mode"] = "force_generic_plan" // the few relations asked for cost more to plan than to read
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect the observer of migrations: %w", err)
	}
	w := &watcher{cfg: cfg, conn: conn}
	var version string
	if err := conn.QueryRow(ctx, "SHOW server_version_num").Scan(&version); err != nil {
		_ = conn.Close(ctx)
		return nil, fmt.Errorf("read the version of the server: %w", err)
	}
	w.version, err = strconv.Atoi(version)
	return w, err
}

func (w *watcher) close(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.conn.Close(ctx)
}

// ask puts a question on the watcher's session, once more on a new one when that was ended meanwhile: a migration that terminates all
// other sessions ends this one too. The mutex must be held.
func (w *watcher) ask(ctx context.Context, question func(conn *pgx.Conn) error) error {
	if !w.conn.IsClosed() {
		err := question(w.conn)
		if err == nil || !w.conn.IsClosed() || ctx.Err() != nil {
			return err
		}
	}
	conn, err := pgx.ConnectConfig(ctx, w.cfg.Copy())
	if err != nil {
		return err
	}
	w.conn = conn
	return question(conn)
}

// one asks for one row.
func (w *watcher) one(ctx context.Context, sql string, args, into []any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ask(ctx, func(conn *pgx.Conn) error { return conn.QueryRow(ctx, sql, args...).Scan(into...) })
}

// each asks for rows: next is called for each when it stands in into, and start before the first of each attempt.
func (w *watcher) each(ctx context.Context, sql string, args, into []any, start, next func()) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ask(ctx, func(conn *pgx.Conn) error {
		start()
		rows, err := conn.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		_, err = pgx.ForEachRow(rows, into, func() error {
			next()
			return nil
		})
		return err
	})
}

// beginning is the position in the WAL (see wal), and whether the server counts scans and changed rows.
func (w *watcher) beginning(ctx context.Context) (wal int64, counting bool, err error) {
	err = w.one(ctx, "SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint, current_setting('track_counts')::bool", nil, []any{&wal, &counting})
	return wal, counting, err
}

// relations reads the relations there are, by OID, as committed.
func (w *watcher) relations(ctx context.Context) (rels map[uint32]*relation, err error) {
	var r relation
	err = w.each(ctx, relationsSQL, nil, r.fields(), func() { rels = map[uint32]*relation{} }, func() {
		c := r
		rels[c.oid] = &c
	})
	if err != nil {
		return nil, fmt.Errorf("read the relations: %w", err)
	}
	return rels, nil
}

const walSQL = "SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint"

// wal is the position in the WAL, in bytes from its beginning (pg_current_wal_insert_lsn).
func (w *watcher) wal(ctx context.Context) (pos int64, err error) {
	err = w.one(ctx, walSQL, nil, []any{&pos})
	return pos, err
}

// ending is the position in the WAL (see wal), and of the OIDs the relations there are still, in one exchange.
func (w *watcher) ending(ctx context.Context, oids []uint32) (wal int64, rels map[uint32]*relation, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	err = w.ask(ctx, func(conn *pgx.Conn) error {
		rels = map[uint32]*relation{}
		batch := &pgx.Batch{}
		batch.Queue(walSQL).QueryRow(func(row pgx.Row) error { return row.Scan(&wal) })
		if len(oids) > 0 {
			batch.Queue(someRelationsSQL, oids).Query(func(rows pgx.Rows) error {
				r := &relation{}
				_, err := pgx.ForEachRow(rows, r.fields(), func() error {
					c := *r
					rels[c.oid] = &c
					return nil
				})
				return err
			})
		}
		return conn.SendBatch(ctx, batch).Close()
	})
	return wal, rels, err
}

// completed is the number after that of the newest transaction that has ended, however (pg_current_snapshot).
func (w *watcher) completed(ctx context.Context) (xid int64, err error) {
	err = w.one(ctx, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint", nil, []any{&xid})
	return xid, err
}

// ended tells whether any of the (sub)transactions with numbers from one to below another came to the given end: committed, aborted. Of
// many it looks at the first thousand.
func (w *watcher) ended(ctx context.Context, how string, from, to int64) (yes bool, err error) {
	err = w.one(ctx, `SELECT EXISTS (SELECT FROM generate_series($1::bigint, least($2::bigint, $1 + 1000) - 1) xid
		WHERE pg_xact_status(xid::text::xid8) = $3)`, []any{from, to, how}, []any{&yes})
	return yes, err
}

// quote is a qualified name as SQL would have it.
func (w *watcher) quote(ctx context.Context, schema, name string) (quoted string, err error) {
	err = w.one(ctx, "SELECT quote_ident($1) || '.' || quote_ident($2)", []any{schema, name}, []any{&quoted})
	return quoted, err
}

// counting says whether the server counts scans and changed rows.
func (w *watcher) counting(ctx context.Context) (on bool, err error) {
	err = w.one(ctx, "SELECT current_setting('track_counts')::bool", nil, []any{&on})
	return on, err
}

// counters reads the server's counters of every table (pg_stat_get_*), as far as sessions have handed them over.
func (w *watcher) counters(ctx context.Context) (all map[uint32]counters, err error) {
	var oid uint32
	var c counters
	err = w.each(ctx, `SELECT oid, pg_stat_get_numscans(oid), pg_stat_get_tuples_returned(oid), pg_stat_get_tuples_inserted(oid),
		pg_stat_get_tuples_updated(oid), pg_stat_get_tuples_deleted(oid)
		FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'p', 'm') AND relpersistence <> 't'`, nil,
		[]any{&oid, &c.scans, &c.read, &c.Inserted, &c.Updated, &c.Deleted},
		func() { all = map[uint32]counters{} }, func() { all[oid] = c })
	return all, err
}

// sizes are the bytes of the main storage of relations.
func (w *watcher) sizes(ctx context.Context, oids []uint32) (sizes map[uint32]int64, err error) {
	var oid uint32
	var size int64
	err = w.each(ctx, "SELECT oid, COALESCE(pg_relation_size(oid), 0) FROM unnest($1::oid[]) AS oid", []any{oids}, []any{&oid, &size},
		func() { sizes = map[uint32]int64{} }, func() { sizes[oid] = size })
	return sizes, err
}

// terminate ends backends and waits until the server is rid of them.
func (w *watcher) terminate(ctx context.Context, pids []int64) error {
	if len(pids) == 0 {
		return nil
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var left int
		err := w.one(ctx, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE pid = ANY($1::int8[]) AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND datname = current_database()`, []any{pids}, []any{&left})
		if err != nil {
			return fmt.Errorf("end the migrating session: %w", err)
		}
		if left == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("end the migrating session: %d still running", left)
		}
	}
}

// sighting is a lock the watcher saw: not before the one and not after the other time since the watch began.
type sighting struct {
	oid         uint32
	mode        mode
	first, last time.Duration
	open        bool // seen in the latest sample: it can last until the next
}

// watch is what was seen of one statement from outside.
type watch struct {
	start time.Time
	stop  chan struct{}
	done  chan struct{}

	previous time.Duration // when the latest sample was asked for
	locks    []*sighting   // only outside a transaction
	slept    time.Duration
	waited   time.Duration // for locks of others
	waiting  bool          // in the latest sample
	blockers []string      // who had them
	looks    int
	err      error
}

// watch begins to look at the backend until end is called: for its sleeping and, with locks set, for what it has locked. Looks come at
// once and then at growing intervals where locks matter, since they are the only source; else only long statements are looked at.
func (w *watcher) watch(ctx context.Context, pid uint32, locks bool) *watch {
	ctx = context.WithoutCancel(ctx) // end is what ends it
	v := &watch{start: time.Now(), stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(v.done)
		pause := Interval / 2
		if locks {
			pause = time.Millisecond / 2
		}
		for {
			select {
			case <-v.stop:
				return
			case <-time.After(pause):
			}
			if v.err = w.look(ctx, pid, locks, v); v.err != nil {
				return
			}
			pause = min(2*pause, Interval)
		}
	}()
	return v
}

// end stops looking.
func (v *watch) end() {
	close(v.stop)
	<-v.done
}

// look takes one sample (pg_stat_get_activity, pg_locks). It has no deadline but the session's statement_timeout.
func (w *watcher) look(ctx context.Context, pid uint32, locks bool, v *watch) error {
	before := time.Since(v.start)
	var sleeping, waiting bool
	var oid uint32
	var name string
	var seen []sighting
	err := w.each(ctx, `SELECT COALESCE(a.wait_event = 'PgSleep', false), COALESCE(a.wait_event_type = 'Lock', false), COALESCE(l.relation, 0::oid), COALESCE(l.mode, '')
		FROM pg_stat_get_activity($1) a
		LEFT JOIN pg_locks l ON $2 AND l.pid = a.pid AND l.locktype = 'relation' AND l.granted AND l.relation >= 16384
			AND l.database = a.datid`, []any{int32(pid), locks}, []any{&sleeping, &waiting, &oid, &name}, func() { seen = nil }, func() {
		if oid != 0 {
			seen = append(seen, sighting{oid: oid, mode: modeOf(name)})
		}
	})
	previous := v.previous
	v.note(before, time.Since(v.start), sleeping, seen)
	if err == nil {
		err = w.lookWaiting(ctx, pid, v, before-previous, waiting)
	}
	return err
}

// lookWaiting notes that the backend waits for a lock: since when, as the server has it (pg_locks.waitstart, from 14 on), and for whom
// (pg_blocking_pids). Further looks add the time since the look before.
func (w *watcher) lookWaiting(ctx context.Context, pid uint32, v *watch, since time.Duration, waiting bool) error {
	was := v.waiting
	if v.waiting = waiting; !waiting {
		return nil
	}
	started := "NULL::timestamptz"
	if w.version >= 140000 {
		started = "(SELECT min(waitstart) FROM pg_locks WHERE pid = $1 AND NOT granted)"
	}
	var begun float64
	var who string
	err := w.each(ctx, `SELECT COALESCE(1000 * extract(epoch FROM clock_timestamp() - `+started+`), -1)::float8,
			COALESCE(CASE WHEN b.backend_type <> 'client backend' THEN b.backend_type ELSE NULLIF(b.application_name, '') END, 'another session')
		FROM unnest(pg_blocking_pids($1)) p LEFT JOIN pg_stat_get_activity(p) b ON true`, []any{int32(pid)}, []any{&begun, &who}, func() {}, func() {
		if !slices.Contains(v.blockers, who) {
			v.blockers = append(v.blockers, who)
		}
		if !was && begun >= 0 {
			since = time.Duration(begun * float64(time.Millisecond))
		}
	})
	v.waited += since
	return err
}

// note adds a sample taken between two times. What was seen lasts, by the most it can, from the sample before to the one after.
func (v *watch) note(before, after time.Duration, sleeping bool, seen []sighting) {
	previous := v.previous
	v.previous = before
	v.looks++
	if sleeping {
		v.slept += before - previous
	}
	current := map[sighting]bool{}
	for _, s := range seen {
		current[s] = true
	}
	for _, s := range v.locks {
		key := sighting{oid: s.oid, mode: s.mode}
		if s.open {
			s.last = after
		}
		s.open = current[key]
		delete(current, key)
	}
	for s := range current {
		v.locks = append(v.locks, &sighting{oid: s.oid, mode: s.mode, first: previous, last: after, open: true})
	}
}
