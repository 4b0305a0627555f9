package report

import (
	"fmt"
	"strings"
)

// Disk is how much room a migration needed while it ran: the files of the database and temporary ones, looked at over and over by a second
// session. WAL is not in it.
type Disk struct {
	Before int64 `json:"before_bytes"`
	Peak   int64 `json:"peak_bytes"`
	After  int64 `json:"after_bytes"`
	// Every is the longest rest between two looks: what came and went within it may have been missed.
	Every  Duration `json:"every"`
	Looks  int      `json:"looks"`
	Method Method   `json:"method"` // Estimated: no look came in time, and Peak is what the new storage of rewrites takes beside the old at least
}

// Extra is the peak above what there was before.
func (d Disk) Extra() int64 { return max(0, d.Peak-d.Before) }

// Left is what a migration left for the server to do, or to stumble upon.
type Left struct {
	Statistics []LostStatistics `json:"statistics,omitempty"`
	Dead       []DeadRows       `json:"dead,omitempty"`
	Sequences  []LeftSequence   `json:"sequences,omitempty"`
}

// LostStatistics is a table of which the planner knows less than before, or than it could, until it is analysed. Source: pg_statistic and
// pg_statistic_ext_data, right after the migration.
type LostStatistics struct {
	Table    string   `json:"table"`
	Rows     int64    `json:"rows"`               // of the table, counted
	Lost     []string `json:"lost,omitempty"`     // columns that had statistics before
	New      []string `json:"new,omitempty"`      // columns, and expressions of indexes (by the index), that have none yet
	Extended []string `json:"extended,omitempty"` // objects of CREATE STATISTICS without data
	Whole    bool     `json:"whole,omitempty"`    // the table is new, and has none at all
	Analyze  string   `json:"analyze"`            // the SQL that brings them back
	BackBy   int64    `json:"back_by,omitempty"`  // the pending migration after which they are there again
}

// DeadRows is how many versions of rows a migration left for VACUUM: each row updated or deleted leaves one. Some may be gone already, where
// a page was tidied in passing.
type DeadRows struct {
	Table    string `json:"table"`
	Dead     int64  `json:"dead"`
	Rows     int64  `json:"rows"` // live ones after the migration, counted
	Before   int64  `json:"before_bytes"`
	After    int64  `json:"after_bytes"`
	Method   Method `json:"method"`              // of Dead: rows updated and deleted, as the server counted them
	MendedBy int64  `json:"mended_by,omitempty"` // the pending migration that vacuums the table, writes it anew or drops it
}

// What LeftSequence.Kind says.
const (
	SequenceBehind   = "behind"       // the next value it gives is in the column already
	SequenceOrphaned = "orphaned"     // no column owns it or has it for a default any more
	SequenceNearEnd  = "near its end" // most of what its column can hold is used up
)

// LeftSequence is a sequence that a migration left behind its column, or without one, or near its end.
type LeftSequence struct {
	Sequence string  `json:"sequence"`
	Table    string  `json:"table"`
	Column   string  `json:"column,omitempty"`
	Kind     string  `json:"kind"`
	Behind   int64   `json:"behind,omitempty"`    // so many values, up to the column's largest, come before one that is not there
	Used     float64 `json:"used,omitempty"`      // share of what the column can hold
	SQL      string  `json:"sql,omitempty"`       // what mends it
	MendedBy int64   `json:"mended_by,omitempty"` // the pending migration after which it is not so any more
}

// bill is what the first screen says of WAL and disk.
func (a *arranger) bill() []item {
	var wal int64
	var worst Disk
	for i := range a.r.Migrations {
		m := &a.r.Migrations[i]
		wal += m.WAL
		if m.Disk != nil && m.Disk.Extra() >= worst.Extra() {
			worst = *m.Disk
		}
	}
	if wal == 0 {
		return nil
	}
	text := "Cost: " + Bytes(wal) + " WAL"
	if worst.Looks > 0 {
		text += a.sym.dot + "peak extra disk " + Bytes(worst.Extra()) + " (" + string(worst.Method) + ", WAL not in it)"
	}
	return []item{{Text: text}}
}

// addLeft tells what migrations left for later, below what is half done.
func (a *arranger) addLeft(items []item) []item {
	for i := range a.r.Migrations {
		m := &a.r.Migrations[i]
		add := func(text, sql string) {
			items = append(items, item{Kind: bullet, Text: a.text(m.ShortName() + ": " + text)})
			if sql != "" {
				items = append(items, item{Kind: code, Depth: 1, Text: clean(sql)})
			}
		}
		for _, s := range m.Left.Statistics {
			if s.BackBy == 0 {
				add(s.Words(), s.Analyze)
			}
		}
		for _, d := range m.Left.Dead {
			if d.MendedBy == 0 {
				add(d.Words(), "VACUUM (ANALYZE) "+d.Table+";")
			}
		}
		for _, q := range m.Left.Sequences {
			if q.MendedBy == 0 {
				add(q.Words(), q.SQL)
			}
		}
	}
	return items
}

// Words is the fact in one sentence.
func (s LostStatistics) Words() string {
	var parts []string
	add := func(what string, names []string) {
		if len(names) > 0 {
			parts = append(parts, what+" "+list(names, 8))
		}
	}
	if s.Whole {
		parts = append(parts, "the table is new and has none")
	}
	add("lost:", s.Lost)
	add("new and without:", s.New)
	add("extended, without data:", s.Extended)
	return fmt.Sprintf("statistics of %s (%s): %s", s.Table, Count(s.Rows, "row"), strings.Join(parts, "; "))
}

// Words is the fact in one sentence.
func (d DeadRows) Words() string {
	about := ""
	if d.Method != Exact {
		about = "about "
	}
	text := fmt.Sprintf("%s%s for VACUUM in %s, which has %s", about, Count(d.Dead, "dead row version"), d.Table, Count(d.Rows, "row"))
	if d.After > d.Before {
		text += fmt.Sprintf("; the table grew from %s to %s", Bytes(d.Before), Bytes(d.After))
	}
	return text
}

// Words is the fact in one sentence.
func (s LeftSequence) Words() string {
	switch s.Kind {
	case SequenceBehind:
		return fmt.Sprintf("sequence %s is behind %s.%s: up to %s that it gives next %s there already", s.Sequence, s.Table, s.Column, Count(s.Behind, "value"), isAre(s.Behind))
	case SequenceOrphaned:
		return fmt.Sprintf("sequence %s is used by no column any more; it was by %s", s.Sequence, s.Table)
	}
	return fmt.Sprintf("sequence %s has used %.0f %% of what %s.%s can hold", s.Sequence, 100*s.Used, s.Table, s.Column)
}

func isAre(n int64) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
