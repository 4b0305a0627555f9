package mask

import "bytes"

// rangeFamily: both bounds of a range moved by as much.
func rangeFamily() family {
	keeps := keepsFolded | KeepsValidity
	return family{
		Info: Info{
			Name: "range_shift", Summary: "both bounds of a range moved by the same distance",
			Types: []string{"daterange", "tsrange", "tstzrange", "int4range", "int8range", "numrange", "datemultirange", "tsmultirange", "tstzmultirange", "int4multirange", "int8multirange", "nummultirange"},
			Params: []ParamInfo{
				{Name: "by", Type: "integer", Default: "180, of numbers 1000", Meaning: "how far at most: days, or units of a number, from 1 to 36500"},
			},
			Guarantees: []string{
				"the length of a range, which bounds belong to it, open ends and the empty range are kept; of a multirange all ranges move together",
				"equal ranges stay equal; whether two ranges overlap is not kept, distinct ones may become equal",
				"a bound near the end of its type moves the other way",
				"sessions must use DateStyle ISO",
			},
			AtLeast: keeps, AtBest: keeps,
		},
		compile: func(c *compiler) (*Mask, error) {
			base := c.target.BaseType
			r := rangeFunc{numeric: base[0] == 'i' || base[0] == 'n', days: 180, lastYear: 294276}
			if r.numeric {
				r.days = 1000
			}
			if base[0] == 'd' {
				r.lastYear = 5874897
			}
			r.limit = 1 << 62
			if base[:4] == "int4" {
				r.limit = 1<<31 - 1
			}
			r.days = c.params.integer("by", r.days, 1, 36500)
			key := subkey(c.keys, c.domain, "range_shift")
			return &Mask{Keeps: keeps, New: func() Func {
				f := r
				f.prf = newPRF(key)
				return &f
			}}, nil
		},
	}
}

type rangeFunc struct {
	prf      *prf
	numeric  bool
	days     int64
	lastYear int64
	limit    int64 // no integer's magnitude exceeds it
}

func (f *rangeFunc) Append(dst, src []byte) ([]byte, error) {
	x := f.prf.number(src)
	shift := 1 + int64(x>>1%uint64(f.days))
	if x&1 == 1 {
		shift = -shift
	}
	if string(src) == "empty" {
		return append(dst, src...), nil
	}
	out, ok, room := f.shift(dst, src, shift)
	if ok && !room {
		if out, ok, room = f.shift(dst, src, -shift); !room {
			return append(dst, src...), nil // from end to end of the type
		}
	}
	if !ok {
		return dst, &ValueError{Mask: "range_shift", Reason: "is not a range of the type in text form"}
	}
	return out, nil
}

// shift copies a range with its bounds moved. Bounds are all that is no bracket, comma or quote.
func (f *rangeFunc) shift(dst, src []byte, by int64) (out []byte, ok, room bool) {
	room = true
	for i := 0; i < len(src); {
		if c := src[i]; bytes.IndexByte([]byte(`[](){},"`), c) >= 0 {
			dst = append(dst, c)
			i++
			continue
		}
		n := 0
		for i+n < len(src) && bytes.IndexByte([]byte(`[](){},"`), src[i+n]) < 0 {
			n++
		}
		bound := src[i : i+n]
		i += n
		var fits bool
		if f.numeric {
			dst, ok, fits = f.number(dst, bound, by)
		} else {
			dst, ok, fits = f.date(dst, bound, by)
		}
		if !ok {
			return dst, false, false
		}
		room = room && fits
	}
	return dst, len(src) > 1, room
}

func (f *rangeFunc) date(dst, bound []byte, by int64) (out []byte, ok, room bool) {
	if isEndless(bound) {
		return append(dst, bound...), true, true
	}
	d, ok := parseDate(bound)
	if !ok {
		return dst, false, false
	}
	day := daysOf(d.year, d.month, d.day) + by
	return appendDate(dst, day, d.rest), true, day >= firstDay && day <= daysOf(f.lastYear, 12, 30)
}

// number moves a bound. One of more than 18 digits stays.
func (f *rangeFunc) number(dst, bound []byte, by int64) (out []byte, ok, room bool) {
	if isOddNumber(bound) {
		return append(dst, bound...), true, true
	}
	n, ok := parseNumber(bound)
	if !ok {
		return append(dst, bound...), numberOf(bound), false
	}
	v, unit := n.value, pow10(n.scale)
	if n.negative {
		v = -v
	}
	if v += by * unit; n.scale > 12 {
		return append(dst, bound...), true, false
	}
	n.negative = v < 0
	return n.append(dst, max(v, -v)), true, max(v, -v) <= f.limit
}

// numberOf tells whether a text is a number of any length.
func numberOf(b []byte) bool {
	size, _ := numberSize(b)
	return size == len(b) && size > 0
}
