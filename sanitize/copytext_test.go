package sanitize

import (
	"bytes"
	"testing"
)

func TestUnescape(t *testing.T) {
	t.Parallel()
	// What the server's COPY FROM makes of each field.
	tests := []struct{ in, want string }{
		{``, ""},
		{`abc`, "abc"},
		{`\b\f\n\r\t\v\\`, "\b\f\n\r\t\v\\"},
		{`\\N`, `\N`},
		{`\.`, `.`},
		{`\a\q\é`, "aqé"},
		{`\101\1\18\1234`, "A\x01\x018S4"},
		{`\777`, "\xff"},
		{`\x41\xAg\x4Bc\xz`, "A\ngKcxz"},
	}
	for _, tt := range tests {
		if got, ok := appendUnescaped(nil, []byte(tt.in)); !ok || string(got) != tt.want {
			t.Errorf("unescape %s: got %q (%v), want %q", tt.in, got, ok, tt.want)
		}
	}
	for _, in := range []string{`\`, `abc\`, `\\\`} {
		if got, ok := appendUnescaped(nil, []byte(in)); ok {
			t.Errorf("unescape %s: got %q, want a refusal", in, got)
		}
	}
}

// TestNeedsEscape puts every byte at every place of a text.
func TestNeedsEscape(t *testing.T) {
	t.Parallel()
	for at := range 20 {
		for b := range 256 {
			value := []byte("ordinary text, é ñ \u00ff")
			value[at] = byte(b)
			if got, want := needsEscape(value), bytes.ContainsAny([]byte{byte(b)}, "\b\f\n\r\t\v\\"); got != want {
				t.Errorf("byte %#x at %d: %v", b, at, got)
			}
		}
	}
}

// FuzzEscape checks that escaping and unescaping give the value back, and that an escaped value cannot be taken for NULL, for the
// end of a field or row, or for the end of data.
func FuzzEscape(f *testing.F) {
	f.Add([]byte("\\N"))
	f.Add([]byte("\\."))
	f.Add([]byte("a\tb\nc\rd\x00\xff\\"))
	f.Fuzz(func(t *testing.T, value []byte) {
		field := appendEscaped(nil, value)
		if !needsEscape(value) && !bytes.Equal(field, value) {
			t.Errorf("%q is said to need no escape, but becomes %q", value, field)
		}
		back, ok := appendUnescaped(nil, field)
		if !ok || !bytes.Equal(back, value) {
			t.Errorf("%q -> %q -> %q", value, field, back)
		}
		if bytes.ContainsAny(field, "\t\n\r") || string(field) == `\N` || string(field) == `\.` {
			t.Errorf("%q is escaped as %q, which means something else", value, field)
		}
	})
}

// FuzzUnescape checks that no field makes it panic, and that what it returns survives a round trip.
func FuzzUnescape(f *testing.F) {
	f.Add([]byte(`\x4`))
	f.Add([]byte(`\12\`))
	f.Fuzz(func(t *testing.T, field []byte) {
		value, ok := appendUnescaped(nil, field)
		if !ok {
			return
		}
		if back, _ := appendUnescaped(nil, appendEscaped(nil, value)); !bytes.Equal(back, value) {
			t.Errorf("%q -> %q -> %q", field, value, back)
		}
	})
}
