package mask

import (
	"bytes"
	"math"
	"strconv"
)

// number is a decimal as PostgreSQL writes it: its digits without the point, as far as 18 of them go.
type number struct {
	negative bool
	value    int64 // of the digits
	digits   int   // how many, without noughts that lead
	scale    int   // of them behind the point
}

// parseNumber reads digits with a point or without. It refuses exponents, NaN, infinity, and more digits than 18.
func parseNumber(src []byte) (n number, ok bool) {
	if len(src) > 0 && src[0] == '-' {
		n.negative, src = true, src[1:]
	}
	point, any := -1, false
	for i, c := range src {
		switch {
		case c == '.' && point < 0:
			point = i
		case !isDigit(c) || n.digits == 18:
			return n, false
		default:
			any = true
			if n.value = n.value*10 + int64(c-'0'); n.value > 0 || point >= 0 {
				n.digits++
			}
		}
	}
	if point >= 0 {
		n.scale = len(src) - point - 1
	}
	return n, any
}

// append writes a number of the same scale.
func (n number) append(dst []byte, value int64) []byte {
	if n.negative && value != 0 {
		dst = append(dst, '-')
	}
	one := pow10(n.scale)
	dst = strconv.AppendInt(dst, value/one, 10)
	if n.scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	for rest, unit := value%one, one/10; unit > 0; unit /= 10 {
		dst = append(dst, '0'+byte(rest/unit))
		rest %= unit
	}
	return dst
}

// most gives the largest value that has no more digits than n: what a column's precision allowed it allows.
func (n number) most(base string) int64 {
	most := pow10(n.digits) - 1
	if size := integerBits(base); size > 0 && size < 64 {
		return min(most, int64(1)<<(size-1)-1)
	}
	return most
}

func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

// significant gives a number without the noughts that end its fraction, and those.
func significant(src []byte) (number, noughts []byte) {
	if bytes.IndexByte(src, '.') < 0 {
		return src, nil
	}
	n := len(bytes.TrimRight(src, "0"))
	if src[n-1] == '.' {
		n--
	}
	return src[:n], src[n:]
}

// isOddNumber tells the numbers that have no digits to change: NaN and the infinities.
func isOddNumber(src []byte) bool {
	switch string(src) {
	case "NaN", "Infinity", "-Infinity":
		return true
	}
	return false
}

func numberTypes() []string { return []string{"int2", "int4", "int8", "numeric", "float4", "float8"} }

// floatBits gives the size of a floating-point type, 0 for any other.
func floatBits(base string) int {
	switch base {
	case "float4":
		return 32
	case "float8":
		return 64
	}
	return 0
}

// parseFloat reads what PostgreSQL writes of a floating-point number, without allocating.
func parseFloat(src []byte, size int) (float64, bool) {
	if len(src) > 32 { // a conversion of more bytes allocates
		return 0, false
	}
	x, err := strconv.ParseFloat(string(src), size)
	return x, err == nil && !math.IsInf(x, 0) && !math.IsNaN(x)
}

func appendFloat(dst []byte, x float64, size int) []byte {
	if x == 0 {
		return append(dst, '0')
	}
	if size == 32 && math.Abs(x) > math.MaxFloat32 {
		x = math.Copysign(math.MaxFloat32, x)
	}
	if math.IsInf(x, 0) {
		x = math.Copysign(math.MaxFloat64, x)
	}
	return strconv.AppendFloat(dst, x, 'g', -1, size)
}
