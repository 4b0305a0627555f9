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

// prf is a keyed hash that is used again and again without allocating.
type prf struct {
	mac hash.Hash
	out [sha256.Size]byte
}

func newPRF(key []byte) *prf { return &prf{mac: hmac.New(sha256.New, key)} }

// sum gives HMAC-SHA256 of src, valid until the next call.
func (p *prf) sum(src []byte) *[sha256.Size]byte {
	p.mac.Reset()
	p.mac.Write(src)
	p.mac.Sum(p.out[:0])
	return &p.out
}

// number gives the first eight bytes of the keyed hash of src.
func (p *prf) number(src []byte) uint64 { return binary.LittleEndian.Uint64(p.sum(src)[:8]) }

// newAES makes the block cipher of a 32-byte key; subkey gives no other length, so it cannot fail.
func newAES(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
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
