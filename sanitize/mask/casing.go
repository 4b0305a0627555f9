package mask

import (
	"encoding/binary"
	"math/bits"
	"unicode"
	"unicode/utf8"
)

// casing holds a value folded to lower case and which of its letters were upper case.
//
// A pseudonym is made of the folded value, and the pattern of capitals is carried over to the letters of the pseudonym by a
// permutation. So two spellings of one address stay equal under lower() and stay distinct otherwise, as they were.
type casing struct {
	folded    []byte
	upper     uint64 // bit i: letter i is upper case, for the first 64 letters
	letters   int
	lastUpper int // index of the last upper-case letter, -1 without
	lastLower int
}

// fold reads src.
func (c *casing) fold(src []byte) {
	c.folded, c.upper, c.letters, c.lastUpper, c.lastLower = append(c.folded[:0], src...), 0, 0, -1, -1
	letters, lastUpper, lastLower, upper := 0, -1, -1, uint64(0) // in registers: this is done for most values there are
	for i, b := range c.folded {
		switch {
		case b-'a' < 26:
			lastLower = letters
			letters++
		case b-'A' < 26:
			c.folded[i] = b | 0x20
			upper |= 1 << min(letters, 63)
			lastUpper = letters
			letters++
		case b >= utf8.RuneSelf:
			c.folded = c.folded[:i]
			c.upper, c.letters, c.lastUpper, c.lastLower = upper, letters, lastUpper, lastLower
			c.foldRunes(src[i:])
			return
		}
	}
	c.upper, c.letters, c.lastUpper, c.lastLower = upper, letters, lastUpper, lastLower
}

// foldRunes reads the rest of a value, from its first character beyond ASCII.
func (c *casing) foldRunes(src []byte) {
	for i := 0; i < len(src); {
		b := src[i]
		switch {
		case b-'a' < 26:
			c.letter(false)
		case b-'A' < 26:
			c.letter(true)
			b |= 0x20
		case b >= utf8.RuneSelf:
			i += c.foldRune(src[i:])
			continue
		}
		c.folded = append(c.folded, b)
		i++
	}
}

func (c *casing) foldRune(src []byte) int {
	r, n := utf8.DecodeRune(src)
	if r == utf8.RuneError {
		c.folded = append(c.folded, src[:n]...)
		return n
	}
	low := unicode.ToLower(r)
	if low != unicode.ToUpper(r) {
		c.letter(low != r)
	}
	c.folded = utf8.AppendRune(c.folded, low)
	return n
}

func (c *casing) letter(upper bool) {
	if upper {
		c.lastUpper = c.letters
		c.upper |= 1 << min(c.letters, 63)
	} else {
		c.lastLower = c.letters
	}
	c.letters++
}

// isLower tells that folding changed nothing.
func (c *casing) isLower() bool { return c.lastUpper < 0 }

// isUpper tells that there are letters and none is lower case.
func (c *casing) isUpper() bool { return c.lastLower < 0 && c.lastUpper >= 0 }

// code numbers the pattern of capitals within n bits, 0 for none; false when it does not fit. For values with the same
// letters different patterns have different codes: the capitals themselves below the top bit, or, behind the top bit, the small letters.
func (c *casing) code(n int) (uint64, bool) {
	n = min(n, 63)
	switch {
	case c.isLower():
		return 0, true
	case c.lastUpper < n-1:
		return c.upper, true
	case c.lastLower < n-1 && n > 0:
		return 1<<(n-1) | ^c.upper&(1<<(c.lastLower+1)-1), true
	}
	return 0, false
}

// capitalise raises letters of the ASCII text word as code says, scrambled under odd, which permutes the codes and leaves 0 alone.
func capitalise(word []byte, n int, code, odd uint64) {
	if code == 0 {
		return
	}
	n = min(n, 63)
	code = code * (odd | 1) & (1<<n - 1)
	for i := range word {
		if word[i] < 'a' || word[i] > 'z' {
			continue
		}
		if code&1 == 1 {
			word[i] -= 'a' - 'A'
		}
		if code >>= 1; code == 0 {
			return
		}
	}
}

// countLetters counts the small ASCII letters of word.
func countLetters(word []byte) int {
	n := 0
	for _, b := range word {
		if b >= 'a' && b <= 'z' {
			n++
		}
	}
	return n
}

// appendLetters appends n letters a to z, n up to 26; 13 letters take 8 bytes of sum.
func appendLetters(dst []byte, sum *[16]byte, n int) []byte {
	for at := 0; n > 0; at += 8 {
		x := binary.BigEndian.Uint64(sum[at:])
		for range min(n, 13) {
			var letter uint64
			letter, x = bits.Mul64(x, 26)
			dst = append(dst, 'a'+byte(letter))
		}
		n -= 13
	}
	return dst
}

// pseudonym appends n letters made of src, in capitals and small letters after its own unless case means nothing.
func (c *casing) pseudonym(dst, src []byte, n int, caseless bool, prf *prf) []byte {
	c.fold(src)
	code, fits := c.code(n)
	if caseless {
		code, fits = 0, true
	}
	hashed := c.folded
	if !fits {
		hashed = src
	}
	sum := prf.sum(hashed)
	start := len(dst)
	dst = appendLetters(dst, sum, n)
	capitalise(dst[start:], n, code, uint64(sum[14])<<8|uint64(sum[15]))
	return dst
}
