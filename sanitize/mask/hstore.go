package mask

import (
	"errors"
	"maps"
	"slices"
)

// hstoreFamily: masks for the values of an hstore.
func hstoreFamily() family {
	return family{
		Info: Info{
			Name: "hstore", Summary: "masks for the values of an hstore, by key", Types: []string{"hstore"},
			Params: []ParamInfo{
				{Name: "keys", Type: "rules", Meaning: "rules by key"},
				{Name: "default", Type: "rule", Meaning: "the rule for the values of all other keys; required"},
			},
			Guarantees: []string{"keys and NULL values are kept, keys are not masked; of each value what its mask guarantees"},
			AtLeast:    KeepsNulls, AtBest: KeepsNulls | KeepsEquality | KeepsUniqueness | KeepsValidity, Depends: "what the masks of all keys keep is kept",
		},
		compile: compileHstore,
	}
}

func compileHstore(c *compiler) (*Mask, error) {
	keys, def, err := c.partRules("keys")
	if err != nil {
		return nil, err
	}
	if def.Name == "" {
		return nil, &ParamError{Param: "default", Text: "is missing: say what becomes of the values of other keys, keep or shape for example"}
	}
	text, masks := Target{BaseType: "text", TypeKind: 'b'}, map[string]*Mask{}
	other, err := c.inner(def, text, ruleParam("default"))
	if err != nil {
		return nil, err
	}
	keeps := other.Keeps
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if masks[key], err = c.inner(keys[key], text, ruleParam(`keys["`+key+`"]`)); err != nil {
			return nil, err
		}
		keeps &= masks[key].Keeps
	}
	keeps = keeps&(KeepsEquality|KeepsUniqueness|KeepsValidity) | KeepsNulls
	return &Mask{Keeps: keeps, rest: other.Keep(), New: func() Func {
		f := &hstoreFunc{keys: make(map[string]*hstorePart, len(masks)), other: &hstorePart{Func: other.New(), mask: other.Name}}
		for key, m := range masks {
			f.keys[key] = &hstorePart{Func: m.New(), mask: m.Name}
		}
		return f
	}}, nil
}

// hstorePart masks the values of one key.
type hstorePart struct {
	Func
	mask string
	saw  shower
}

type hstoreFunc struct {
	keys  map[string]*hstorePart
	other *hstorePart
	plain []byte
	out   []byte
}

func (f *hstoreFunc) Append(dst, src []byte) ([]byte, error) {
	start := len(dst)
	for i := 0; i < len(src); {
		n, ok := f.quoted(src[i:])
		if !ok || byteAt(src, i+n) != '=' || byteAt(src, i+n+1) != '>' {
			return dst[:start], errHstore()
		}
		fn := f.keys[string(f.plain)]
		if fn == nil {
			fn = f.other
		}
		dst = append(dst, src[i:i+n+2]...)
		if i += n + 2; len(src)-i >= 4 && isNull(src[i:i+4]) {
			dst = append(dst, "NULL"...)
			i += 4
		} else {
			if n, ok = f.quoted(src[i:]); !ok {
				return dst[:start], errHstore()
			}
			var err error
			if dst, err = f.value(dst, fn); err != nil {
				return dst[:start], err
			}
			i += n
		}
		if i == len(src) {
			break
		}
		if byteAt(src, i) != ',' || byteAt(src, i+1) != ' ' || i+2 == len(src) {
			return dst[:start], errHstore()
		}
		dst = append(dst, ", "...)
		i += 2
	}
	return dst, nil
}

// ShowParts implements [Parts].
func (f *hstoreFunc) ShowParts(saw func(mask string, was, is []byte)) {
	f.other.saw = showing(f.other.Func, f.other.mask, saw)
	for _, part := range f.keys {
		part.saw = showing(part.Func, part.mask, saw)
	}
}

func errHstore() error { return &ValueError{Mask: "hstore", Reason: "is not an hstore in text form"} }

// quoted takes a quoted text, the only form the server writes, into plain.
func (f *hstoreFunc) quoted(src []byte) (n int, ok bool) {
	f.plain = f.plain[:0]
	if byteAt(src, 0) != '"' {
		return 0, false
	}
	for n = 1; n < len(src); n++ {
		switch src[n] {
		case '"':
			return n + 1, true
		case '\\':
			if n++; n == len(src) {
				return 0, false
			}
		}
		f.plain = append(f.plain, src[n])
	}
	return 0, false
}

func (f *hstoreFunc) value(dst []byte, fn *hstorePart) ([]byte, error) {
	var err error
	f.out, err = fn.Append(f.out[:0], f.plain)
	if errors.Is(err, ErrNull) {
		fn.saw.show(f.plain, nil)
		return append(dst, "NULL"...), nil
	}
	if err != nil {
		return dst, err
	}
	fn.saw.show(f.plain, f.out)
	dst = append(dst, '"')
	for _, c := range f.out {
		if c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return append(dst, '"'), nil
}
