package audit

import (
	"hash/maphash"
	"unicode"
	"unicode/utf8"
)

// mostWords is how many words of a value its fingerprint is made of; longer texts are known by their first ones.
const mostWords = 8

// mostOpen is of how many words at a value's beginning the filter is told by themselves.
const mostOpen = 2

// word is one run of letters and digits.
type word struct {
	from, to   int32 // in the text
	start, end int32 // in words.plain; both 0 for a word that is all small letters and digits where it stands
	digits     int32
	hash       uint64
	block      uint64 // of the filter, for the word by itself
}

func (w word) size() int32 {
	if w.end > 0 {
		return w.end - w.start
	}
	return w.to - w.from
}
func (w word) isNumber() bool  { return w.digits == w.size() }
func (w word) hasLetter() bool { return w.digits < w.size() }

// words takes a text apart. It belongs to one goroutine, and its buffers are used again.
type words struct {
	seed  maphash.Seed
	src   []byte
	list  []word
	with  []int  // those that have digits
	plain []byte // words that had to be written in small letters
	run   []byte // some of them in a row
}

// Classes of bytes; a byte of none parts words.
const (
	small  = 1
	digit  = 2
	large  = 4
	beyond = 8 // ASCII
)

var class = func() (t [256]uint8) {
	for c := range t {
		switch {
		case '0' <= c && c <= '9':
			t[c] = digit
		case 'a' <= c && c <= 'z':
			t[c] = small
		case 'A' <= c && c <= 'Z':
			t[c] = large
		case c >= utf8.RuneSelf:
			t[c] = beyond
		}
	}
	return t
}()

// lower gives the small letter or the digit of an ASCII byte, and bytes of other characters as they are; 0 for what parts words.
var lower = func() (t [256]byte) {
	for c := range t {
		switch class[c] {
		case digit, small, beyond:
			t[c] = byte(c)
		case large:
			t[c] = byte(c) + 'a' - 'A'
		}
	}
	return t
}()

// split takes src apart; in one with escapes, as JSON has them, what stands behind a backslash is no letter of a word. Src is used until
// the next one is taken apart.
func (w *words) split(src []byte, escapes bool) {
	w.src, w.list, w.with, w.plain = src, w.list[:0], w.with[:0], w.plain[:0]
	for i := 0; i < len(src); {
		kinds := class[src[i]]
		if kinds == 0 {
			if escapes && src[i] == '\\' {
				if n := w.escaped(src, i); n > 0 {
					i += n
					continue
				}
				i++ // the escape's letter
			}
			i++
			continue
		}
		from, digits := i, int32(kinds>>1&1)
		for i++; i < len(src); i++ {
			c := class[src[i]]
			if c == 0 {
				break
			}
			kinds |= c
			digits += int32(c >> 1 & 1)
		}
		switch {
		case kinds&beyond != 0, escapes && i+1 < len(src) && src[i] == '\\' && src[i+1] == 'u':
			i = w.wide(src, from, escapes)
		case kinds&large != 0:
			start := len(w.plain)
			for _, c := range src[from:i] {
				w.plain = append(w.plain, lower[c])
			}
			w.end(from, i, start, digits)
		default:
			if digits > 0 {
				w.with = append(w.with, len(w.list))
			}
			w.list = append(w.list, word{
				from: int32(from), to: int32(i), digits: digits, hash: maphash.Bytes(w.seed, src[from:i]), //nolint:gosec // a value is below 1 GB
			})
		}
	}
}

// end adds the word that plain ends with.
func (w *words) end(from, to, start int, digits int32) {
	end := len(w.plain)
	if digits > 0 {
		w.with = append(w.with, len(w.list))
	}
	w.list = append(w.list, word{
		from: int32(from), to: int32(to), start: int32(start), end: int32(end), digits: digits, //nolint:gosec // a value is below 1 GB
		hash: maphash.Bytes(w.seed, w.plain[start:end]),
	})
}

// text is a word in small letters.
func (w *words) text(i int) []byte {
	x := w.list[i]
	if x.end == 0 {
		return w.src[x.from:x.to]
	}
	return w.plain[x.start:x.end]
}

// escaped reads a word that begins with an escaped character; 0 when that is none of a word.
func (w *words) escaped(src []byte, at int) int {
	if r, n := runeAt(src, at, true); n == 6 && isLetter(r) {
		return w.wide(src, at, true) - at
	}
	return 0
}

// wide reads words that are not of ASCII alone, up to the end of the last of a run, and tells where that is.
func (w *words) wide(src []byte, at int, escapes bool) int {
	from, start, digits := at, len(w.plain), int32(0)
	for at < len(src) {
		r, n := runeAt(src, at, escapes)
		if !isLetter(r) {
			if r < utf8.RuneSelf {
				break
			}
			if len(w.plain) > start {
				w.end(from, at, start, digits)
			}
			at += n
			from, start, digits = at, len(w.plain), 0
			continue
		}
		if '0' <= r && r <= '9' {
			digits++
		}
		w.plain = utf8.AppendRune(w.plain, unicode.ToLower(r))
		at += n
	}
	if len(w.plain) > start {
		w.end(from, at, start, digits)
	}
	return at
}

// runeAt gives the character at a place and its length; one of JSON's \u escapes is what it stands for.
func runeAt(src []byte, at int, escapes bool) (rune, int) {
	if !escapes || src[at] != '\\' || at+6 > len(src) || src[at+1] != 'u' {
		return utf8.DecodeRune(src[at:])
	}
	r := rune(0)
	for _, c := range src[at+2 : at+6] {
		d := lower[c]
		switch {
		case '0' <= d && d <= '9':
			r = r<<4 | rune(d-'0')
		case 'a' <= d && d <= 'f':
			r = r<<4 | rune(d-'a'+10)
		default:
			return '\\', 1
		}
	}
	return r, 6
}

func isLetter(r rune) bool {
	if r < utf8.RuneSelf {
		return lower[byte(r)] != 0 //nolint:gosec // below 128
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}

// fold adds a word to the hash of the words before it.
func fold(sum, word uint64) uint64 {
	sum = (sum<<23 | sum>>41) ^ word
	sum *= 0x9E3779B97F4A7C15
	return sum ^ sum>>29
}

// row is some words in a row, a zero byte behind each but the last, as the second hash takes them.
func (w *words) row(first, last int) []byte {
	if first == last {
		return w.text(first)
	}
	w.run = w.run[:0]
	for i := first; i <= last; i++ {
		w.run = append(append(w.run, w.text(i)...), 0)
	}
	return w.run[:len(w.run)-1]
}

// number finds the digits that begin with a word, in groups that up to three bytes part: those of a telephone, a card. They are appended to
// dst, and last is the last of the words; short of ten there is none.
func (w *words) number(dst []byte, first int) (digits []byte, last int) {
	last = first
	for i := first; i < len(w.list) && w.list[i].isNumber(); i++ {
		if i > first && w.list[i].from-w.list[i-1].to > 3 {
			break
		}
		dst = append(dst, w.text(i)...)
		last = i
	}
	return dst, last
}
