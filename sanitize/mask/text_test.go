package mask

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

var addressCheck = regexp.MustCompile(`^[^@[:space:]]+@[^@[:space:]]+$`)

func TestEmail(t *testing.T) {
	t.Parallel()
	f := newMask(t, Rule{Name: "email"}, textTarget()).New()
	for _, v := range []string{"bob@example.org", "Bob@Example.org", "BOB@EXAMPLE.ORG", "jürgen@köln.de", "o'brien+tag@mail.co.uk", "a@b", strings.Repeat("x", 300) + "@y.org"} {
		got := apply(t, f, v)
		if !addressCheck.MatchString(got) || !strings.HasSuffix(got, "@example.com") || len(got) != 30 {
			t.Errorf("%q became %q", v, got)
		}
		if lower := strings.ToLower(v); (lower == v) != (strings.ToLower(got) == got) {
			t.Errorf("%q became %q: small letters should stay small, others not", v, got)
		} else if strings.ToLower(got) != apply(t, f, lower) {
			t.Errorf("%q became %q, which under lower() is not what %q becomes", v, got, lower)
		}
	}
	for _, v := range []string{"", "n/a", "none", "@handle", "bob@", "a@b@c", "Bob <bob@example.org>", "a@b.org, c@d.org", "bob @example.org", " bob@example.org", "-"} {
		got := apply(t, f, v)
		if addressAt([]byte(got)) >= 0 {
			t.Errorf("%q, no address, became the address %q", v, got)
		}
		if len(got) != len(v) || (got == v) != (v == "" || v == "-") {
			t.Errorf("%q became %q", v, got)
		}
	}
}

// TestEmailCases takes every pattern of capitals of an address: all distinct, all equal under lower().
func TestEmailCases(t *testing.T) {
	t.Parallel()
	for _, r := range []Rule{{Name: "email"}, {Name: "hash"}, {Name: "hash", Params: map[string]any{"length": 64, "encoding": "hex"}}} {
		f := newMask(t, r, textTarget()).New()
		const value = "anna.b@ex.de" // nine letters
		seen, lower := map[string]string{}, map[string]bool{}
		for pattern := range 1 << 9 {
			v, i := []byte(value), 0
			for j, c := range v {
				if c >= 'a' && c <= 'z' {
					v[j] -= byte(pattern >> i & 1 * 32)
					i++
				}
			}
			got := apply(t, f, string(v))
			if old, ok := seen[got]; ok {
				t.Fatalf("%s: %s and %s became %s", ruleName(r), old, v, got)
			}
			seen[got] = string(v)
			lower[strings.ToLower(got)] = true
		}
		if len(lower) != 1 && r.Name == "email" {
			t.Errorf("%s: %d values under lower(), want 1", ruleName(r), len(lower))
		}
	}
}

func TestEmailLongMixedCase(t *testing.T) {
	t.Parallel()
	f := newMask(t, Rule{Name: "email"}, textTarget()).New()
	seen := map[string]bool{}
	long := strings.Repeat("Xy", 30) + "@Host.ORG"
	for i := range len(long) {
		v := []byte(long)
		if v[i] >= 'A' && v[i] <= 'Z' {
			v[i] |= 0x20
			seen[apply(t, f, string(v))] = true
		}
	}
	seen[apply(t, f, strings.ToLower(long))], seen[apply(t, f, strings.ToUpper(long))] = true, true
	want := 30 + 1 + 3 + 2 // capitals, and both extremes
	if len(seen) != want {
		t.Errorf("%d results of %d spellings", len(seen), want)
	}
	if got := apply(t, f, strings.ToUpper(long)); strings.ToLower(got) != apply(t, f, strings.ToLower(long)) {
		t.Errorf("all capitals of a long address became %s", got)
	}
}

func TestEmailLengths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit, length int
		distinct      bool
		suffix        string
	}{
		{0, 30, true, "@example.com"},
		{255, 30, true, "@example.com"},
		{26, 26, true, "@example.com"},
		{25, 25, true, "@example.com"},
		{24, 25 - 0, true, "@x.test"},
		{20, 20, true, "@x.test"},
		{19, 19, false, "@x.test"},
		{8, 8, false, "@x.test"},
	} {
		m := newMask(t, Rule{Name: "email"}, Target{BaseType: "varchar", MaxLength: c.limit})
		got := apply(t, m.New(), "somebody@somewhere.org")
		if c.limit > 0 && len(got) > c.limit || m.Keeps.Has(keepsDistinct) != c.distinct || m.Keeps.Has(KeepsUniqueness) != c.distinct || !strings.HasSuffix(got, c.suffix) {
			t.Errorf("varchar(%d): %q, %v", c.limit, got, m.Keeps)
		}
	}
}

