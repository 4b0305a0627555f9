package mask

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// beginsWord tells the bytes that a hit can begin with.
var beginsWord = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= utf8.RuneSelf || isWordByte(byte(c)) || isDigit(byte(c)) || c == '+' || c == '(' || c == ':' || c == '_'
	}
	return t
}()

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// byteAt gives src[i], 0 beyond its end.
func byteAt(src []byte, i int) byte {
	if i < len(src) {
		return src[i]
	}
	return 0
}

// wordSize gives the length of the letters or of the digits that src begins with, or of its first character.
func wordSize(src []byte) int {
	if n := digitRun(src); n > 0 {
		return n
	}
	n := 0
	for n < len(src) && !isDigit(src[n]) {
		size := letterSize(src[n:])
		if size == 0 {
			break
		}
		n += size
	}
	if n == 0 {
		_, n = utf8.DecodeRune(src)
	}
	return n
}

// letterSize gives the length of the letter, mark or digit that src begins with, 0 when it is something else.
func letterSize(src []byte) int {
	c := src[0]
	if c < utf8.RuneSelf {
		if isWordByte(c) || isDigit(c) {
			return 1
		}
		return 0
	}
	r, n := utf8.DecodeRune(src)
	if unicode.In(r, unicode.L, unicode.M, unicode.N) {
		return n
	}
	return 0
}

// find looks for a hit at src[at:], the start of a word.
func (f *redactFunc) find(src []byte, at int) hit {
	if at >= f.noMail {
		if n := f.mailSize(src, at); n > 0 {
			return hit{n, maskEmail}
		}
	}
	s, c := src[at:], src[at]
	if isDigit(c) {
		if n := dateSize(s); n > 0 {
			return hit{n, keepDate}
		}
		if n := ipv4Size(s); n > 0 && (at < 2 || src[at-1] != '.' || !isDigit(src[at-2])) {
			return hit{n, maskIPv4}
		}
	}
	if (c == ':' || hexValue(c) >= 0) && (at == 0 || letterSize(src[at-1:at]) == 0 && src[at-1] != ':') {
		if n := ipv6Size(s); n > 0 {
			return hit{n, maskIPv6}
		}
	}
	switch {
	case isDigit(c), c == '+', c == '(':
		return f.number(s)
	case isWordByte(c) && c < utf8.RuneSelf && len(s) >= 15:
		if n := ibanSize(s); n > 0 {
			return hit{n, maskIBAN}
		}
	}
	return hit{}
}

// mailSize gives the length of the e-mail address at src[at:], and notes how far there is none.
func (f *redactFunc) mailSize(src []byte, at int) int {
	i := at
	for i < len(src) {
		n := letterSize(src[i:])
		if n == 0 {
			if c := src[i]; c != '.' && c != '_' && c != '%' && c != '+' && c != '-' && c != '\'' {
				break
			}
			n = 1
		}
		i += n
	}
	f.noMail = i
	if i == at || byteAt(src, i) != '@' {
		return 0
	}
	end := i + 1
	for j := end; j < len(src); {
		if n := letterSize(src[j:]); n > 0 {
			j += n
			end = j
		} else if src[j] == '.' || src[j] == '-' {
			j++
		} else {
			break
		}
	}
	if end == i+1 || src[i+1] == '.' || src[i+1] == '-' {
		return 0
	}
	return end - at
}

// dateSize gives the length of a date, year or day first, with a time of day after it.
func dateSize(s []byte) int {
	n := 0
	for _, form := range []string{"0000-00-00", "0000/00/00", "0000.00.00", "00-00-0000", "00/00/0000", "00.00.0000"} {
		if matches(s, form) {
			n = len(form)
		}
	}
	if n == 0 || isDigit(byteAt(s, n)) {
		return 0
	}
	if c := byteAt(s, n); (c == ' ' || c == 'T') && matches(s[n+1:], "00:00") {
		n += 6
		if matches(s[n:], ":00") {
			n += 3
			if byteAt(s, n) == '.' {
				n += 1 + digitRun(s[n+1:])
			}
		}
	}
	return n
}

// matches tells whether s begins with form, where 0 stands for any digit.
func matches(s []byte, form string) bool {
	if len(s) < len(form) {
		return false
	}
	for i := range len(form) {
		if form[i] == '0' != isDigit(s[i]) || form[i] != '0' && form[i] != s[i] {
			return false
		}
	}
	return true
}

