package mask

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestRedactFinds(t *testing.T) {
	t.Parallel()
	f := newMask(t, Rule{Name: "redact_text"}, textTarget()).New()
	column := func(r Rule) Func { return newMask(t, r, textTarget()).New() }
	masks := map[string]Func{"email": column(Rule{Name: "email"}), "phone": column(Rule{Name: "phone"}), "digits": column(Rule{Name: "digits", Params: map[string]any{"short": "permute"}}), "card": column(Rule{Name: "digits", Params: map[string]any{"luhn": true, "short": "permute"}})}
	around := []string{"%s", "see %s.", "(%s)", "a: %s, b", "„%s“", "\n%s\n", "<%s>", `"%s"`, "ü %s;", "=%s&", "%s\ttab", "[%s]"}
	for _, c := range []struct{ kind, value string }{
		{"email", "bob@example.org"},
		{"email", "Bob.O'Brien+x@mail.co.uk"},
		{"email", "jürgen@köln.de"},
		{"email", "a@b"},
		{"email", "x_1%y@sub-1.host.io"},
		{"phone", "+49 151 2345678"},
		{"phone", "+491512345678"},
		{"phone", "0151/2345678"},
		{"phone", "212-555-0123"},
		{"phone", "+1 (212) 555-0123"},
		{"phone", "01 23 45 67 89"},
		{"phone", "1-800-555-0199"},
		{"digits", "123456789"},
		{"digits", strings.Repeat("9", 50)},
		{"card", "4111 1111 1111 1111"},
		{"card", "4111111111111111"},
		{"card", "3782-822463-10005"},
	} {
		want := apply(t, masks[c.kind], c.value)
		for _, a := range around {
			in := fmt.Sprintf(a, c.value)
			if got := apply(t, f, in); got != fmt.Sprintf(a, want) {
				t.Errorf("%s: %q became %q, want %q in it", c.kind, in, got, want)
			}
		}
	}
}

func TestRedactForms(t *testing.T) {
	t.Parallel()
	f := newMask(t, Rule{Name: "redact_text"}, textTarget()).New()
	for _, c := range []struct{ in, want string }{
		{"from 192.168.1.77:8080", `^from 10\.\d+\.\d+\.\d+:8080$`},
		{"net 10.1.2.3/24.", `^net 10\.\d+\.\d+\.\d+/24\.$`},
		{"at fe80::1%eth0", `^at 2001:db8(:[0-9a-f]{4}){6}%eth0$`},
		{"[2001:DB8:0:0:8:800:200C:417A]:443", `^\[2001:db8(:[0-9a-f]{4}){6}\]:443$`},
		{"x ::ffff:192.0.2.1 y", `^x 2001:db8(:[0-9a-f]{4}){6} y$`},
		{"host ::1: refused", `^host 2001:db8(:[0-9a-f]{4}){6}: refused$`},
		{"IBAN DE89 3704 0044 0532 0130 00 please", `^IBAN DE\d\d \d{4} \d{4} \d{4} \d{4} \d\d please$`},
		{"GB29NWBK60161331926819", `^GB\d\d[A-Z]{4}\d{14}$`},
		{"(0151) 2345678", `^\(0\d{3}\) \d{7}$`},
		{"order12345678x", `^order\d{8}x$`},
		{"4111 1111 1111 1111 12/27", `^\d{4} \d{4} \d{4} \d{4} 12/27$`},
		{"bob@x.org, eve@y.org", `^[a-z]{18}@example\.com, [a-z]{18}@example\.com$`},
		{"mailto:bob@x.org?subject=hi", `^mailto:[a-z]{18}@example\.com\?subject=hi$`},
	} {
		got := apply(t, f, c.in)
		if !regexp.MustCompile(c.want).MatchString(got) || got == c.in {
			t.Errorf("%q became %q", c.in, got)
		}
	}
	for _, v := range []string{"DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819", "NO9386011117947"} {
		got := apply(t, f, v)
		if got == v || got[:2] != v[:2] || ibanMod(got) != 1 {
			t.Errorf("%s became %s, remainder %d", v, got, ibanMod(got))
		}
	}
	for _, v := range []string{"fe80::1", "::1", "1:2:3:4:5:6:7:8", "10.0.0.1", "255.255.255.255"} {
		if got := apply(t, f, v); netip.MustParseAddr(got).Is4() != netip.MustParseAddr(v).Is4() || got == v {
			t.Errorf("%s became %s", v, got)
		}
	}
}

