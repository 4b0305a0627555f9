package mask

import "hash/maphash"

// This file lets masks remember what they made of values that come again and again: names, cities, the streets of a shop's own town.

const (
	memoValues = 512       // that are remembered
	memoLength = 55        // bytes of the longest result, so that an entry is a line of the processor's cache
	memoStart  = 64        // values before anything is remembered: most tables are small
	memoTrial  = 2048      // values after which it is seen whether remembering pays
	memoRest   = 64 * 1024 // values that pass where it does not, before it is tried again
)

// memo is a mask that remembers its results, not the values: those it knows by a hash of 64 bits under a random key of its own, so that two
// values get one result by a chance of 2^-64. It belongs to one goroutine, as the mask does.
type memo struct {
	fn    Func
	seed  maphash.Seed
	list  []remembered // each value has one place, and the last one to come is in it
	left  int          // values of a trial, or of a rest
	hits  int
	rests bool
}

// remembered is a result.
type remembered struct {
	sum  uint64 // of the value; 0 where there is none
	size uint8
	text [memoLength]byte
}

// remembering are the masks whose results depend on the value alone, cost more than a look into a table, and are no permutations of numbers.
var remembering = map[string]bool{
	"first_name": true, "last_name": true, "full_name": true, "street": true, "city": true, "region": true, "postcode": true, "country": true, "address": true,
	"company": true, "job_title": true, "username": true, "shape": true, "email": true, "phone": true, "hash": true, "domain": true, "user_agent": true,
}

// remember makes a mask remember, if it is one of those.
func remember(m *Mask) {
	if !remembering[m.Name] || m.NewRow != nil {
		return
	}
	plain := m.New
	m.New = func() Func {
		return &memo{fn: plain(), seed: maphash.MakeSeed(), left: memoStart, rests: true}
	}
}

func (m *memo) Append(dst, src []byte) ([]byte, error) {
	if m.left--; m.left < 0 {
		m.turn()
	}
	if m.rests {
		return m.fn.Append(dst, src)
	}
	sum := maphash.Bytes(m.seed, src)
	r := &m.list[sum%memoValues]
	if r.sum == sum && sum != 0 {
		m.hits++
		return append(dst, r.text[:r.size]...), nil
	}
	start := len(dst)
	dst, err := m.fn.Append(dst, src)
	if err == nil && len(dst)-start <= memoLength {
		r.sum, r.size = sum, uint8(copy(r.text[:], dst[start:])) //nolint:gosec // at most memoLength
	}
	return dst, err
}

// turn ends a trial or a rest. Looking costs a tenth of what a mask does, so it pays where one value of four comes again.
func (m *memo) turn() {
	if m.list == nil {
		m.list = make([]remembered, memoValues)
		m.rests = false
	} else {
		m.rests = !m.rests && 4*m.hits < memoTrial
	}
	m.left, m.hits = memoTrial, 0
	if m.rests {
		m.left = memoRest
	}
}
