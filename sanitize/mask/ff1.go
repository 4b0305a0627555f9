package mask

import (
	"crypto/cipher"
	"encoding/binary"
	"math/bits"
)

// ff1 is the format-preserving cipher FF1 of NIST SP 800-38G over numerals of one radix.
//
// It permutes the sequences of one length. Each half must stay below 2^64, which allows 38 decimal digits. The standard asks for at least
// a million sequences (six digits); below that it still permutes, and is no protection against one who can guess.
type ff1 struct {
	block cipher.Block
	radix uint64
	chain [16]byte // CBC-MAC of all that comes before the last block
	last  [16]byte // the last block, without round and half
	work  [16]byte
}

// ff1Rounds is fixed by the standard.
const ff1Rounds = 10

func newFF1(block cipher.Block, radix uint64) *ff1 { return &ff1{block: block, radix: radix} }

// maxDecimals is how many decimal digits ff1 takes.
const maxDecimals = 38

// encrypt permutes x, two numerals below radix or more, in place.
func (f *ff1) encrypt(x, tweak []byte) {
	u := len(x) / 2
	left, modLeft := f.number(x[:u])
	right, modRight := f.number(x[u:])
	size := (bits.Len64(modRight-1) + 7) / 8
	f.start(len(x), u, size, tweak)
	mod, other := modLeft, modRight
	for i := range ff1Rounds {
		sum, carry := bits.Add64(left, f.round(byte(i), size, right, mod), 0)
		if carry > 0 || sum >= mod { // both were below it
			sum -= mod
		}
		left, right = right, sum
		mod, other = other, mod
	}
	f.numerals(x[:u], left)
	f.numerals(x[u:], right)
}

// start prepares the part of the MAC's input that is the same in all rounds: P, the tweak and the padding.
func (f *ff1) start(n, u, size int, tweak []byte) {
	p := &f.chain
	*p = [16]byte{1, 2, 1, byte(f.radix >> 16), byte(f.radix >> 8), byte(f.radix), ff1Rounds, byte(u)}
	binary.BigEndian.PutUint32(p[8:], uint32(n))
	binary.BigEndian.PutUint32(p[12:], uint32(len(tweak)))
	f.block.Encrypt(p[:], p[:])
	for len(tweak) >= 16 || len(tweak)+1+size > 16 { // not in the block of the half
		f.last = [16]byte{}
		taken := copy(f.last[:], tweak)
		tweak = tweak[taken:]
		xor(p, &f.last)
		f.block.Encrypt(p[:], p[:])
	}
	f.last = [16]byte{}
	copy(f.last[:], tweak)
}

// round gives the first d bytes of the round's function, a number of 96 or 64 bits (step 6 of the standard), modulo mod.
func (f *ff1) round(i byte, size int, half, mod uint64) uint64 {
	f.work = f.last
	f.work[15-size] = i
	for at := 15; at > 15-size; at-- {
		f.work[at] = byte(half)
		half >>= 8
	}
	xor(&f.work, &f.chain)
	f.block.Encrypt(f.work[:], f.work[:])
	if size <= 4 {
		return binary.BigEndian.Uint64(f.work[:]) % mod
	}
	return bits.Rem64(uint64(binary.BigEndian.Uint32(f.work[:])), binary.BigEndian.Uint64(f.work[4:]), mod)
}

// number gives the value of numerals, most significant first, and the count of values their length has.
func (f *ff1) number(x []byte) (value, count uint64) {
	count = 1
	for _, d := range x {
		value = value*f.radix + uint64(d)
		count *= f.radix
	}
	return value, count
}

func (f *ff1) numerals(x []byte, value uint64) {
	if f.radix == 10 { // dividing by a constant takes no division
		for i := len(x) - 1; i >= 0; i-- {
			x[i] = byte(value % 10)
			value /= 10
		}
		return
	}
	for i := len(x) - 1; i >= 0; i-- {
		x[i] = byte(value % f.radix)
		value /= f.radix
	}
}

func xor(a, b *[16]byte) {
	binary.NativeEndian.PutUint64(a[:8], binary.NativeEndian.Uint64(a[:8])^binary.NativeEndian.Uint64(b[:8]))
	binary.NativeEndian.PutUint64(a[8:], binary.NativeEndian.Uint64(a[8:])^binary.NativeEndian.Uint64(b[8:]))
}
