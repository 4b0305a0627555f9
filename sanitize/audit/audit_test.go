package audit

import (
	"fmt"
	"strings"
	"testing"
)

// scanned is what a scan of one value finds, when the pairs have passed as values and masks of a column.
func scanned(t *testing.T, form Form, was, is string, c Column, value string) *Column {
	t.Helper()
	g := NewCollector()
	g.Watcher("s.t.c", form, false).Saw([]byte(was), []byte(is))
	p, _ := g.Seal()
	p.Scanner().Scan(&c, []byte(value))
	return &c
}

func TestFound(t *testing.T) {
	t.Parallel()
	const mail = "Anna.Meier@firma.de"
	tests := map[string]struct {
		form          Form
		was, is, text string
		escapes       bool
		want          int64
	}{
		"alone":                    {Plain, mail, "x@example.com", mail, false, 1},
		"in other case":            {Plain, mail, "x@example.com", "anna.meier@FIRMA.de", false, 1},
		"in a sentence":            {Plain, mail, "x@example.com", "please write to <anna.meier@firma.de>, soon", false, 1},
		"in an array":              {Plain, mail, "x@example.com", `{"a b",anna.meier@firma.de}`, true, 1},
		"as a key of JSON":         {Plain, mail, "x@example.com", `{"anna.meier@firma.de": 1}`, true, 1},
		"behind an escape":         {Plain, mail, "x@example.com", `{"a": "to:\nanna.meier@firma.de"}`, true, 1},
		"in xml":                   {Plain, mail, "x@example.com", `<a b="anna.meier@firma.de"/>`, false, 1},
		"another address":          {Plain, mail, "x@example.com", "anna.meyer@firma.de", false, 0},
		"half of it":               {Plain, mail, "x@example.com", "firma.de", false, 0},
		"a number":                 {Plain, "+44 7999 123456", "+44 7700 900123", "tel 447999123456", false, 1},
		"a number in groups":       {Plain, "4929123456789012", "1", "card 4929 1234-5678 9012.", false, 1},
		"a number of zeros":        {Plain, "000 000 0000", "555 010 9999", "0000000000", false, 0},
		"an id of zeros":           {Plain, "00000000-0000-0000-0000-000000000000", "1", "00000000-0000-0000-0000-000000000000", false, 0},
		"the nil UUID":             {Plain, "00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000", false, 0},
		"the UUID of all ones":     {Plain, "FFFFFFFF-ffff-ffff-ffff-ffffffffffff", "x", "ffffffff-ffff-ffff-ffff-ffffffffffff", false, 0},
		"nearly the nil UUID":      {Plain, "00000000-0000-0000-0000-000000000001", "x", "00000000-0000-0000-0000-000000000001", false, 1},
		"a short number":           {Plain, "12345", "54321", "12345", false, 0},
		"a name in a text":         {Plain, "Anna Meier", "Eva Kim", "order of Anna  Meier (late)", false, 1},
		"a first name":             {Plain, "Anna", "Eva", "Anna", false, 0},
		"not ASCII":                {Plain, "JÜRGEN Groß", "x y", "von Jürgen Groß", false, 1},
		"not ASCII, escaped":       {Plain, "Jürgen Groß", "x y", `{"n": "J\u00fcrgen Gro\u00df"}`, true, 1},
		"a text of a document":     {Document, `{"e": "a.b@firma.de", "n": "keep this text"}`, `{"e": "q@example.com", "n": "keep this text"}`, "a.b@firma.de", false, 1},
		"what a document keeps":    {Document, `{"e": "a.b@firma.de", "n": "keep this text"}`, `{"e": "q@example.com", "n": "keep this text"}`, "keep this text", false, 0},
		"an address of a prose":    {Prose, "one two three four five six seven eight nine a.b@firma.de", "one two three four five six seven eight nine q@example.com", "see a.b@firma.de", false, 1},
		"the words around it":      {Prose, "one two three four five six seven eight nine a.b@firma.de", "one two three four five six seven eight nine q@example.com", "one two three four five six seven eight", false, 0},
		"a long text by its begin": {Plain, strings.Repeat("lorem ipsum dolor 17 ", 5), "x", "it says: lorem ipsum dolor 17 lorem ipsum dolor 17, and so on", false, 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := scanned(t, tc.form, tc.was, tc.is, Column{Escapes: tc.escapes}, tc.text).Found; got != tc.want {
				t.Errorf("found %d, want %d", got, tc.want)
			}
		})
	}
}

