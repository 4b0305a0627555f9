package observe

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// outside notes what a statement did that ran outside a transaction block, or whose transaction is over: its locks as the watcher saw
// them, and the difference of the server's counters, file nodes and WAL.
func (r *Recorder) outside(ctx context.Context, u *run, q *Query, end time.Duration) {
	ctx, cancel := detach(ctx)
	defer cancel()
	st := q.stmt
	if wal, err := r.watcher.wal(ctx); err == nil {
		st.WAL, u.wal = max(0, wal-u.wal), wal
	}
	if isPreamble(st.Tag) || st.Tag == "COMMIT" || st.Tag == "ROLLBACK" {
		return
	}
	u.unbound = true
	u.locksOutside(q, end)
	if err := r.storageOutside(ctx, u, st); err != nil {
		u.miss("rewrites by "+st.place(), Reason(err))
	}
	if r.watcher.version < 150000 {
		u.method = report.Estimated
		u.miss(RowsUncounted+" changed by "+st.place(), "it ran outside a transaction, and servers before 15 count too late")
		return
	}
	if err := r.countOutside(ctx, u, q.conn, st); err != nil {
		u.miss(RowsUncounted+" changed by "+st.place(), Reason(err))
	}
}

// locksOutside turns what the watcher saw into locks and holds.
func (u *run) locksOutside(q *Query, end time.Duration) {
	best := map[uint32]mode{}
	for _, seen := range q.watch.locks {
		rel := u.rels[seen.oid]
		if rel == nil || rel.kind == "S" && seen.mode.class() == blocksNothing {
			continue
		}
		if rel.isTable() && seen.mode >= rowExclusive {
			u.touched[rel.oid] = true
		}
		best[seen.oid] = max(best[seen.oid], seen.mode)
		last := q.start + seen.last
		if seen.open {
			last = end
		}
		u.sampledHold(q, rel, seen.mode, min(q.start+seen.first, end), min(last, end))
	}
	for oid, m := range best {
		table, object := u.name(u.rels[oid])
		q.stmt.Locks = append(q.stmt.Locks, report.Lock{Table: table, Object: object, Mode: m.String(), Method: report.Sampled})
	}
	sortLocks(q.stmt.Locks)
	switch {
	case len(best) > 0:
	case q.wire && q.stmt.Tag == "SELECT": // tools send many; one line for all
		u.miss("locks of queries outside transactions", "they were over before the watcher saw them")
	default:
		u.miss("locks of "+q.stmt.place(), "it ran outside a transaction, took "+q.stmt.Duration.String()+", and the watcher saw none in "+
			strconv.Itoa(q.watch.looks)+" looks")
	}
}

// sampledHold adds a hold that is over, in each class up to that of its mode.
func (u *run) sampledHold(q *Query, rel *relation, m mode, start, end time.Duration) {
	table, object := u.name(rel)
	for c := blocksSchema; c <= m.class(); c++ {
		u.holds = append(u.holds, &hold{
			session: q.session, rel: rel, table: table, object: object, class: c, mode: m, line: q.stmt.Line, start: start, end: end,
			method: report.Sampled,
		})
	}
}

// storageOutside compares the storage of all relations with what was seen last.
func (r *Recorder) storageOutside(ctx context.Context, u *run, st *statement) error {
	now, err := r.watcher.relations(ctx)
	if err != nil {
		return err
	}
	var changed []restored
	var oids []uint32
	for _, oid := range slices.Sorted(maps.Keys(u.rels)) {
		rel, new := u.rels[oid], now[oid]
		switch {
		case new == nil:
		case new.filenode != rel.filenode && new.filenode != 0:
			changed = append(changed, restored{rel: rel, now: new.storage})
			oids = append(oids, oid)
		default:
			rel.storage = new.storage
		}
	}
	if len(changed) == 0 {
		return nil
	}
	sizes, err := r.watcher.sizes(ctx, oids)
	for i := range changed {
		changed[i].bytes = sizes[changed[i].rel.oid]
	}
	st.Rewrites = u.rewritesOf(st, changed)
	for _, oid := range u.truncated(st) {
		u.changes[oid] = u.changes[oid].plus(Change{Truncated: true})
	}
	return err
}

// countOutside compares the server's counters of all tables with those read last.
func (r *Recorder) countOutside(ctx context.Context, u *run, conn Conn, st *statement) error {
	if !conn.IsClosed() {
		if _, err := settle(ctx, conn, r.watcher.version); err != nil {
			return err
		}
	}
	now, err := r.watcher.counters(ctx)
	if err != nil {
		return err
	}
	partly := !st.durable && r.committedItself(ctx, u, st)
	for _, oid := range slices.Sorted(maps.Keys(now)) {
		d := now[oid].minus(u.stats[oid])
		u.scanned(st, oid, d)
		if d.Change != (Change{}) && partly {
			u.method = report.Estimated
			u.miss("rows changed, exactly, by "+st.place(), "it failed after a commit of its own, and the server counts what was undone too")
		}
		if d.Change != (Change{}) && (st.durable || partly) {
			u.changes[oid] = u.changes[oid].plus(d.Change)
			u.touched[oid] = true
		}
	}
	u.stats = now
	return nil
}

// committedItself tells whether a statement that failed had committed something before: a CALL, a DO or a text of several statements can.
func (r *Recorder) committedItself(ctx context.Context, u *run, st *statement) bool {
	first, _, _ := strings.Cut(strings.ToUpper(st.SQL), " ")
	if first != "CALL" && first != "DO" && !several(st.src.SQL) {
		return false
	}
	now, err := r.watcher.completed(ctx)
	if err != nil || u.completed == 0 {
		return true
	}
	committed, err := r.watcher.ended(ctx, "committed", u.completed, now)
	return committed || err != nil
}

func itoa(n int) string { return strconv.Itoa(n) }
