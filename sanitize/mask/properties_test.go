package mask

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// property is a mask on a type, with values to try it on: what they are like is up to generate.
type property struct {
	rule     Rule
	target   Target
	generate func(r *rand.Rand) string
	valid    func(v string) bool // what KeepsValidity means for it; nil: every value is valid
	compare  func(a, b string) int
}

func p(pairs ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return m
}

func typed(base string) Target { return Target{BaseType: base, TypeKind: 'b'} }

// properties lists every mask of the catalogue, on each kind of type that it treats in its own way.
func properties() []property {
	text, citext, tight, char := textTarget(), typed("citext"), Target{BaseType: "varchar", TypeKind: 'b', MaxLength: 20}, Target{BaseType: "bpchar", TypeKind: 'b', MaxLength: 30}
	var all []property
	for _, name := range []string{
		"hash", "email", "first_name", "last_name", "full_name", "phone", "shape", "redact_text", "company", "job_title", "user_agent", "username", "lorem", "domain", "filename", "url", "ip", "mac", "iban", "vin", "isbn", "latlon_jitter",
		"street", "city", "region", "postcode", "country", "address",
	} {
		for _, t := range []Target{text, citext, tight, char} {
			all = append(all, property{rule: Rule{Name: name}, target: t, generate: someText(t.MaxLength), valid: validity(name)})
		}
	}
	for _, l := range locales() {
		all = append(all, property{rule: Rule{Name: "full_name", Params: p("locale", l)}, target: text, generate: someText(0)})
	}
	for country := range nationalForms() {
		all = append(all, property{rule: Rule{Name: "national_id", Params: p("country", country)}, target: text, generate: someText(0), valid: validity("national_id " + country)})
	}
	for _, r := range []Rule{
		{Name: "digits", Params: p("short", "permute", "luhn", true)},
		{Name: "digits", Params: p("short", "permute")},
		{Name: "shape", Params: p("keep_prefix", 1, "keep_suffix", 2)},
		{Name: "ip", Params: p("to", "reserved")},
		{Name: "phone", Params: p("to", "same_form")},
		{Name: "phone", Params: p("country", "de")},
		{Name: "url", Params: p("keep_host", true)},
		{Name: "email", Params: p("at", "x.test")},
		{Name: "email", Params: p("at", []any{"a.example", "b.example"}, "local", "name")},
		{Name: "email", Params: p("at", "keep", "local", "shape")},
		{Name: "hash", Params: p("encoding", "base62", "length", 12)},
		{Name: "password", Params: p("version", "argon2id")},
		{Name: "hash", Params: p("encoding", "base32", "length", 8)},
		{Name: "token"},
		{Name: "token", Params: p("encoding", "hex", "prefix", "tok_")},
		{Name: "choice", Params: p("values", []any{"a", "b", "c"}, "weights", []any{int64(1), int64(2), int64(0)})},
		{Name: "password"},
		{Name: "empty"},
		{Name: "default"},
		{Name: "keep"},
		{Name: "null"},
		{Name: "constant", Params: p("value", "x")},
	} {
		all = append(all, property{rule: r, target: text, generate: someText(0), valid: validity(r.Name)})
	}
	all = append(all, property{rule: Rule{Name: "card"}, target: text, generate: cardText, valid: luhnText2}, property{rule: Rule{Name: "card", Params: p("keep_bin", true)}, target: text, generate: cardText, valid: luhnText2})
	for _, base := range []string{"int2", "int4", "int8", "numeric"} {
		for _, params := range []map[string]any{p("short", "permute"), p("short", "permute", "luhn", true), p("short", "permute", "keep_prefix", 2, "keep_suffix", 1)} {
			all = append(all, property{rule: Rule{Name: "digits", Params: params}, target: typed(base), generate: someInteger(base)})
		}
	}
	all = append(all,
		property{rule: Rule{Name: "digits", Params: p("short", "permute")}, target: typed("numeric"), generate: someDecimal},
		property{rule: Rule{Name: "noise"}, target: typed("money"), generate: someMoney},
		property{rule: Rule{Name: "noise"}, target: typed("interval"), generate: someInterval},
	)
	for _, base := range []string{"int2", "int4", "int8"} {
		all = append(all, property{rule: Rule{Name: "int_permute"}, target: typed(base), generate: someInteger(base)})
	}
	ids := Rule{Name: "int_permute", Params: p("min", math.MinInt64, "max", math.MaxInt64)}
	all = append(all, property{rule: ids, target: typed("numeric"), generate: someInteger("int8")})
	for _, base := range numberTypes() {
		for _, r := range []Rule{{Name: "noise"}, {Name: "noise", Params: p("ratio", 1.0)}, {Name: "bucket", Params: p("width", 10)}, {Name: "round", Params: p("step", 7)}} {
			all = append(all, property{rule: r, target: typed(base), generate: someInteger(base), compare: compareNumbers})
			if base[0] != 'i' {
				all = append(all, property{rule: r, target: typed(base), generate: someDecimal, compare: compareNumbers})
			}
		}
		if base[0] != 'i' {
			all = append(all, property{rule: Rule{Name: "latlon_jitter"}, target: typed(base), generate: someDecimal})
			all = append(all, property{rule: Rule{Name: "latlon_jitter", Params: p("snap", true)}, target: typed(base), generate: someDecimal})
		}
	}
	for base, generate := range map[string]func(*rand.Rand) string{"date": someDate, "timestamp": someTimestamp(""), "timestamptz": someTimestamp("+00")} {
		for _, r := range []Rule{{Name: "date_shift"}, {Name: "truncate_date"}, {Name: "truncate_date", Params: p("unit", "week")}, {Name: "truncate_date", Params: p("unit", "decade")}, {Name: "date_shift", Params: p("keep_weekday", true)}, {Name: "birthdate"}, {Name: "birthdate", Params: p("years", 3)}, {Name: "birthdate", Params: p("min_age", 18)}} {
			all = append(all, property{rule: r, target: typed(base), generate: generate, compare: compareDates})
		}
	}
	all = append(all, property{rule: Rule{Name: "truncate_date", Params: p("unit", "hour")}, target: typed("timestamptz"), generate: someTimestamp("+00"), compare: compareDates})
	return append(all, shapedProperties()...)
}