// TestWrittenAnew has telephone numbers without their country, or with it, and names turned round.
func TestWrittenAnew(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		holds    Holds
		was, is  string
		text     string
		derived  bool
		found    int64
		rewrites int64
	}{
		"with 00":             {Numbers, "+33 6 12 34 56 78", "+33 6 39 98 00 00", "0033612345678", false, 0, 1},
		"without the country": {Numbers, "+33 6 12 34 56 78", "+33 6 39 98 00 00", "06 12 34 56 78", false, 0, 1},
		"with the country":    {Numbers, "06 12 34 56 78", "06 39 98 00 00", "call +33612345678!", false, 0, 1},
		"with a bracket":      {Numbers, "020 7946 1234", "020 7946 0000", "+44 (0)20 7946 1234", false, 0, 1},
		"of North America":    {Numbers, "(212) 234-5678", "(212) 555-0100", "+12122345678", false, 0, 1},
		"another":             {Numbers, "+33 6 12 34 56 78", "+33 6 39 98 00 00", "06 12 34 56 79", false, 0, 0},
		"too short":           {Numbers, "+49 30 901820", "+49 30 231250", "030901820", false, 0, 0},
		"what a mask made":    {Numbers, "+33 6 12 34 56 78", "06 12 34 56 78", "0612345678", true, 0, 0},
		"not said to be one":  {Anything, "+33 6 12 34 56 78", "+33 6 39 98 00 00", "06 12 34 56 78", false, 0, 0},
		"a name":              {People, "Jane Doelittle", "Eva Kim", "to Jane Doelittle", false, 1, 0},
		"a name turned":       {People, "Jane Doelittle", "Eva Kim", "DOELITTLE, Jane", false, 1, 0},
		"a name with more":    {People, "Jane M. Doelittle", "Eva M. Kim", "Doelittle, Jane M.", false, 1, 0},
		"the whole of it":     {People, "Jane Mary Doelittle", "Eva M. Kim", "jane mary doelittle", false, 1, 0},
		"half a name":         {People, "Jane Doelittle", "Eva Kim", "Doelittle, Eva", false, 0, 0},
		"a name made":         {People, "Jane Doelittle", "Doelittle Jane", "Doelittle Jane", true, 0, 0},
		"not said to be it":   {Anything, "Jane Doelittle", "Eva Kim", "Doelittle, Jane", false, 0, 0},
		"in a document":       {Numbers, "+33 6 12 34 56 78", "+33 6 39 98 00 00", `{"id": 7, "tel": "06 12 34 56 78"}`, false, 0, 1},
		"a name in two keys":  {People, "Jane Doelittle", "Eva Kim", `{"first_name": "Jane", "last_name": "Doelittle"}`, false, 1, 0},
		"turned, in two keys": {People, "Jane Doelittle", "Eva Kim", `{"last": "Doelittle", "first": "jane"}`, false, 1, 0},
		"made, in two keys":   {People, "Jane Doelittle", "Doelittle Jane", `{"first_name": "Jane", "last_name": "Doelittle"}`, true, 0, 0},
		"far apart":           {People, "Jane Doelittle", "Eva Kim", `{"a": "Jane", "b": 1, "c": 2, "d": "Doelittle"}`, false, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewCollector()
			w := g.Watcher("s.t.c", Plain, false)
			w.Holding(tc.holds)
			w.Saw([]byte(tc.was), []byte(tc.is))
			p, _ := g.Seal()
			c := &Column{Derived: tc.derived, Escapes: strings.HasPrefix(tc.text, "{")}
			p.Scanner().Scan(c, []byte(tc.text))
			sum := &Column{}
			sum.Add(c)
			if sum.Found != tc.found || sum.Rewritten()[1] != tc.rewrites {
				t.Errorf("found %d and %v", sum.Found, sum.Rewritten())
			}
			for i := range 20 { // others in the column, with which one could agree by chance
				p.Scanner().Scan(c, fmt.Appendf(nil, "09876543%02d", i))
			}
			if len(c.Rewritten()) > 0 {
				t.Errorf("one in twenty: %v", c.Rewritten())
			}
		})
	}
}

