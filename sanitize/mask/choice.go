package mask

import (
	"crypto/rand"
	"fmt"
	randv2 "math/rand/v2"
	"slices"
)

// enumFamily: another label of an enum.
func enumFamily() family {
	return family{
		Info: Info{
			Name: "enum", Summary: "some label of the enum", Types: []string{typeEnum},
			Params: []ParamInfo{{Name: "weights", Type: "value", Meaning: "a mapping of labels to how often they come up; those not named never do. Without it all come up alike"}},
			Guarantees: []string{
				"the result is a label of the type as the catalog has it", "equal values stay equal, so there are no more results than labels, and who knows the values can guess which became which",
			},
			AtLeast: keepsFolded | KeepsValidity, AtBest: keepsFolded | KeepsValidity,
		},
		compile: func(c *compiler) (*Mask, error) {
			weights := make([]uint64, len(c.target.Labels))
			for i := range weights {
				weights[i] = 1
			}
			if given, ok := c.params.values["weights"].(map[string]any); ok {
				clear(weights)
				for label, w := range given {
					at, n := slices.Index(c.target.Labels, label), weightOf(w)
					if at < 0 || n < 0 {
						return nil, &ParamError{Param: "weights", Text: fmt.Sprintf("must give labels of the enum whole numbers from 0 to 1000000; %q is not so", label)}
					}
					weights[at] = uint64(n)
				}
			} else if c.params.has("weights") {
				return nil, &ParamError{Param: "weights", Text: "must be a mapping of labels to whole numbers"}
			}
			return c.picker(c.target.Labels, weights, "weights")
		},
	}
}

// weightOf reads a weight, -1 for what is none.
func weightOf(v any) int64 {
	n, ok := v.(int64)
	if i, isInt := v.(int); isInt {
		n, ok = int64(i), true
	}
	if !ok || n < 0 || n > 1_000_000 {
		return -1
	}
	return n
}

// choiceFamily: one of the values given.
func choiceFamily() family {
	return family{
		Info: Info{
			Name: "choice", Summary: "one of the values given", Types: []string{typeAny},
			Params: []ParamInfo{
				{Name: "values", Type: "value", Meaning: "a list of values in PostgreSQL's text form; required"},
				{Name: "weights", Type: "value", Meaning: "a list of whole numbers, one for each value: how often it comes up"},
			},
			Guarantees: []string{"equal values stay equal; who knows the values can guess which became which", "values are checked as those of constant are"},
			AtLeast:    keepsFolded, AtBest: keepsFolded,
		},
		compile: func(c *compiler) (*Mask, error) {
			list, ok := c.params.values["values"].([]any)
			if !ok || len(list) == 0 {
				return nil, &ParamError{Param: "values", Text: "must be a list of values"}
			}
			values, weights := make([]string, len(list)), make([]uint64, len(list))
			for i, v := range list {
				if values[i], ok = constantText(v); !ok {
					return nil, &ParamError{Param: "values", Text: "must be texts, numbers, true or false"}
				}
				if reason := unfit([]byte(values[i]), c.target); reason != "" {
					return nil, &ParamError{Param: "values", Text: fmt.Sprintf("has one, number %d, that %s", i+1, reason)}
				}
				weights[i] = 1
			}
			if given, ok := c.params.values["weights"].([]any); ok && len(given) == len(list) {
				for i, w := range given {
					n := weightOf(w)
					if n < 0 {
						return nil, &ParamError{Param: "weights", Text: "must be whole numbers from 0 to 1000000"}
					}
					weights[i] = uint64(n)
				}
			} else if c.params.has("weights") {
				return nil, &ParamError{Param: "weights", Text: "must be a list of as many whole numbers as there are values"}
			}
			return c.picker(values, weights, "weights")
		},
	}
}

// picker makes a mask that picks one of some values by weight.
func (c *compiler) picker(values []string, weights []uint64, param string) (*Mask, error) {
	upTo, picks := make([]uint64, len(values)), [][]byte(nil)
	total := uint64(0)
	for i, w := range weights {
		total += w
		if upTo[i] = total; w > 0 {
			picks = append(picks, []byte(values[i]))
		}
	}
	if total == 0 {
		return nil, &ParamError{Param: param, Text: "must leave at least one value"}
	}
	keeps := keepsFolded
	if c.target.isEnum() {
		keeps |= KeepsValidity
	}
	fold, trim, key := c.target.BaseType == "citext", trimmer(c.target), subkey(c.keys, c.domain, c.rule.Name)
	return &Mask{Keeps: keeps, picks: picks, New: func() Func {
		prf := newPRF(key)
		var casing casing
		return appender(func(dst, src []byte) ([]byte, error) {
			if src = trim(src); fold || textual(c.target) { // case decides nothing, so that values equal under lower() stay so
				casing.fold(src)
				src = casing.folded
			}
			x := prf.number(src) % total
			at, _ := slices.BinarySearch(upTo, x+1)
			return append(dst, values[at]...), nil
		})
	}}, nil
}

// textual tells the types whose text form is the text itself.
func textual(t Target) bool { return slices.Contains(textTypes(), t.BaseType) }

// boolFamily: true or false by chance.
func boolFamily() family {
	return family{
		Info: Info{
			Name: "bool_flip", Summary: "true or false, turned over by chance", Types: []string{"bool"},
			Params: []ParamInfo{{Name: "percent", Type: "integer", Default: "50", Meaning: "how many of a hundred values are turned over, from 1 to 99"}},
			Guarantees: []string{
				"random, not deterministic: the same value becomes now this, now that, and another copy has others, whatever the key; a function of two values would be no mask",
				"joins over the column do not survive",
			},
			AtLeast: KeepsNulls | KeepsValidity, AtBest: KeepsNulls | KeepsValidity,
		},
		compile: func(c *compiler) (*Mask, error) {
			percent := uint64(c.params.integer("percent", 50, 1, 99))
			return &Mask{Keeps: KeepsNulls | KeepsValidity, New: func() Func {
				var seed [32]byte
				_, _ = rand.Read(seed[:]) // it never fails: it ends the program instead
				random := randv2.NewChaCha8(seed)
				return appender(func(dst, src []byte) ([]byte, error) {
					if len(src) != 1 || src[0] != 't' && src[0] != 'f' {
						return dst, &ValueError{Mask: "bool_flip", Reason: "is not a boolean"}
					}
					if random.Uint64()%100 < percent {
						return append(dst, 't'+'f'-src[0]), nil
					}
					return append(dst, src[0]), nil
				})
			}}, nil
		},
	}
}
