package audit

import (
	"bytes"
	"hash/maphash"
	"math/bits"
)

// Column gathers what a scan finds in one column, or in the schema's texts of one object. It belongs to one scanner at a time.
type Column struct {
	Name    string
	Escapes bool // values are JSON, arrays or the like: what stands behind a backslash is no letter
	Binary  bool // values are bytes, of which those are scanned that are text
	Kept    bool // the rules keep it, or nobody asked: forms are looked for, see [Detectors]
	Rest    bool // it is masked in part, and the rest is kept: forms are looked for that masks do not make
	Keys    bool // its values have keys, as those of JSON and hstore, that no mask touches: all forms are looked for in them
	Derived bool // it is masked, or made of others: it may hold what a mask made, which others have by chance

	Values   int64 // that were looked at
	Bytes    int64
	Opaque   int64 // binary values that are no text
	Found    int64 // values that hold one of a masked column
	Common   int64 // values that are one word, which masked columns have
	Made     int64 // values found that masks have made too, and that are therefore none
	Detected [detectors]int64
	Origins  map[int]int64 // of the values found, see [Prints.Origin]

	clean     [256]uint64
	distinct  map[uint64]bool // of Common, up to manyNames
	numbers   int64           // that could be those of cards
	dialled   int64           // that could be those of telephones
	rewritten map[int]int64   // of them, those that a masked column has in another form, by its origin
}

// A column is full of names when so many of its values, and half of them, are single words of masked columns.
const manyNames = 20

// Names tells whether the column is full of single words that masked columns have: names of people. One by itself tells nothing, since streets,
// towns and goods are named after people.
func (c *Column) Names() bool { return len(c.distinct) >= manyNames && 2*c.Common >= c.Values }

// Add adds what another scanner found in the same column.
func (c *Column) Add(o *Column) {
	c.Values, c.Bytes, c.Opaque = c.Values+o.Values, c.Bytes+o.Bytes, c.Opaque+o.Opaque
	c.Found, c.Common, c.Made, c.numbers = c.Found+o.Found, c.Common+o.Common, c.Made+o.Made, c.numbers+o.numbers
	for i, n := range o.Detected {
		c.Detected[i] += n
	}
	for id, n := range o.Origins {
		c.from(id, n)
	}
	c.dialled += o.dialled
	for id, n := range o.rewritten {
		c.rewrote(id, n)
	}
	for sum := range o.distinct {
		c.name(sum)
	}
}

func (c *Column) from(id int, n int64) {
	if c.Origins == nil {
		c.Origins = map[int]int64{}
	}
	c.Origins[id] += n
}

func (c *Column) rewrote(id int, n int64) {
	if c.rewritten == nil {
		c.rewritten = map[int]int64{}
	}
	c.rewritten[id] += n
}

func (c *Column) name(sum uint64) {
	if c.distinct == nil {
		c.distinct = map[uint64]bool{}
	}
	if len(c.distinct) < manyNames {
		c.distinct[sum] = true
	}
}

// Scanner looks for values of masked columns in texts. It belongs to one goroutine; it allocates nothing per value once its buffers have grown.
type Scanner struct {
	prints *Prints
	words  words
	digits []byte
	// Lookups counts runs of words that were looked up, Candidates those of them that the filter let through.
	Lookups, Candidates int64
}

// Scanner returns a scanner for the fingerprints.
func (p *Prints) Scanner() *Scanner {
	return &Scanner{prints: p, words: words{seed: p.words}}
}

// Scan looks at one value that is not NULL. The value is not kept.
func (s *Scanner) Scan(c *Column, value []byte) {
	c.Values++
	c.Bytes += int64(len(value))
	if c.Binary && !isText(value) {
		c.Opaque++
		return
	}
	short := len(value) <= 48
	var sum uint64
	if short { // most short values come again
		if len(value) < leastCommon {
			return
		}
		sum = maphash.Bytes(s.prints.words, value) | 1
		if c.clean[sum>>56] == sum {
			return
		}
	}
	s.words.split(value, c.Escapes)
	hit := s.find(c)
	if c.Kept || c.Rest {
		hit = s.detect(c, value, c.Kept) || hit
	}
	if c.Keys {
		hit = s.keys(c, value) || hit
	}
	if short && !hit {
		c.clean[sum>>56] = sum
	}
}