// TestPartsWrittenAnew has the same of what stands within a value.
func TestPartsWrittenAnew(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		saw      func(w *Watcher)
		form     Form
		text     string
		derived  bool
		found    int64
		rewrites int64
	}{
		"a number of a document": {part("+33 6 12 34 56 78", "+33 6 39 98 00 00", Numbers), Shown, "06 12 34 56 78", false, 0, 1},
		"what nobody said is":    {part("+33 6 12 34 56 78", "+33 6 39 98 00 00", Anything), Shown, "06 12 34 56 78", false, 0, 0},
		"a name of a document":   {part("Jane Doelittle", "Eva Kim", People), Shown, "DOELITTLE, Jane", false, 1, 0},
		"a part made NULL":       {part("Jane Doelittle", "", People), Shown, "DOELITTLE, Jane", false, 1, 0},
		"a number of a text":     {prose("+33 6 12 34 56 78", "+33 6 39 98 00 00"), Prose, "0033612345678", false, 0, 1},
		"one of the country":     {prose("06 12 34 56 78", "06 39 98 00 00"), Prose, "+33612345678", false, 0, 1},
		"made in a text":         {prose("+33 6 12 34 56 78", "06 12 34 56 78"), Prose, "0612345678", true, 0, 0},
		"a number of no phone":   {prose("33 6 12 34 56 78", "33 6 39 98 00 00"), Prose, "0612345678", false, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewCollector()
			tc.saw(g.Watcher("s.t.c", tc.form, false))
			p, _ := g.Seal()
			c := &Column{Derived: tc.derived}
			p.Scanner().Scan(c, []byte(tc.text))
			if c.Found != tc.found || c.Rewritten()[1] != tc.rewrites {
				t.Errorf("found %d and %v", c.Found, c.Rewritten())
			}
		})
	}
}

func part(was, is string, h Holds) func(w *Watcher) {
	masked := []byte(is)
	if is == "" {
		masked = nil
	}
	return func(w *Watcher) { w.SawPart([]byte(was), masked, h) }
}

func prose(was, is string) func(w *Watcher) {
	const before, after = "one two three four five six seven eight nine, call ", " before noon, please"
	return func(w *Watcher) { w.Saw([]byte(before+was+after), []byte(before+is+after)) }
}

// TestSpared: numbers that nobody has are no leak, even where a mask made one of itself; what it made of them is remembered.
func TestSpared(t *testing.T) {
	t.Parallel()
	const nobodys, somebodys = "+1 212 555 0123", "+1 212 234 5678"
	g := NewCollector()
	w := g.Watcher("s.t.c", Plain, false)
	w.Holding(Numbers)
	w.Sparing(func(n []byte) bool { return string(n) == nobodys })
	w.Saw([]byte(nobodys), []byte(nobodys))
	w.Saw([]byte(nobodys), []byte(somebodys))
	w.Saw([]byte(somebodys), []byte(nobodys))
	p, gathered := g.Seal()
	if gathered.Spared != 2 || gathered.Values != 1 {
		t.Errorf("%+v", gathered)
	}
	for text, want := range map[string]int64{nobodys: 0, "call " + somebodys: 1} {
		c := &Column{}
		if p.Scanner().Scan(c, []byte(text)); c.Found != want || len(c.Rewritten()) > 0 {
			t.Errorf("%s: found %d", text, c.Found)
		}
	}
	c := &Column{Derived: true}
	if p.Scanner().Scan(c, []byte(somebodys)); c.Found != 0 || c.Made == 0 {
		t.Errorf("what a mask made of a spared number: found %d", c.Found)
	}
}

