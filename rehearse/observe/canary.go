package observe

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// MostProbed is how many tables [Release] probes at once; each takes two sessions.
const MostProbed = 16

// restEach is the rest between two probes, for each session: all of them together ask the server about a thousand questions a second at most.
const (
	restLeast = 5 * time.Millisecond
	restEach  = time.Millisecond
)

// Canaries ask for what a read and a write of an application need first: the lock on the table (ACCESS SHARE, ROW EXCLUSIVE), each in a
// transaction that touches no row and is rolled back at once. For each table there are two sessions, so that who waits for one keeps no other
// from asking. A canary first asks with NOWAIT; only when the server refuses does it wait, and only that is a wait: how busy the machine
// is makes none.
type Canaries struct {
	every time.Duration
	all   []*canary
	stop  context.CancelFunc
	wg    sync.WaitGroup
}

// canary is one session that probes one table in one mode.
type canary struct {
	cfg   func() *pgx.ConnConfig
	table string
	write bool

	mu      sync.Mutex
	begun   int // probes begun
	waits   []interval
	there   bool            // the table was, when last asked
	missing []time.Time     // when it was found to be gone, having been there
	took    []time.Duration // of probes that did not wait
	err     error           // why the latest probe could not be made
	over    bool            // it asks no more
}

// errNoTable means that the relation of a name is none that LOCK TABLE locks by itself: a view would lock what it reads too.
var errNoTable = errors.New("no table")

// interval is a wait that is over, or, with a zero end, is not.
type interval struct{ from, to time.Time }

// Release begins to probe tables, by their quoted and qualified names, on sessions that cfg leads to: a superuser of staging. What
// is no table (a view, a materialised one, a sequence) is not probed, which NotProbed tells. A table that is not there yet is waited for.
func Release(ctx context.Context, cfg func() *pgx.ConnConfig, tables []string) *Canaries {
	ctx, cancel := context.WithCancel(ctx)
	c := &Canaries{every: max(restLeast, time.Duration(2*len(tables))*restEach), stop: cancel}
	for _, t := range tables {
		for _, write := range []bool{false, true} {
			one := &canary{cfg: cfg, table: t, write: write}
			c.all = append(c.all, one)
			c.wg.Go(func() { one.live(ctx, c.every) })
		}
	}
	return c
}

// Stop ends all sessions. What was seen stays.
func (c *Canaries) Stop() {
	c.stop()
	c.wg.Wait()
}

