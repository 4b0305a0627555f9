package rehearse

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/compare"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// leastDead is the number of dead rows of a table from which on they are kept in the result.
const leastDead = 1000

// leaving follows what migrations leave for later, and whether a later one sees to it: statistics, dead rows, sequences. Like the meter it
// reads between migrations only.
type leaving struct {
	statistics compare.Statistics
	sequences  map[uint32]compare.Sequence

	// What is open still. These point into the result, so that a later migration can be named there.
	lost  map[*report.LostStatistics]uint32 // by table
	dead  map[*report.DeadRows]uint32
	stray map[*report.LeftSequence]uint32
}

func (l *leaving) begin(ctx context.Context, conn *pgx.Conn) (err error) {
	*l = leaving{lost: map[*report.LostStatistics]uint32{}, dead: map[*report.DeadRows]uint32{}, stray: map[*report.LeftSequence]uint32{}}
	if l.statistics, err = compare.ReadStatistics(ctx, conn); err == nil {
		l.sequences, err = compare.ReadSequences(ctx, conn)
	}
	return err
}

// after compares with what was before the migration; only tables that it touched, and those with something open, are read again. last is the
// indexed reading after it.
func (l *leaving) after(ctx context.Context, conn *pgx.Conn, mig *report.Migration, o *observe.Observation, s *step, last *reading) error {
	touched := touchedTables(o, s)
	for _, oid := range l.lost {
		touched[oid] = true
	}
	only := l.sequencesOf(o, s)
	now, sequences, err := compare.Again{
		Tables: slices.AppendSeq([]uint32{}, maps.Keys(touched)), Sequences: only, Before: l.sequences, Touched: touched,
	}.Read(ctx, conn)
	if err != nil {
		return err
	}
	changed := map[uint32]bool{}
	for oid := range o.Changes {
		changed[oid] = true
	}
	mig.Left = report.Left{
		Statistics: compare.DiffStatistics(l.statistics, now, last.countsOf(now), changed), Dead: deadRows(mig, o, s),
		Sequences: compare.DiffSequences(l.sequences, sequences),
	}
	maps.Copy(l.statistics, now)
	if only == nil {
		clear(l.sequences)
	}
	for _, oid := range only {
		delete(l.sequences, oid)
	}
	maps.Copy(l.sequences, sequences)
	l.mend(mig, o, now, last)
	l.follow(mig, now, sequences, s)
	return nil
}

// sequencesOf are the relations by which sequences are read again: those that the migration locked for more than rows, sequences it may have moved,
// and those that a column had for a default whose table is among them. It is nil where all are to be read.
func (l *leaving) sequencesOf(o *observe.Observation, s *step) []uint32 {
	if s.relations == nil {
		return nil
	}
	only := append(slices.Clone(s.relations), o.Moved...)
	for oid, q := range l.sequences {
		if _, found := slices.BinarySearch(s.relations, q.Table); found && q.Table != 0 {
			only = append(only, oid)
		}
	}
	return only
}

// roomOf is the room that a migration needed. What a transaction writes anew stands beside what it replaces until the commit, also where nobody
// looked in between.
func roomOf(mig *report.Migration, seen *report.Disk) *report.Disk {
	if seen == nil || mig.Outcome != report.Applied {
		return seen
	}
	var anew int64
	for _, w := range mig.Rewrites {
		if mig.Transaction {
			anew += w.Bytes
		} else {
			anew = max(anew, w.Bytes)
		}
	}
	if seen.Extra() < anew {
		seen.Peak, seen.Method = seen.Before+anew, report.Estimated
	}
	return seen
}

// touchedTables are those that a migration touched or made, with the partitioned tables above them.
func touchedTables(o *observe.Observation, s *step) map[uint32]bool {
	touched, old := map[uint32]bool{}, map[uint32]bool{}
	for _, oid := range o.Touched {
		touched[oid] = true
	}
	for _, t := range s.was.rows.Tables {
		old[t.OID] = true
	}
	for _, t := range s.is.rows.Tables {
		if !old[t.OID] {
			touched[t.OID] = true
		}
	}
	for _, t := range s.is.rows.Tables {
		if touched[t.OID] && t.Root != 0 {
			touched[t.Root] = true
		}
	}
	return touched
}

