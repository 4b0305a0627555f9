package sanitize

import (
	"bytes"
	"encoding/binary"
)

// This file is the escaping of PostgreSQL's COPY text format (src/backend/commands/copyto.c and copyfromparse.c). The server
// escapes a backslash and the six control characters that C has letters for, and nothing else.

// copyLetters maps a byte to the letter that stands for it behind a backslash, or 0.
var copyLetters = [256]byte{'\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't', '\v': 'v', '\\': '\\'}

// copyBytes is the inverse of copyLetters.
var copyBytes = [256]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}

// needsEscape looks at eight bytes at a time, of which most have no backslash and nothing below a blank.
func needsEscape(value []byte) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; len(value) >= 8; value = value[8:] {
		x := binary.LittleEndian.Uint64(value)
		slash := x ^ '\\'*ones
		// A byte is nought, or below a blank, where subtracting borrows into its top bit (Bit Twiddling Hacks, "haszero" and "hasless").
		if ((slash-ones)&^slash|(x-' '*ones)&^x)&tops != 0 {
			break
		}
	}
	for _, c := range value {
		if copyLetters[c] != 0 {
			return true
		}
	}
	return false
}

// appendEscaped appends value as a field. A value that reads \N becomes \\N, which is not NULL.
func appendEscaped(dst, value []byte) []byte {
	for _, c := range value {
		if letter := copyLetters[c]; letter != 0 {
			dst = append(dst, '\\', letter)
			continue
		}
		dst = append(dst, c)
	}
	return dst
}

// appendUnescaped appends the value of a field that is not NULL, and reports false when it ends in a lone backslash. It also takes
// the escapes that servers read but do not write: octal, hexadecimal, and any other character for itself.
func appendUnescaped(dst, field []byte) ([]byte, bool) {
	for i := 0; i < len(field); i++ {
		if field[i] != '\\' {
			dst = append(dst, field[i])
			continue
		}
		i++
		if i == len(field) {
			return dst, false
		}
		c := field[i]
		switch {
		case copyBytes[c] != 0:
			dst = append(dst, copyBytes[c])
		case '0' <= c && c <= '7':
			v, n := digits(field[i:], 3, 8)
			dst, i = append(dst, v), i+n-1
		case c == 'x':
			v, n := digits(field[i+1:], 2, 16)
			if n == 0 {
				v = 'x'
			}
			dst, i = append(dst, v), i+n
		default:
			dst = append(dst, c)
		}
	}
	return dst, true
}

// digits reads up to limit digits of a base, 8 or 16, and returns the low eight bits and the number of digits.
func digits(s []byte, limit int, base byte) (value byte, n int) {
	for n < limit && n < len(s) {
		d := hexValue(s[n])
		if d >= base {
			break
		}
		value = value*base + d
		n++
	}
	return value, n
}

func hexValue(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// Fields takes a row of COPY's text format apart into values, in PostgreSQL's text form; nil is NULL. It reports false where the row ends in
// the middle of an escape.
func Fields(line []byte) ([][]byte, bool) {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	var values [][]byte
	for field := range bytes.SplitSeq(line, []byte{'\t'}) {
		if string(field) == `\N` {
			values = append(values, nil)
			continue
		}
		value, ok := appendUnescaped([]byte{}, field)
		if !ok {
			return nil, false
		}
		values = append(values, value)
	}
	return values, true
}
