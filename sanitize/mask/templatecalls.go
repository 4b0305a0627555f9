package mask

import (
	"bytes"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// kind is the type of a value in a template.
type kind byte

const (
	isText kind = iota
	isNumber
	isBool
	isEither // one or another, which shows when it is there
)

func (k kind) String() string {
	return [...]string{"text", "number", "truth", "value of either kind"}[k]
}

// value is what an expression of a template gives. Its text is valid until the same expression is asked again.
type value struct {
	kind   kind
	text   []byte
	number int64 // 1 for true
}

func truth(b bool) value {
	if b {
		return value{kind: isBool, number: 1}
	}
	return value{kind: isBool}
}

// true tells as conditions do: what is empty or nought is not.
func (v value) true() bool { return len(v.text) > 0 || v.number != 0 }

func (v value) append(dst []byte) []byte {
	switch v.kind {
	case isNumber:
		return strconv.AppendInt(dst, v.number, 10)
	case isBool:
		return strconv.AppendBool(dst, v.number != 0)
	}
	return append(dst, v.text...)
}

// compare orders values of one kind.
func (v value) compare(o value) int {
	if v.kind == isText {
		return bytes.Compare(v.text, o.text)
	}
	switch {
	case v.number < o.number:
		return -1
	case v.number > o.number:
		return 1
	}
	return 0
}

// call is what a function of a template makes of its arguments; out is for what it has to write.
type call func(out []byte, args []value) (v value, written []byte)

// signature is a function with the kinds of its arguments.
type signature struct {
	args []kind
	kind kind
	call call
}

// signatures are the functions whose arguments have kinds that are known beforehand.
func signatures() map[string]signature {
	one, cut := []kind{isText}, []kind{isNumber, isText}
	mapped := func(to func(rune) rune) call {
		return func(out []byte, args []value) (value, []byte) {
			out = appendMapped(out, args[0].text, to)
			return value{text: out}, out
		}
	}
	part := func(of func(n int, s []byte) []byte) call {
		return func(out []byte, args []value) (value, []byte) {
			return value{text: of(int(max(min(args[0].number, 1<<30), 0)), args[1].text)}, out
		}
	}
	return map[string]signature{
		"upper": {one, isText, mapped(unicode.ToUpper)}, "lower": {one, isText, mapped(unicode.ToLower)},
		"trim": {one, isText, func(out []byte, args []value) (value, []byte) { return value{text: bytes.TrimSpace(args[0].text)}, out }},
		"len": {one, isNumber, func(out []byte, args []value) (value, []byte) {
			return value{kind: isNumber, number: int64(len(args[0].text))}, out
		}},
		"left":    {cut, isText, part(func(n int, s []byte) []byte { return s[:placeOf(n, s)] })},
		"right":   {cut, isText, part(func(n int, s []byte) []byte { return s[placeOf(utf8.RuneCount(s)-n, s):] })},
		"replace": {[]kind{isText, isText, isText}, isText, replaceAll},
	}
}

// placeOf is where the n-th character begins.
func placeOf(n int, s []byte) int {
	at := 0
	for ; n > 0 && at < len(s); n-- {
		_, size := utf8.DecodeRune(s[at:])
		at += size
	}
	return at
}

// appendMapped appends src with each letter replaced; what is no text stays as it is.
func appendMapped(dst, src []byte, to func(rune) rune) []byte {
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError {
			dst = append(dst, src[i:i+n]...)
		} else {
			dst = utf8.AppendRune(dst, to(r))
		}
		i += n
	}
	return dst
}

func replaceAll(out []byte, args []value) (value, []byte) {
	old, text, s := args[0].text, args[1].text, args[2].text
	if len(old) == 0 {
		return args[2], out
	}
	for {
		i := bytes.Index(s, old)
		if i < 0 {
			break
		}
		out = append(append(out, s[:i]...), text...)
		s = s[i+len(old):]
	}
	out = append(out, s...)
	return value{text: out}, out
}

// printAll writes values one behind the other, with a blank between two of which neither is a text.
func printAll(out []byte, args []value) (value, []byte) {
	for i, v := range args {
		if i > 0 && v.kind != isText && args[i-1].kind != isText {
			out = append(out, ' ')
		}
		out = v.append(out)
	}
	return value{text: out}, out
}

// verb is a part of a format: a text, or a value in a form of its own.
type verb struct {
	text        string
	verb        byte // 0 without a value
	width       int
	left, zeros bool
	limit       int // characters of a text, -1 without
}

// parseFormat reads a format: %s, %d, %v, %x and %X, with -, 0, a width and a precision.
func parseFormat(format string) (verbs []verb, ok bool) {
	for len(format) > 0 {
		v, i := verb{limit: -1}, 0
		for i < len(format) && format[i] != '%' {
			i++
		}
		if v.text, format = format[:i], format[i:]; len(format) == 0 {
			return append(verbs, v), true
		}
		if format = format[1:]; len(format) > 0 && format[0] == '%' {
			v.text += "%"
			verbs, format = append(verbs, v), format[1:]
			continue
		}
		for len(format) > 0 && (format[0] == '-' || format[0] == '0') {
			v.left, v.zeros, format = v.left || format[0] == '-', v.zeros || format[0] == '0', format[1:]
		}
		v.width, format = leadingNumber(format)
		if len(format) > 0 && format[0] == '.' {
			v.limit, format = leadingNumber(format[1:])
		}
		if len(format) == 0 || bytes.IndexByte([]byte("sdvxX"), format[0]) < 0 || v.width > 1000 {
			return nil, false
		}
		v.verb, format = format[0], format[1:]
		verbs = append(verbs, v)
	}
	return verbs, true
}

func leadingNumber(s string) (n int, rest string) {
	for len(s) > 0 && isDigit(s[0]) && n < 1<<20 {
		n, s = 10*n+int(s[0]-'0'), s[1:]
	}
	return n, s
}

// fits tells whether the verb can write a value of the kind.
func (v verb) fits(k kind) bool {
	switch v.verb {
	case 's':
		return k == isText
	case 'd':
		return k == isNumber && v.limit < 0
	case 'x', 'X':
		return k == isText || k == isNumber
	}
	return true
}

// append writes a value as package fmt does.
func (v verb) append(dst []byte, a value) []byte {
	start := len(dst)
	if a.kind == isText && v.limit >= 0 {
		a.text = a.text[:placeOf(v.limit, a.text)]
	}
	switch {
	case (v.verb == 'x' || v.verb == 'X') && a.kind == isNumber:
		dst = strconv.AppendInt(dst, a.number, 16)
	case v.verb == 'x' || v.verb == 'X':
		for _, b := range a.text {
			dst = append(dst, "0123456789abcdef"[b>>4], "0123456789abcdef"[b&15])
		}
	default:
		dst = a.append(dst)
	}
	if v.verb == 'X' {
		copy(dst[start:], bytes.ToUpper(dst[start:]))
	}
	return v.pad(dst, start, a.kind == isNumber)
}

// pad fills what was written from start on up to the width, with noughts behind a sign.
func (v verb) pad(dst []byte, start int, number bool) []byte {
	lacking := v.width - utf8.RuneCount(dst[start:])
	if lacking <= 0 {
		return dst
	}
	fill, at := byte(' '), start
	switch {
	case v.left:
		at = len(dst)
	case v.zeros:
		if fill = '0'; number && dst[start] == '-' {
			at++
		}
	}
	written := len(dst)
	for range lacking {
		dst = append(dst, fill)
	}
	copy(dst[at+lacking:], dst[at:written])
	for i := range lacking {
		dst[at+i] = fill
	}
	return dst
}
