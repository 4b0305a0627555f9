package mask

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// subkey derives the key of one use within a domain, so that two masks that share a domain do not share their streams.
func subkey(k Keys, domain, use string) []byte {
	mac := hmac.New(sha256.New, k.Domain(domain))
	mac.Write([]byte("rehearse mask 1\x00" + use))
	return mac.Sum(nil)
}

// mac is HMAC-SHA256, used again and again without allocating.
type mac struct {
	hash hash.Hash
	out  [sha256.Size]byte
}

func newMAC(key []byte) *mac { return &mac{hash: hmac.New(sha256.New, key)} }

// sum gives HMAC-SHA256 of src, valid until the next call.
func (m *mac) sum(src []byte) *[sha256.Size]byte {
	m.hash.Reset()
	m.hash.Write(src)
	m.hash.Sum(m.out[:0])
	return &m.out
}

// prf is a keyed function of 128 bits, AES-128-CMAC (NIST SP 800-38B), which takes a fraction of the time of an HMAC for values of some ten
// characters: for a number to pick a name by, for letters, for the seed of a stream.
type prf struct {
	block       cipher.Block
	whole, rest [16]byte // subkeys K1 and K2 of the standard
	state, last [16]byte
	held        int // bytes in last
}

func newPRF(key []byte) *prf {
	p := &prf{block: newAES(key)}
	p.block.Encrypt(p.whole[:], p.whole[:])
	double(&p.whole)
	p.rest = p.whole
	double(&p.rest)
	return p
}

// double multiplies by x in GF(2^128), as the standard makes its subkeys.
func double(b *[16]byte) {
	high, low := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	carry := high >> 63 * 0x87
	binary.BigEndian.PutUint64(b[:8], high<<1|low>>63)
	binary.BigEndian.PutUint64(b[8:], low<<1^carry)
}

// sum gives the keyed function of src, valid until the next call.
func (p *prf) sum(src []byte) *[16]byte {
	p.reset()
	p.write(src)
	return p.done()
}

// number gives the first eight bytes of the keyed function of src.
func (p *prf) number(src []byte) uint64 { return binary.LittleEndian.Uint64(p.sum(src)[:8]) }

// reset begins a value, write takes a part of it, and done ends it.
func (p *prf) reset() { p.state, p.held = [16]byte{}, 0 }

func (p *prf) write(src []byte) {
	for len(src) > 0 {
		if p.held == 16 {
			xor(&p.state, &p.last)
			p.block.Encrypt(p.state[:], p.state[:])
			p.held = 0
		}
		n := copy(p.last[p.held:], src)
		p.held += n
		src = src[n:]
	}
}

func (p *prf) done() *[16]byte {
	if p.held == 16 {
		xor(&p.state, &p.whole)
	} else {
		clear(p.last[p.held:])
		p.last[p.held] = 0x80
		xor(&p.state, &p.rest)
	}
	xor(&p.state, &p.last)
	p.block.Encrypt(p.state[:], p.state[:])
	return &p.state
}

// newAES makes the block cipher AES-128 of the first half of a key; subkey gives 32 bytes, so it cannot fail. AES-256 takes two fifths more time,
// and nobody gets to try 2^128 keys.
func newAES(key []byte) cipher.Block {
	block, err := aes.NewCipher(key[:16])
	if err != nil {
		panic("mask: " + err.Error())
	}
	return block
}

// textTypes are the types whose text form is the text itself.
func textTypes() []string { return []string{"text", "varchar", "bpchar", "citext"} }

// trimmer gives what a type holds of a value to compare it: char(n) pads with blanks that mean nothing.
func trimmer(t Target) func([]byte) []byte {
	if t.BaseType != "bpchar" {
		return func(b []byte) []byte { return b }
	}
	return func(b []byte) []byte {
		for len(b) > 0 && b[len(b)-1] == ' ' {
			b = b[:len(b)-1]
		}
		return b
	}
}
