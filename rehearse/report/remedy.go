package report

// Remedied is a statement of a migration done in another way that blocks less, as it went on a clone of the copy: the migration's other
// statements are as they were, those before it in one transaction and those after it in another.
type Remedied struct {
	Line     int       `json:"line,omitempty"`                // of the statement it replaces
	Table    string    `json:"table"`                         // the one the statement blocked longest
	SQL      []string  `json:"sql"`                           // instead of it, each statement by itself
	Duration Duration  `json:"duration"`                      // of SQL
	Longest  Duration  `json:"longest_transaction,omitempty"` // sampled; of a remedy that works in batches
	Blocked  []Blocked `json:"blocked"`                       // by the whole migration, probed; nobody waited where it is empty
	Failure  *Failure  `json:"failure,omitempty"`
	// Differs is how the schema then differs from the one that the migration as it is makes. It is no remedy then.
	Differs []Change `json:"differs,omitempty"`
}

// Holds tells whether it led to the same end.
func (r Remedied) Holds() bool { return r.Failure == nil && len(r.Differs) == 0 }

// Of is how long the table was blocked, for reads or for writes.
func (r Remedied) Of(table string, writes bool) Duration {
	for _, b := range r.Blocked {
		switch {
		case b.Table == table && writes:
			return b.Writes.Total
		case b.Table == table:
			return b.Reads.Total
		}
	}
	return 0
}