// shapedProperties are those of types with a form of their own.
func shapedProperties() []property {
	each := func(name string, t Target, params map[string]any) property {
		return property{rule: Rule{Name: "array", Params: p("each", Rule{Name: name, Params: params})}, target: t, generate: someArray}
	}
	pair := Target{BaseType: "pair", TypeKind: 'c', Fields: []Field{{"name", typed("text")}, {"at", typed("date")}}}
	pairs := Rule{Name: "composite", Params: p("fields", map[string]Rule{"name": {Name: "hash"}}, "default", Rule{Name: "date_shift"})}
	labels := Target{BaseType: "mood", TypeKind: 'e', Labels: []string{"sad", "ok", "happy"}}
	all := []property{
		each("shape", typed("_text"), nil), each("email", typed("_text"), nil), each("null", typed("_text"), nil), each("constant", typed("_varchar"), p("value", "a,b")), each("keep", typed("_text"), nil),
		{rule: pairs, target: pair, generate: someRow},
		{rule: Rule{Name: "array", Params: p("each", pairs)}, target: Target{BaseType: "_pair", TypeKind: 'b', Fields: pair.Fields}, generate: func(r *rand.Rand) string { return arrayOf(r, someRow) }},
		{rule: Rule{Name: "hstore", Params: p("keys", map[string]Rule{"mail": {Name: "email"}, "x": {Name: "null"}}, "default", Rule{Name: "shape"})}, target: typed("hstore"), generate: someHstore},
		{rule: Rule{Name: "enum"}, target: labels, generate: oneOf("sad", "ok", "happy")},
		{rule: Rule{Name: "enum", Params: p("weights", map[string]any{"ok": int64(3), "sad": int64(1)})}, target: labels, generate: oneOf("sad", "ok", "happy")},
		{rule: Rule{Name: "default"}, target: labels, generate: oneOf("sad", "ok", "happy")},
		{rule: Rule{Name: "bool_flip"}, target: typed("bool"), generate: oneOf("t", "f")},
		{rule: Rule{Name: "latlon_jitter"}, target: typed("point"), generate: func(r *rand.Rand) string { return fmt.Sprintf("(%v,%v)", r.Float64()*180-90, r.Float64()*360-180) }},
		{rule: Rule{Name: "uuid"}, target: typed("uuid"), generate: someUUID},
		{rule: Rule{Name: "hash"}, target: typed("uuid"), generate: someUUID},
		{rule: Rule{Name: "ip"}, target: typed("inet"), generate: oneOf("10.0.0.1", "192.168.7.0/24", "::1", "2001:db8::ff00:42:8329", "fe80::/10", "::ffff:1.2.3.4", "255.255.255.255")},
		{rule: Rule{Name: "ip"}, target: typed("cidr"), generate: oneOf("10.0.0.0/8", "192.168.7.0/24", "2001:db8::/32", "0.0.0.0/0", "192.168.7.128/25")},
		{rule: Rule{Name: "ip", Params: p("to", "reserved")}, target: typed("cidr"), generate: oneOf("10.0.0.0/8", "2001:db8::/32")},
		{rule: Rule{Name: "mac"}, target: typed("macaddr"), generate: oneOf("08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "08:00:2b:01:02:04")},
		{rule: Rule{Name: "mac"}, target: typed("macaddr8"), generate: oneOf("08:00:2b:01:02:03:04:05", "ff:ff:ff:ff:ff:ff:ff:ff")},
		{rule: Rule{Name: "empty"}, target: typed("tsvector"), generate: oneOf("'a':1 'b':2")},
		{rule: Rule{Name: "empty"}, target: typed("_text"), generate: someArray},
		{rule: jsonRule("shape", "$.a", "email", "$.n", "int_permute"), target: jsonTarget(), generate: someJSON},
		{rule: Rule{Name: "hash"}, target: typed("bytea"), generate: someBytes},
		{rule: Rule{Name: "token"}, target: typed("bytea"), generate: someBytes},
		{rule: Rule{Name: "redact_text"}, target: typed("xml"), generate: func(r *rand.Rand) string {
			return "<p id=\"" + letters(r, "0123456789", 8) + "\"><mail>" + letters(r, "abc", 4) + "@" + letters(r, "abc", 4) + ".org</mail>&amp;&#8364;</p>"
		}},
	}
	for _, with := range []string{"same_size_zero", "empty", "png", "pdf"} {
		all = append(all, property{rule: Rule{Name: "bytea", Params: p("with", with)}, target: typed("bytea"), generate: someBytes})
	}
	for base, generate := range someRanges() {
		all = append(all, property{rule: Rule{Name: "range_shift"}, target: typed(base), generate: generate})
	}
	return all
}

// values generates values, the same for the same property, with twins that differ in case or in a character.
func (c *property) values(n int) []string {
	random := rand.New(rand.NewPCG(7, 11))
	seen := map[string]bool{}
	var list []string
	add := func(v string) {
		if limit := c.target.MaxLength; limit > 0 && utf8.RuneCountInString(v) > limit || seen[v] {
			return
		}
		seen[v] = true
		list = append(list, v)
	}
	for range n {
		v := c.generate(random)
		if add(v); textual(c.target) {
			add(strings.ToUpper(v))
			add(strings.ToLower(v))
		}
	}
	return list
}

// ofRows are the masks that are nothing without a row, or made elsewhere. Their own tests are in sanitize, and in snapshot.
var ofRows = []string{"template", "exec", "sql", "tsvector"}

// TestPropertiesAreComplete: every mask of the catalogue is in the table.
func TestPropertiesAreComplete(t *testing.T) {
	t.Parallel()
	all := properties()
	for _, info := range Catalogue() {
		if !slices.Contains(ofRows, info.Name) && !slices.ContainsFunc(all, func(c property) bool { return c.rule.Name == info.Name }) {
			t.Errorf("%s is not tested", info.Name)
		}
	}
}

// TestKeeps checks on generated values what every mask declares to keep, and that what it declares is what its family says.
func TestKeeps(t *testing.T) {
	t.Parallel()
	for _, c := range properties() {
		t.Run(ruleName(c.rule)+" "+c.target.BaseType, func(t *testing.T) {
			t.Parallel()
			c.check(t)
		})
	}
}

func (c *property) check(t *testing.T) {
	m := newMask(t, c.rule, c.target)
	f, _ := find(c.rule.Name)
	if !m.keep && (m.Keeps&f.AtLeast != f.AtLeast || m.Keeps&^f.AtBest != 0) {
		t.Errorf("keeps %v, but the family at least %v, at best %v", m.Keeps, f.AtLeast, f.AtBest)
	}
	if (f.AtLeast == f.AtBest) != (f.Depends == "") {
		t.Errorf("at least %v, at best %v: %q", f.AtLeast, f.AtBest, f.Depends)
	}
	fn, again := m.New(), m.New()
	values := c.values(400)
	results := map[string]string{}
	for _, v := range values {
		out, err := fn.Append(nil, []byte(v))
		if errors.Is(err, ErrNull) {
			if m.Keeps.Has(KeepsNulls) {
				t.Fatalf("%q became NULL", v)
			}
			continue
		}
		if err != nil {
			var refused *ValueError
			if !errors.As(err, &refused) || len(v) > 3 && strings.Contains(err.Error(), v) {
				t.Fatalf("%q: %v", v, err)
			}
			t.Fatalf("%q is refused: %v", v, err)
		}
		got := string(out)
		results[v] = got
		if twice, _ := again.Append(nil, []byte(v)); m.Keeps.Has(KeepsEquality) && string(twice) != got {
			t.Fatalf("%q became %q, then %q", v, got, twice)
		}
		c.checkOne(t, m.Keeps, v, got)
		if limit := c.target.MaxLength; limit > 0 && utf8.RuneCountInString(got) > limit {
			t.Fatalf("%q became %q, longer than %d", v, got, limit)
		}
		if !utf8.ValidString(got) || strings.IndexByte(got, 0) >= 0 {
			t.Fatalf("%q became %q", v, got)
		}
	}
	c.checkPairs(t, m.Keeps, values, results)
}

// checkOne checks what is kept of one value.
func (c *property) checkOne(t *testing.T, keeps Keeps, v, got string) {
	if c.target.BaseType == "bpchar" {
		v, got = strings.TrimRight(v, " "), strings.TrimRight(got, " ")
	}
	if keeps.Has(KeepsLength) && utf8.RuneCountInString(v) != utf8.RuneCountInString(got) || keeps.Has(KeepsBytes) && len(v) != len(got) || keeps.Has(KeepsShape) && shapeOf(v) != shapeOf(got) {
		t.Fatalf("%q became %q, which keeps not what %v says", v, got, keeps)
	}
	if keeps&(KeepsValidity|KeepsCheckDigits) != 0 && c.valid != nil && c.valid(v) != c.valid(got) {
		t.Fatalf("%q (valid: %v) became %q", v, c.valid(v), got)
	}
}

// checkPairs checks what is kept of pairs of values.
func (c *property) checkPairs(t *testing.T, keeps Keeps, values []string, results map[string]string) {
	same := func(s string) string { return s }
	if c.target.BaseType == "citext" {
		same = strings.ToLower
	} else if c.target.BaseType == "bpchar" {
		same = func(s string) string { return strings.TrimRight(s, " ") }
	}
	folded := func(s string) string { return strings.ToLower(same(s)) }
	seen, lower, lowered := map[string]string{}, map[string]string{}, map[string]string{}
	for _, v := range values {
		got, ok := results[v]
		if !ok {
			continue
		}
		if old, ok := seen[same(got)]; ok && keeps.Has(KeepsUniqueness) && same(old) != same(v) {
			t.Fatalf("%q and %q became %q", old, v, got)
		}
		seen[same(got)] = v
		if old, ok := lower[folded(got)]; ok && keeps.Has(KeepsCaseUniqueness) && folded(old) != folded(v) {
			t.Fatalf("%q and %q became equal under lower(): %q", old, v, got)
		}
		lower[folded(got)] = v
		if old, ok := lowered[folded(v)]; ok && keeps.Has(KeepsCaseEquality) && folded(old) != folded(got) && simpleCase(v) {
			t.Fatalf("%q is equal under lower() to another value, and became %q, not like %q", v, got, old)
		}
		if simpleCase(v) {
			lowered[folded(v)] = got
		}
	}
	if !keeps.Has(KeepsOrder) || c.compare == nil {
		return
	}
	slices.SortFunc(values, c.compare)
	for i := 1; i < len(values); i++ {
		if a, b := results[values[i-1]], results[values[i]]; c.compare(a, b) > 0 {
			t.Fatalf("%q before %q became %q before %q", values[i-1], values[i], a, b)
		}
	}
}

// simpleCase tells values that lower() and upper() lead to and fro, and whose capitals do not mix with small letters beyond the first few.
func simpleCase(v string) bool {
	lower, upper := strings.ToLower(v), strings.ToUpper(v)
	if there, back := strings.ToLower(upper), strings.ToUpper(lower); there != lower || back != upper {
		return false
	}
	letters, lastUpper, lastLower := 0, -1, -1
	for _, r := range v {
		switch {
		case unicode.IsUpper(r):
			lastUpper = letters
		case unicode.IsLower(r):
			lastLower = letters
		default:
			continue
		}
		letters++
	}
	return min(lastUpper, lastLower) < 3
}

// shapeOf replaces letters and digits by their classes.
func shapeOf(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsUpper(r):
			return 'A'
		case unicode.IsLower(r):
			return 'a'
		case unicode.IsDigit(r):
			return '0'
		case unicode.IsLetter(r):
			return 'x'
		}
		return r
	}, s)
}

