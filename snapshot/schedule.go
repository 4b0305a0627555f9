package snapshot

import (
	"cmp"
	"container/heap"
	"context"
	"sync"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// task is a piece of work on the target that one session does, beside others.
type task struct {
	name   string // for the log: "INDEX shop orders_placed"
	do     func(ctx context.Context, conn *pgx.Conn) error
	locks  []tableLock
	weight int64 // in bytes to go through, roughly

	waits int     // for what has not ended yet: tasks, and gates
	next  []*task // what waits for this one
	ahead int64   // weight of the heaviest row of tasks that begins with this one; 0: not known yet
}

// rank is what decides which of the tasks that are ready goes first: the length of what cannot begin before it (critical path).
func (t *task) rank() int64 {
	if t.ahead == 0 {
		for _, n := range t.next {
			t.ahead = max(t.ahead, n.rank())
		}
		t.ahead += t.weight + 1
	}
	return t.ahead
}

// tableLock is a lock that a task takes on a table, by the table's OID in the source.
type tableLock struct {
	table uint32
	mode  lockMode
}

// lockMode is a table-level lock of PostgreSQL.
type lockMode int

const (
	rowShare lockMode = iota
	shareUpdateExclusive
	share
	shareRowExclusive
	accessExclusive
)

// conflicts says which modes exclude each other (PostgreSQL's documentation, "Table-Level Locks"), those that tasks take.
var conflicts = [...][]lockMode{
	rowShare:             {accessExclusive},
	shareUpdateExclusive: {shareUpdateExclusive, share, shareRowExclusive, accessExclusive},
	share:                {shareUpdateExclusive, shareRowExclusive, accessExclusive},
	shareRowExclusive:    {shareUpdateExclusive, share, shareRowExclusive, accessExclusive},
	accessExclusive:      {rowShare, shareUpdateExclusive, share, shareRowExclusive, accessExclusive},
}

// schedule runs tasks in an order that their dependencies allow, several at a time, and none beside one whose locks exclude its own: so that
// no session waits for another one's lock while something else could be done, and none deadlock.
//
// Tasks are added before the first of them runs. A task's failure ends the schedule.
type schedule struct {
	mu    sync.Mutex
	moved *sync.Cond // something ended, a gate was opened, or the limit was raised
	ready taskHeap
	held  map[uint32][]lockMode
	gates int // that are not open
	left  int // tasks that have not ended
	run   int // tasks that are running
	limit int // tasks that may run
	over  bool
}

func newSchedule() *schedule {
	s := &schedule{held: map[uint32][]lockMode{}}
	s.moved = sync.NewCond(&s.mu)
	return s
}

// add adds a task that waits for others; those must not have ended.
func (s *schedule) add(t *task, after ...*task) {
	s.left++
	for _, before := range after {
		before.next = append(before.next, t)
		t.waits++
	}
}

// gate is what tasks wait for that is no task: the rows of a table.
func (s *schedule) gate() *task {
	s.gates++
	return &task{}
}

// open lets go of what waits for a gate.
func (s *schedule) open(gate *task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gates--
	s.release(gate)
	s.moved.Broadcast()
}

func (s *schedule) release(ended *task) {
	for _, t := range ended.next {
		if t.waits--; t.waits == 0 {
			heap.Push(&s.ready, t)
		}
	}
	ended.next = nil
}

// start makes ready what waits for nothing.
func (s *schedule) start(all []*task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(all) - 1; i >= 0; i-- { // those that wait come behind those they wait for: no deep recursion
		all[i].rank()
	}
	for _, t := range all {
		if t.waits == 0 {
			heap.Push(&s.ready, t)
		}
	}
}

// allow sets how many tasks may run at a time.
func (s *schedule) allow(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = n
	s.moved.Broadcast()
}

// take waits for a task that can run now, and gives nil when none is left.
func (s *schedule) take() *task {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.over || s.left == 0 {
			return nil
		}
		if s.run < s.limit {
			if t := s.pick(); t != nil {
				s.run++
				return t
			}
			if s.run == 0 && s.gates == 0 {
				panic("snapshot: tasks wait for each other") // they are added in the order of the archive, and wait for earlier ones alone
			}
		}
		s.moved.Wait()
	}
}

// pick takes the task of the highest rank that is ready and whose locks are free.
func (s *schedule) pick() *task {
	var aside []*task
	defer func() {
		for _, t := range aside {
			heap.Push(&s.ready, t)
		}
	}()
	for s.ready.Len() > 0 {
		t := heap.Pop(&s.ready).(*task) //nolint:errcheck // it holds nothing else
		if s.free(t) {
			for _, l := range t.locks {
				s.held[l.table] = append(s.held[l.table], l.mode)
			}
			return t
		}
		aside = append(aside, t)
	}
	return nil
}

func (s *schedule) free(t *task) bool {
	for _, l := range t.locks {
		for _, held := range s.held[l.table] {
			for _, other := range conflicts[l.mode] {
				if held == other {
					return false
				}
			}
		}
	}
	return true
}

// ended gives a task's locks back and lets go of what waits for it.
func (s *schedule) ended(t *task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range t.locks {
		modes := s.held[l.table]
		for i, m := range modes {
			if m == l.mode {
				s.held[l.table] = append(modes[:i:i], modes[i+1:]...)
				break
			}
		}
	}
	s.run--
	s.left--
	s.release(t)
	s.moved.Broadcast()
}

// end makes every worker stop after its task.
func (s *schedule) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.moved.Broadcast()
}

// work runs all tasks with that many sessions, each of which is opened when it has something to do.
func (s *schedule) work(ctx context.Context, sessions int, open func(context.Context) (*pgx.Conn, error)) error {
	group, ctx := errgroup.WithContext(ctx)
	stop := context.AfterFunc(ctx, s.end)
	defer stop()
	for range sessions {
		group.Go(func() (err error) {
			var conn *pgx.Conn
			defer func() {
				if conn != nil {
					closeConn(ctx, conn)
				}
			}()
			for t := s.take(); t != nil; t = s.take() {
				if conn == nil {
					if conn, err = open(ctx); err != nil {
						return err
					}
				}
				if err := t.do(ctx, conn); err != nil {
					return err
				}
				s.ended(t)
			}
			return context.Cause(ctx)
		})
	}
	return group.Wait()
}

// taskHeap is ordered by rank, the highest first.
type taskHeap []*task

func (h taskHeap) Len() int           { return len(h) }
func (h taskHeap) Less(i, j int) bool { return cmp.Less(h[j].ahead, h[i].ahead) }
func (h taskHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *taskHeap) Push(x any) { *h = append(*h, x.(*task)) } //nolint:forcetypeassert // it holds nothing else

// Pop implements heap.Interface.
func (h *taskHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
