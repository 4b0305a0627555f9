package mask

import (
	"bytes"
	"errors"
)

// arrayFamily: a mask for every element.
func arrayFamily() family {
	return family{
		Info: Info{
			Name: "array", Summary: "a mask for every element of an array", Types: []string{typeArray},
			Params: []ParamInfo{{Name: "each", Type: "rule", Meaning: "the rule of every element; required"}},
			Guarantees: []string{
				"the count of elements, their places, dimensions and bounds are kept, and so are NULL elements and the empty array",
				"of each element what its mask guarantees",
				"null makes every element NULL, not the array",
			},
			AtLeast: KeepsNulls, AtBest: keepsAll, Depends: "what is kept is what the mask of the elements keeps, but for lengths",
		},
		compile: compileArray,
	}
}

func compileArray(c *compiler) (*Mask, error) {
	each, ok := c.params.rule("each")
	if !ok {
		return nil, c.params.err()
	}
	m, err := c.inner(each, c.target.element(), ruleParam("each"))
	if err != nil {
		return nil, err
	}
	if m.keep {
		return &Mask{keep: true, Keeps: keepsAll, New: m.New}, nil
	}
	// NULL elements are kept as such, and quotes are set anew, so lengths of the whole text are not what the element's are.
	keeps := m.Keeps&^(keepsForm|KeepsOrder|KeepsCaseEquality|KeepsCaseUniqueness) | KeepsNulls
	delim := byte(',')
	if c.target.BaseType == "_box" {
		delim = ';'
	}
	return &Mask{Keeps: keeps, elements: true, New: func() Func { return &arrayFunc{each: m.New(), mask: each.Name, delim: delim} }}, nil
}

type arrayFunc struct {
	each  Func
	mask  string
	saw   shower
	delim byte
	plain []byte // one element without quotes and escapes
	out   []byte // its mask
}

func (f *arrayFunc) Append(dst, src []byte) ([]byte, error) {
	start, depth := len(dst), 0
	i := bounds(src)
	dst = append(dst, src[:i]...)
	for i < len(src) {
		switch c := src[i]; {
		case c == '{' || c == '}':
			if depth++; c == '}' {
				depth -= 2
			}
			dst = append(dst, c)
			i++
		case c == f.delim || isSpace(c):
			dst = append(dst, c)
			i++
		case depth <= 0:
			return dst[:start], errArray()
		default:
			n, null, ok := f.read(src[i:])
			if !ok {
				return dst[:start], errArray()
			}
			i += n
			if null {
				dst = append(dst, "NULL"...)
				continue
			}
			var err error
			if dst, err = f.element(dst); err != nil {
				return dst[:start], err
			}
		}
	}
	if depth != 0 || len(src) == 0 {
		return dst[:start], errArray()
	}
	return dst, nil
}

// ShowParts implements [Parts].
func (f *arrayFunc) ShowParts(saw func(mask string, was, is []byte)) {
	f.saw = showing(f.each, f.mask, saw)
}

func errArray() error { return &ValueError{Mask: "array", Reason: "is not an array in text form"} }

// bounds gives the length of what stands before the braces: [0:2]=.
func bounds(src []byte) int {
	if len(src) == 0 || src[0] != '[' {
		return 0
	}
	return bytes.IndexByte(src, '=') + 1
}

// read takes one element into plain: its length in src, and whether it is NULL.
func (f *arrayFunc) read(src []byte) (n int, null, ok bool) {
	f.plain = f.plain[:0]
	if src[0] == '"' {
		for i := 1; i < len(src); i++ {
			switch src[i] {
			case '"':
				return i + 1, false, true
			case '\\':
				if i++; i == len(src) {
					return 0, false, false
				}
			}
			f.plain = append(f.plain, src[i])
		}
		return 0, false, false
	}
	for ; n < len(src) && src[n] != f.delim && src[n] != '}' && src[n] != '{'; n++ {
		if src[n] == '\\' {
			if n++; n == len(src) {
				return 0, false, false
			}
		}
		f.plain = append(f.plain, src[n])
	}
	return n, isNull(src[:n]), n > 0 && n < len(src)
}

// isNull tells the word NULL in any case.
func isNull(b []byte) bool {
	return len(b) == 4 && b[0]|0x20 == 'n' && b[1]|0x20 == 'u' && b[2]|0x20 == 'l' && b[3]|0x20 == 'l'
}

// element appends the mask of plain.
func (f *arrayFunc) element(dst []byte) ([]byte, error) {
	var err error
	f.out, err = f.each.Append(f.out[:0], f.plain)
	if errors.Is(err, ErrNull) {
		f.saw.show(f.plain, nil)
		return append(dst, "NULL"...), nil
	}
	if err != nil {
		return dst, err
	}
	f.saw.show(f.plain, f.out)
	if !arrayQuotes(f.out, f.delim) {
		return append(dst, f.out...), nil
	}
	dst = append(dst, '"')
	for _, c := range f.out {
		if c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return append(dst, '"'), nil
}

// arrayQuotes tells whether an element must be quoted, as array_out has it.
func arrayQuotes(v []byte, delim byte) bool {
	if len(v) == 0 || isNull(v) {
		return true
	}
	for _, c := range v {
		if c == '"' || c == '\\' || c == '{' || c == '}' || c == delim || isSpace(c) {
			return true
		}
	}
	return false
}