// rowCase is a mask that reads its row.
type rowCase struct {
	rule   Rule
	target Target
	value  string
	others map[string]string
}

// rowCases are those that are made here, with values of all their paths.
func rowCases(t testing.TB) []rowCase {
	row := templateRow(t)
	others := map[string]string{"id": "42", "email": "bob.of.a.long.name@a-host-of-a-long-name.example.org", "last": "Müller", "status": "open", "born": "2001-02-03", "Odd Name": "odd"}
	var all []rowCase
	add := func(r Rule, base, value string) {
		target := typed(base)
		target.Row = row
		all = append(all, rowCase{r, target, value, others})
	}
	for _, text := range []string{
		`{{masked "email"}} {{masked "last" | upper | left 3}}{{right 2 (lower .status)}} {{hash .email 8}} {{mask "shape" .own}}`,
		`{{if eq .status "open"}}{{printf "%-9s|%05d|%x" (masked "last") 7 .status}}{{else}}{{print "a" 1}}{{end}}{{replace "." "-" (masked "email")}}`,
		`{{if .born}}{{if and 1 (or "" .status)}}{{trim (masked "last")}}{{end}}{{end}}{{len .status}}`,
	} {
		add(templateRule(text), "text", "Raw value")
	}
	add(templateRule(`{{mask "int_permute" .id}}`), "int8", "7")
	add(templateRule(`{{mask "date_shift" .born}}`), "date", "2001-01-01")
	add(Rule{Name: "date_shift", Params: p("per", "id")}, "date", "2001-01-01")
	add(Rule{Name: "city", Params: p("per", "id")}, "text", "Berlin")
	add(Rule{Name: "address", Params: p("per", "id")}, "text", "Hauptstr. 1, Berlin")
	add(Rule{Name: "redact_text", Params: p("with", []any{"last", "email"})}, "text", "Frau MÜLLER (bob@x.org, +49 151 2345678) called again")
	add(Rule{Name: "tsvector", Params: p("from", []any{"last", "email", "status"})}, "tsvector", "'bob':1")
	return all
}