// countsOf are the rows of tables by OID, of partitioned ones the sums.
func (r *reading) countsOf(tables compare.Statistics) map[uint32]int64 {
	counts := make(map[uint32]int64, len(tables))
	partitioned := false
	for oid := range tables {
		counts[oid] = r.rows.Counts[oid]
		partitioned = partitioned || r.tables[oid].Kind == 'p'
	}
	if !partitioned {
		return counts
	}
	for oid, t := range r.tables {
		if _, wanted := tables[t.Root]; wanted && t.Root != oid {
			counts[t.Root] += r.rows.Counts[oid]
		}
	}
	return counts
}

// deadRows are the versions of rows that a migration left behind. A table that it wrote anew has none, or some that nobody counted.
func deadRows(mig *report.Migration, o *observe.Observation, s *step) []report.DeadRows {
	var out []report.DeadRows
	for _, t := range s.is.rows.Tables {
		c := o.Changes[t.OID]
		anew := slices.ContainsFunc(mig.Rewrites, func(w report.Rewrite) bool { return w.Table == t.String() && w.Index == "" })
		if c.Updated+c.Deleted < leastDead || c.Truncated || anew || vacuumed(mig, t) {
			continue
		}
		d := report.DeadRows{Table: t.String(), Dead: c.Updated + c.Deleted, Rows: s.is.rows.Counts[t.OID], Method: cmp.Or(o.ChangesMethod, report.Exact)}
		d.Before, d.After = sizeOf(s.was.sizes, t.OID), sizeOf(s.is.sizes, t.OID)
		out = append(out, d)
	}
	return out
}

func sizeOf(sizes []catalog.Size, oid uint32) int64 {
	if i := slices.IndexFunc(sizes, func(s catalog.Size) bool { return s.OID == oid }); i >= 0 {
		return sizes[i].Bytes
	}
	return 0
}

// vacuumed tells whether the last that a migration did to a table is to vacuum it.
func vacuumed(mig *report.Migration, t catalog.Table) bool {
	done := false
	for _, st := range mig.Statements {
		named := strings.Contains(strings.ToLower(st.SQL), strings.ToLower(t.Name))
		switch {
		case st.Tag == "VACUUM":
			done = done || named || !strings.ContainsAny(strings.TrimRight(st.SQL, "; "), " ")
		case named:
			done = false
		}
	}
	return done
}

// mend names the migration in what it sees to.
func (l *leaving) mend(mig *report.Migration, o *observe.Observation, now compare.Statistics, last *reading) {
	for lost, oid := range l.lost {
		if now[oid].Back(*lost) {
			lost.BackBy = mig.Version
			delete(l.lost, lost)
		}
	}
	for dead, oid := range l.dead {
		t, there := last.tables[oid]
		anew := slices.ContainsFunc(mig.Rewrites, func(w report.Rewrite) bool { return w.Table == dead.Table && w.Index == "" })
		if !there || anew || o.Changes[oid].Truncated || vacuumed(mig, t) {
			dead.MendedBy = mig.Version
			delete(l.dead, dead)
		}
	}
	for stray, oid := range l.stray {
		s, there := l.sequences[oid]
		if !there || stray.Kind == report.SequenceBehind && s.Behind == 0 || stray.Kind == report.SequenceOrphaned && (s.Owned || s.Table != 0) {
			stray.MendedBy = mig.Version
			delete(l.stray, stray)
		}
	}
}

// follow keeps an eye on what a migration left.
func (l *leaving) follow(mig *report.Migration, now compare.Statistics, sequences map[uint32]compare.Sequence, s *step) {
	for i := range mig.Left.Statistics {
		for oid, t := range now {
			if t.Name == mig.Left.Statistics[i].Table {
				l.lost[&mig.Left.Statistics[i]] = oid
			}
		}
	}
	for i := range mig.Left.Dead {
		for _, t := range s.is.rows.Tables {
			if t.String() == mig.Left.Dead[i].Table {
				l.dead[&mig.Left.Dead[i]] = t.OID
			}
		}
	}
	for i := range mig.Left.Sequences {
		for oid, q := range sequences {
			if q.Name == mig.Left.Sequences[i].Sequence {
				l.stray[&mig.Left.Sequences[i]] = oid
			}
		}
	}
}
