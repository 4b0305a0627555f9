package observe

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// mode is a table-level lock mode by the number PostgreSQL gives it (src/include/storage/lockdefs.h): a greater one conflicts with
// more. 0 is none.
type mode int

// The modes that matter by name; the others are found in modes.
const (
	rowExclusive         mode = 3
	shareUpdateExclusive mode = 4
	share                mode = 5
	accessExclusive      mode = 8
)

// modes are the names of the modes, as pg_locks and as the documentation has them, by number.
var modes = [...]struct{ internal, name string }{
	{"", ""},
	{"AccessShareLock", "ACCESS SHARE"},
	{"RowShareLock", "ROW SHARE"},
	{"RowExclusiveLock", "ROW EXCLUSIVE"},
	{"ShareUpdateExclusiveLock", "SHARE UPDATE EXCLUSIVE"},
	{"ShareLock", "SHARE"},
	{"ShareRowExclusiveLock", "SHARE ROW EXCLUSIVE"},
	{"ExclusiveLock", "EXCLUSIVE"},
	{"AccessExclusiveLock", "ACCESS EXCLUSIVE"},
}

func (m mode) String() string { return modes[m].name }

// modeOf reads either name of a mode; anything else is 0.
func modeOf(name string) mode {
	for i, m := range modes {
		if name == m.internal || name == m.name {
			return mode(i)
		}
	}
	return 0
}

// class is what a lock keeps others from, in the order of how much it hurts.
type class int

const (
	blocksNothing class = iota
	blocksSchema
	blocksWrites
	blocksReads
)

func (c class) String() string {
	return [...]string{"nothing", "schema changes", "writes", "reads and writes"}[c]
}

// class follows the table of conflicts in PostgreSQL's documentation (13.3.1, table-level locks): a read takes ACCESS SHARE, a write ROW
// EXCLUSIVE, most changes of the schema at least SHARE UPDATE EXCLUSIVE.
func (m mode) class() class {
	switch {
	case m == accessExclusive:
		return blocksReads
	case m >= 5:
		return blocksWrites
	case m == 4:
		return blocksSchema
	}
	return blocksNothing
}

// strongest is the greatest mode in a set where bit n stands for mode n.
func strongest(set int) mode {
	for m := accessExclusive; m > 0; m-- {
		if set&(1<<m) != 0 {
			return m
		}
	}
	return 0
}

// telling are the modes of a set that say all that it keeps others from, the strongest first, at least one. A greater mode conflicts with all that
// a lesser one does, but for SHARE: it does not conflict with itself, and so lets others build indexes that SHARE UPDATE EXCLUSIVE and ROW
// EXCLUSIVE do not.
func telling(set int) []mode {
	modes := []mode{strongest(set)}
	if modes[0] == share {
		if weaker := strongest(set &^ (1 << share)); weaker >= rowExclusive {
			modes = append(modes, weaker)
		}
	}
	return modes
}

// within tells whether whoever has m2 has all that m keeps others from.
func (m mode) within(m2 mode) bool { return m2 >= m && (m2 != share || m == share || m < rowExclusive) }

// hold is a lock of at least a class on a table or one of its indexes, from the start of the statement that took it.
type hold struct {
	session       *session
	rel           *relation
	table, object string
	class         class
	mode          mode // the strongest of that class
	line          int
	start, end    time.Duration
	open          bool
	method        report.Method
}

// seize notes that rel is locked in mode m from start on: one hold for each class up to that of m, so that a
// long SHARE lock is not hidden by the short ACCESS EXCLUSIVE one that follows it. Where it is not known exactly since when, start is the earliest.
func (u *run) seize(s *session, rel *relation, m mode, line int, start time.Duration, known bool) {
	method := report.Exact
	if !known {
		method = report.Estimated
	}
	for c := blocksSchema; c <= m.class(); c++ {
		i := slices.IndexFunc(u.holds, func(h *hold) bool { return h.open && h.session == s && h.rel == rel && h.class == c })
		if i >= 0 {
			if m.class() == c {
				u.holds[i].mode = max(u.holds[i].mode, m)
			}
			continue
		}
		table, object := u.name(rel)
		u.holds = append(u.holds, &hold{
			session: s, rel: rel, table: table, object: object, class: c, mode: m, line: line, start: start, open: true, method: method,
		})
	}
}

// release ends every hold of the session.
func (u *run) release(s *session, at time.Duration) {
	for _, h := range u.holds {
		if h.open && h.session == s {
			h.open, h.end = false, at
		}
	}
}

// name is the table a relation belongs to, and the relation itself when it is an index.
func (u *run) name(rel *relation) (table, object string) {
	if t := u.rels[rel.table]; rel.table != 0 && t != nil {
		return t.name, rel.name
	}
	return rel.name, ""
}

// exposures folds the holds: for each table and object the worst, and a milder one only where it lasted longer. An index that is locked no
// worse and no longer than its table is left out.
func (u *run) exposures() []report.Exposure {
	longest := map[[2]string]map[class]*hold{}
	for _, h := range u.holds {
		key := [2]string{h.table, h.object}
		if longest[key] == nil {
			longest[key] = map[class]*hold{}
		}
		if have := longest[key][h.class]; have == nil || h.end-h.start > have.end-have.start {
			longest[key][h.class] = h
		}
	}
	var out []report.Exposure
	for key, byClass := range longest {
		var covered time.Duration
		for c := blocksReads; c >= blocksSchema; c-- {
			if key[1] != "" {
				covered = max(covered, heldAtLeast(longest[[2]string{key[0], ""}], c))
			}
			h := byClass[c]
			if h == nil || h.end-h.start <= covered {
				continue
			}
			covered = h.end - h.start
			out = append(out, report.Exposure{
				Table: h.table, Object: h.object, Mode: h.mode.String(), Held: report.Duration(covered), Blocks: c.String(),
				Line: h.line, Method: h.method,
			})
		}
	}
	slices.SortFunc(out, func(a, b report.Exposure) int {
		return cmp.Or(cmp.Compare(modeOf(b.Mode).class(), modeOf(a.Mode).class()), cmp.Compare(b.Held, a.Held),
			strings.Compare(a.Table, b.Table), strings.Compare(a.Object, b.Object))
	})
	return out
}

// heldAtLeast is the longest of the holds of at least a class.
func heldAtLeast(byClass map[class]*hold, c class) time.Duration {
	var d time.Duration
	for ; c <= blocksReads; c++ {
		if h := byClass[c]; h != nil {
			d = max(d, h.end-h.start)
		}
	}
	return d
}

// sortLocks orders by table, then by index, the strongest first.
func sortLocks(locks []report.Lock) {
	slices.SortFunc(locks, func(a, b report.Lock) int {
		return cmp.Or(strings.Compare(a.Table, b.Table), strings.Compare(a.Object, b.Object), cmp.Compare(modeOf(b.Mode), modeOf(a.Mode)))
	})
}
