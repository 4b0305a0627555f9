package audit

import "sync/atomic"

// seen remembers the hashes of values that have their fingerprint, one in each place; a later one takes the place. It may be used concurrently.
type seen []uint64

func (s seen) place(sum uint64) *uint64 { return &s[sum>>32&uint64(len(s)-1)] }
func (s seen) has(sum uint64) bool      { return atomic.LoadUint64(s.place(sum)) == sum }
func (s seen) add(sum uint64)           { atomic.StoreUint64(s.place(sum), sum) }

// recent remembers values of one watcher and how often they came, one in each place. It grows with what it is given: most columns have few
// rows.
type recent struct {
	list  []sighting
	given int
}

// sighting is a value that came.
type sighting struct {
	sum   uint64
	times uint32
	any   bool // it has a fingerprint
}

const (
	fewest = 64
	most   = 4096
)

// at gives the place of a value, nil when there is none yet.
func (r *recent) at(sum uint64) *sighting {
	if len(r.list) == 0 {
		return nil
	}
	return &r.list[sum&uint64(len(r.list)-1)]
}

// add counts a value.
func (r *recent) add(sum uint64, any bool) {
	if r.given++; r.given >= 4*len(r.list) && len(r.list) < most {
		r.list = make([]sighting, max(fewest, 4*len(r.list))) // what was counted is counted anew, which costs little
	}
	s := r.at(sum)
	if s.sum != sum {
		*s = sighting{sum: sum, any: any}
	}
	s.times++
}