func TestEmailKeepsHost(t *testing.T) {
	t.Parallel()
	rule := Rule{Name: "email", Params: map[string]any{"at": "keep"}}
	if got := apply(t, newMask(t, rule, textTarget()).New(), "bob@Firma.de"); !strings.HasSuffix(got, "@Firma.de") {
		t.Errorf("got %q", got)
	}
	m := newMask(t, rule, Target{BaseType: "varchar", MaxLength: 12})
	if got := apply(t, m.New(), "bob@firma.de"); len(got) != 12 || m.Keeps.Has(KeepsUniqueness) {
		t.Errorf("got %q, %v", got, m.Keeps)
	}
	wantValueError(t, m.New(), "b@elevenchars")
}

func TestCitext(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"email", "hash", "shape"} {
		f := newMask(t, Rule{Name: name}, Target{BaseType: "citext"}).New()
		a, b := apply(t, f, strings.Repeat("Xy", 30)+"@Host.org"), apply(t, f, strings.Repeat("xY", 30)+"@host.ORG")
		if !strings.EqualFold(a, b) {
			t.Errorf("%s: equal as citext, became %q and %q", name, a, b)
		}
	}
}

func TestHash(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		params   map[string]any
		target   Target
		want     string
		distinct bool
	}{
		{nil, textTarget(), `^[0-9a-f]{32}$`, true},
		{map[string]any{"encoding": "base32", "length": 51}, textTarget(), `^[a-z2-7]{51}$`, true},
		{map[string]any{"prefix": "tok_", "length": 14}, textTarget(), `^tok_[0-9a-f]{14}$`, false},
		{nil, Target{BaseType: "varchar", MaxLength: 15}, `^[0-9a-f]{15}$`, true},
		{map[string]any{"prefix": "é"}, Target{BaseType: "varchar", MaxLength: 15}, `^é[0-9a-f]{14}$`, false},
		{nil, Target{BaseType: "bytea"}, `^\\x[0-9a-f]{64}$`, true},
		{map[string]any{"length": 7}, Target{BaseType: "bytea"}, `^\\x[0-9a-f]{14}$`, false},
	} {
		m := newMask(t, Rule{Name: "hash", Params: c.params}, c.target)
		if got := apply(t, m.New(), `\xdeadbeef`); !regexp.MustCompile(c.want).MatchString(got) || m.Keeps.Has(KeepsUniqueness) != c.distinct {
			t.Errorf("%v on %v: %q, %v", c.params, c.target, got, m.Keeps)
		}
	}
	f := newMask(t, Rule{Name: "hash"}, Target{BaseType: "bytea"}).New()
	if got := apply(t, f, `\x`); got != `\x` {
		t.Errorf("empty bytea became %q", got)
	}
}

func TestShapeKeepsShape(t *testing.T) {
	t.Parallel()
	f := newMask(t, Rule{Name: "shape"}, textTarget()).New()
	for _, v := range []string{
		"a", "Ab 12-3", "Straße 7, München", "Łódź ŻÓŁĆ", "Θεσσαλονίκη", "Москва 101000", "東京都千代田区", "ひらがなカタカナ", "서울특별시", "שלום עולם", "مرحبا ١٢٣",
		"हिन्दी", "ไทย", "Việt Nam đẹp", "emoji 😀 stays", "𝒜𝓁𝑔𝑒", "line\none\ttab\r\n", `back\slash "quote"`, strings.Repeat("Lorem ipsum 12 ÄÖÜ. ", 500), "²³¼", "Dž İı ß", "\x00\x7f",
	} {
		got := apply(t, f, v)
		if len(got) != len(v) || utf8.RuneCountInString(got) != utf8.RuneCountInString(v) || !utf8.ValidString(got) {
			t.Errorf("%q became %q: another length", v, got)
		}
		sameClasses(t, v, got)
	}
	wantValueError(t, f, "caf\xe9")
	wantValueError(t, f, strings.Repeat("x", 100)+"\xff")
}

