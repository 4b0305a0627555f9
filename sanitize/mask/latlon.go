package mask

import (
	"bytes"
	"math"
)

// metresPerDegree is that of latitude, and of longitude at the equator.
const metresPerDegree = 111_320

// latlonFamily: a place near by.
func latlonFamily() family {
	return family{
		Info: Info{
			Name: "latlon_jitter", Summary: "a place some way off: of a point, of a pair in a text, or of a column that holds one of the two", Types: append([]string{"point", "float4", "float8", "numeric"}, textTypes()...),
			Params: []ParamInfo{
				{Name: "metres", Type: "integer", Default: "5000", Meaning: "how far at most along each axis, from 1 to 1000000; towards the poles, along circles of latitude, it is less"},
				{Name: "snap", Type: "boolean", Default: "false", Meaning: "no chance: to the nearest corner of a grid that is twice metres wide, so that places near by become one"},
			},
			Guarantees: []string{
				"equal places stay equal, distinct ones may become equal; latitudes beyond 90 and longitudes beyond 180 degrees do not arise where there were none",
				"of numeric and text, the count of digits behind the point is kept",
				"a place that is rarely left can still be told by who knows the region: it is jitter, not cover",
				"a text that is no pair of numbers is masked as by shape",
			},
			AtLeast: keepsFolded | KeepsValidity, AtBest: keepsFolded | KeepsValidity,
		},
		compile: func(c *compiler) (*Mask, error) {
			reach := float64(c.params.integer("metres", 5000, 1, 1_000_000)) / metresPerDegree
			key, scrambler, trim := subkey(c.keys, c.domain, "latlon"), newScrambler(c.keys, c.domain), trimmer(c.target)
			base := latlonFunc{reach: reach, snap: c.params.boolean("snap", false), base: c.target.BaseType, trim: trim, text: textual(c.target), limit: c.target.MaxLength}
			return &Mask{Keeps: keepsFolded | KeepsValidity, New: func() Func {
				f := base
				f.prf, f.scrambler = newPRF(key), scrambler()
				return &f
			}}, nil
		},
	}
}

type latlonFunc struct {
	prf       *prf
	scrambler *scrambler
	reach     float64 // in degrees
	snap      bool
	base      string
	trim      func([]byte) []byte
	text      bool
	limit     int
}

func (f *latlonFunc) Append(dst, src []byte) ([]byte, error) {
	src = f.trim(src)
	start, plain := len(dst), src
	if f.base == "numeric" {
		plain, _ = significant(src)
	}
	sum := f.prf.sum(plain)
	first, second := share(sum[:4]), share(sum[4:8])
	if f.base != "point" && !f.text {
		out, ok := f.degrees(dst, src, first)
		if !ok {
			return dst, &ValueError{Mask: "latlon_jitter", Reason: "is not a number"}
		}
		return out, nil
	}
	comma := bytes.IndexByte(src, ',')
	ok := comma > 0
	if ok {
		a := bytes.TrimLeft(src[:comma], "( ")
		b := bytes.TrimRight(src[comma+1:], ") ")
		b = bytes.TrimLeft(b, " ")
		dst = append(dst, src[:comma-len(a)]...)
		dst, ok = f.degrees(dst, a, first)
		gap := len(src[comma:]) - len(bytes.TrimLeft(src[comma+1:], " "))
		dst = append(dst, src[comma:comma+gap]...)
		var fine bool
		if dst, fine = f.degrees(dst, b, second); fine {
			dst = append(dst, src[comma+gap+len(b):]...)
		}
		ok = ok && fine
	}
	switch {
	case ok && (f.limit == 0 || len(dst)-start <= f.limit):
		return dst, nil
	case f.text:
		if dst, ok = f.scrambler.append(dst[:start], src); ok {
			return dst, nil
		}
	}
	return dst[:start], &ValueError{Mask: "latlon_jitter", Reason: "is not a place"}
}

// share makes a number from -1 to 1 of four bytes.
func share(b []byte) float64 {
	x := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
	return float64(x)/(1<<31) - 1
}

// moved gives where a number goes, and where to if that is beyond what there is: the other way, or towards nought.
func (f *latlonFunc) moved(x, share float64) (y, other float64) {
	if f.snap {
		cell := x / (2 * f.reach)
		return math.Round(cell) * 2 * f.reach, math.Trunc(cell) * 2 * f.reach
	}
	return x + share*f.reach, x - share*f.reach
}

// degrees moves one number, and turns back at 90 and 180 degrees.
func (f *latlonFunc) degrees(dst, src []byte, share float64) ([]byte, bool) {
	move := func(x float64) float64 {
		y, _ := f.moved(x, share)
		for _, end := range [2]float64{90, 180} {
			if math.Abs(x) <= end && math.Abs(y) > end {
				_, y = f.moved(x, share)
				return y
			}
			if math.Abs(x) <= end {
				break
			}
		}
		return y
	}
	if f.base == "point" || floatBits(f.base) > 0 {
		if isOddNumber(src) {
			return append(dst, src...), true
		}
		size := max(floatBits(f.base), 32)
		if f.base == "point" {
			size = 64
		}
		x, ok := parseFloat(src, size)
		return appendFloat(dst, move(x), size), ok
	}
	if isOddNumber(src) && !f.text {
		return append(dst, src...), true
	}
	plain, noughts := src, src[len(src):]
	if f.base == "numeric" {
		plain, noughts = significant(src)
	}
	n, ok := parseNumber(plain)
	if !ok {
		return dst, false
	}
	unit := float64(pow10(n.scale))
	x := float64(n.value) / unit
	if n.negative {
		x = -x
	}
	v := int64(math.Round(move(x) * unit))
	if most := n.most(f.base); v > most || v < -most { // a precision may not hold one more digit
		_, other := f.moved(x, share)
		v = int64(math.Round(other * unit))
	}
	n.negative = v < 0
	return append(n.append(dst, max(v, -v)), noughts...), true
}
