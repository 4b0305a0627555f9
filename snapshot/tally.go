package snapshot

import "sync"

// tellEvery is how much must have been read before progress is told again within a table.
const tellEvery = 8 << 20

// tally adds up the progress of all workers.
type tally struct {
	mu sync.Mutex
	Event
	untold int
}

// enter begins a phase.
func (t *tally) enter(phase string, tell func(Event)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Phase, t.Table = phase, ""
	t.tell(tell)
}

// grow counts bytes read from the source.
func (t *tally) grow(n int, tell func(Event)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Bytes += int64(n)
	if t.untold += n; t.untold >= tellEvery {
		t.Table = ""
		t.tell(tell)
	}
}

// finished counts a table.
func (t *tally) finished(l *load, tell func(Event)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Tables++
	t.Rows += l.result.Rows
	t.Table = l.table.String()
	t.tell(tell)
}

// step counts a task that follows the rows.
func (t *tally) step(tell func(Event)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Table = ""
	t.Steps++
	t.tell(tell)
}

func (t *tally) tell(to func(Event)) {
	t.untold = 0
	if to != nil {
		to(t.Event)
	}
}
