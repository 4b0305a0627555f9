package audit

import (
	"hash/maphash"
	"math"
	"math/bits"
	"sync"
	"sync/atomic"
)

// kind is how much a value tells by itself.
type kind uint8

const (
	strong    kind = iota // nobody else has it: an address, a number, a token
	recurring             // words alone: it counts while few rows have it, as people's names do and cities' do not
	common                // one word: it counts in a column that is full of such
	nothing               // too short to tell anything
)

const (
	// Recurs is how many rows of masked columns have a value of words alone before it is taken for one of many: Springfield, "not known".
	Recurs = 15

	segments   = 4096
	tagBits    = 46
	mostOrigin = 1<<12 - 1
)

// limits bound the memory of a [Collector].
type limits struct {
	slots  int // of a segment, of 8 bytes
	blocks int // of each of the two filters, of 8 bytes; a power of two. Of what was seen there is an eighth of that
}

// usual is 49 MiB at most: 32 of fingerprints, room for more than three million values, 8 for each filter, and 1 for what was just seen, which a
// processor has at hand.
func usual() limits { return limits{slots: 1024, blocks: 1 << 20} }

// Prints are the fingerprints of the values of masked columns. They are asked concurrently, when no more are added.
type Prints struct {
	words, confirm maphash.Seed
	same           maphash.Seed // of values as they are
	seen           seen
	filter         bitmap // which words values begin with, and which they are
	outputs        bitmap // what masks made
	segments       [segments]segment
	limits         limits
	origins        []string
	numbers        atomic.Bool // some are of telephone numbers
}

// bitmap is a Bloom filter in blocks of 64 bits.
type bitmap []uint64

func (b bitmap) block(sum uint64) *uint64 {
	return &b[sum>>40&uint64(len(b)-1)]
}

// mark is bits to be set in the block of a hash.
type mark struct{ sum, bits uint64 }

// set sets marks. Looking at all of them first lets the memory be fetched for several at a time.
func (b bitmap) set(marks []mark) {
	lacking := marks[:0]
	for _, m := range marks {
		if atomic.LoadUint64(b.block(m.sum))&m.bits != m.bits {
			lacking = append(lacking, m)
		}
	}
	for _, m := range lacking {
		atomic.OrUint64(b.block(m.sum), m.bits)
	}
}

// opens is the mark of words with which a longer value begins, whole that of a value, made that of a value that a mask made.
func opens(sum uint64) uint64 { return 1<<(sum&63) | 1<<(sum>>6&63) }
func whole(sum uint64) uint64 { return 1<<(sum>>12&63) | 1<<(sum>>18&63) | 1<<(sum>>24&63) }
func made(sum uint64) uint64 {
	return 1<<(sum&63) | 1<<(sum>>6&63) | 1<<(sum>>12&63) | 1<<(sum>>18&63)
}

// segment is a hash table of the fingerprints with the same last bits. An entry is, from above: 46 bits of the second hash, 12 of the column it
// was first seen in, 2 of its kind, 4 of the number of rows.
type segment struct {
	sync.Mutex
	shared  atomic.Pointer[[]uint64] // the same as entries, for touch
	entries []uint64
	used    int
	level   uint8 // only those whose tag ends with so many zeros are kept: a sample, when there is no room for all
}

const firstSlots = 16

// tagOf is the part of the second hash that an entry has, never 0.
func tagOf(confirm uint64) uint64 {
	tag := confirm &^ (1<<(64-tagBits) - 1)
	if tag == 0 {
		tag = 1 << 63
	}
	return tag
}

// find gives the place of an entry, or the free one where it belongs.
func (s *segment) find(tag uint64) (int, bool) {
	hi, _ := bits.Mul64(tag, uint64(len(s.entries)))
	i := int(hi) //nolint:gosec // below the length
	for {
		e := s.entries[i]
		if e == 0 {
			return i, false
		}
		if (e^tag)>>(64-tagBits) == 0 {
			return i, true
		}
		if i++; i == len(s.entries) {
			i = 0
		}
	}
}