// find looks up every run of words. That of one word is fetched for all of them first, so that the memory answers several at a time.
func (s *Scanner) find(c *Column) bool {
	list, filter := s.words.list, s.prints.filter
	for i := range list {
		list[i].block = *filter.block(fold(0, list[i].hash))
	}
	s.Lookups += int64(len(list))
	for i := range list {
		sum := fold(0, list[i].hash)
		block := list[i].block
		if mask := whole(sum); block&mask == mask && s.candidate(c, sum, i, i) {
			return true
		}
		if mask := opens(sum); block&mask == mask && s.findLonger(c, sum, i) {
			return true
		}
		if mask := turns(sum); block&mask == mask && s.findTurned(c, i) {
			return true
		}
	}
	return s.findNumber(c)
}

// findLonger looks up the runs of several words that begin with one.
func (s *Scanner) findLonger(c *Column, sum uint64, first int) bool {
	list := s.words.list
	for i := first + 1; i < len(list) && i < first+mostWords; i++ {
		sum = fold(sum, list[i].hash)
		s.Lookups++
		block := *s.prints.filter.block(sum)
		if mask := whole(sum); block&mask == mask && s.candidate(c, sum, first, i) {
			return true
		}
		if mask := opens(sum); i-first < mostOpen && block&mask != mask {
			return false
		}
	}
	return false
}

// candidate confirms a run of words by the second hash.
func (s *Scanner) candidate(c *Column, sum uint64, first, last int) bool {
	s.Candidates++
	f, ok := s.prints.look(sum, s.words.row(first, last))
	return ok && s.counts(c, f, sum, first, last)
}

// counts tells whether a run of words that is one of a masked column counts, and counts it.
func (s *Scanner) counts(c *Column, f found, sum uint64, first, last int) bool {
	switch {
	case c.Derived && s.made(sum, first, last):
		c.Made++
		return false
	case f.kind == common && len(s.words.list) == 1:
		c.Common++
		c.name(sum)
		return true
	case f.kind == common, f.kind == recurring && f.rows >= Recurs:
		return false
	}
	c.Found++
	c.from(f.origin, 1)
	return true
}

// made tells whether masks made these words, or each of them.
func (s *Scanner) made(sum uint64, first, last int) bool {
	if s.prints.outputs.has(sum) {
		return true
	}
	for _, w := range s.words.list[first : last+1] {
		if w.digits > 0 || !s.prints.outputs.has(fold(0, w.hash)) {
			return false
		}
	}
	return true
}

func (b bitmap) has(sum uint64) bool {
	mask := made(sum)
	return *b.block(sum)&mask == mask
}

// findNumber looks up numbers written in groups.
func (s *Scanner) findNumber(c *Column) bool {
	list, last := s.words.list, -1
	for _, i := range s.words.with {
		if i <= last || !list[i].isNumber() {
			continue
		}
		s.digits, last = s.words.number(s.digits[:0], i)
		if n := len(s.digits); n >= leastDigits && last > i {
			sum := fold(0, maphash.Bytes(s.prints.words, s.digits))
			s.Lookups++
			if mask := whole(sum); *s.prints.filter.block(sum)&mask == mask && s.grouped(c, sum) {
				return true
			}
		}
		if s.prints.numbers.Load() {
			s.findRewritten(c, i)
		}
	}
	return false
}

func (s *Scanner) grouped(c *Column, sum uint64) bool {
	s.Candidates++
	f, ok := s.prints.look(sum, s.digits)
	switch {
	case !ok:
		return false
	case c.Derived && s.prints.outputs.has(sum):
		c.Made++
		return false
	}
	c.Found++
	c.from(f.origin, 1)
	return true
}

// isText tells whether bytes are text as far as their beginning shows: nearly no control characters, and none that is zero.
func isText(value []byte) bool {
	head := value[:min(len(value), 512)]
	if bytes.IndexByte(head, 0) >= 0 {
		return false
	}
	odd := 0
	for _, b := range head {
		if b < ' ' && b != '\t' && b != '\n' && b != '\r' {
			odd++
		}
	}
	return odd*32 <= len(head) && bits.Len(uint(len(head))) > 1
}
