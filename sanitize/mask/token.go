package mask

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf8"
)

// tokenText is associated with every token. It changes when their form does.
const tokenText = "rehearse token 1"

// keepsToken: capitals and small letters have different tokens, or the way back would lose them.
const keepsToken = keepsSame | keepsDistinct

// tokenFamily: the value encrypted, so that the holder of the key can have it back.
func tokenFamily() family {
	return family{
		Info: Info{
			Name: "token", Summary: "the value itself, encrypted by AES-SIV (RFC 5297): whoever has the key can read it again", Types: []string{"text", "varchar", "bytea"},
			Params: []ParamInfo{
				{Name: "encoding", Type: "string", Default: "base32", Meaning: "base32 or hex, in small letters"},
				{Name: "prefix", Type: "string", Meaning: "text put before the token"},
			},
			Guarantees: []string{
				"this is pseudonymisation and no more: rehearse sanitize reveal gives the value back to the holder of REHEARSE_MASK_KEY; where nobody needs that, hash is safer",
				"distinct values stay distinct, always; equal ones stay equal, but for case: those equal under lower() become distinct",
				"a token is longer than its value: 16 bytes more, and as base32 1.6 times, as hex twice, as many characters; how long a value was can be told from it",
				"refused for columns with a limit of length; a value near the limit of an index (2704 bytes) may outgrow it",
				"the empty value stays empty",
			},
			AtLeast: keepsToken, AtBest: keepsToken | keepsFolded, Depends: "case equality in bytea, which has no case",
		},
		compile: compileToken,
	}
}

func compileToken(c *compiler) (*Mask, error) {
	encoding, prefix := c.params.choice("encoding", "base32", "hex"), c.params.text("prefix", "")
	if !utf8.ValidString(prefix) || strings.ContainsRune(prefix, 0) {
		c.params.fail("prefix", "is not valid text")
	}
	key := subkey(c.keys, c.domain, "token")
	if c.target.BaseType == "bytea" {
		for _, name := range []string{"encoding", "prefix"} {
			if c.params.has(name) {
				c.params.fail(name, "has no meaning for bytea")
			}
		}
		return &Mask{Keeps: keepsToken | keepsFolded, New: func() Func { return &tokenBytesFunc{siv: newSIV(key, tokenText)} }}, nil
	}
	if c.target.MaxLength > 0 {
		return nil, &TypeError{Mask: "token", Type: c.target.narrow(), Want: []string{"texts without a limit, as a token is longer than its value; hash and shape fit into any"}}
	}
	return &Mask{Keeps: keepsToken, New: func() Func { return &tokenFunc{siv: newSIV(key, tokenText), prefix: prefix, hex: encoding == "hex"} }}, nil
}

type tokenFunc struct {
	siv    *siv
	prefix string
	hex    bool
	sealed []byte
}

func (f *tokenFunc) Append(dst, src []byte) ([]byte, error) {
	if len(src) == 0 {
		return dst, nil
	}
	f.sealed = f.siv.seal(f.sealed[:0], src)
	dst = append(dst, f.prefix...)
	if f.hex {
		return hex.AppendEncode(dst, f.sealed), nil
	}
	return lowerBase32.AppendEncode(dst, f.sealed), nil
}

type tokenBytesFunc struct {
	siv           *siv
	plain, sealed []byte
}

func (f *tokenBytesFunc) Append(dst, src []byte) ([]byte, error) {
	if len(src) == 0 || string(src) == `\x` {
		return append(dst, src...), nil
	}
	digits, ok := bytes.CutPrefix(src, []byte(`\x`))
	var err error
	if f.plain, err = hex.AppendDecode(f.plain[:0], digits); err != nil || !ok {
		return dst, &ValueError{Mask: "token", Reason: "is not in hexadecimal form"}
	}
	f.sealed = f.siv.seal(f.sealed[:0], f.plain)
	dst = append(slices.Grow(dst, 2+2*len(f.sealed)), `\x`...)
	return hex.AppendEncode(dst, f.sealed), nil
}

// longestPrefix is how many characters before a token are tried for being its prefix.
const longestPrefix = 64

// Reveal gives back what the mask token made a token of, under the same keys and domain ("": the mask's own). The token may have a prefix, and is
// in base32 or hexadecimal digits, or a bytea as PostgreSQL writes it. It reports false for what is no token of these keys.
func Reveal(k Keys, domain, token string) ([]byte, bool) {
	if domain == "" {
		domain = "token"
	}
	s := newSIV(subkey(k, domain, "token"), tokenText)
	for from := range min(len(token), longestPrefix+1) { // what is no token does not open, so that trying tells
		for _, decode := range []func(string) ([]byte, error){hex.DecodeString, lowerBase32.DecodeString} {
			sealed, err := decode(token[from:])
			if err != nil {
				continue
			}
			if plain, ok := s.open(nil, sealed); ok {
				return plain, true
			}
		}
	}
	return nil, false
}
