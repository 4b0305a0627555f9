package observe

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// locksWhatItChanges are the command tags of statements that change rows, or relations that they lock for that. Others change what no lock
// on a relation tells of: privileges, functions, types, roles.
var locksWhatItChanges = map[string]bool{
	"CREATE TABLE": true, "CREATE TABLE AS": true, "ALTER TABLE": true, "DROP TABLE": true, "CREATE INDEX": true, "DROP INDEX": true,
	"TRUNCATE TABLE": true, "LOCK TABLE": true, "ANALYZE": true, "CREATE TRIGGER": true, "CREATE POLICY": true,
	"SELECT": true, "INSERT": true, "UPDATE": true, "DELETE": true, "MERGE": true, "COPY": true,
	"BEGIN": true, "START TRANSACTION": true, "SET": true, "RESET": true, "SHOW": true, "SAVEPOINT": true, "RELEASE": true, "SET CONSTRAINTS": true,
}

// changesRows are the command tags of statements that change rows and no table, unless a function or trigger of theirs does.
var changesRows = map[string]bool{"INSERT": true, "UPDATE": true, "DELETE": true, "MERGE": true, "SELECT": true, "COPY": true, "SET": true}

// affords tells whether a statement is worth a question of its own: where questions have not cost much yet, and for all that may lock a table or
// that took its time.
func (u *run) affords(q *Query) bool {
	if len(u.statements) <= askedAlways {
		u.allowed = u.observing
		return true
	}
	return !changesRows[q.stmt.Tag] || q.end-q.start >= overAtOnce || (u.observing-u.allowed)*askingShare <= q.end-u.first
}

// endsTransaction tells a query after which nothing can be asked of the transaction any more.
func endsTransaction(sql string) bool {
	first, _, _ := strings.Cut(Fold(sql, 20), " ")
	return slices.Contains([]string{"COMMIT", "END", "PREPARE"}, strings.TrimSuffix(strings.ToUpper(first), ";"))
}

// together counts the statements that were asked together, and gives the time at which the first of them began.
func (u *run) together(s *session, q *Query) (since time.Duration) {
	if len(s.unasked) == 0 || s.unasked[0] == q {
		s.unasked = nil
		return q.start
	}
	first := s.unasked[0]
	if u.asked += len(s.unasked); s.unasked[len(s.unasked)-1] != q {
		u.asked++
	}
	s.unasked = nil
	return first.start
}

// inside asks the open transaction what the statement did.
func (r *Recorder) inside(ctx context.Context, u *run, q *Query) {
	s, st := q.session, q.stmt
	wal, completed, rels, err := probe(ctx, q.conn)
	if err != nil {
		r.log.Debug("observe: probe", "statement", st.SQL, "reason", Reason(err))
		u.miss("locks, scans, rewrites and rows changed of "+st.place(), Reason(err))
		u.unbound = true
		return
	}
	u.unbound = u.unbound || !locksWhatItChanges[st.Tag] || several(st.src.SQL)
	st.WAL, u.wal = max(0, wal-u.wal), wal
	since := u.together(s, q)
	if s.undone == nil && r.undid(ctx, u, completed) {
		s.undone = st
	}
	u.completed = completed
	var changed []restored
	for _, p := range rels {
		if p.modes >= 1<<shareUpdateExclusive {
			u.locked[p.oid] = true
		} else if p.sequence {
			u.moved[p.oid] = true
		}
		u.countInside(s, st, p)
		rel := u.rels[p.oid]
		if rel == nil {
			continue
		}
		u.lockInside(s, q, rel, p.modes, since)
		if !p.gone && p.filenode != rel.filenode && p.filenode != 0 {
			changed = append(changed, restored{rel: rel, now: p.storage, bytes: p.bytes})
		} else if !p.gone && p.columns != "" {
			rel.columns = p.columns
		}
	}
	st.Rewrites = u.rewritesOf(st, changed)
	s.truncated(st, u)
	u.unlocked(s, rels, q.end)
	sortLocks(st.Locks)
}

// undid tells whether something of the transaction was undone since the last question. Inside it nothing of it can have ended otherwise; what
// ended elsewhere, such as autovacuum's, did so by commit.
func (r *Recorder) undid(ctx context.Context, u *run, completed int64) bool {
	if u.completed == 0 || completed <= u.completed {
		return false
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	aborted, err := r.watcher.ended(ctx, "aborted", u.completed, completed)
	return aborted || err != nil
}

// lockInside notes the locks on rel that the statement took or strengthened.
func (u *run) lockInside(s *session, q *Query, rel *relation, set int, since time.Duration) {
	was, is := telling(s.modes[rel.oid]), telling(set)
	s.modes[rel.oid] = set
	if rel.kind == "S" && is[0].class() == blocksNothing { // nextval
		return
	}
	table, object := u.name(rel)
	for _, m := range is {
		if !slices.ContainsFunc(was, m.within) {
			q.stmt.Locks = append(q.stmt.Locks, report.Lock{Table: table, Object: object, Mode: m.String(), Method: report.Exact})
		}
	}
	u.seize(s, rel, is[0], q.stmt.Line, since, since == q.start)
	if rel.isTable() && is[0] >= rowExclusive {
		u.touched[rel.oid] = true
	}
}

// unlocked ends the holds of relations that the transaction has no lock on any more: rolling back to a savepoint, or out of an exception
// block, gives back what was taken since.
func (u *run) unlocked(s *session, rels []probed, at time.Duration) {
	locked := make(map[uint32]bool, len(rels))
	for _, p := range rels {
		locked[p.oid] = true
	}
	for oid := range s.modes {
		if !locked[oid] {
			delete(s.modes, oid)
		}
	}
	for _, h := range u.holds {
		if h.open && h.session == s && (!locked[h.rel.oid] || telling(s.modes[h.rel.oid])[0].class() < h.class) {
			h.open, h.end = false, at
		}
	}
}

// countInside notes what the transaction's counters of a table have grown by.
func (u *run) countInside(s *session, st *statement, p probed) {
	if !p.table {
		return
	}
	d := p.counters.minus(s.counters[p.oid])
	s.counters[p.oid] = p.counters
	u.scanned(st, p.oid, d)
	if d.Change != (Change{}) {
		s.changes[p.oid] = s.changes[p.oid].plus(d.Change)
		u.touched[p.oid] = true
	}
}

// scanned notes full scans of a table of before.
func (u *run) scanned(st *statement, oid uint32, d counters) {
	if rel := u.rels[oid]; rel != nil && rel.isTable() && d.scans > 0 {
		st.Scans = append(st.Scans, report.Scan{Table: rel.name, Count: d.scans, Rows: d.read})
	}
}

// truncated marks the tables that the statement's rewrites emptied.
func (s *session) truncated(st *statement, u *run) {
	for _, oid := range u.truncated(st) {
		s.changes[oid] = s.changes[oid].plus(Change{Truncated: true})
	}
}

// truncated finds the tables that a statement emptied.
func (u *run) truncated(st *statement) []uint32 {
	var oids []uint32
	for _, w := range st.Rewrites {
		if w.Reason != "truncate" || w.Index != "" {
			continue
		}
		for oid, rel := range u.rels {
			if rel.name == w.Table {
				oids = append(oids, oid)
			}
		}
	}
	return oids
}
