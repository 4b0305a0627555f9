package mask

import (
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

// hashFamily: a keyed hash in letters and digits.
func hashFamily() family {
	return family{
		Info: Info{
			Name: "hash", Summary: "a keyed hash, HMAC-SHA256, in hexadecimal, base32 or base62", Types: append(textTypes(), "bytea", "uuid"),
			Params: []ParamInfo{
				{Name: "length", Type: "integer", Default: "32, less where the column is shorter", Meaning: "characters without the prefix, up to 64 (base32: 51, base62: 40); of bytea, bytes up to 32"},
				{Name: "encoding", Type: "string", Default: "hex", Meaning: "hex or base32, in small letters, or base62, in letters of both cases and digits"},
				{Name: "prefix", Type: "string", Meaning: "text put before the hash"},
			},
			Guarantees: []string{
				"distinct values stay distinct, but for a chance below 2^-60 a pair, where there is room for 60 bits: 15 characters of hex, 12 of base32 or base62, 8 bytes of bytea",
				"values equal under lower() stay so, capitals of the value showing as capitals of the hash, except for long mixed case, and in base62 but for citext",
				"length is not kept; the empty text stays empty",
				"a uuid becomes one of version 8 (RFC 9562), with 122 bits of the hash, also the nil uuid",
			},
			AtLeast: keepsSame, AtBest: keepsFolded | keepsDistinct, Depends: "uniqueness is kept where length leaves room for 60 bits; case equality in citext, and from 32 characters on (base32: 16)",
		},
		compile: compileHash,
	}
}

func compileHash(c *compiler) (*Mask, error) {
	switch c.target.BaseType {
	case "bytea":
		return compileHashBytes(c)
	case "uuid":
		return compileHashUUID(c)
	}
	encoding, prefix := c.params.choice("encoding", "hex", "base32", "base62"), c.params.text("prefix", "")
	if !utf8.ValidString(prefix) || strings.ContainsRune(prefix, 0) {
		c.params.fail("prefix", "is not valid text")
	}
	most, perChar := 64, 4
	switch encoding {
	case "base32":
		most, perChar = 51, 5
	case "base62":
		most, perChar = 40, 5 // under lower(), where a letter may come of two
	}
	length := int(c.params.integer("length", 32, 1, int64(most)))
	if room := c.target.MaxLength - utf8.RuneCountInString(prefix); c.target.MaxLength > 0 && length > room {
		if c.params.has("length") || room < 1 {
			return nil, &ParamError{Param: "length", Text: fmt.Sprintf("with the prefix is more than the %d characters of the column", c.target.MaxLength)}
		}
		length = room
	}
	// Capitals of the value show as capitals of the hash, which must have letters for that: half of 16 in base32, a dozen of 32 in hexadecimal.
	caseless := c.target.BaseType == "citext" || length*perChar >= 80 && encoding == "base32" || length*perChar >= 128 && encoding == "hex"
	key := subkey(c.keys, c.domain, "hash")
	base := hashFunc{prefix: prefix, encoding: encoding, length: length, citext: c.target.BaseType == "citext", trim: trimmer(c.target)}
	keeps := keepsSame | KeepsCaseEquality.when(caseless) | keepsDistinct.when(length*perChar >= 60)
	return &Mask{Keeps: keeps, look: &Look{prefix, length}, New: func() Func {
		f := base
		f.mac = newMAC(key)
		return &f
	}}, nil
}

type hashFunc struct {
	prefix   string
	encoding string
	length   int
	citext   bool
	trim     func([]byte) []byte
	mac      *mac
	casing   casing
	work     []byte
}

func (f *hashFunc) Append(dst, src []byte) ([]byte, error) {
	src = f.trim(src)
	if len(src) == 0 {
		return dst, nil
	}
	dst = append(dst, f.prefix...)
	start := len(dst)
	if f.encoding == "base62" && !f.citext { // its capitals mean something
		return f.encode(dst, f.mac.sum(src)), nil
	}
	f.casing.fold(src)
	sum := f.mac.sum(f.casing.folded)
	dst = f.encode(dst, sum)
	if f.citext || f.casing.isLower() {
		return dst, nil
	}
	letters := countLetters(dst[start:])
	code, fits := f.casing.code(letters)
	if !fits {
		return f.encode(dst[:start], f.mac.sum(src)), nil
	}
	capitalise(dst[start:], letters, code, uint64(sum[30])<<8|uint64(sum[31]))
	return dst, nil
}

func (f *hashFunc) encode(dst []byte, sum *[32]byte) []byte {
	switch f.encoding {
	case "base32":
		f.work = lowerBase32.AppendEncode(f.work[:0], sum[:])
	case "base62":
		f.work = appendBase62(f.work[:0], sum)
	default:
		f.work = hex.AppendEncode(f.work[:0], sum[:])
	}
	return append(dst, f.work[:f.length]...)
}

// appendBase62 appends 40 letters and digits, ten of each eight bytes.
func appendBase62(dst []byte, sum *[32]byte) []byte {
	const signs = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for at := 0; at < len(sum); at += 8 {
		x := binary.BigEndian.Uint64(sum[at:])
		for range 10 {
			var sign uint64
			sign, x = bits.Mul64(x, uint64(len(signs)))
			dst = append(dst, signs[sign])
		}
	}
	return dst
}

// lowerBase32 is RFC 4648's alphabet in small letters.
var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func compileHashBytes(c *compiler) (*Mask, error) {
	for _, name := range []string{"encoding", "prefix"} {
		if c.params.has(name) {
			c.params.fail(name, "has no meaning for bytea")
		}
	}
	length := int(c.params.integer("length", 32, 1, 32))
	key := subkey(c.keys, c.domain, "hash")
	return &Mask{Keeps: keepsFolded | keepsDistinct.when(length >= 8), New: func() Func { return &hashBytesFunc{mac: newMAC(key), length: length} }}, nil
}

type hashBytesFunc struct {
	mac    *mac
	length int
}

func (f *hashBytesFunc) Append(dst, src []byte) ([]byte, error) {
	if len(src) == 0 || string(src) == `\x` {
		return append(dst, src...), nil
	}
	dst = append(slices.Grow(dst, 2+2*f.length), `\x`...)
	return hex.AppendEncode(dst, f.mac.sum(src)[:f.length]), nil
}

func compileHashUUID(c *compiler) (*Mask, error) {
	for _, name := range []string{"length", "encoding", "prefix"} {
		if c.params.has(name) {
			c.params.fail(name, "has no meaning for a uuid")
		}
	}
	key := subkey(c.keys, c.domain, "hash")
	return &Mask{Keeps: keepsFolded | keepsDistinct, New: func() Func { return &hashUUIDFunc{mac: newMAC(key)} }}, nil
}

type hashUUIDFunc struct {
	mac *mac
	id  [16]byte
}

func (f *hashUUIDFunc) Append(dst, src []byte) ([]byte, error) {
	var ok bool
	if f.id, ok = parseUUID(src); !ok {
		return dst, &ValueError{Mask: "hash", Reason: "is not a uuid"}
	}
	sum := f.mac.sum(f.id[:])
	sum[6] = 0x80 | sum[6]&0x0F // version 8, made in a way of its own
	sum[8] = 0x80 | sum[8]&0x3F // the variant of RFC 9562
	return appendUUID(dst, sum[:16], true, false), nil
}
