package report

// Hostility is what the release met when it was applied among long transactions of others, as production has them.
type Hostility struct {
	Hold        Duration `json:"hold"`         // for so long a transaction in a migration's way went on, from the moment it was waited for
	HoldFrom    string   `json:"hold_from"`    // where that figure comes from, in words
	LockTimeout Duration `json:"lock_timeout"` // under which migrations were tried
	// WriterHold and WriterHoldFrom are the same of transactions that had written.
	WriterHold     Duration `json:"writer_hold"`
	WriterHoldFrom string   `json:"writer_hold_from"`
	// Longest is the age of the oldest transaction of a client at the source when it was copied, LongestWriter of the oldest that had
	// written; nil where nobody could see it.
	Longest       *Duration `json:"longest,omitempty"`
	LongestWriter *Duration `json:"longest_writer,omitempty"`
	Clients       int       `json:"clients"` // sessions with a transaction open, seen then
	Hidden        int       `json:"hidden"`  // sessions that the role may not look into
}

// Hostile is a migration applied while others had long transactions open: one that had read and one that had written each table it locks, a snapshot
// that had read something else, and one that had locked all tables for reading, as pg_dump does.
type Hostile struct {
	Tables []string `json:"tables"` // that it locks, and that were read and written meanwhile
	// WaitedFor says whose transactions it waited for: "a reader of the table", "a writer of the table", "an old snapshot", "a dump"; empty:
	// for none of them.
	WaitedFor []string `json:"waited_for,omitempty"`
	// OwnTimeout says that the migration, one before it in its session, or its role sets a lock_timeout.
	OwnTimeout bool `json:"own_timeout,omitempty"`

	Plain   HostileRun  `json:"plain"`             // with the lock_timeout that it has by itself
	Limited *HostileRun `json:"limited,omitempty"` // under Hostility.LockTimeout; nil when it waited for none for so long, so that both are one
}

// HostileRun is one application among others' transactions.
type HostileRun struct {
	Outcome   Outcome    `json:"outcome"`
	Duration  Duration   `json:"duration"`
	HeldUp    []HeldUp   `json:"held_up,omitempty"` // by whom, and for how long
	Blocked   []Blocked  `json:"blocked,omitempty"` // how long others would have waited, as probes saw it
	Failure   *Failure   `json:"failure,omitempty"`
	Leftovers []Leftover `json:"leftovers,omitempty"` // what it left half done: the INVALID index of a CONCURRENTLY
}

// HeldUp is for how long a migration waited for one kind of transactions, as looks at intervals saw it.
type HeldUp struct {
	By   string   `json:"by"` // as in Hostile.WaitedFor
	Time Duration `json:"time"`
}

// ByWriters tells that the migration waited for transactions that had written its tables, and for no others.
func (h *Hostile) ByWriters() bool { return len(h.WaitedFor) == 1 && h.WaitedFor[0] == AWriter }

// AWriter is what a transaction is called in HeldUp.By that has written a table which the migration locks.
const AWriter = "a writer of the table"

// Worst is the longest that reads or writes of one table waited, in all: reads where both did.
func (h *HostileRun) Worst() (table string, reads, writes Duration) {
	for _, b := range h.Blocked {
		if max(b.Reads.Total, b.Writes.Total) > max(reads, writes) {
			table, reads, writes = b.Table, b.Reads.Total, b.Writes.Total
		}
	}
	return table, reads, writes
}

// Refused tells that a lock could not be had in the time allowed (SQLSTATE 55P03).
func (h *HostileRun) Refused() bool {
	return h != nil && h.Failure != nil && h.Failure.SQLState == "55P03"
}