// TestRowMasksDoNotAllocate: nor does one that reads its row.
func TestRowMasksDoNotAllocate(t *testing.T) {
	for _, c := range rowCases(t) {
		m := newMask(t, c.rule, c.target)
		f, dst, src := m.NewRow(), make([]byte, 0, 1<<16), []byte(c.value)
		var others [][]byte
		for _, name := range m.Needs {
			others = append(others, []byte(c.others[name]))
		}
		if n := testing.AllocsPerRun(20, func() {
			if _, err := f.Append(dst, src, others); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", ruleName(c.rule), n)
		}
	}
}

// BenchmarkRowMask times each of them on one row.
func BenchmarkRowMask(b *testing.B) {
	for _, c := range rowCases(b) {
		m := newMask(b, c.rule, c.target)
		f, src, dst := m.NewRow(), []byte(c.value), []byte(nil)
		var others [][]byte
		for _, name := range m.Needs {
			others = append(others, []byte(c.others[name]))
		}
		b.Run(ruleName(c.rule), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				dst, _ = f.Append(dst[:0], src, others)
			}
		})
	}
}

// TestPropertiesDoNotAllocate: once warm, no mask allocates per value.
func TestPropertiesDoNotAllocate(t *testing.T) {
	for _, c := range properties() {
		f := newMask(t, c.rule, c.target).New()
		dst := make([]byte, 0, 1<<16)
		for range 3 { // buffers grow
			for _, v := range c.values(20) {
				_, _ = f.Append(dst, []byte(v))
			}
		}
		for _, v := range c.values(20) {
			src := []byte(v)
			if n := testing.AllocsPerRun(5, func() { _, _ = f.Append(dst, src) }); n != 0 {
				t.Errorf("%s of %q: %v allocations", ruleName(c.rule), v, n)
			}
		}
	}
}