// touch has the memory fetched where an entry is or belongs. Done for many before any is added, the memory answers several at a time; whoever
// adds one holds a lock, and a lock waits for the memory before it.
func (s *segment) touch(tag uint64) uint64 {
	entries := s.shared.Load()
	if entries == nil {
		return 0
	}
	hi, _ := bits.Mul64(tag, uint64(len(*entries)))
	return atomic.LoadUint64(&(*entries)[hi])
}

// make sets an empty table.
func (s *segment) make(size int) {
	s.entries, s.used = make([]uint64, size), 0
	entries := s.entries
	s.shared.Store(&entries)
}

// outside tells that an entry is none of the sample.
func (s *segment) outside(tag uint64) bool {
	return tag>>(64-tagBits)&(1<<s.level-1) != 0
}

// add adds a value that was seen once more.
func (s *segment) add(tag uint64, k kind, origin uint64, most int) {
	s.Lock()
	defer s.Unlock()
	if s.outside(tag) {
		return
	}
	if s.entries == nil {
		s.make(min(firstSlots, most))
	}
	i, ok := s.find(tag)
	if ok {
		e := s.entries[i]
		if e&15 < Recurs {
			e++
		}
		if k < kind(e>>4&3) {
			e = e&^(3<<4) | uint64(k)<<4
		}
		atomic.StoreUint64(&s.entries[i], e)
		return
	}
	if (s.used+1)*5 > len(s.entries)*4 {
		s.grow(most)
		if s.outside(tag) {
			return
		}
		i, _ = s.find(tag)
	}
	atomic.StoreUint64(&s.entries[i], tag|origin<<6|uint64(k)<<4|1)
	s.used++
}

// grow makes room: a table twice as large or, where that is too large, every other entry leaves.
func (s *segment) grow(most int) {
	old, size := s.entries, len(s.entries)*2
	for {
		if size > most {
			size = len(old)
			s.level++
		}
		s.make(size)
		for _, e := range old {
			if e != 0 && !s.outside(e) {
				i, _ := s.find(tagOf(e))
				atomic.StoreUint64(&s.entries[i], e)
				s.used++
			}
		}
		if (s.used+1)*5 <= size*4 {
			return
		}
		size = most + 1 // by chance nearly all stayed
	}
}

// segment is where values of this hash are.
func (p *Prints) segment(sum uint64) *segment { return &p.segments[sum>>60<<8|sum>>30&255] }

// found is a value that was found.
type found struct {
	kind   kind
	origin int
	rows   int // of masked columns that have it; Recurs for more too
}

// look looks up a value whose first hash is in the filter.
func (p *Prints) look(sum uint64, plain []byte) (found, bool) {
	s := p.segment(sum)
	if s.entries == nil {
		return found{}, false
	}
	tag := tagOf(maphash.Bytes(p.confirm, plain))
	i, ok := s.find(tag)
	if !ok {
		return found{}, false
	}
	e := s.entries[i]
	return found{kind: kind(e >> 4 & 3), origin: int(e >> 6 & mostOrigin), rows: int(e & 15)}, true //nolint:gosec // 12 bits
}

// Values is how many distinct values there are fingerprints of.
func (p *Prints) Values() int64 {
	n := int64(0)
	for i := range p.segments {
		n += int64(p.segments[i].used)
	}
	return n
}

// Sample is the part of the values of which there are fingerprints: 1, or less where there was no room for all.
func (p *Prints) Sample() float64 {
	sum := 0.0
	for i := range p.segments {
		sum += math.Ldexp(1, -int(p.segments[i].level))
	}
	return sum / segments
}

// Bytes is the memory that the fingerprints and the filters take.
func (p *Prints) Bytes() int64 {
	n := 8 * int64(len(p.filter)+len(p.outputs)+len(p.seen))
	for i := range p.segments {
		n += 8 * int64(len(p.segments[i].entries))
	}
	return n
}

// FalseRate is the chance that a value which is in no masked column is found: that its two hashes agree with those of one that is.
func (p *Prints) FalseRate() float64 {
	return math.Ldexp(float64(p.Values()), -tagBits) / segments
}

// Origin is the column that a found value was first seen in.
func (p *Prints) Origin(i int) string {
	if i == 0 || i > len(p.origins) {
		return "a masked column"
	}
	return p.origins[i-1]
}
