package mask

import (
	"encoding/hex"
	"math/rand/v2"
	"testing"
)

// TestCMAC takes the examples of NIST SP 800-38B for AES-128, whole and in parts.
func TestCMAC(t *testing.T) {
	t.Parallel()
	bin := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	message := bin("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
	p := newPRF(bin("2b7e151628aed2a6abf7158809cf4f3c"))
	for n, want := range map[int]string{
		0: "bb1d6929e95937287fa37d129b756746", 16: "070a16b46b4d4144f79bdd9dd04a287c",
		40: "dfa66747de9ae63030ca32611497c827", 64: "51f0bebf7e3b9d92fc49741779363cfe",
	} {
		if got := hex.EncodeToString(p.sum(message[:n])[:]); got != want {
			t.Errorf("%d bytes: %s, want %s", n, got, want)
		}
		for part := 1; part <= n; part++ {
			p.reset()
			for at := 0; at < n; at += part {
				p.write(message[at:min(at+part, n)])
			}
			if got := hex.EncodeToString(p.done()[:]); got != want {
				t.Errorf("%d bytes in parts of %d: %s, want %s", n, part, got, want)
			}
		}
	}
}

// TestPlainRun holds the search by eight bytes against one by single bytes.
func TestPlainRun(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		b := make([]byte, random.IntN(40))
		for i := range b {
			b[i] = byte(random.IntN(256))
			if random.IntN(4) > 0 {
				b[i] |= 0x60
			}
		}
		want := 0
		for want < len(b) && b[want] >= ' ' && b[want] != '"' && b[want] != '\\' {
			want++
		}
		if got := plainRun(b); got != want && got != len(b)/8*8 || got > want {
			t.Errorf("%q: %d, want %d", b, got, want)
		}
	}
}