// TestKeys looks for forms in the keys of documents, and nowhere else in them.
func TestKeys(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]int64{
		`{"anna@firma.de": 1}`: 1, `{"a": {"anna@firma.de" : []}, "b@firma.de": 2}`: 1, `{"a": "anna@firma.de"}`: 0, `{"anna@example.com": 1}`: 0, `["anna@firma.de"]`: 0,
		`"anna@firma.de"=>"x"`: 1, `"x"=>"anna@firma.de"`: 0, `{"a": "\"anna@firma.de\": "}`: 0, `{"anna@firma.de`: 0, `{"`: 0, `{"a\`: 0,
	} {
		g, _ := NewCollector().Seal()
		c := &Column{Keys: true, Derived: true, Escapes: true}
		if g.Scanner().Scan(c, []byte(value)); c.Detects(Email) != want {
			t.Errorf("%s: %d", value, c.Detects(Email))
		}
	}
}

// TestMade has masks make what somebody else has: no leak where masks' values are, one where they are not.
func TestMade(t *testing.T) {
	t.Parallel()
	g := NewCollector()
	w := g.Watcher("s.t.name", Plain, false)
	for was, is := range map[string]string{"Anna Meier": "Eva Kimura", "Eva Kimura": "Johan Lind", "Anna Kimura": "Anna Lind", "Lena Meier": "Johan Meier"} {
		w.Saw([]byte(was), []byte(is))
	}
	p, gathered := g.Seal()
	for _, tc := range []struct {
		value       string
		derived     bool
		found, made int64
	}{{"Eva Kimura", true, 0, 1}, {"Eva Kimura", false, 1, 0}, {"Anna Meier", true, 0, 1}, {"Anna Meier", false, 1, 0}} {
		c := &Column{Derived: tc.derived}
		p.Scanner().Scan(c, []byte(tc.value))
		if c.Found != tc.found || c.Made != tc.made {
			t.Errorf("%s, derived %v: found %d, made %d", tc.value, tc.derived, c.Found, c.Made)
		}
	}
	if gathered.Values != 4 {
		t.Errorf("gathered %+v", gathered)
	}
}

// TestUnmasked has a mask leave a number as it is.
func TestUnmasked(t *testing.T) {
	t.Parallel()
	if c := scanned(t, Plain, "4929123456789012", "4929123456789012", Column{Derived: true}, "4929123456789012"); c.Found != 1 {
		t.Error("a value that went through its mask unchanged was not found")
	}
}

func TestRecurring(t *testing.T) {
	t.Parallel()
	g := NewCollector()
	w := g.Watcher("s.t.city", Plain, false)
	for range Recurs + 1 {
		w.Saw([]byte("San Francisco"), []byte("Lake Town"))
	}
	w.Saw([]byte("Anna Meier"), []byte("Lake Town"))
	p, _ := g.Seal()
	c := &Column{}
	s := p.Scanner()
	s.Scan(c, []byte("San Francisco"))
	if c.Found != 0 {
		t.Error("what many rows have was found")
	}
	if s.Scan(c, []byte("Anna Meier")); c.Found != 1 {
		t.Error("what one row has was not found")
	}
}

func TestColumnFullOfNames(t *testing.T) {
	t.Parallel()
	g := NewCollector()
	w := g.Watcher("s.t.name", Plain, false)
	full, some := &Column{}, &Column{}
	names := []string{}
	for i := range 40 {
		name := "Name" + strings.Repeat("x", i/26) + string(rune('a'+i%26))
		w.Saw([]byte(name), []byte("Eva"))
		names = append(names, name)
	}
	p, _ := g.Seal()
	s := p.Scanner()
	for i, name := range names {
		s.Scan(full, []byte(name))
		if s.Scan(some, fmt.Appendf(nil, "other words %c", 'a'+i%26)); i < 5 {
			s.Scan(some, []byte(name))
		}
	}
	if !full.Names() || some.Names() {
		t.Errorf("full of names: %v, with some: %v", full.Names(), some.Names())
	}
}

func TestDetectors(t *testing.T) {
	t.Parallel()
	tests := map[string]string{ // text -> what is detected
		"write to a.b@firma.de":                        "email",
		"write to a.b@mail.example.com, x@y.test":      "",
		"origin git@github.com:org/tool.git":           "",
		"git@host":                                     "",
		"GET /join?mail=a.b%40firma.de&x=1":            "email",
		"a%40example.com or 100%40":                    "",
		"/img/logo@2x.png and icon@3x.webp":            "",
		"mail to joe@2x.firma.de":                      "email",
		"pay to DE89 3704 0044 0532 0130 00 please":    "iban",
		"DE89370400440532013000":                       "iban",
		"DE89370400440532013001":                       "",
		"de89370400440532013000ab":                     "",
		"charge 4111 1111 1111 1111":                   "card",
		"4111111111111112":                             "",
		"call +49 (30) 1234-5678":                      "phone",
		"1+49301234567":                                "",
		"from 81.169.145.78:443":                       "ip",
		"from 192.168.100.17 or 203.0.113.200":         "",
		"Mozilla/5.0 Chrome/120.0.0.0 Safari/537.36":   "",
		"from 120.0.0.7":                               "ip",
		"version 10.4.120.2":                           "",
		"PostgreSQL 15.4.2.1":                          "",
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.xyz": "token",
		"key AKIAIOSFODNN7EXAMPLE here":                "token",
		"-----BEGIN RSA PRIVATE KEY-----":              "token",
		"sk_live_4eC39HqLyjWDarjtT1zdp7dc":             "token",
		"ghp_16C7e42F292c6912E7710c838347Ae178B4a":     "token",
		"the sk and the private key":                   "",
	}
	p, _ := NewCollector().Seal()
	for text, want := range tests {
		c := &Column{Kept: true}
		p.Scanner().Scan(c, []byte(text))
		var got []string
		for _, d := range Detectors() {
			if c.Detects(d) > 0 {
				got = append(got, d.Name())
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %v, want %q", text, got, want)
		}
	}
}

// TestRest has documents of which some is masked: what masks make is no find, an address that stands in the rest is, in a key too.
func TestRest(t *testing.T) {
	t.Parallel()
	p, _ := NewCollector().Seal()
	for text, want := range map[string]int64{
		`{"mail": "x@example.com", "phone": "+49 30 1234567", "card": "4111111111111111"}`: 0,
		`{"mail": "x@example.com", "cc": "a.b@firma.de"}`:                                  1,
		`{"a.b@firma.de": {"seen": 3}}`:                                                    1,
	} {
		c := &Column{Rest: true, Derived: true, Escapes: true}
		p.Scanner().Scan(c, []byte(text))
		if c.Detects(Email) != want || c.Detects(Phone)+c.Detects(Card) != 0 {
			t.Errorf("%s: %d addresses, want %d; %v", text, c.Detects(Email), want, c.Detected)
		}
	}
}

// TestFalseRate measures how often something is found that nobody has, at each of the two steps.
func TestFalseRate(t *testing.T) {
	t.Parallel()
	g := NewCollector()
	w := g.Watcher("s.t.c", Plain, true)
	const values, probes = 300_000, 1_000_000
	for i := range values {
		w.Saw(fmt.Appendf(nil, "person%d@host%d.de", i, i%100), []byte("x"))
	}
	p, _ := g.Seal()
	c, s := &Column{}, p.Scanner()
	for i := range probes {
		s.Scan(c, fmt.Appendf(nil, "person%d@host%d.fr", i, i%100))
	}
	stated := p.FalseRate()
	t.Logf("%d fingerprints in %d bytes: %d lookups, %d let through by the filter (%.4f), %d found; stated %.1e for each let through, %.1e expected in all",
		p.Values(), p.Bytes(), s.Lookups, s.Candidates, float64(s.Candidates)/float64(s.Lookups), c.Found, stated, stated*float64(s.Candidates))
	if c.Found > 0 || p.Values() != values || stated > 1e-11 {
		t.Errorf("found %d of %d values that are none, stated %g", c.Found, probes, stated)
	}
	if s.Candidates > s.Lookups/10 {
		t.Errorf("the filter let %d of %d through", s.Candidates, s.Lookups)
	}
}

// TestBounded has more values than there is room for: a sample of them stays, in the memory there is.
func TestBounded(t *testing.T) {
	t.Parallel()
	g := newCollector(limits{slots: 16, blocks: 1 << 12})
	w := g.Watcher("s.t.c", Plain, true)
	const values = 500_000
	for i := range values {
		w.Saw(fmt.Appendf(nil, "person%d@host.de", i), []byte("x"))
	}
	p, _ := g.Seal()
	if most := int64(8*(16*segments) + 3*8*(1<<12)); p.Bytes() > most {
		t.Errorf("%d bytes, at most %d are allowed", p.Bytes(), most)
	}
	c, s := &Column{}, p.Scanner()
	for i := range values {
		s.Scan(c, fmt.Appendf(nil, "person%d@host.de", i))
	}
	if share := float64(c.Found) / values; share < p.Sample()*0.9 || share > p.Sample()*1.1 || p.Sample() > 0.2 {
		t.Errorf("found %.3f of the values, stated %.3f", share, p.Sample())
	}
}

func BenchmarkSaw(b *testing.B) {
	g := NewCollector()
	w := g.Watcher("s.t.c", Plain, false)
	values := make([][]byte, 1<<20)
	for i := range values {
		values[i] = fmt.Appendf(nil, "person.%d@host%d.de", i, i%100)
	}
	masked := []byte("qwertzuiopasdfghjk@example.com")
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		w.Saw(values[i&(1<<20-1)], masked)
	}
}

func BenchmarkScan(b *testing.B) {
	g := NewCollector()
	w := g.Watcher("s.t.c", Plain, true)
	for i := range 2_000_000 {
		w.Saw(fmt.Appendf(nil, "person.%d@host%d.de", i, i%100), nil)
	}
	p, _ := g.Seal()
	text := []byte(strings.Repeat("Hello, we have received your order no. 48151 and ship it on 2026-03-04 by UPS; thank you for your patience. ", 8))
	for _, kept := range []bool{true, false} {
		b.Run(fmt.Sprintf("kept=%v", kept), func(b *testing.B) {
			s, c := p.Scanner(), &Column{Kept: kept}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for range b.N {
				s.Scan(c, text)
			}
		})
	}
}
