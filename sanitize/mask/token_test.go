package mask

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

// TestSIV takes the example of RFC 5297, appendix A.1.
func TestSIV(t *testing.T) {
	t.Parallel()
	bin := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	key := bin("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
	s := newSIV(key, string(bin("101112131415161718191a1b1c1d1e1f2021222324252627")))
	plain := bin("112233445566778899aabbccddee")
	want := "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c"
	sealed := s.seal(nil, plain)
	if got := hex.EncodeToString(sealed); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for n := range 70 { // on both sides of a block's end
		plain := bytes.Repeat([]byte{byte(n), 7}, n)[:n]
		sealed := s.seal(nil, plain)
		if got, ok := s.open(nil, sealed); !ok || !bytes.Equal(got, plain) {
			t.Fatalf("%d bytes: %x, %v", n, got, ok)
		}
		sealed[n%len(sealed)] ^= 1
		if got, ok := s.open([]byte("x"), sealed); ok || string(got) != "x" {
			t.Fatalf("%d bytes open with one bit turned over: %x", n, got)
		}
	}
}

// TestReveal: the holder of the key has every value back, and nobody else any.
func TestReveal(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"Anna", "anna", "ä", "a\nb\x00", "1", strings.Repeat("long ", 40)} {
		for _, c := range []struct {
			rule   Rule
			target Target
			value  string
			prefix string
		}{
			{Rule{Name: "token"}, textTarget(), value, ""},
			{Rule{Name: "token", Params: p("encoding", "hex", "prefix", "tok_")}, typed("varchar"), value, "tok_"},
			{Rule{Name: "token", Domain: "person"}, textTarget(), value, ""},
			{Rule{Name: "token"}, typed("bytea"), `\x` + hex.EncodeToString([]byte(value)), ""},
		} {
			got := apply(t, newMask(t, c.rule, c.target).New(), c.value)
			if back, ok := Reveal(testSecret, c.rule.Domain, got); !ok || string(back) != value || !strings.HasPrefix(got, c.prefix) {
				t.Errorf("%v of %q: %q, back as %q", c.rule, value, got, back)
			}
			if _, ok := Reveal(testKeys("another secret of so many chars"), c.rule.Domain, got); ok {
				t.Errorf("%v of %q opens with another key", c.rule, value)
			}
			if _, ok := Reveal(testSecret, "elsewhere", got); ok {
				t.Errorf("%v of %q opens in another domain", c.rule, value)
			}
		}
	}
	for _, token := range []string{"", "x", "no token", "zzzz", strings.Repeat("a", 32), strings.Repeat("0", 32)} {
		if got, ok := Reveal(testSecret, "", token); ok {
			t.Errorf("%q opens: %q", token, got)
		}
	}
}