// ipv4Size gives the length of four numbers up to 255 between dots.
func ipv4Size(s []byte) int {
	i := 0
	for group := range 4 {
		n := digitRun(s[i:])
		if n == 0 || n > 3 || decimal(s[i:i+n]) > 255 {
			return 0
		}
		if i += n; group < 3 {
			if byteAt(s, i) != '.' {
				return 0
			}
			i++
		}
	}
	if byteAt(s, i) == '.' && isDigit(byteAt(s, i+1)) {
		return 0
	}
	return i
}

// ipv6Size gives the length of an IPv6 address: eight groups, or fewer around one ::, the last two possibly as IPv4.
func ipv6Size(s []byte) int {
	i, colons, double, group, hex := 0, 0, 0, 0, 0
	for ; i < len(s) && i < 46; i++ {
		if s[i] == ':' {
			colons++
			if group = i + 1; byteAt(s, i+1) == ':' {
				double++
			}
			continue
		}
		if hexValue(s[i]) < 0 || i-group > 3 && ipv4Size(s[group:]) == 0 {
			break
		}
		hex++
	}
	if i > 0 && s[i-1] == ':' && (i < 2 || s[i-2] != ':') { // punctuation
		i--
		colons--
		group = 0
	}
	if colons < 2 || hex == 0 || double > 1 || double == 0 && colons != 7 && colons != 6 {
		return 0
	}
	if n := ipv4Size(s[min(group, len(s)):]); n > 0 && group > 0 {
		return group + n
	}
	if double == 0 && colons != 7 || i < len(s) && letterSize(s[i:]) > 0 {
		return 0
	}
	return i
}

// number looks for a card number, a telephone number or a long number: digits, in groups that short separators part.
func (f *redactFunc) number(s []byte) hit {
	lead := s[0] == '+' || s[0] == '(' || s[0] == '0'
	inside := s[0] != '('
	end, digits, grouped, first := 0, 0, false, byte(0)
	for i := 0; ; {
		gap := i
		for i < len(s) && i-gap < 3 && isSeparator(s[i]) || i == 0 && byteAt(s, 0) == '+' || i == 1 && byteAt(s, 1) == '+' && s[0] == '(' {
			i++
		}
		n := digitRun(s[i:])
		if n == 0 || digits > 0 && n == 1 && !lead || digits == 1 && s[gap] == '.' {
			break
		}
		inside = inside || bytes.IndexByte(s[gap:i], ')') >= 0
		grouped = grouped || digits > 0
		if digits == 0 {
			first = s[i]
		}
		digits += n
		i += n
		end = i
		if digits >= 13 && digits <= 19 && first >= '2' && first <= '6' && s[0] != '+' && inside && luhnText(s[:end]) {
			return hit{end, maskCard}
		}
	}
	switch {
	case digits < f.least, !inside: // a bracket that closes behind the number is none of it
		return hit{}
	case digits <= 15 && (lead || grouped):
		return hit{end, maskPhone}
	}
	return hit{end, maskDigits}
}

func isSeparator(c byte) bool {
	return c == ' ' || c == '-' || c == '.' || c == '/' || c == '(' || c == ')'
}

// luhnText tells whether the digits of s have the check sum of card numbers.
func luhnText(s []byte) bool {
	sum, double := 0, false
	for i := len(s) - 1; i >= 0; i-- {
		if !isDigit(s[i]) {
			continue
		}
		d := int(s[i] - '0')
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum, double = sum+d, !double
	}
	return sum%10 == 0
}

// ibanSize gives the length of an IBAN with right check digits, written whole or in groups parted by single blanks.
func ibanSize(s []byte) int {
	if !isWordByte(s[1]) || s[1] >= utf8.RuneSelf || !isDigit(s[2]) || !isDigit(s[3]) {
		return 0
	}
	count := 0
	for i := 0; i < len(s); {
		n := 0
		for i+n < len(s) && count+n <= 34 && (isDigit(s[i+n]) || isWordByte(s[i+n]) && s[i+n] < utf8.RuneSelf) {
			n++
		}
		if n == 0 || count > 0 && n > 4 {
			return 0
		}
		i += n
		if count += n; count > 34 {
			return 0
		}
		if count >= 15 && ibanRemainder(s[:i]) == 1 {
			return i
		}
		if byteAt(s, i) != ' ' {
			return 0
		}
		i++
	}
	return 0
}
