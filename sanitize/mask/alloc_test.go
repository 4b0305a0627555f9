package mask

import (
	"strings"
	"testing"
)

// warmCases are masks with values of all their paths.
func warmCases() []struct {
	rule   Rule
	target Target
	values []string
} {
	texts := []string{"", "Bob.Smith@Example.org", "bob@x.org", "JÜRGEN von der Müller", "+49 151 2345678", "4111 1111 1111 1111", "日本語 ひк ß", strings.Repeat("Long text, 12345678. ", 100), strings.Repeat("1", 60), "xYxYxYxYxYxYxYxYxYxYxYxYxYxYxYxYxYxYxYxYxY"}
	var cases []struct {
		rule   Rule
		target Target
		values []string
	}
	add := func(r Rule, base string, values ...string) {
		cases = append(cases, struct {
			rule   Rule
			target Target
			values []string
		}{r, Target{BaseType: base, TypeKind: 'b'}, values})
	}
	for _, r := range textRules() {
		add(r, "text", texts...)
	}
	add(Rule{Name: "phone", Params: p("to", "reserved")}, "text", "+49 151 2345678", "+44 7911 123456", "+420 601 234 567", "212-555-1234", "0151/2345678", "", "Bob")
	add(Rule{Name: "full_name"}, "bpchar", "Anna   Müller    ")
	add(Rule{Name: "hash"}, "bytea", `\xdeadbeef`)
	add(Rule{Name: "int_permute"}, "int8", "0", "-9223372036854775808", "123456789")
	add(Rule{Name: "date_shift"}, "timestamptz", "2024-01-31 10:00:00.123456+01", "0044-03-15 00:00:00+00 BC", "infinity")
	add(Rule{Name: "uuid"}, "uuid", "3f2b8c1e-9d4a-4e6b-8f70-1a2b3c4d5e6f")
	add(jsonRule("shape", "$.email", "email", "$.tags[*]", "keep", "$.id", "int_permute", "$.x", "null"), "jsonb", `{"\u0065mail":"b\"@x.org","tags":["a",1],"id":7,"x":{"y":[1.5]},"n":-12.5e3,"t":"\u00e9\n"}`)
	return cases
}

func TestNoAllocations(t *testing.T) {
	for _, c := range warmCases() {
		f := newMask(t, c.rule, c.target).New()
		dst := make([]byte, 0, 1<<16)
		for _, v := range c.values {
			src := []byte(v)
			if n := testing.AllocsPerRun(20, func() {
				if _, err := f.Append(dst, src); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%s of %.40q: %v allocations", ruleName(c.rule), v, n)
			}
		}
	}
}

// TestInstances: two instances of one mask share nothing that changes. Meant for the race detector.
func TestInstances(t *testing.T) {
	t.Parallel()
	for _, c := range warmCases() {
		m := newMask(t, c.rule, c.target)
		want := apply(t, m.New(), c.values[0])
		done := make(chan string)
		for range 4 {
			go func() {
				f := m.New()
				var got []byte
				for range 20 {
					for _, v := range c.values {
						_, _ = f.Append(nil, []byte(v))
					}
					got, _ = f.Append(nil, []byte(c.values[0]))
				}
				done <- string(got)
			}()
		}
		for range 4 {
			if got := <-done; got != want {
				t.Errorf("%s: %q, want %q", ruleName(c.rule), got, want)
			}
		}
	}
}

// BenchmarkRow masks a customer as the copy would: seven scalars and a document with four paths.
func BenchmarkRow(b *testing.B) {
	document := jsonRule("keep", "$.contact.email", "email", "$.contact.phone", "phone", "$.name.first", "first_name", "$.name.last", "last_name")
	columns := []struct {
		rule   Rule
		target Target
		value  string
	}{
		{Rule{Name: "int_permute"}, Target{BaseType: "int8"}, "1234567"},
		{Rule{Name: "email"}, textTarget(), "anna.mueller1234@example.org"},
		{Rule{Name: "first_name"}, textTarget(), "Anna"},
		{Rule{Name: "last_name"}, textTarget(), "Müller"},
		{Rule{Name: "phone"}, textTarget(), "+49 151 23456789"},
		{Rule{Name: "date_shift"}, Target{BaseType: "date"}, "1984-03-17"},
		{Rule{Name: "hash"}, textTarget(), "DE-1234567"},
		{document, jsonTarget(), `{"name": {"last": "Müller", "first": "Anna"}, "tags": ["vip", "newsletter", "b2b"], "theme": "dark", "locale": "de-DE", "contact": {"email": "anna.mueller1234@example.org", "phone": "+49 151 23456789", "preferred": "email"}, "settings": {"beta": false, "notify": true, "page_size": 50}, "last_visit": "2024-03-17T10:22:11Z", "notes": "asked twice about the delivery of the second parcel"}`},
	}
	var funcs []Func
	var values [][]byte
	size := 0
	for _, c := range columns {
		funcs = append(funcs, newMask(b, c.rule, c.target).New())
		values = append(values, []byte(c.value))
		size += len(c.value) + 1
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		dst = dst[:0]
		for i, f := range funcs {
			dst, _ = f.Append(dst, values[i])
		}
	}
}

// BenchmarkMask times each mask on one value.
func BenchmarkMask(b *testing.B) {
	for _, c := range warmCases() {
		f, src := newMask(b, c.rule, c.target).New(), []byte(c.values[min(1, len(c.values)-1)])
		b.Run(ruleName(c.rule)+"/"+c.target.BaseType, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			var dst []byte
			for b.Loop() {
				dst, _ = f.Append(dst[:0], src)
			}
		})
	}
}
