package sanitize_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/rehearse-db/rehearse/sanitize"
)

const hexKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

func TestParseKeyForms(t *testing.T) {
	t.Parallel()
	raw, _ := hex.DecodeString(hexKey)
	want := mustKey(t, hexKey).ID()
	same := map[string]string{
		"upper case hex":         strings.ToUpper(hexKey),
		"white space":            "  " + hexKey + "\n",
		"base64":                 base64.StdEncoding.EncodeToString(raw),
		"base64 without padding": base64.RawStdEncoding.EncodeToString(raw),
		"URL base64":             base64.URLEncoding.EncodeToString(raw),
	}
	for name, s := range same {
		if got := mustKey(t, s).ID(); got != want {
			t.Errorf("%s: ID %s, want that of the hex form %s", name, got, want)
		}
	}
	if mustKey(t, "a sentence that nobody else would think of").ID() == want {
		t.Error("a text gives the same key as the hex form")
	}
	if len(want) != 8 {
		t.Errorf("ID %q, want 8 hexadecimal digits", want)
	}
}

func TestParseKeyRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "  \n", "short", strings.Repeat("x", 31), strings.Repeat("ü", 31), strings.Repeat("0", 64), strings.Repeat("ab", 32), strings.Repeat("z", 40), hexKey[:32], hexKey[:62], strings.Repeat("00", 40), base64.StdEncoding.EncodeToString([]byte(hexKey)[:24]), base64.StdEncoding.EncodeToString(make([]byte, 32))} {
		_, err := sanitize.ParseKey(s)
		if !errors.Is(err, sanitize.ErrWeakKey) {
			t.Errorf("ParseKey(%q): %v, want ErrWeakKey", s, err)
			continue
		}
		if len(s) > 4 && strings.Contains(err.Error(), s) {
			t.Errorf("the error quotes the key: %v", err)
		}
	}
}

func TestKeyDomain(t *testing.T) {
	t.Parallel()
	a, b := mustKey(t, hexKey), sanitize.NewKey()
	if got := len(a.Domain("email")); got != 32 {
		t.Fatalf("a domain's key has %d bytes, want 32", got)
	}
	if !bytes.Equal(a.Domain("email"), mustKey(t, hexKey).Domain("email")) {
		t.Error("the same key and domain give different keys")
	}
	for name, other := range map[string][]byte{"domain": a.Domain("phone"), "empty domain": a.Domain(""), "key": b.Domain("email")} {
		if bytes.Equal(a.Domain("email"), other) {
			t.Errorf("another %s gives the same key", name)
		}
	}
	if first, second := sanitize.NewKey(), sanitize.NewKey(); first.ID() == second.ID() {
		t.Error("two new keys are the same")
	}
}

// TestKeyIsHidden prints a key in every way there is and looks for its bytes.
func TestKeyIsHidden(t *testing.T) {
	t.Parallel()
	key := mustKey(t, hexKey)
	holder := struct{ Key sanitize.Key }{key}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%08b"} {
		fmt.Fprintf(&out, verb+"\n", key)
		fmt.Fprintf(&out, verb+"\n", &key)
		fmt.Fprintf(&out, verb+"\n", holder)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("key", "key", key, "holder", holder)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("key", "key", key, "holder", holder)
	if err := json.NewEncoder(&out).Encode(holder); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(&out, key.String())
	secret := hex.EncodeToString(key.Domain("x"))
	if strings.Contains(out.String(), secret[:8]) || !strings.Contains(out.String(), "•••") {
		t.Errorf("the key shows:\n%s", out.String())
	}
}

func TestWipe(t *testing.T) {
	t.Parallel()
	key := sanitize.NewKey()
	other := key
	key.Wipe()
	if !key.IsZero() || !other.IsZero() {
		t.Error("a wiped key can still be used, or a copy of it")
	}
	defer func() {
		if recover() == nil {
			t.Error("a wiped key gave out a domain's key")
		}
	}()
	other.Domain("email")
}

func TestZeroKeyPanics(t *testing.T) {
	t.Parallel()
	var key sanitize.Key
	if !key.IsZero() || mustKey(t, hexKey).IsZero() {
		t.Error("IsZero is wrong")
	}
	defer func() {
		if recover() == nil {
			t.Error("the zero Key gave out a domain's key")
		}
	}()
	key.Domain("email")
}

func mustKey(t testing.TB, s string) sanitize.Key {
	t.Helper()
	key, err := sanitize.ParseKey(s)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