// sameClasses compares text and result character by character, by the tables of package unicode.
func sameClasses(t *testing.T, v, got string) {
	t.Helper()
	a, b := []rune(v), []rune(got)
	for i := range a {
		switch {
		case a[i] >= 0x800: // blocks of further scripts may hold marks
		case unicode.IsUpper(a[i]) != unicode.IsUpper(b[i]), unicode.IsDigit(a[i]) != unicode.IsDigit(b[i]), unicode.IsLetter(a[i]) != unicode.IsLetter(b[i]):
			t.Errorf("%q became %q: character %d is %q, was %q", v, got, i, b[i], a[i])
		case !unicode.IsLetter(a[i]) && !unicode.IsNumber(a[i]) && a[i] != b[i]:
			t.Errorf("%q became %q: %q was not kept", v, got, a[i])
		}
	}
}

// TestShapePermutes checks all texts of small shapes: none is met twice, and equality under lower() is as it was.
func TestShapePermutes(t *testing.T) {
	t.Parallel()
	f := newMask(t, Rule{Name: "shape"}, textTarget()).New()
	for _, alphabets := range [][]string{
		{"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"},
		{"0123456789"},
		{"aàáâαабв", "-", "AÀÁÂΑАБВ"},
		{"aA", "bB", "cC", "dD", "eE", "fF", "gG"},
		{"éÉ日本語ひкК"},
	} {
		values := []string{""}
		for _, a := range alphabets {
			var longer []string
			for _, v := range values {
				for _, r := range a {
					longer = append(longer, v+string(r))
				}
			}
			values = longer
		}
		seen, lower := map[string]string{}, map[string]string{}
		for _, v := range values {
			got := apply(t, f, v)
			if old, ok := seen[got]; ok {
				t.Fatalf("%q and %q became %q", old, v, got)
			}
			seen[got] = v
			if old, ok := lower[strings.ToLower(v)]; ok && old != strings.ToLower(got) {
				t.Fatalf("%q: %q and %q are not equal under lower()", v, old, got)
			}
			lower[strings.ToLower(v)] = strings.ToLower(got)
		}
	}
}

// TestShapeWholeAlphabet: a permutation of one character maps each alphabet onto itself, whichever script.
func TestShapeWholeAlphabet(t *testing.T) {
	t.Parallel()
	f := newMask(t, Rule{Name: "shape"}, textTarget()).New()
	seen := map[string]rune{}
	changed := 0
	for r := rune(0x20); r < 0x30000; r++ {
		if r >= 0xD800 && r < 0xE000 {
			continue
		}
		got := apply(t, f, string(r))
		if old, ok := seen[got]; ok {
			t.Fatalf("%U and %U became %q", old, r, got)
		}
		if seen[got] = r; got != string(r) {
			changed++
		} else if unicode.IsLetter(r) && r < 0x250 && r > 0x17F {
			t.Logf("%U %q is kept", r, r)
		}
	}
	if changed < 100_000 {
		t.Errorf("only %d characters were masked", changed)
	}
}

func TestShapeKeeps(t *testing.T) {
	t.Parallel()
	f := newMask(t, Rule{Name: "shape", Params: map[string]any{"keep_prefix": 2, "keep_suffix": 1}}, textTarget()).New()
	if got := apply(t, f, "äbcdefghijü"); !strings.HasPrefix(got, "äb") || !strings.HasSuffix(got, "ü") || strings.Contains(got, "cdefg") {
		t.Errorf("got %q", got)
	}
	if got := apply(t, f, "xyz"); got == "xyz" {
		t.Errorf("a value that is all prefix and suffix was kept: %q", got)
	}
}

// TestDistinct samples values that differ little, long and short, in all masks that claim to keep values apart.
func TestDistinct(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	values := map[string]bool{}
	for i := range 4_000 {
		values[fmt.Sprintf("+49 151 %07d", i)] = true
		values[fmt.Sprintf("0%d", i)] = true
		values[fmt.Sprintf("user%d@host.org", i)] = true
		values[fmt.Sprintf("User%d@host.org", i)] = true
		values[fmt.Sprintf("%d text that is rather long, %060d", random.IntN(1e6), i)] = true
	}
	for _, r := range textRules() {
		m := newMask(t, r, textTarget())
		if !m.Keeps.Has(KeepsUniqueness) {
			continue
		}
		f, seen := m.New(), make(map[string]string, len(values))
		for v := range values {
			got := apply(t, f, v)
			if old, ok := seen[got]; ok {
				t.Fatalf("%s: %q and %q became %q", ruleName(r), old, v, got)
			}
			seen[got] = v
		}
	}
}
