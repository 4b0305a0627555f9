package mask

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// compositeFamily: masks for the fields of a row.
func compositeFamily() family {
	return family{
		Info: Info{
			Name: "composite", Summary: "masks for the fields of a composite type", Types: []string{typeComposite},
			Params: []ParamInfo{
				{Name: "fields", Type: "rules", Meaning: "rules by name of the field"},
				{Name: "default", Type: "rule", Meaning: "the rule of all fields that are not named; required unless all are"},
			},
			Guarantees: []string{"the count and order of fields, and NULL fields, are kept; of each field what its mask guarantees"},
			AtLeast:    KeepsNulls, AtBest: KeepsNulls | KeepsEquality | KeepsUniqueness | KeepsValidity, Depends: "what all fields keep is kept",
		},
		compile: compileComposite,
	}
}

func compileComposite(c *compiler) (*Mask, error) {
	if len(c.target.Fields) == 0 {
		return nil, &TypeError{Mask: "composite", Type: c.target.BaseType, Want: []string{"composite types whose fields are known"}}
	}
	fields, def, err := c.partRules("fields")
	if err != nil {
		return nil, err
	}
	masks, keeps := make([]*Mask, len(c.target.Fields)), KeepsNulls|KeepsEquality|KeepsUniqueness|KeepsValidity
	for i, f := range c.target.Fields {
		rule, given := fields[f.Name]
		param := ruleParam("fields[\"" + f.Name + "\"]")
		if delete(fields, f.Name); !given {
			if rule, param = def, ruleParam("default"); def.Name == "" {
				return nil, &ParamError{Param: "default", Text: "is missing, and field " + f.Name + " has no rule"}
			}
		}
		if masks[i], err = c.inner(rule, f.Target, param); err != nil {
			return nil, err
		}
		keeps &= masks[i].Keeps | KeepsNulls
	}
	if len(fields) > 0 {
		return nil, &ParamError{Param: "fields", Text: "names what is no field of the type: " + strings.Join(slices.Sorted(maps.Keys(fields)), ", ")}
	}
	return &Mask{Keeps: keeps, New: func() Func {
		f := &compositeFunc{fields: make([]Func, len(masks)), masks: masks, saw: make([]shower, len(masks))}
		for i, m := range masks {
			f.fields[i] = m.New()
		}
		return f
	}}, nil
}

// partRules reads the rules of named parts and the rule of all others, whose name is empty without one.
func (c *compiler) partRules(name string) (parts map[string]Rule, def Rule, err error) {
	parts, ok := c.params.values[name].(map[string]Rule)
	if !ok && c.params.has(name) {
		return nil, def, &ParamError{Param: name, Text: "must be rules by name"}
	}
	if c.params.has("default") {
		if def, ok = c.params.rule("default"); !ok {
			return nil, def, c.params.err()
		}
	}
	return maps.Clone(parts), def, nil
}

type compositeFunc struct {
	fields []Func
	masks  []*Mask
	saw    []shower
	plain  []byte
	out    []byte
}

func (f *compositeFunc) Append(dst, src []byte) ([]byte, error) {
	start := len(dst)
	if len(src) < 2 || src[0] != '(' || src[len(src)-1] != ')' {
		return dst, errComposite()
	}
	dst = append(dst, '(')
	rest := src[1:]
	for i, field := range f.fields {
		n, null, ok := f.read(rest)
		last := byte(',')
		if i == len(f.fields)-1 {
			last = ')'
		}
		if !ok || rest[n] != last {
			return dst[:start], errComposite()
		}
		rest = rest[n+1:]
		if !null {
			var err error
			if dst, err = f.append(dst, field, f.saw[i]); err != nil {
				return dst[:start], err
			}
		}
		dst = append(dst, last)
	}
	if len(rest) > 0 {
		return dst[:start], errComposite()
	}
	return dst, nil
}

// ShowParts implements [Parts].
func (f *compositeFunc) ShowParts(saw func(mask string, was, is []byte)) {
	for i, m := range f.masks {
		f.saw[i] = showing(f.fields[i], m.Name, saw)
	}
}

func errComposite() error {
	return &ValueError{Mask: "composite", Reason: "is not a row with the fields of its type"}
}

// read takes one field into plain, up to the comma or bracket behind it. Nothing at all is NULL.
func (f *compositeFunc) read(src []byte) (n int, null, ok bool) {
	f.plain = f.plain[:0]
	quoted := false
	for ; n < len(src); n++ {
		switch c := src[n]; {
		case c == '"' && quoted && byteAt(src, n+1) == '"':
			n++
			f.plain = append(f.plain, '"')
		case c == '"':
			quoted = !quoted
		case c == '\\':
			if n++; n == len(src) {
				return 0, false, false
			}
			f.plain = append(f.plain, src[n])
		case !quoted && (c == ',' || c == ')'):
			return n, n == 0, true
		default:
			f.plain = append(f.plain, c)
		}
	}
	return 0, false, false
}

// append appends the mask of plain as record_out would write it.
func (f *compositeFunc) append(dst []byte, field Func, saw shower) ([]byte, error) {
	var err error
	f.out, err = field.Append(f.out[:0], f.plain)
	if errors.Is(err, ErrNull) {
		saw.show(f.plain, nil)
		return dst, nil
	}
	if err != nil {
		return dst, err
	}
	saw.show(f.plain, f.out)
	quotes := len(f.out) == 0
	for _, c := range f.out {
		quotes = quotes || c == '"' || c == '\\' || c == '(' || c == ')' || c == ',' || isSpace(c)
	}
	if !quotes {
		return append(dst, f.out...), nil
	}
	dst = append(dst, '"')
	for _, c := range f.out {
		if c == '"' || c == '\\' {
			dst = append(dst, c)
		}
		dst = append(dst, c)
	}
	return append(dst, '"'), nil
}
