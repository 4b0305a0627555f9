package report

import "slices"

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

// WorstBlocked is the longest that probes of a migration waited in all for one table: reads and writes each, with the table.
func (m *Migration) WorstBlocked() (reads, writes Blocked) {
	for _, b := range m.Blocked {
		if b.Reads.Total > reads.Reads.Total {
			reads = b
		}
		if b.Writes.Total > writes.Writes.Total {
			writes = b
		}
	}
	return reads, writes
}

// BlockedOf is what was probed of one table; false when it was not.
func (m *Migration) BlockedOf(table string) (Blocked, bool) {
	i := slices.IndexFunc(m.Blocked, func(b Blocked) bool { return b.Table == table })
	if i < 0 {
		return Blocked{}, false
	}
	return m.Blocked[i], true
}