// ibanMod computes the remainder as ISO 13616 tells it, by long numbers in text.
func ibanMod(iban string) int {
	s := strings.ReplaceAll(iban, " ", "")
	sum := 0
	for _, c := range s[4:] + s[:4] {
		digits := string(c)
		if c >= 'A' {
			digits = fmt.Sprint(int(c-'A') + 10)
		}
		for _, d := range digits {
			sum = (sum*10 + int(d-'0')) % 97
		}
	}
	return sum
}

func TestRedactKeeps(t *testing.T) {
	t.Parallel()
	f := newMask(t, Rule{Name: "redact_text"}, textTarget()).New()
	for _, v := range []string{
		"Nothing to see here.", "call @bob or foo@ bar", "on 2024-01-31 10:15:30.123456 and 31.12.2024, 12/31/2024", "2024-01-31T10:00:00Z", "room 12, floor 3, 4711", "1.234.567,89 EUR and 1,234,567.89", "std::vector a:b ::",
		"12:30:45", "v1.2.3", "größe 10 × 20", "100 %", "日本語のテキスト。", "((((", "++++", "a.b.c.d", "\xff\xfe not UTF-8", "DE12 is no IBAN at all, is it", "1 2 3 4 5 6 7 8 9", "1.2.3.4.5",
	} {
		if got := apply(t, f, v); got != v {
			t.Errorf("%q became %q", v, got)
		}
	}
	few := newMask(t, Rule{Name: "redact_text", Params: map[string]any{"min_digits": 4}}, textTarget()).New()
	if got := apply(t, few, "room 12, 4711"); !strings.HasPrefix(got, "room 12, ") || strings.Contains(got, "4711") {
		t.Errorf("got %q", got)
	}
}

func TestRedactFits(t *testing.T) {
	t.Parallel()
	f := newMask(t, Rule{Name: "redact_text"}, Target{BaseType: "varchar", MaxLength: 20}).New()
	if got := apply(t, f, "ä bob@x.org ::1"); utf8.RuneCountInString(got) > 20 || strings.Contains(got, "bob") {
		t.Errorf("got %q", got)
	}
}

func TestRedactDomain(t *testing.T) {
	t.Parallel()
	email := Rule{Name: "email", Domain: "person"}
	want := apply(t, newMask(t, email, textTarget()).New(), "bob@x.org")
	if got := apply(t, newMask(t, Rule{Name: "redact_text", Domain: "person"}, textTarget()).New(), "bob@x.org"); got != want {
		t.Errorf("in text %s, in a column %s", got, want)
	}
}

// TestRedactLinear takes texts that would be slow if words were looked at more than a few times.
func TestRedactLinear(t *testing.T) {
	t.Parallel()
	f := newMask(t, Rule{Name: "redact_text"}, textTarget()).New()
	for _, unit := range []string{"a.", "a", "1", "1 ", "1.", "12-", "(", "+", ":", "a:", "1:", "@", "a@", "AB12", "ü", "DE00 0000 ", "00.00.0000 ", "0 00 "} {
		apply(t, f, strings.Repeat(unit, 1<<18/len(unit)))
	}
}

var plainAddress = regexp.MustCompile(`[a-z0-9]+@[a-z0-9]+`)

// FuzzRedact: no panic, no address is left but at the reserved host, and text without digits, @ and colons is left alone.
func FuzzRedact(f *testing.F) {
	for _, s := range []string{"mail bob@x.org now", "+49 (151) 234 5678", "fe80::1 10.0.0.1", "DE89 3704 0044 0532 0130 00", "é日本@ü", "a@b@c", "1-1-1-1-1"} {
		f.Add([]byte(s))
	}
	m := newMask(f, Rule{Name: "redact_text"}, textTarget())
	f.Fuzz(func(t *testing.T, src []byte) {
		got, err := m.New().Append(nil, src)
		if err != nil {
			if utf8.Valid(src) {
				t.Fatalf("%q: %v", src, err)
			}
			return
		}
		if utf8.Valid(src) != utf8.Valid(got) {
			t.Fatalf("%q became %q", src, got)
		}
		if !strings.ContainsAny(string(src), "0123456789@:") && string(got) != string(src) {
			t.Fatalf("%q became %q", src, got)
		}
		if strings.Count(string(src), "@") == 1 {
			for _, a := range plainAddress.FindAllString(string(got), -1) {
				if !strings.HasSuffix(a, "@example") {
					t.Fatalf("%q became %q", src, got)
				}
			}
		}
	})
}
