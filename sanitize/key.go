package sanitize

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/rehearse-db/rehearse/sanitize/mask"
)

// ErrWeakKey is what [ParseKey] wraps when a key is too short, or the same byte over and over.
var ErrWeakKey = errors.New("key is too weak")

const (
	minKeyBytes = 32
	hiddenKey   = "•••"
)

// Key is the secret behind all pseudonyms of a run; whoever has it can make every pseudonym again.
//
// It prints as three bullets under every verb, in slog, JSON and YAML. The zero Key is no key: Domain and ID panic, so that
// a forgotten key never becomes a known one. Make one with [ParseKey] or [NewKey].
type Key struct {
	prk *[sha256.Size]byte // the HKDF pseudorandom key; the secret itself is not kept
}

// NewKey makes a key from the system's random source, for one run.
func NewKey() Key {
	var secret [minKeyBytes]byte
	_, _ = rand.Read(secret[:]) // never fails: it ends the program rather than return an error
	defer clear(secret[:])
	return newKey(secret[:])
}

// ParseKey reads a key as users write it: 64 hexadecimal digits, standard or URL base64 of at least 32 bytes, or a text of at
// least 32 characters, with white space around it ignored. A shorter key, one that repeats a single byte, and what is hexadecimal or
// base64 of less than 32 bytes, is [ErrWeakKey]. Errors never quote the key.
func ParseKey(s string) (Key, error) {
	s = strings.TrimSpace(s)
	secret := keyBytes(s)
	defer clear(secret)
	form, size := encoded(s)
	switch {
	case s == "":
		return Key{}, fmt.Errorf("%w: it is empty", ErrWeakKey)
	case len([]rune(s)) < minKeyBytes:
		return Key{}, fmt.Errorf("%w: it has %d characters, want 64 hexadecimal digits, base64 of at least 32 bytes, or at least 32 characters", ErrWeakKey, len([]rune(s)))
	case repeated(secret) || repeated([]byte(s)):
		return Key{}, fmt.Errorf("%w: it repeats a single byte", ErrWeakKey)
	case size < minKeyBytes:
		return Key{}, fmt.Errorf("%w: it is %s of %d bytes, want at least %d", ErrWeakKey, form, size, minKeyBytes)
	}
	return newKey(secret), nil
}

// encoded tells how a key is written and how many bytes that is: 32 hexadecimal digits look long, and are 16 bytes.
func encoded(s string) (form string, size int) {
	if b, err := hex.DecodeString(s); err == nil {
		if repeated(b) {
			return "hexadecimal", 1
		}
		return "hexadecimal", len(b)
	}
	bare := strings.TrimRight(s, "=")
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if b, err := enc.DecodeString(bare); err == nil {
			return "base64", len(b)
		}
	}
	return "text", len(s)
}

func repeated(b []byte) bool { return len(b) > 0 && bytes.Count(b, b[:1]) == len(b) }

// keyBytes decodes s as hex, else as base64 of enough bytes, else takes its bytes as they are.
func keyBytes(s string) []byte {
	if len(s) == 2*minKeyBytes {
		if b, err := hex.DecodeString(s); err == nil {
			return b
		}
	}
	bare := strings.TrimRight(s, "=")
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if b, err := enc.DecodeString(bare); err == nil && len(b) >= minKeyBytes {
			return b
		}
	}
	return []byte(s)
}

func newKey(secret []byte) Key {
	prk, err := hkdf.Extract(sha256.New, secret, []byte("rehearse mask key"))
	if err != nil { // only in FIPS mode with a short secret, which ParseKey refuses
		panic("sanitize: " + err.Error())
	}
	return Key{prk: (*[sha256.Size]byte)(prk)}
}

// IsZero reports whether k is the zero Key, or one that was wiped: neither can be used.
func (k Key) IsZero() bool { return k.prk == nil || *k.prk == [sha256.Size]byte{} }

// Wipe overwrites the key in memory; it and its copies are no keys any more, as the zero Key is none. What was derived from it, the keys of
// domains that masks hold, goes with those masks.
func (k Key) Wipe() {
	if k.prk != nil {
		*k.prk = [sha256.Size]byte{}
	}
}

// Domain returns the 32-byte key of a domain of pseudonyms: HKDF-SHA256 of the secret with "v1|" and the name as info.
// Keys of different domains tell nothing of one another.
func (k Key) Domain(name string) []byte {
	sub, err := hkdf.Expand(sha256.New, k.must()[:], "v1|"+name, sha256.Size)
	if err != nil { // only when more than 255 blocks are asked for
		panic("sanitize: " + err.Error())
	}
	return sub
}

// ID tells two keys apart without telling anything of them: eight hexadecimal digits of HMAC-SHA256 of a constant. The constant changes when
// masks make other pseudonyms of the same key, so that nobody compares those.
func (k Key) ID() string {
	mac := hmac.New(sha256.New, k.must()[:])
	mac.Write([]byte("rehearse key id 2"))
	return hex.EncodeToString(mac.Sum(nil)[:4])
}

func (k Key) must() *[sha256.Size]byte {
	if k.IsZero() {
		panic("sanitize: use of the zero Key, or of one that was wiped")
	}
	return k.prk
}

// String hides the key.
func (k Key) String() string { return hiddenKey }

// Format hides the key under every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hiddenKey) }

// LogValue hides the key in structured logs.
func (k Key) LogValue() slog.Value { return slog.StringValue(hiddenKey) }

// MarshalText hides the key in JSON, XML and YAML.
func (k Key) MarshalText() ([]byte, error) { return []byte(hiddenKey), nil }

// Reveal gives back the value that the mask token made a token of, under the key and the domain of the rule ("": none). It reports false for what is
// no token of these.
func Reveal(k Key, domain, token string) ([]byte, bool) { return mask.Reveal(k, domain, token) }
