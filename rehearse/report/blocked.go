package report

import (
	"cmp"
	"fmt"
	"slices"
)

// Probed is how long somebody waited who asked for nothing but the lock that a read or a write takes first.
const Probed Method = "probed"

// Blocked is how long a migration kept others from one table, as probes saw it that asked for the locks of a read (ACCESS SHARE) and of a
// write (ROW EXCLUSIVE) over and over, and touched no row. A probe counts only when the server could not give it the lock at once, so
// a busy machine is no wait.
type Blocked struct {
	Table  string `json:"table"`
	Reads  Wait   `json:"reads"`
	Writes Wait   `json:"writes"`
	// Missing says that at times no table had the name: what uses it fails then rather than waits.
	Missing bool `json:"missing,omitempty"`
}

// Wait is what probes of one kind waited.
type Wait struct {
	Total   Duration `json:"total"`   // the time in which one that came would have waited
	Longest Duration `json:"longest"` // single wait
	Count   int      `json:"count"`
}

// Any tells whether there was a wait at all.
func (b Blocked) Any() bool { return b.Reads.Count+b.Writes.Count > 0 }

// Probing is how the figures of [Blocked] were obtained, and what they are worth on this machine.
type Probing struct {
	Tables []string `json:"tables"` // those that migrations were seen to lock against reads or writes
	Every  Duration `json:"every"`  // rest between two probes of a kind on a table: a wait shorter than that may be missed, a longer one begins late by up to it
	Probes int      `json:"probes"`
	// The machine's own noise: how long probes took that did not wait.
	NoiseMedian Duration `json:"noise_median"`
	NoiseMax    Duration `json:"noise_max"`
	NotProbed   []string `json:"not_probed,omitempty"` // tables beyond the number that can be probed at once
}

// BlockedBudget is the longest that a migration may keep others from one table.
type BlockedBudget struct {
	Any    Duration            `json:"any"`              // of tables that Tables does not name; 0: no limit
	Tables map[string]Duration `json:"tables,omitempty"` // by name, as given; 0: no limit
}

// Kept is how long a migration kept others from one table, by the best method that there is.
type Kept struct {
	Table         string
	Object        string // the index, where that is what was locked
	Mode          string // the strongest lock seen; "" when only probes noticed it
	Held          Duration
	Line          int // of the statement that took the lock
	Reads, Writes Figure
}

// Figure is a time that reads or writes were kept from a table, and how it is known.
type Figure struct {
	Total   Duration
	Longest Duration // single wait, where probed
	Method  Method   // Probed, or the method of the lock that was seen
}

// String is the figure with its method: "7.2 s (probed)", or the time of the lock where nobody probed: "7.2 s (lock held, exact)".
func (f Figure) String() string {
	if f.Method == Probed {
		return f.Total.String() + " (probed)"
	}
	return fmt.Sprintf("%s (lock held, %s)", f.Total, cmp.Or(f.Method, Exact))
}

// BlockedOf is what probes saw of one table; false when none asked for it while the migration ran.
func (r *Result) BlockedOf(m *Migration, table string) (Blocked, bool) {
	if !m.Probed || r.Probing == nil || !slices.Contains(r.Probing.Tables, table) {
		return Blocked{}, false
	}
	if i := slices.IndexFunc(m.Blocked, func(b Blocked) bool { return b.Table == table }); i >= 0 {
		return m.Blocked[i], true
	}
	return Blocked{Table: table}, true
}

// Kept is what a migration kept others from, table by table in the order in which its locks are told. Where probes asked for a table theirs
// are the figures; else it is the longest that a lock was held, and so it is for an index: who uses the table needs its indexes too, which
// no probe asks for. Tables that the release itself makes are left out, since nobody else knows them.
func (r *Result) Kept(m *Migration) []Kept {
	var all []Kept
	find := func(table, object string) *Kept {
		i := slices.IndexFunc(all, func(k Kept) bool { return k.Table == table && k.Object == object })
		if i < 0 {
			i = len(all)
			all = append(all, Kept{Table: table, Object: object})
		}
		return &all[i]
	}
	for _, e := range m.Locks {
		if e.Blocks == "schema changes" || r.Made(e.Table) {
			continue
		}
		k := find(e.Table, e.Object)
		if k.Mode == "" { // the strongest comes first
			k.Mode, k.Held, k.Line = e.Mode, e.Held, e.Line
		}
		f := Figure{Total: e.Held, Method: cmp.Or(e.Method, Exact)}
		if e.Blocks == "reads and writes" {
			k.Reads = f
		}
		if f.Total > k.Writes.Total || k.Writes.Method == "" {
			k.Writes = f
		}
	}
	for _, b := range m.Blocked {
		if !r.Made(b.Table) {
			find(b.Table, "")
		}
	}
	for i := range all {
		if b, ok := r.BlockedOf(m, all[i].Table); ok && all[i].Object == "" {
			all[i].Reads = Figure{Total: b.Reads.Total, Longest: b.Reads.Longest, Method: Probed}
			all[i].Writes = Figure{Total: b.Writes.Total, Longest: b.Writes.Longest, Method: Probed}
		}
	}
	return all
}

// Made tells a table that the pending migrations make: production's application cannot use it before they are done.
func (r *Result) Made(table string) bool {
	return slices.ContainsFunc(r.Schema, func(c Change) bool { return c.Action == "added" && c.Kind == "table" && c.Name == table })
}