// live probes until ctx is over. Where its session is ended, as migrations may do to all others, it goes on with a new one.
func (c *canary) live(ctx context.Context, every time.Duration) {
	var conn *pgx.Conn
	defer func() {
		c.note(func() { c.over = true })
		if conn != nil {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_ = conn.Close(ctx)
		}
	}()
	for failed := 0; ctx.Err() == nil && failed < 20; {
		if conn == nil || conn.IsClosed() {
			var err error
			if conn, err = c.connect(ctx); err != nil {
				c.giveUp(err)
				failed++
			}
		}
		if conn != nil && !conn.IsClosed() {
			err := c.probe(ctx, conn)
			if ctx.Err() != nil {
				return
			}
			if c.giveUp(err); errors.Is(err, errNoTable) {
				return
			}
			if failed++; err == nil {
				failed = 0
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(every):
		}
	}
}

func (c *canary) giveUp(err error) { c.note(func() { c.err = err }) }

func (c *canary) connect(ctx context.Context) (*pgx.Conn, error) {
	cfg := c.cfg()
	cfg.Tracer = nil
	cfg.RuntimeParams["application_name"] = "rehearse canary"
	cfg.RuntimeParams["lock_timeout"] = "0"
	cfg.RuntimeParams["statement_timeout"] = "0"
	return pgx.ConnectConfig(ctx, cfg)
}

// look finds out whether there is a table of the name, before the first probe and whenever there was none (pg_class).
func (c *canary) look(ctx context.Context, conn *pgx.Conn) (there bool, err error) {
	var kind string
	err = conn.QueryRow(ctx, "SELECT coalesce((SELECT relkind::text FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1)), '')",
		pgx.QueryExecModeExec, c.table).Scan(&kind)
	switch {
	case err != nil || kind == "":
		return false, err
	case kind != "r" && kind != "p":
		return false, errNoTable
	}
	return true, nil
}

// probe asks once, and waits where it must.
func (c *canary) probe(ctx context.Context, conn *pgx.Conn) error {
	if !c.there {
		there, err := c.look(ctx, conn)
		c.note(func() { c.there, c.begun = there, c.begun+1 })
		if err != nil || !there {
			return err
		}
	}
	mode := "ACCESS SHARE"
	if c.write {
		mode = "ROW EXCLUSIVE"
	}
	lock := "LOCK TABLE ONLY " + c.table + " IN " + mode + " MODE"
	start := time.Now()
	c.note(func() { c.begun++ })
	err := exec(ctx, conn.PgConn(), "BEGIN; "+lock+" NOWAIT; ROLLBACK")
	switch codeOf(err) {
	case "":
		if err == nil {
			c.note(func() { c.took = append(c.took, time.Since(start)) })
		}
		return err
	case "55P03": // lock_not_available
	default:
		return c.settled(ctx, conn, err)
	}
	c.note(func() { c.waits = append(c.waits, interval{from: start}) })
	if err = exec(ctx, conn.PgConn(), "ROLLBACK; BEGIN; "+lock+"; ROLLBACK"); err == nil || codeOf(err) != "" {
		c.note(func() { c.waits[len(c.waits)-1].to = time.Now() })
	} else {
		c.note(func() { c.waits = c.waits[:len(c.waits)-1] }) // cut off
	}
	return c.settled(ctx, conn, err)
}

// settled ends the transaction of a probe that failed, and notes when the table was gone.
func (c *canary) settled(ctx context.Context, conn *pgx.Conn, err error) error {
	if code := codeOf(err); code == "42P01" || code == "3F000" { // undefined_table, invalid_schema_name
		c.note(func() { c.there, c.missing = false, append(c.missing, time.Now()) })
		err = nil
	}
	if !conn.IsClosed() && conn.PgConn().TxStatus() != 'I' {
		return errors.Join(err, exec(ctx, conn.PgConn(), "ROLLBACK"))
	}
	return err
}

func (c *canary) note(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// codeOf is the SQLSTATE of an error; "" for others.
func codeOf(err error) string {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return pe.Code
	}
	return ""
}

// Settle waits until every canary has begun another probe, so that what waited for locks that are gone now has its end; at most for the time
// given, since who waits for a lock that stays does not.
func (c *Canaries) Settle(ctx context.Context, most time.Duration) {
	begun := make([]int, len(c.all))
	for i, one := range c.all {
		one.note(func() { begun[i] = one.begun })
	}
	for end := time.Now().Add(most); ctx.Err() == nil && time.Now().Before(end); time.Sleep(time.Millisecond) {
		settled := true
		for i, one := range c.all {
			one.note(func() { settled = settled && (one.begun > begun[i] || one.over) })
		}
		if settled {
			return
		}
	}
}

// Waits is what canaries waited between two times, by table, those that wait most first; tables that nobody waited for, and that were not
// missing, are left out. A wait that is not over counts until to.
func (c *Canaries) Waits(from, to time.Time) []report.Blocked {
	byTable := map[string]*report.Blocked{}
	var out []*report.Blocked
	for _, one := range c.all {
		b := byTable[one.table]
		if b == nil {
			b = &report.Blocked{Table: one.table}
			byTable[one.table] = b
			out = append(out, b)
		}
		one.note(func() {
			w := one.waited(from, to)
			if one.write {
				b.Writes = w
			} else {
				b.Reads = w
			}
			b.Missing = b.Missing || slices.ContainsFunc(one.missing, func(at time.Time) bool { return !at.Before(from) && !at.After(to) })
		})
	}
	slices.SortStableFunc(out, func(a, b *report.Blocked) int {
		return int(b.Reads.Total + b.Writes.Total - a.Reads.Total - a.Writes.Total)
	})
	var seen []report.Blocked
	for _, b := range out {
		if b.Any() || b.Missing {
			seen = append(seen, *b)
		}
	}
	return seen
}

// waited sums the parts of the waits between two times.
func (c *canary) waited(from, to time.Time) report.Wait {
	var w report.Wait
	for _, i := range c.waits {
		start, end := i.from, i.to
		if end.IsZero() || end.After(to) {
			end = to
		}
		if start.Before(from) {
			start = from
		}
		if d := report.Duration(end.Sub(start)); d > 0 {
			w.Count++
			w.Total += d
			w.Longest = max(w.Longest, d)
		}
	}
	return w
}

// Probing is how they probed, and the noise of the machine.
func (c *Canaries) Probing() *report.Probing {
	p := &report.Probing{Every: report.Duration(c.every)}
	var took []time.Duration
	for _, one := range c.all {
		one.note(func() {
			p.Probes += one.begun
			took = append(took, one.took...)
			switch {
			case len(one.took)+len(one.waits) == 0 && one.err != nil && !slices.Contains(p.NotProbed, one.table):
				p.NotProbed = append(p.NotProbed, one.table)
			case !one.write:
				p.Tables = append(p.Tables, one.table)
			}
		})
	}
	if slices.Sort(took); len(took) > 0 {
		p.NoiseMedian, p.NoiseMax = report.Duration(took[len(took)/2]), report.Duration(took[len(took)-1])
	}
	return p
}
