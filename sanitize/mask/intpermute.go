package mask

import (
	"crypto/cipher"
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
)

// lowBits is the size of the lowest bracket, 2^20 numbers. int2 begins at 2^10: a sequence behind it needs room above the masked values.
const (
	lowBits      = 20
	lowBitsSmall = 10
)

// intPermuteFamily: another integer of about the same size.
func intPermuteFamily() family {
	return family{
		Info: Info{
			Name: "int_permute", Summary: "another integer of the same magnitude, by a keyed permutation", Types: []string{"int2", "int4", "int8", "numeric"},
			Params: []ParamInfo{
				{Name: "min", Type: "integer", Meaning: "permute only from min to max; both must be given, and another value is an error"},
				{Name: "max", Type: "integer", Meaning: "see min"},
			},
			Guarantees: []string{
				"distinct values stay distinct, always",
				"0 to 2^20-1 are permuted among themselves, and so are 2^k to 2^(k+1)-1 for each k above; negative values mirror that: -1-x takes the place of x",
				"a numeric column needs min and max, and has whole numbers only: another value is an error",
				"for int2 the first range ends at 2^10-1, so it does not agree with int4 and int8, which agree with each other",
				"the order is not kept beyond that; reversible for the holder of the key; a small range can be guessed",
			},
			AtLeast: keepsFolded | keepsDistinct, AtBest: keepsFolded | keepsDistinct,
		},
		compile: compileIntPermute,
	}
}

func compileIntPermute(c *compiler) (*Mask, error) {
	size := 64
	if c.target.BaseType != "numeric" {
		size = integerBits(c.target.BaseType)
	} else if !c.params.has("min") {
		return nil, &ParamError{Param: "min", Text: "and max must be given for a numeric column: its own limits are those of its precision"}
	}
	largest := int64(math.MaxInt64) >> (64 - size)
	f := intFunc{bits: size, low: lowBits}
	if size == 16 {
		f.low = lowBitsSmall
	}
	if c.params.has("min") != c.params.has("max") {
		return nil, &ParamError{Param: "min", Text: "and max must be given together"}
	}
	floor, bounds := f.floor, (*[2]int64)(nil)
	if c.params.has("min") {
		f.ranged = true
		f.min, f.max = c.params.integer("min", 0, ^largest, largest), c.params.integer("max", 0, ^largest, largest)
		if f.max <= f.min {
			c.params.fail("max", "must be greater than min")
		}
		floor, bounds = func(int64) int64 { return f.max }, &[2]int64{f.min, f.max}
	}
	key := subkey(c.keys, c.domain, "int_permute")
	return &Mask{Keeps: keepsFolded | keepsDistinct, SequenceFloor: floor, bounds: bounds, New: func() Func {
		g := f
		g.block = newAES(key)
		return &g
	}}, nil
}

type intFunc struct {
	block    cipher.Block
	bits     int // of the type
	low      int
	ranged   bool
	min, max int64
	work     [16]byte
}

func (f *intFunc) Append(dst, src []byte) ([]byte, error) {
	x, ok := parseInteger(src, f.bits)
	if !ok {
		return dst, &ValueError{Mask: "int_permute", Reason: "is not an integer of the type"}
	}
	switch {
	case f.ranged && (x < f.min || x > f.max):
		return dst, &ValueError{Mask: "int_permute", Reason: "is not between min and max"}
	case f.ranged:
		x = f.min + int64(f.within(uint64(x)-uint64(f.min), uint64(f.max)-uint64(f.min)))
	case x < 0:
		x = ^int64(f.bracketed(uint64(^x)))
	default:
		x = int64(f.bracketed(uint64(x)))
	}
	return strconv.AppendInt(dst, x, 10), nil
}

// floor gives the largest number of the bracket of last.
func (f *intFunc) floor(last int64) int64 {
	return int64(1)<<max(bits.Len64(uint64(max(last, 0))), f.low) - 1
}

// bracketed permutes x within its bracket.
func (f *intFunc) bracketed(x uint64) uint64 {
	n := bits.Len64(x)
	if n <= f.low {
		return f.feistel(x, f.low, 0)
	}
	top := uint64(1) << (n - 1)
	return top | f.feistel(x&^top, n-1, 1)
}

// within permutes the numbers 0 to last by walking a permutation of a power of two until it is back among them.
func (f *intFunc) within(x, last uint64) uint64 {
	n := max(bits.Len64(last), 4)
	for {
		if x = f.feistel(x, n, last); x <= last {
			return x
		}
	}
}

// feistel permutes the numbers of n bits, 2 to 64, in ten rounds keyed by n and use as well.
func (f *intFunc) feistel(x uint64, n int, use uint64) uint64 {
	low := n / 2
	high := n - low
	left, right := x>>low, x&(1<<low-1)
	for round := range byte(5) {
		left ^= f.round(2*round, n, use, right) & (1<<high - 1)
		right ^= f.round(2*round+1, n, use, left) & (1<<low - 1)
	}
	return left<<low | right
}

func (f *intFunc) round(round byte, n int, use, half uint64) uint64 {
	binary.LittleEndian.PutUint64(f.work[:], use)
	binary.LittleEndian.PutUint64(f.work[8:], half) // 32 bits
	f.work[14], f.work[15] = round, byte(n)
	f.block.Encrypt(f.work[:], f.work[:])
	return binary.LittleEndian.Uint64(f.work[:])
}

// parseInteger reads an integer as PostgreSQL writes it.
func parseInteger(src []byte, size int) (int64, bool) {
	digits, negative := src, false
	if len(src) > 0 && src[0] == '-' {
		digits, negative = src[1:], true
	}
	if len(digits) == 0 || len(digits) > 19 {
		return 0, false
	}
	x := uint64(0) // 19 digits fit
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		x = x*10 + uint64(c-'0')
	}
	limit := uint64(1) << (size - 1)
	switch {
	case negative && x <= limit:
		return -int64(x), true
	case !negative && x < limit:
		return int64(x), true
	}
	return 0, false
}
