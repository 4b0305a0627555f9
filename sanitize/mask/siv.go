package mask

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
)

// siv is deterministic authenticated encryption, AES-SIV of RFC 5297 with two keys of 128 bits and one associated text. The same plain text has
// the same sealed one, which is 16 bytes longer; what was not sealed with the key does not open.
type siv struct {
	mac     *prf
	block   cipher.Block
	begin   [16]byte // of S2V, after the associated text
	counter [16]byte
	pad     [16]byte
}

// newSIV takes 32 bytes of key, as subkey gives them.
func newSIV(key []byte, associated string) *siv {
	s := &siv{mac: newPRF(key[:16]), block: newAES(key[16:32])}
	s.begin = *s.mac.sum(make([]byte, 16))
	double(&s.begin)
	xor(&s.begin, s.mac.sum([]byte(associated)))
	return s
}

// seal appends the synthetic initialisation vector and the encrypted text.
func (s *siv) seal(dst, plain []byte) []byte {
	iv := *s.vector(plain)
	dst = append(dst, iv[:]...)
	return s.stream(dst, plain, &iv)
}

// open appends the plain text of what was sealed.
func (s *siv) open(dst, sealed []byte) ([]byte, bool) {
	if len(sealed) < 16 {
		return dst, false
	}
	iv, start := [16]byte(sealed), len(dst)
	dst = s.stream(dst, sealed[16:], &iv)
	if subtle.ConstantTimeCompare(iv[:], s.vector(dst[start:])[:]) != 1 {
		return dst[:start], false
	}
	return dst, true
}

// vector is S2V of the standard.
func (s *siv) vector(plain []byte) *[16]byte {
	s.mac.reset()
	last := s.begin
	if n := len(plain) - 16; n >= 0 {
		s.mac.write(plain[:n])
		tail := [16]byte(plain[n:])
		xor(&last, &tail)
	} else {
		double(&last)
		tail := [16]byte{}
		tail[copy(tail[:], plain)] = 0x80
		xor(&last, &tail)
	}
	s.mac.write(last[:])
	return s.mac.done()
}

// stream appends src, encrypted or decrypted by the counter that begins with iv, two bits of it cleared.
func (s *siv) stream(dst, src []byte, iv *[16]byte) []byte {
	s.counter = *iv
	s.counter[8] &= 0x7F
	s.counter[12] &= 0x7F
	for len(src) > 0 {
		s.block.Encrypt(s.pad[:], s.counter[:])
		n := min(len(src), len(s.pad))
		for i := range n {
			dst = append(dst, src[i]^s.pad[i])
		}
		src = src[n:]
		low := binary.BigEndian.Uint64(s.counter[8:]) + 1
		binary.BigEndian.PutUint64(s.counter[8:], low)
		if low == 0 {
			binary.BigEndian.PutUint64(s.counter[:8], binary.BigEndian.Uint64(s.counter[:8])+1)
		}
	}
	return dst
}
