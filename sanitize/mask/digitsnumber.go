package mask

import (
	"bytes"
	"math"
	"strconv"
)

// numberDigits masks the digits of a number.
//
// What is permuted are the numbers of one sign, with as many digits before and behind the point, that the same integer types hold; it walks
// the permutation of digits until it is back among them. The first digit is none of the noughts that lead, and the last one of a fraction is
// none either: 1.5 and 1.50 are one number, and 3.0 must not be what both 1.5 and 1 become.
type numberDigits struct{ *digitsFunc }

func (f numberDigits) Append(dst, src []byte) ([]byte, error) {
	if isOddNumber(src) {
		return append(dst, src...), nil
	}
	if !isDecimal(src) {
		return dst, &ValueError{Mask: f.mask, Reason: "is not a number"}
	}
	body, noughts := significant(src)
	negative, fraction := body[0] == '-', bytes.IndexByte(body, '.') >= 0
	lead := len(body) - len(bytes.TrimLeft(body, "-0."))
	f.digits = appendDigits(f.digits[:0], body[lead:])
	part, err := f.part()
	switch {
	case err != nil:
		return dst, err
	case len(part) == 0: // nought
		return append(dst, src...), nil
	}
	holds := holding(f.digits, negative)
	for {
		f.permute(part)
		if first, last := f.digits[0], f.digits[len(f.digits)-1]; first > 0 && (!fraction || last > 0) && (fraction || holding(f.digits, negative) == holds) {
			break
		}
	}
	dst = append(dst, body[:lead]...)
	return append(replaceDigits(dst, body[lead:], f.digits), noughts...), nil
}

// isDecimal tells that src is digits with a sign and a point, or without.
func isDecimal(src []byte) bool {
	digits := bytes.TrimPrefix(src, []byte{'-'})
	points := bytes.Count(digits, []byte{'.'})
	for _, c := range digits {
		if !isDigit(c) && c != '.' {
			return false
		}
	}
	return points <= 1 && len(digits) > points
}

// holding gives the bits of the smallest integer type that holds a whole number, 0 where none does.
func holding(digits []byte, negative bool) int {
	if len(digits) > 19 {
		return 0
	}
	x := uint64(0) // 19 digits fit
	for _, d := range digits {
		x = x*10 + uint64(d)
	}
	if negative {
		x--
	}
	switch {
	case x <= math.MaxInt16:
		return 16
	case x <= math.MaxInt32:
		return 32
	case x <= math.MaxInt64:
		return 64
	}
	return 0
}

// digitsOf is how many digits the largest number of an integer type has.
func digitsOf(size int) int { return len(strconv.FormatInt(math.MaxInt64>>(64-size), 10)) }

// digitsFloor gives the largest number with as many digits as last that the same types hold.
func digitsFloor(last int64) int64 {
	last = max(last, 0)
	for _, size := range []int{16, 32, 64} {
		largest := int64(math.MaxInt64) >> (64 - size)
		if n := len(strconv.FormatInt(last, 10)); last <= largest && n == digitsOf(size) {
			return largest
		} else if n < digitsOf(size) {
			return pow10(n) - 1
		}
	}
	return math.MaxInt64
}

// isNumeric tells the types whose values are numbers digit by digit.
func (t Target) isNumeric() bool { return t.BaseType == "numeric" || integerBits(t.BaseType) > 0 }
