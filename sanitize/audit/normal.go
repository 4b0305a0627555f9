package audit

import (
	"bytes"
	"hash/maphash"
)

// This file finds values of two kinds that were written anew: telephone numbers with and without country code, and names of people turned
// round.

// Holds is what a masked column is known to hold.
type Holds int

// What a column may hold.
const (
	Anything Holds = iota
	Numbers        // telephone numbers
	People         // first names and a last name
)

// Holding tells a watcher what its column holds.
func (w *Watcher) Holding(h Holds) {
	w.holds = h
	w.expects(h)
}

// expects has scanners look for telephone numbers in all their forms, where there are some.
func (w *Watcher) expects(h Holds) {
	if h == Numbers && !w.prints.numbers.Load() {
		w.prints.numbers.Store(true)
	}
}

// Sparing tells a watcher of telephone numbers which of them nobody has. There are no fingerprints of those: they tell of nobody wherever they stand,
// and a mask that makes such numbers may make one of itself.
func (w *Watcher) Sparing(nobodys func(number []byte) bool) { w.nobodys = nobodys }

// spares tells that a value is a number that nobody has. What the mask made of it is remembered all the same.
func (w *Watcher) spares(was, is []byte, h Holds) bool {
	if h != Numbers || w.nobodys == nil || !w.nobodys(was) {
		return false
	}
	w.gathered.Spared++
	w.yields(is, h)
	return true
}

// leastNational is how many digits a national number has at least of which there is a fingerprint: shorter ones others have by chance.
const leastNational = 9

// twoDigits are the country codes of two digits (ITU-T E.164); 1 and 7 have one, and all others three.
var twoDigits = func() (t [100]bool) {
	for _, code := range [...]int{
		20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58, 60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
	} {
		t[code] = true
	}
	return t
}()

// national is a telephone number without country code and without the 0 before the area; nil for what is too short, or too long for one.
func national(digits []byte, abroad bool) []byte {
	if !abroad && bytes.HasPrefix(digits, []byte("00")) {
		digits, abroad = digits[2:], true
	}
	if len(digits) < leastNational || len(digits) > 16 {
		return nil
	}
	switch {
	case abroad && (digits[0] == '1' || digits[0] == '7'), !abroad && len(digits) == 11 && digits[0] == '1':
		digits = digits[1:]
	case abroad && twoDigits[10*(digits[0]-'0')+digits[1]-'0']:
		digits = digits[2:]
	case abroad:
		digits = digits[3:]
	}
	if len(digits) > 0 && digits[0] == '0' {
		digits = digits[1:]
	}
	if len(digits) < leastNational || digits[0] == '0' {
		return nil
	}
	return digits
}

// nationalSum and pairSum are apart from the sums of words.
func (t *words) nationalSum(digits []byte) uint64 { return fold(1, maphash.Bytes(t.seed, digits)) }
func pairSum(a, b uint64) uint64                  { return fold(2, a+b) }

// turns is the mark of a word of a name that may be turned round.
func turns(sum uint64) uint64 { return 1<<(sum>>30&63) | 1<<((sum>>36^sum>>2)&63) }

// national gives the number that a value of a column of telephone numbers is.
func (w *Watcher) national(t *words, src []byte) []byte {
	w.digits = w.digits[:0]
	for i := range t.list {
		if !t.list[i].isNumber() {
			return nil
		}
		w.digits = append(w.digits, t.text(i)...)
	}
	return national(w.digits, bytes.IndexByte(src, '+') >= 0)
}

// addTurned adds the first and the last word of a name, in no order. It reports whether that is all of it.
func (w *Watcher) addTurned(t *words) bool {
	n := len(t.list) - 1
	if n < 1 || n >= mostWords || t.list[0].digits+t.list[n].digits > 0 || t.list[0].size()+t.list[n].size() < leastLetters {
		return false
	}
	for _, i := range [...]int{0, n} {
		one := fold(0, t.list[i].hash)
		w.marks = append(w.marks, mark{one, turns(one)})
	}
	w.enter(pairSum(t.list[0].hash, t.list[n].hash), t.pair(0, n), recurring)
	return n == 1
}

// pair is two words, the one that sorts first before the other.
func (t *words) pair(a, b int) []byte {
	if bytes.Compare(t.text(a), t.text(b)) > 0 {
		a, b = b, a
	}
	t.run = append(append(append(t.run[:0], t.text(a)...), 0), t.text(b)...)
	return t.run
}

// pairReach is how far apart the two words of a name may stand in a document, where a key is between them: first_name, last_name.
const pairReach = 4

// findTurned looks up a word and the one behind it, in either order; in a document those after that too.
func (s *Scanner) findTurned(c *Column, i int) bool {
	reach := 1
	if c.Escapes {
		reach = pairReach
	}
	for k := i + 1; k <= i+reach && k < len(s.words.list); k++ {
		sum := pairSum(s.words.list[i].hash, s.words.list[k].hash)
		s.Lookups++
		if mask := whole(sum); *s.prints.filter.block(sum)&mask != mask {
			continue
		}
		s.Candidates++
		f, ok := s.prints.look(sum, s.words.pair(i, k))
		switch {
		case !ok:
		case c.Derived && (s.prints.outputs.has(sum) || s.made(0, i, i) && s.made(0, k, k)):
			c.Made++
		case f.rows < Recurs:
			c.Found++
			c.from(f.origin, 1)
			return true
		}
	}
	return false
}

// findRewritten looks up the national number of the digits that were read last, which begin with a word.
func (s *Scanner) findRewritten(c *Column, first int) {
	from := s.words.list[first].from
	digits := national(s.digits, from > 0 && s.words.src[from-1] == '+')
	if digits == nil {
		return
	}
	c.dialled++
	sum := s.words.nationalSum(digits)
	s.Lookups++
	if mask := whole(sum); *s.prints.filter.block(sum)&mask != mask {
		return
	}
	s.Candidates++
	if f, ok := s.prints.look(sum, digits); ok && !(c.Derived && s.prints.outputs.has(sum)) {
		c.rewrote(f.origin, 1)
	}
}

// Rewritten are the telephone numbers of masked columns that stand here in another form, by the columns' numbers (see [Prints.Origin]). Numbers
// of nine digits others have by chance, so they count where a tenth of what could be telephone numbers is such.
func (c *Column) Rewritten() map[int]int64 {
	sum := int64(0)
	for _, n := range c.rewritten {
		sum += n
	}
	if 10*sum < c.dialled {
		return nil
	}
	return c.rewritten
}
