package mask

import (
	"crypto/cipher"
	"encoding/binary"
	"math"
	"math/bits"
)

// scrambler permutes the texts of one shape: every letter stays a letter of its alphabet and case, every digit a digit, all else stays.
//
// Short texts go through a Feistel network over the direct product of the alphabets: in each of eight rounds one half of the characters is
// shifted, character by character within its alphabet, by a keyed function of the other half. This is a permutation whatever
// the alphabets are. Texts with more than 2^61 others of their shape are shifted by a stream keyed with a hash of the whole text, which is
// faster; two of them become equal with a chance below 2^-61.
// Case is not part of what is permuted, so texts that are equal under lower() stay so.
type scrambler struct {
	table *scripts
	prf   *prf
	block cipher.Block

	value, radix [maxPositions]uint32
	count        int
	small        bool // no radix is above smallRadix
	chain, work  [16]byte
	stream       stream
	folded       []byte
}

const (
	// maxPositions is how many characters can lie below the limit of bits: alphabets of fewer than two characters do not count.
	maxPositions = 64
	streamBits   = 61 << bitShift
	bitShift     = 8  // radices are counted in 256ths of a bit
	smallRadix   = 64 // seven numbers below it can be had from 64 bits, some of them likelier by 2^-22 than others
	smallRun     = 7
	rounds       = 8
)

func newScrambler(k Keys, domain string) func() *scrambler {
	hashKey, blockKey := subkey(k, domain, "shape hash"), subkey(k, domain, "shape block")
	return func() *scrambler {
		s := &scrambler{table: theScripts(), prf: newPRF(hashKey), block: newAES(blockKey)}
		s.stream.block = s.block
		return s
	}
}

// append masks src; false when it is not valid UTF-8, with dst unchanged.
func (s *scrambler) append(dst, src []byte) ([]byte, bool) {
	long, ok := s.collect(src)
	switch {
	case !ok:
		return dst, false
	case long:
		return s.appendLong(dst, src)
	}
	s.permute()
	i := 0
	for len(src) > 0 {
		if e := asciiAt(src[0]); e.size > 0 {
			c := src[0]
			if e.radix > 0 {
				c = e.first + byte(s.value[i])
				i++
			}
			dst, src = append(dst, c), src[1:]
			continue
		}
		g, _ := s.table.read(src)
		if g.alphabet == alphaKeep || g.radix < 2 {
			dst = append(dst, src[:g.size]...)
		} else {
			dst = s.table.append(dst, g, s.value[i])
			i++
		}
		src = src[g.size:]
	}
	return dst, true
}

// collect reads the characters to permute, and tells when there are too many for a permutation.
func (s *scrambler) collect(src []byte) (long, ok bool) {
	s.count, s.small = 0, true
	size := 0
	for len(src) > 0 {
		if e := asciiAt(src[0]); e.size > 0 {
			if src = src[1:]; e.radix == 0 {
				continue
			}
			s.value[s.count], s.radix[s.count] = uint32(e.index), uint32(e.radix)
			s.count++
			if size += int(e.bits); size >= streamBits {
				return true, true
			}
			continue
		}
		g, ok := s.table.read(src)
		if !ok {
			return false, false
		}
		src = src[g.size:]
		if g.alphabet == alphaKeep || g.radix < 2 {
			continue
		}
		s.value[s.count], s.radix[s.count] = g.index, g.radix
		s.small = s.small && g.radix <= smallRadix
		s.count++
		if size += bitsOf(g.radix); size >= streamBits {
			return true, true
		}
	}
	return false, true
}

// permute runs the Feistel network over value.
func (s *scrambler) permute() {
	if s.count == 0 {
		return
	}
	s.chain = [16]byte{0: 1, 1: byte(s.count)}
	shape := uint64(14695981039346656037) // FNV-1a: another network for each row of alphabets
	for _, r := range s.radix[:s.count] {
		shape = (shape ^ uint64(r)) * 1099511628211
	}
	binary.LittleEndian.PutUint64(s.chain[8:], shape)
	s.block.Encrypt(s.chain[:], s.chain[:])
	half := s.count / 2
	for round := range rounds {
		if round%2 == 0 {
			s.shift(byte(round), half, s.count, 0, half)
		} else {
			s.shift(byte(round), 0, half, half, s.count)
		}
	}
}

