package profile

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode"
	"unicode/utf8"
)

// look says what kinds of bytes a value has.
type look uint8

const (
	isDigit look = 1 << iota
	isLower
	isUpper
	isHigh // beyond ASCII
)

// kind is what one byte is, and the sign that stands for a run of such bytes in a shape.
type kind struct {
	look look
	sign byte
}

// kinds are those of every byte. A few signs that structure values stand for themselves, all others are '#', so that a value made of signs
// alone is not its own shape.
var kinds = func() (all [256]kind) {
	for b := range all {
		switch {
		case b >= utf8.RuneSelf:
			all[b] = kind{isHigh, '~'}
		case b >= '0' && b <= '9':
			all[b] = kind{isDigit, '9'}
		case b >= 'a' && b <= 'z':
			all[b] = kind{isLower, 'a'}
		case b >= 'A' && b <= 'Z':
			all[b] = kind{isUpper, 'A'}
		case isSpace(byte(b)):
			all[b] = kind{0, ' '}
		default:
			all[b] = kind{0, '#'}
		}
	}
	for _, b := range []byte("@.,-_/:+(){}[]\"'") {
		all[b].sign = b
	}
	return all
}()

func isSpace(b byte) bool { return b == ' ' || b >= '\t' && b <= '\r' }

const (
	shapeBytes = 40 // of a value are looked at for its shape
	shapeSigns = 16 // are the most in a shape; one that has as many ends in '…'
	shapeSlots = 64 // shapes of a column are told apart; what comes after that counts as other
)

// shapes counts values by their shapes, in a table of fixed size.
type shapes struct {
	slots []shapeSlot // of shapeSlots, made with the first value
	used  int
	other int64
}

type shapeSlot struct {
	sum   uint64
	count int64
	text  [shapeSigns]byte
	size  uint8
	cut   bool
}

// saw counts a value's shape, and tells the kinds of its bytes and how many characters it has. Of what is beyond its beginning no more is
// told than whether it is ASCII.
func (s *shapes) saw(value []byte) (all look, chars int) {
	var text [shapeSigns]byte
	size, last, sum := 0, byte(0), uint64(14695981039346656037)
	head := value[:min(len(value), shapeBytes)]
	for _, b := range head {
		kind := kinds[b]
		all |= kind.look
		if kind.sign == last {
			continue
		}
		last = kind.sign
		if size < shapeSigns {
			text[size] = last
			sum = (sum ^ uint64(last)) * 1099511628211
			size++
		}
	}
	cut := size == shapeSigns || len(value) > shapeBytes
	if cut {
		sum++
	}
	s.count(shapeSlot{sum: sum | 1, count: 1, text: text, size: uint8(size), cut: cut})
	rest := value[len(head):]
	for ; len(rest) >= 8; rest = rest[8:] {
		if binary.LittleEndian.Uint64(rest)&0x8080808080808080 != 0 {
			all |= isHigh
			break
		}
	}
	for _, b := range rest {
		if b >= utf8.RuneSelf {
			all |= isHigh
			break
		}
	}
	if all&isHigh == 0 {
		return all, len(value)
	}
	return all, characters(value)
}

// characters counts those of UTF-8: the bytes that go on with none, eight at a time. utf8.RuneCount copies what it counts.
func characters(value []byte) int {
	const ones = 0x0101010101010101
	n, rest := len(value), value
	for ; len(rest) >= 8; rest = rest[8:] {
		x := binary.LittleEndian.Uint64(rest)
		n -= bits.OnesCount64(x >> 7 &^ (x >> 6) & ones)
	}
	for _, b := range rest {
		if !utf8.RuneStart(b) {
			n--
		}
	}
	return n
}

// count adds to a shape's slot.
func (s *shapes) count(of shapeSlot) {
	if s.slots == nil {
		s.slots = make([]shapeSlot, shapeSlots)
	}
	for i := of.sum >> 32; ; i++ {
		slot := &s.slots[i%shapeSlots]
		switch {
		case slot.sum == of.sum:
			slot.count += of.count
			return
		case slot.sum != 0:
			continue
		case s.used == shapeSlots*3/4:
			s.other += of.count
			return
		}
		s.used++
		*slot = of
		return
	}
}

// join takes over another's counts.
func (s *shapes) join(o *shapes) {
	s.other += o.other
	for _, slot := range o.slots {
		if slot.sum != 0 {
			s.count(slot)
		}
	}
}

// most are the n most frequent shapes.
func (s *shapes) most(n int) []Shape {
	var all []Shape
	for _, slot := range s.slots {
		if slot.sum == 0 || slot.size == 0 {
			continue
		}
		text := string(slot.text[:slot.size])
		if slot.cut {
			text += "…"
		}
		all = append(all, Shape{Text: text, Count: slot.count})
	}
	slices.SortFunc(all, func(a, b Shape) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Text, b.Text)) })
	return all[:min(n, len(all))]
}

// number tells whether a value, white space around it aside, is a number without an exponent, whether it is whole, and how many figures
// stand before its point.
func number(v []byte) (whole bool, digits int, ok bool) {
	for len(v) > 0 && isSpace(v[0]) {
		v = v[1:]
	}
	for len(v) > 0 && isSpace(v[len(v)-1]) {
		v = v[:len(v)-1]
	}
	if len(v) > 0 && (v[0] == '-' || v[0] == '+') {
		v = v[1:]
	}
	point, figures := -1, 0
	for i, b := range v {
		switch {
		case b == '.' && point < 0:
			point = i
		case b < '0' || b > '9':
			return false, 0, false
		default:
			figures++
		}
	}
	if point < 0 {
		return true, figures, figures > 0
	}
	return false, point, figures > 0
}

// date tells whether a value begins with a date in figures: 2024-01-31, 31.01.2024, 01/31/2024.
func date(v []byte) bool {
	if len(v) < 10 {
		return false
	}
	var signs [2]byte
	n := 0
	for i, b := range v[:10] {
		switch {
		case b >= '0' && b <= '9':
		case n < 2 && (b == '-' || b == '.' || b == '/'):
			if at := [2][2]int{{4, 2}, {7, 5}}[n]; i != at[0] && i != at[1] {
				return false
			}
			signs[n] = b
			n++
		default:
			return false
		}
	}
	return n == 2 && signs[0] == signs[1] && (len(v) == 10 || v[10] == ' ' || v[10] == 'T')
}

// appendLower appends a value in lower case, letter by letter as Unicode has them. What is not UTF-8 stays.
func appendLower(dst, value []byte) []byte {
	start := len(dst)
	dst = append(dst, value...)
	for i := start; i < len(dst); i++ {
		switch b := dst[i]; {
		case b-'A' < 26:
			dst[i] = b | 0x20
		case b >= utf8.RuneSelf:
			return appendLowerRunes(dst[:i], value[i-start:])
		}
	}
	return dst
}

func appendLowerRunes(dst, value []byte) []byte {
	for i := 0; i < len(value); {
		b := value[i]
		if b < utf8.RuneSelf {
			if b-'A' < 26 {
				b |= 0x20
			}
			dst = append(dst, b)
			i++
			continue
		}
		r, n := utf8.DecodeRune(value[i:])
		if r == utf8.RuneError && n == 1 {
			dst = append(dst, b)
		} else {
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		}
		i += n
	}
	return dst
}
