package rehearse

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

const (
	mostInside = 5                    // statements of a migration that are killed while they run
	goneWithin = 30 * time.Second     // a backend that was terminated
	leastWait  = time.Second          // until a statement with CONCURRENTLY is killed that does not come to wait
	lookEvery  = 2 * time.Millisecond // for whether it does
	mostHeld   = 1000                 // tables that the bystander locks
)

// point is where a migration is killed.
type point struct {
	statement int // counted from 1
	inside    bool
	bystander bool          // somebody reads the tables meanwhile, for whom the statement has to wait
	after     time.Duration // inside: since the statement was sent, if it has not come to wait before
}

// points are those of a migration: after its statements, the first, the last and others evenly spread, at most so many, and inside of those
// that commit themselves. leftOut says what was not picked.
func points(m *report.Migration, most int) (all []point, leftOut string) {
	n := len(m.Statements)
	tried := min(n, most)
	for i := range tried {
		at := 0
		if tried > 1 {
			at = (i*(n-1) + (tried-1)/2) / (tried - 1)
		}
		all = append(all, point{statement: at + 1})
	}
	if tried < n {
		leftOut = fmt.Sprintf("killed after %d of its %d statements, the first, the last and others evenly spread", tried, n)
	}
	inside := 0
	for i, s := range m.Statements {
		first, _, _ := strings.Cut(strings.ToUpper(s.SQL), " ")
		concurrently := strings.Contains(strings.ToUpper(s.SQL), "CONCURRENTLY")
		if s.Transaction || inside == mostInside || !concurrently && first != "CALL" && first != "DO" {
			continue
		}
		inside++
		p := point{statement: i + 1, inside: true, after: time.Duration(s.Duration) / 2}
		if concurrently {
			p.bystander, p.after = true, max(p.after, leastWait)
		}
		all = append(all, p)
	}
	slices.SortStableFunc(all, func(a, b point) int {
		switch {
		case a.statement != b.statement:
			return a.statement - b.statement
		case a.inside == b.inside:
			return 0
		case a.inside:
			return -1
		}
		return 1
	})
	return all, leftOut
}

// assassin terminates the backend of a migration at a point of it.
type assassin struct {
	at    staging.Server
	point point
	conn  *pgx.Conn

	hit bool
	err error

	wg    sync.WaitGroup
	ended chan struct{} // closed when the statement to be killed inside has ended
	once  sync.Once
	by    *pgx.Conn

	mu    sync.Mutex
	dead  bool       // whose backend was terminated does nothing any more
	lines []net.Conn // of the migration
}

// errKilled is what code of a migration is told that goes on after the kill.
var errKilled = errors.New("the migrating process was killed")

// mortal has connections of the migration end with the kill, and lets it make no others: Go code, whose pool would have another session take
// the place of the one that is gone, died with it.
func (k *assassin) mortal(target func() *pgx.ConnConfig) func() *pgx.ConnConfig {
	return func() *pgx.ConnConfig {
		cfg := target()
		dial := cfg.DialFunc
		cfg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
			line, err := dial(ctx, network, address)
			k.mu.Lock()
			defer k.mu.Unlock()
			if err == nil && k.dead {
				return nil, errors.Join(errKilled, line.Close())
			}
			if err == nil {
				k.lines = append(k.lines, line)
			}
			return line, err
		}
		return cfg
	}
}

// die has the migration make no more connections, and hangUp ends those that it has.
func (k *assassin) die() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dead = true
}

func (k *assassin) hangUp() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, line := range k.lines {
		_ = line.Close()
	}
}

// strike applies the ith migration to a clone and kills it at a point. hit is false when the point was not met: the statement had ended
// before.
func (p *passing) strike(ctx context.Context, at staging.Server, i int, where point) (m report.Migration, hit bool, err error) {
	k := &assassin{at: at, point: where, ended: make(chan struct{})}
	if k.conn, err = pgx.ConnectConfig(ctx, at.Config()); err != nil {
		return m, false, fmt.Errorf("connect to staging: %w", err)
	}
	defer func() { err = errors.Join(err, k.leave(ctx)) }()
	o := observe.Options{TimesOnly: true, Sent: func(n int, pid uint32) { k.sent(ctx, n, pid) }}
	if where.inside {
		o.Sending = func(n int, pid uint32) { k.sending(ctx, n, pid) }
	}
	target, err := p.target(ctx, p.work, at)
	if err != nil {
		return m, false, err
	}
	options := p.applying(p.work, k.mortal(target), at)
	options.Observe = o
	a, err := migrate.Open(ctx, p.work.todo, options)
	if err != nil {
		return m, false, err
	}
	m, _, failed := a.Up(ctx, i)
	k.over()
	closed := a.Close(ctx)
	if n := where.statement; where.inside && len(m.Statements) >= n && m.Statements[n-1].Failure == nil {
		k.hit = false // it had just ended
	}
	switch {
	case k.err != nil || ctx.Err() != nil:
		return m, false, errors.Join(k.err, ctx.Err())
	case !k.hit && failed != nil:
		return m, false, errors.Join(failed, closed)
	case !k.hit && !where.inside && m.Outcome != report.Applied:
		return m, false, p.otherwise(m, i)
	}
	return m, k.hit, closed // that the connection was lost is what was wanted
}