// shift moves the characters from..to by the keyed function of the characters of..end.
func (s *scrambler) shift(round byte, from, to, of, end int) {
	mac := s.chain
	mac[15] ^= round + 1
	at := 0
	for i := of; i < end; i++ {
		if at >= 13 {
			s.work = mac
			s.block.Encrypt(s.work[:], s.work[:])
			mac, at = s.work, 0
		}
		mac[at] ^= byte(s.value[i])
		if at++; s.radix[i] > 256 {
			mac[at] ^= byte(s.value[i] >> 8)
			at++
		}
	}
	values, radices := s.value[from:to], s.radix[from:to]
	if s.small {
		s.shiftSmall(mac, values, radices)
		return
	}
	s.stream.start(mac)
	for i, radix := range radices {
		v := values[i] + s.stream.below(radix)
		if v >= radix {
			v -= radix
		}
		values[i] = v
	}
}

// shiftSmall moves values by what mac makes, seven of them by eight bytes.
func (s *scrambler) shiftSmall(mac [16]byte, values, radices []uint32) {
	var x uint64
	for i, radix := range radices {
		if i%smallRun == 0 {
			if i%(2*smallRun) == 0 {
				s.work = mac
				s.work[14] ^= byte(i)
				s.block.Encrypt(s.work[:], s.work[:])
			}
			x = binary.LittleEndian.Uint64(s.work[i/smallRun%2*8:])
		}
		var by uint64
		by, x = bits.Mul64(x, uint64(radix))
		v := values[i] + uint32(by)
		if v >= radix {
			v -= radix
		}
		values[i] = v
	}
}

// bitsOf is the binary logarithm of a radix, rounded down to a 256th.
func bitsOf(radix uint32) int { return int(math.Log2(float64(radix)) * (1 << bitShift)) }

// appendLong shifts every character by a stream keyed with the folded text.
func (s *scrambler) appendLong(dst, src []byte) ([]byte, bool) {
	start := len(dst)
	s.prf.reset()
	s.folded = s.folded[:0]
	for rest := src; len(rest) > 0; {
		g, ok := s.table.read(rest)
		if !ok {
			return dst[:start], false
		}
		if g.upper {
			g.upper = false
			s.folded = s.table.append(s.folded, g, g.index)
		} else {
			s.folded = append(s.folded, rest[:g.size]...)
		}
		if rest = rest[g.size:]; len(s.folded) > 4096 || len(rest) == 0 {
			s.prf.write(s.folded)
			s.folded = s.folded[:0]
		}
	}
	s.stream.start(*s.prf.done())
	for len(src) > 0 {
		g, _ := s.table.read(src)
		if g.alphabet == alphaKeep || g.radix < 2 {
			dst = append(dst, src[:g.size]...)
		} else {
			dst = s.table.append(dst, g, (g.index+s.stream.below(g.radix))%g.radix)
		}
		src = src[g.size:]
	}
	return dst, true
}

// stream is a block cipher's output as numbers below a limit, of 16 bits each for an alphabet and 32 for a large one.
type stream struct {
	block     cipher.Block
	seed, out [16]byte
	counter   uint64
	left      int
}

func (s *stream) start(seed [16]byte) { s.seed, s.counter, s.left = seed, 0, 0 }

// below gives a number below limit, by a product: some numbers are likelier than others by limit/2^16, or limit/2^32 for limits above 256.
func (s *stream) below(limit uint32) uint32 {
	if limit > 256 {
		return uint32(uint64(s.next(4)) * uint64(limit) >> 32)
	}
	if s.left < 2 {
		return s.next(2) * limit >> 16
	}
	s.left -= 2
	return uint32(binary.LittleEndian.Uint16(s.out[s.left&15:])) * limit >> 16
}

// next gives size bytes, 2 or 4.
func (s *stream) next(size int) uint32 {
	if s.left < size {
		s.out = s.seed
		s.out[14] ^= byte(s.counter) // where shift leaves room
		binary.LittleEndian.PutUint64(s.out[:], binary.LittleEndian.Uint64(s.out[:])^s.counter>>8)
		s.block.Encrypt(s.out[:], s.out[:])
		s.counter++
		s.left = 16
	}
	s.left -= size
	if size == 2 {
		return uint32(binary.LittleEndian.Uint16(s.out[s.left:]))
	}
	return binary.LittleEndian.Uint32(s.out[s.left:])
}