// oddValues are what can be in a column of a text type, and what is no value of any other type.
var oddValues = []string{"", " ", "\\N", "\\.", "\t", "\x01\x7f", "a\nb\r\n", "'", `"`, "{", "}", "{{}", `{"`, "(", "(,", `\`, "NULL", "\xff\xfe", "é\xc3", "ﬁ ǅ İ ı ß", "-", "--", "+", "0", "-0", ".", "1e400", "NaN", "infinity", "[1,", "[,]", "\"a\"=>", "::", "://", "@", "1.2.3.4.5", "٣٤", strings.Repeat("9", 50), strings.Repeat("[", 99)}

// TestOddValues: nothing panics, no result is broken, and no error tells the value.
func TestOddValues(t *testing.T) {
	t.Parallel()
	for _, c := range properties() {
		f := newMask(t, c.rule, c.target).New()
		for _, v := range oddValues {
			checkOdd(t, c.rule, f, v)
		}
	}
}

func checkOdd(t *testing.T, r Rule, f Func, v string) {
	src := []byte(v)
	out, err := f.Append([]byte("before"), src)
	if !bytes.HasPrefix(out, []byte("before")) || string(src) != v {
		t.Fatalf("%s of %q: %q", ruleName(r), v, out)
	}
	var refused *ValueError
	switch {
	case err == nil && utf8.ValidString(v) && !utf8.Valid(out):
		t.Fatalf("%s of %q gives %q", ruleName(r), v, out)
	case err == nil || errors.Is(err, ErrNull):
	case !errors.As(err, &refused) || len(v) > 5 && strings.Contains(err.Error(), v) || string(out) != "before":
		t.Fatalf("%s of %q: %q, %v", ruleName(r), v, out, err)
	}
}

// FuzzMasks gives any bytes to every mask.
func FuzzMasks(f *testing.F) {
	for _, v := range oddValues {
		f.Add(v)
	}
	all := properties()
	funcs := make([]Func, len(all))
	for i, c := range all {
		funcs[i] = newMask(f, c.rule, c.target).New()
	}
	f.Fuzz(func(t *testing.T, v string) {
		for i, c := range all {
			checkOdd(t, c.rule, funcs[i], v)
		}
	})
}
