package snapshot

import (
	"iter"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// tid says where a row version is within a table, as ctid does: the block, and in its lowest bits the line pointer.
type tid uint64

// tidBits is the room for a line pointer. A block of 32 kB, the largest there is, has at most 1,169 (MaxHeapTuplesPerPage), one of 8 kB 291.
const tidBits = 11

func newTID(block uint32, offset uint16) tid { return tid(block)<<tidBits | tid(offset) }

func (t tid) block() uint32  { return uint32(t >> tidBits) }
func (t tid) offset() uint16 { return uint16(t & (1<<tidBits - 1)) }

// rowSet is a set of rows of one table by where they are. It holds no values. Rows take two bytes each, and all rows of 32 blocks (256 kB of
// the table) never more than 8 kB: a thirty-second of the table when every row is in it.
type rowSet struct {
	parts map[uint64]*rowPart // by the upper bits of the tid
	n     int
}

// rowPart is a set of 16-bit numbers: sorted while they are few, one bit for each when they are many.
type rowPart struct {
	few  []uint16
	many *[1024]uint64
}

// fewest is from how many numbers on bits take less room.
const fewest = 4096

func newRowSet() *rowSet { return &rowSet{parts: map[uint64]*rowPart{}} }

// add puts a row in and says whether it is new.
func (s *rowSet) add(t tid) bool {
	p := s.parts[uint64(t>>16)]
	if p == nil {
		p = &rowPart{}
		s.parts[uint64(t>>16)] = p
	}
	if !p.add(uint16(t)) {
		return false
	}
	s.n++
	return true
}

func (s *rowSet) has(t tid) bool {
	p := s.parts[uint64(t>>16)]
	return p != nil && p.has(uint16(t))
}

func (s *rowSet) len() int { return s.n }

// clone is a set of its own with the same rows. Of nil it is nil.
func (s *rowSet) clone() *rowSet { return s.without(nil) }

// without is a set of its own with the rows that are not in o; both may be nil.
func (s *rowSet) without(o *rowSet) *rowSet {
	if s == nil {
		return nil
	}
	c := newRowSet()
	for t := range s.all() {
		if o == nil || !o.has(t) {
			c.add(t)
		}
	}
	return c
}

// all gives the rows in order of their places.
func (s *rowSet) all() iter.Seq[tid] {
	return func(yield func(tid) bool) {
		keys := make([]uint64, 0, len(s.parts))
		for k := range s.parts {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			for low := range s.parts[k].all() {
				if !yield(tid(k<<16 | uint64(low))) {
					return
				}
			}
		}
	}
}

// batches gives the rows as arrays for SQL, in order, each of at most n rows, with their number.
func (s *rowSet) batches(n int) iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		var b strings.Builder
		count := 0
		for t := range s.all() {
			sep := byte(',')
			if count == 0 {
				sep = '{'
			}
			b.WriteByte(sep)
			t.write(&b)
			if count++; count < n {
				continue
			}
			b.WriteByte('}')
			if !yield(b.String(), count) {
				return
			}
			b.Reset()
			count = 0
		}
		if count > 0 {
			b.WriteByte('}')
			yield(b.String(), count)
		}
	}
}

// write appends the row's place as an element of an array of the type tid.
func (t tid) write(b *strings.Builder) {
	var digits [32]byte
	text := append(digits[:0], `"(`...)
	text = strconv.AppendUint(text, uint64(t.block()), 10)
	text = append(text, ',')
	text = strconv.AppendUint(text, uint64(t.offset()), 10)
	b.Write(append(text, `)"`...))
}

func (p *rowPart) add(n uint16) bool {
	if p.many != nil {
		bit := uint64(1) << (n % 64)
		if p.many[n/64]&bit != 0 {
			return false
		}
		p.many[n/64] |= bit
		return true
	}
	i := len(p.few)
	if i > 0 && n <= p.few[i-1] { // rows mostly come in order
		var there bool
		if i, there = slices.BinarySearch(p.few, n); there {
			return false
		}
	}
	p.few = slices.Insert(p.few, i, n)
	if len(p.few) > fewest {
		p.many = new([1024]uint64)
		for _, n := range p.few {
			p.many[n/64] |= 1 << (n % 64)
		}
		p.few = nil
	}
	return true
}

func (p *rowPart) has(n uint16) bool {
	if p.many != nil {
		return p.many[n/64]&(1<<(n%64)) != 0
	}
	_, there := slices.BinarySearch(p.few, n)
	return there
}

func (p *rowPart) all() iter.Seq[uint16] {
	return func(yield func(uint16) bool) {
		for _, n := range p.few {
			if !yield(n) {
				return
			}
		}
		if p.many == nil {
			return
		}
		for i, word := range p.many {
			for ; word != 0; word &= word - 1 {
				if !yield(uint16(i*64 + bits.TrailingZeros64(word))) {
					return
				}
			}
		}
	}
}
