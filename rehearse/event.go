package rehearse

import "time"

// Event is a step of progress. A phase starts, runs and is done or has failed.
type Event struct {
	Phase       string `json:"phase"`
	State       State  `json:"state"`
	Done        int64  `json:"done,omitempty"`  // of Total, in Unit
	Total       int64  `json:"total,omitempty"` // estimate; 0: not known
	Unit        Unit   `json:"unit,omitempty"`
	Tables      int    `json:"tables,omitempty"`
	TablesTotal int    `json:"tables_total,omitempty"`
	// Steps are what has been done of StepsTotal of what follows the rows in a copy: indexes, keys, statistics. 0 elsewhere.
	Steps      int           `json:"steps,omitempty"`
	StepsTotal int           `json:"steps_total,omitempty"`
	Elapsed    time.Duration `json:"elapsed_ns"`
	Note       string        `json:"note,omitempty"`
}

// State is where a phase stands.
type State string

// The states of a phase.
const (
	PhaseStarted State = "started"
	PhaseRunning State = "running"
	PhaseDone    State = "done"
	PhaseFailed  State = "failed"
)

// Unit is what an event counts.
type Unit string

// The units.
const (
	UnitBytes Unit = "bytes"
	UnitSteps Unit = "steps"
)