// sent is called when a statement has ended.
func (k *assassin) sent(ctx context.Context, n int, pid uint32) {
	if n != k.point.statement {
		return
	}
	if k.point.inside {
		k.over()
		k.let(ctx) // what comes next is not to wait for it
		return
	}
	if !k.hit {
		k.hit, k.err = true, k.terminate(ctx, pid)
	}
}

// over ends the lurking.
func (k *assassin) over() {
	k.once.Do(func() { close(k.ended) })
	k.wg.Wait()
}

// sending is called before a statement is sent: what it will have to wait for is put in its way, and it is lurked for.
func (k *assassin) sending(ctx context.Context, n int, pid uint32) {
	if n != k.point.statement {
		return
	}
	if k.point.bystander {
		if k.err = k.hold(ctx); k.err != nil {
			k.let(ctx)
			return
		}
	}
	k.wg.Go(func() {
		if k.hit, k.err = k.lurk(ctx, pid); k.err != nil {
			k.let(ctx)
		}
	})
}

// hold opens a transaction beside: an old snapshot and a reader of the tables, as pg_dump is, which CONCURRENTLY waits for before it ends.
func (k *assassin) hold(ctx context.Context) (err error) {
	if k.by, err = pgx.ConnectConfig(ctx, k.at.Config()); err != nil {
		return fmt.Errorf("connect to staging: %w", err)
	}
	if _, err := k.by.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL lock_timeout = '10s'"); err != nil {
		return err
	}
	rows, err := k.by.Query(ctx, `SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND c.oid >= 16384 ORDER BY c.oid LIMIT $1`, mostHeld)
	if err != nil {
		return err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) == 0 {
		return err
	}
	_, err = k.by.Exec(ctx, "LOCK TABLE ONLY "+strings.Join(tables, ", ONLY ")+" IN ACCESS SHARE MODE")
	return err
}

// let ends the bystander, so that nobody waits for it.
func (k *assassin) let(ctx context.Context) {
	if k.by != nil {
		k.err = errors.Join(k.err, k.by.Close(context.WithoutCancel(ctx)))
		k.by = nil
	}
}

// lurk terminates a backend when it waits for a lock, or when its time has come; it gives up when the statement has ended.
func (k *assassin) lurk(ctx context.Context, pid uint32) (hit bool, err error) {
	for start := time.Now(); ; {
		select {
		case <-k.ended:
			return false, nil
		case <-ctx.Done():
			return false, nil
		case <-time.After(lookEvery):
		}
		waits := false
		if k.point.bystander {
			const query = "SELECT coalesce(bool_or(wait_event_type = 'Lock'), false) FROM pg_stat_activity WHERE pid = $1"
			if err := k.conn.QueryRow(ctx, query, int64(pid)).Scan(&waits); err != nil {
				return false, err
			}
		}
		if waits || time.Since(start) >= k.point.after {
			return true, k.terminate(ctx, pid)
		}
	}
}

// terminate ends a backend, waits until it is gone, and has the migration end with it.
func (k *assassin) terminate(ctx context.Context, pid uint32) error {
	k.die()
	defer k.hangUp()
	for deadline := time.Now().Add(goneWithin); ; time.Sleep(lookEvery) {
		var left int
		const query = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid = $1 AND backend_type = 'client backend'`
		if err := k.conn.QueryRow(ctx, query, int64(pid)).Scan(&left); err != nil {
			return fmt.Errorf("terminate the migrating session: %w", err)
		}
		if left == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the migrating session is still there %s after it was terminated", report.Duration(goneWithin))
		}
	}
}

// leave ends the sessions.
func (k *assassin) leave(ctx context.Context) error {
	k.err = nil // told already
	k.let(ctx)
	return errors.Join(k.err, k.conn.Close(context.WithoutCancel(ctx)))
}
