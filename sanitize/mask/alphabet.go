package mask

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// glyph is one character as the shape mask sees it: number Index of an alphabet of Radix characters, or a character that is kept.
type glyph struct {
	alphabet uint16 // alphaKeep, alphaDigit, alphaLetter, a number of scripts.list, or alphaBlock
	upper    bool
	size     int // bytes of the source
	index    uint32
	radix    uint32
	r        rune // of alphaBlock: the first of the block
}

const (
	alphaKeep   uint16 = iota // blanks, punctuation, symbols, combining marks
	alphaDigit                // 0-9
	alphaLetter               // a-z and A-Z
	alphaBlock                // letters of further scripts: the 64 characters that differ in the last UTF-8 byte
	alphaScript               // first of scripts.list
)

// scripts are the alphabets beyond ASCII. All characters of one have the same length in UTF-8.
type scripts struct {
	list   []script
	table  [tableSize]tableEntry // by rune below U+0800, then U+1E00 to U+1EFF
	blocks [unicode.MaxRune>>12 + 1]uint64
}

// tableSize covers two-byte runes and the block Latin Extended Additional.
const tableSize = 0x800 + 0x100

type tableEntry struct {
	alphabet uint16
	index    uint16
	upper    bool
}

// script is an alphabet: pairs of small and capital letters, characters without case, or a range of code points.
type script struct {
	lower, upper []rune // equal without case
	first        rune   // of a range, with lower and upper empty
	count        uint32
}

// theScripts builds the table at its first use. It is read-only from then on.
var theScripts = sync.OnceValue(buildScripts)

