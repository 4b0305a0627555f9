package mask

import (
	"unicode/utf16"
	"unicode/utf8"
)

// numberSize gives the length of the number that src begins with, and that of its part before the exponent; 0 when there is none.
func numberSize(src []byte) (size, mantissa int) {
	i := 0
	if i < len(src) && src[i] == '-' {
		i++
	}
	switch n := digitRun(src[i:]); {
	case n == 0, n > 1 && src[i] == '0':
		return 0, 0
	default:
		i += n
	}
	if i < len(src) && src[i] == '.' {
		n := digitRun(src[i+1:])
		if n == 0 {
			return 0, 0
		}
		i += 1 + n
	}
	mantissa = i
	if i < len(src) && src[i]|0x20 == 'e' {
		i++
		if i < len(src) && (src[i] == '+' || src[i] == '-') {
			i++
		}
		n := digitRun(src[i:])
		if n == 0 {
			return 0, 0
		}
		i += n
	}
	return i, mantissa
}

func digitRun(src []byte) int {
	n := 0
	for n < len(src) && src[n] >= '0' && src[n] <= '9' {
		n++
	}
	return n
}

// isEscape tells whether s is what may follow a backslash.
func isEscape(s []byte) bool {
	switch s[0] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		return hex4(s[1:]) >= 0
	}
	return false
}

// hex4 gives the value of four hexadecimal digits, -1 when there are not four.
func hex4(s []byte) rune {
	if len(s) < 4 {
		return -1
	}
	var r rune
	for _, c := range s[:4] {
		v := hexValue(c)
		if v < 0 {
			return -1
		}
		r = r<<4 | rune(v)
	}
	return r
}

// unquote appends the text of a valid JSON string; half a surrogate pair becomes U+FFFD.
func unquote(dst, s []byte) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			dst = append(dst, s[i])
			continue
		}
		i++
		switch s[i] {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hex4(s[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if i+2 < len(s) && s[i+1] == '\\' && s[i+2] == 'u' {
					low = hex4(s[i+3:])
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, s[i])
		}
	}
	return dst
}

// needsQuote tells whether quote would write text in another way.
func needsQuote(text []byte) bool {
	for _, c := range text[plainRun(text):] {
		if c < ' ' || c == '"' || c == '\\' {
			return true
		}
	}
	return false
}

// quote appends text as it stands between the quotes of a JSON string, with the escapes that must be and no others.
func quote(dst, text []byte) []byte {
	const digits = "0123456789abcdef"
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
