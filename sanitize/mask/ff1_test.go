package mask

import (
	"crypto/aes"
	"encoding/hex"
	"strings"
	"testing"
)

// TestFF1Samples holds the nine samples that NIST publishes with SP 800-38G.
func TestFF1Samples(t *testing.T) {
	t.Parallel()
	const (
		key128 = "2b7e151628aed2a6abf7158809cf4f3c"
		key192 = key128 + "ef4359d8d580aa4f"
		key256 = key192 + "7f036d6f04fc6a94"
		tweak2 = "39383736353433323130"
		tweak3 = "3737373770717273373737"
	)
	for _, c := range []struct {
		name, key, tweak string
		radix            uint64
		in, want         string
	}{
		{"1", key128, "", 10, "0123456789", "2433477484"},
		{"2", key128, tweak2, 10, "0123456789", "6124200773"},
		{"3", key128, tweak3, 36, "0123456789abcdefghi", "a9tv40mll9kdu509eum"},
		{"4", key192, "", 10, "0123456789", "2830668132"},
		{"5", key192, tweak2, 10, "0123456789", "2496655549"},
		{"6", key192, tweak3, 36, "0123456789abcdefghi", "xbj3kv35jrawxv32ysr"},
		{"7", key256, "", 10, "0123456789", "6657667009"},
		{"8", key256, tweak2, 10, "0123456789", "1001623463"},
		{"9", key256, tweak3, 36, "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			key, _ := hex.DecodeString(c.key)
			tweak, _ := hex.DecodeString(c.tweak)
			block, err := aes.NewCipher(key)
			if err != nil {
				t.Fatal(err)
			}
			const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
			x := []byte(c.in)
			for i, d := range x {
				x[i] = byte(strings.IndexByte(alphabet, d))
			}
			newFF1(block, c.radix).encrypt(x, tweak)
			for i, d := range x {
				x[i] = alphabet[d]
			}
			if string(x) != c.want {
				t.Errorf("%s became %s, NIST has %s", c.in, x, c.want)
			}
		})
	}
}

// TestFF1Permutes checks lengths whole: every sequence is met once.
func TestFF1Permutes(t *testing.T) {
	t.Parallel()
	f := newFF1(newAES(make([]byte, 32)), 10)
	for digits, count := 2, 100; digits <= 5; digits, count = digits+1, count*10 {
		seen := make([]bool, count)
		for i := range count {
			x := make([]byte, digits)
			f.numerals(x, uint64(i))
			f.encrypt(x, nil)
			v, _ := f.number(x)
			if seen[v] {
				t.Fatalf("%d digits: %d is met twice", digits, v)
			}
			seen[v] = true
		}
	}
}

// TestFF1Tweaks takes tweaks around the size of a block, in a length that uses all of a half.
func TestFF1Tweaks(t *testing.T) {
	t.Parallel()
	f := newFF1(newAES(make([]byte, 32)), 10)
	seen := map[string]int{}
	for n := range 40 {
		x := []byte(strings.Repeat("\x09", maxDecimals))
		f.encrypt(x, make([]byte, n))
		if old, ok := seen[string(x)]; ok {
			t.Errorf("tweaks of %d and %d bytes give the same", old, n)
		}
		seen[string(x)] = n
		for _, d := range x {
			if d > 9 {
				t.Fatalf("tweak of %d bytes: numeral %d", n, d)
			}
		}
	}
}