func buildScripts() *scripts {
	s := &scripts{}
	for _, r := range [][2]rune{
		{0x80, 0x17F},
		{0x180, 0x24F},
		{0x250, 0x36F},
		{0x370, 0x3FF},
		{0x400, 0x45F},
		{0x460, 0x52F},
		{0x530, 0x58F},
		{0x590, 0x5FF},
		{0x600, 0x65F},
		{0x660, 0x669},
		{0x66A, 0x6FF},
		{0x700, 0x7BF},
		{0x7C0, 0x7FF},
		{0x1E00, 0x1EFF},
	} {
		s.addTable(r[0], r[1])
	}
	for _, r := range [][2]rune{{0x3041, 0x3096}, {0x30A1, 0x30FA}, {0x3400, 0x4DBF}, {0x4E00, 0x9FFF}, {0xAC00, 0xD7A3}} {
		s.list = append(s.list, script{first: r[0], count: uint32(r[1] - r[0] + 1)})
	}
	for _, t := range []*unicode.RangeTable{unicode.L, unicode.N} {
		for _, r := range t.R16 {
			s.mark(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
		for _, r := range t.R32 {
			s.mark(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
	}
	return s
}

// addTable makes alphabets of the letters and numbers of a range: the pairs of case, and the others by what they are.
func (s *scripts) addTable(lo, hi rune) {
	var cased script
	var plain [5]script
	for r := lo; r <= hi; r++ {
		low := unicode.ToLower(r)
		up := unicode.ToUpper(low)
		paired := low != up && unicode.ToLower(up) == low && low >= lo && low <= hi && up >= lo && up <= hi && (r == low || r == up)
		if paired && r == low {
			cased.lower, cased.upper = append(cased.lower, low), append(cased.upper, up)
		}
		if kind := plainKind(r); !paired && kind >= 0 {
			plain[kind].lower, plain[kind].upper = append(plain[kind].lower, r), append(plain[kind].upper, r)
		}
	}
	s.add(cased)
	for _, a := range plain {
		s.add(a)
	}
}

// plainKind sorts letters without a partner of the other case, and numbers; it is -1 for all else.
func plainKind(r rune) int {
	switch {
	case unicode.IsLower(r):
		return 0
	case unicode.IsUpper(r):
		return 1
	case unicode.IsLetter(r):
		return 2
	case unicode.IsDigit(r):
		return 3
	case unicode.IsNumber(r):
		return 4
	}
	return -1
}

// add takes an alphabet into the list and the table.
func (s *scripts) add(a script) {
	if a.count = uint32(len(a.lower)); a.count == 0 {
		return
	}
	number := alphaScript + uint16(len(s.list))
	s.list = append(s.list, a)
	for i := range a.lower {
		s.table[slot(a.upper[i])] = tableEntry{alphabet: number, index: uint16(i), upper: true}
		s.table[slot(a.lower[i])] = tableEntry{alphabet: number, index: uint16(i)}
	}
}

// asciiEntry is what [scripts.read] tells of a character of one byte.
type asciiEntry struct {
	size         uint8  // 1; 0 beyond ASCII
	first        byte   // of its alphabet and case
	index, radix uint8  // radix is 0 for one that is kept
	bits         uint16 // of the radix, in 256ths
}

// asciiTable is indexed by the byte.
var asciiTable = func() (t [256]asciiEntry) {
	for c := range byte(utf8.RuneSelf) {
		t[c].size = 1
		for _, a := range []struct{ first, radix byte }{{'0', 10}, {'a', 26}, {'A', 26}} {
			if c-a.first < a.radix {
				t[c] = asciiEntry{1, a.first, c - a.first, a.radix, uint16(bitsOf(uint32(a.radix)))}
			}
		}
	}
	return t
}()

func asciiAt(c byte) *asciiEntry { return &asciiTable[c] }

// slot is the place of a rune in the table, -1 for one that has none.
func slot(r rune) int {
	switch {
	case r < 0x800:
		return int(r)
	case r >= 0x1E00 && r <= 0x1EFF:
		return int(r) - 0x1E00 + 0x800
	}
	return -1
}

// mark notes the blocks of 64 that hold letters or numbers, where no range of the list begins or ends.
func (s *scripts) mark(lo, hi, stride rune) {
	for r := lo; r <= hi; r += stride {
		if slot(r) < 0 && !s.ranged(r>>6) {
			s.blocks[r>>12] |= 1 << (r >> 6 & 63)
		}
	}
}

// ranged tells whether a range of the list reaches into the block.
func (s *scripts) ranged(block rune) bool {
	for _, a := range s.list {
		if a.first > 0 && block >= a.first>>6 && block <= (a.first+rune(a.count)-1)>>6 {
			return true
		}
	}
	return false
}

// read classifies the first character of src, which is not empty; false when it is not valid UTF-8.
func (s *scripts) read(src []byte) (glyph, bool) {
	c := src[0]
	switch {
	case c >= '0' && c <= '9':
		return glyph{alphabet: alphaDigit, size: 1, index: uint32(c - '0'), radix: 10}, true
	case c >= 'a' && c <= 'z':
		return glyph{alphabet: alphaLetter, size: 1, index: uint32(c - 'a'), radix: 26}, true
	case c >= 'A' && c <= 'Z':
		return glyph{alphabet: alphaLetter, upper: true, size: 1, index: uint32(c - 'A'), radix: 26}, true
	case c < utf8.RuneSelf:
		return glyph{size: 1}, true
	}
	r, n := utf8.DecodeRune(src)
	if r == utf8.RuneError && n <= 1 {
		return glyph{}, false
	}
	if at := slot(r); at >= 0 {
		e := s.table[at]
		if e.alphabet == alphaKeep {
			return glyph{size: n}, true
		}
		return glyph{alphabet: e.alphabet, upper: e.upper, size: n, index: uint32(e.index), radix: s.list[e.alphabet-alphaScript].count}, true
	}
	return s.readFar(r, n), true
}

// readFar classifies a rune beyond the table.
func (s *scripts) readFar(r rune, n int) glyph {
	for i := len(s.list) - 1; i >= 0 && s.list[i].first > 0; i-- {
		if a := s.list[i]; r >= a.first && r-a.first < rune(a.count) {
			return glyph{alphabet: alphaScript + uint16(i), size: n, index: uint32(r - a.first), radix: a.count}
		}
	}
	if s.blocks[r>>12]>>(r>>6&63)&1 == 1 {
		return glyph{alphabet: alphaBlock, size: n, index: uint32(r & 63), radix: 64, r: r &^ 63}
	}
	return glyph{size: n}
}

// append writes the character that stands at index in the alphabet of g, in the case of g.
func (s *scripts) append(dst []byte, g glyph, index uint32) []byte {
	switch {
	case g.alphabet == alphaDigit:
		return append(dst, '0'+byte(index))
	case g.alphabet == alphaLetter && g.upper:
		return append(dst, 'A'+byte(index))
	case g.alphabet == alphaLetter:
		return append(dst, 'a'+byte(index))
	case g.alphabet == alphaBlock:
		return utf8.AppendRune(dst, g.r+rune(index))
	}
	a := &s.list[g.alphabet-alphaScript]
	switch {
	case a.first > 0:
		return utf8.AppendRune(dst, a.first+rune(index))
	case g.upper:
		return utf8.AppendRune(dst, a.upper[index])
	}
	return utf8.AppendRune(dst, a.lower[index])
}
