package mask

import (
	"errors"
	"slices"
	"testing"
)

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	text := textTarget()
	p := func(pairs ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
	for _, c := range []struct {
		rule   Rule
		target Target
		want   string
	}{
		{Rule{Name: "emial"}, text, `unknown mask "emial"`},
		{Rule{Name: "email", Params: p("hots", "x")}, text, `parameter "hots" is unknown; known are at, local`},
		{Rule{Name: "null", Params: p("b", 1, "a", 1)}, text, `parameter "a" is unknown; the mask takes no parameters`},
		{Rule{Name: "null"}, Target{BaseType: "text", NotNull: true}, "mask null does not work on a NOT NULL column, it works on columns that may be NULL"},
		{Rule{Name: "email", Params: p("at", "gmail.com")}, text, `parameter "at" must be keep or a host reserved by RFC 2606: example.com, .net or .org, or one under .example, .test or .invalid`},
		{Rule{Name: "email", Params: p("at", 3)}, text, `parameter "at" must be a text, or a list of texts`},
		{Rule{Name: "email", Params: p("at", "a b.test")}, text, `parameter "at" must be keep or a host reserved by RFC 2606: example.com, .net or .org, or one under .example, .test or .invalid`},
		{Rule{Name: "email", Params: p("at", []any{"a.test", "keep"})}, text, `parameter "at" must be keep or a host reserved by RFC 2606: example.com, .net or .org, or one under .example, .test or .invalid`},
		{Rule{Name: "email", Params: p("at", []any{})}, text, `parameter "at" lists no host`},
		{Rule{Name: "email", Params: p("local", "random")}, text, `parameter "local" must be one of hash, shape, name`},
		{Rule{Name: "email"}, Target{BaseType: "varchar", MaxLength: 7}, "mask email does not work on varchar of at most 7 characters, it works on texts of 8 characters or more"},
		{Rule{Name: "email"}, Target{BaseType: "int4"}, "mask email does not work on int4, it works on text, varchar, bpchar, citext"},
		{Rule{Name: "shape"}, Target{BaseType: "_text"}, "mask shape does not work on _text, it works on text, varchar, bpchar, citext"},
		{Rule{Name: "shape"}, Target{BaseType: "text", TypeKind: 'e'}, "mask shape does not work on text, it works on text, varchar, bpchar, citext"},
		{Rule{Name: "shape", Params: p("keep_prefix", -1)}, text, `parameter "keep_prefix" must be from 0 to 1048576`},
		{Rule{Name: "shape", Params: p("keep_prefix", "1")}, text, `parameter "keep_prefix" must be an integer`},
		{Rule{Name: "digits", Params: p("luhn", "yes")}, text, `parameter "luhn" must be true or false`},
		{Rule{Name: "hash", Params: p("encoding", "base64")}, text, `parameter "encoding" must be one of hex, base32, base62`},
		{Rule{Name: "hash", Params: p("length", 65)}, text, `parameter "length" must be from 1 to 64`},
		{Rule{Name: "hash", Params: p("length", 9)}, Target{BaseType: "varchar", MaxLength: 8}, `parameter "length" with the prefix is more than the 8 characters of the column`},
		{Rule{Name: "hash", Params: p("prefix", "12345678")}, Target{BaseType: "varchar", MaxLength: 8}, `parameter "length" with the prefix is more than the 8 characters of the column`},
		{Rule{Name: "hash", Params: p("prefix", "x")}, Target{BaseType: "bytea"}, `parameter "prefix" has no meaning for bytea`},
		{Rule{Name: "hash", Params: p("length", 8)}, typed("uuid"), `parameter "length" has no meaning for a uuid`},
		{Rule{Name: "digits"}, typed("int2"), "mask digits does not work on int2, it works on integers with room for six digits to mask (short: permute masks fewer)"},
		{Rule{Name: "digits", Params: p("keep_prefix", 5)}, typed("int4"), "mask digits does not work on int4, it works on integers with room for six digits to mask (short: permute masks fewer)"},
		{Rule{Name: "birthdate", Params: p("min_age", 151)}, typed("date"), `parameter "min_age" must be from 0 to 150`},
		{Rule{Name: "first_name", Params: p("gender_from", "sex")}, text, `parameter "gender_from" needs a locale beside it: the list of several languages does not tell whose names are whose`},
		{Rule{Name: "last_name", Params: p("gender_from", "sex")}, text, `parameter "gender_from" is unknown; known are locale`},
		{Rule{Name: "token"}, Target{BaseType: "varchar", MaxLength: 80}, "mask token does not work on varchar of at most 80 characters, it works on texts without a limit, as a token is longer than its value; hash and shape fit into any"},
		{Rule{Name: "token"}, Target{BaseType: "citext"}, "mask token does not work on citext, it works on text, varchar, bytea"},
		{Rule{Name: "token", Params: p("prefix", "x")}, Target{BaseType: "bytea"}, `parameter "prefix" has no meaning for bytea`},
		{Rule{Name: "int_permute", Params: p("min", 3)}, Target{BaseType: "int4"}, `parameter "min" and max must be given together`},
		{Rule{Name: "int_permute", Params: p("min", 3, "max", 3)}, Target{BaseType: "int4"}, `parameter "max" must be greater than min`},
		{Rule{Name: "int_permute", Params: p("min", 3, "max", 40000)}, Target{BaseType: "int2"}, `parameter "max" must be from -32768 to 32767`},
		{Rule{Name: "int_permute"}, Target{BaseType: "numeric"}, `parameter "min" and max must be given for a numeric column: its own limits are those of its precision`},
		{Rule{Name: "date_shift", Params: p("days", 6, "keep_weekday", true)}, Target{BaseType: "date"}, `parameter "days" must be 7 or more with keep_weekday`},
		{Rule{Name: "int_permute"}, text, "mask int_permute does not work on text, it works on int2, int4, int8, numeric"},
		{Rule{Name: "date_shift", Params: p("days", 0)}, Target{BaseType: "date"}, `parameter "days" must be from 1 to 36500`},
		{Rule{Name: "constant"}, text, `parameter "value" is missing`},
		{Rule{Name: "constant", Params: p("value", []any{})}, text, `parameter "value" must be a text, a number, true or false`},
		{Rule{Name: "constant", Params: p("value", 70000)}, Target{BaseType: "int2"}, `parameter "value" is not a value of int2`},
		{Rule{Name: "constant", Params: p("value", "x")}, Target{BaseType: "mood", TypeKind: 'e', Labels: []string{"y"}}, `parameter "value" is not a label of the enum`},
		{Rule{Name: "constant", Params: p("value", "größer")}, Target{BaseType: "varchar", MaxLength: 5}, `parameter "value" is longer than 5 characters`},
		{Rule{Name: "constant", Params: p("value", "a\x00")}, text, `parameter "value" is not valid text`},
		{Rule{Name: "constant", Params: p("value", "2024-02-30")}, Target{BaseType: "date"}, `parameter "value" is not a date of the form 2006-01-31`},
		{Rule{Name: "constant", Params: p("value", "maybe")}, Target{BaseType: "bool"}, `parameter "value" is not a boolean`},
		{Rule{Name: "constant", Params: p("value", "x")}, Target{BaseType: "numeric"}, `parameter "value" is not a number`},
		{Rule{Name: "constant", Params: p("value", "x")}, Target{BaseType: "uuid"}, `parameter "value" is not a uuid`},
	} {
		m, err := Compile(c.rule, c.target, testSecret)
		if err == nil || err.Error() != c.want {
			t.Errorf("%v on %v:\n got %v %v\nwant %s", c.rule, c.target, m, err, c.want)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"emial": "email", "firstname": "first_name", "Keep": "keep", "hush": "hash", "nul": "null", "frobnicate": "", "": ""} {
		_, err := Compile(Rule{Name: name}, textTarget(), testSecret)
		var unknown *UnknownError
		if !errors.As(err, &unknown) || unknown.DidYouMean != want {
			t.Errorf("%q: %v, want a hint at %q", name, err, want)
		}
	}
}

func TestConstants(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value  any
		target Target
		want   string
	}{
		{"", textTarget(), ""},
		{"x\ty", textTarget(), "x\ty"},
		{7, Target{BaseType: "int2"}, "7"},
		{int64(-7), Target{BaseType: "int8"}, "-7"},
		{1.5, Target{BaseType: "numeric"}, "1.5"},
		{true, Target{BaseType: "bool"}, "true"},
		{"y", Target{TypeKind: 'e', Labels: []string{"y"}}, "y"},
		{"{}", Target{BaseType: "_text"}, "{}"},
		{"größe", Target{BaseType: "varchar", MaxLength: 5}, "größe"},
		{"infinity", Target{BaseType: "date"}, "infinity"},
	} {
		m := newMask(t, Rule{Name: "constant", Params: map[string]any{"value": c.value}}, c.target)
		if got, ok := m.Const(); !ok || string(got) != c.want || m.Keep() || m.Null() {
			t.Errorf("%v: Const gives %q %v", c.value, got, ok)
		}
		if got := apply(t, m.New(), "whatever"); got != c.want {
			t.Errorf("%v: got %q", c.value, got)
		}
	}
	null := newMask(t, Rule{Name: "null"}, Target{BaseType: "_int4"})
	if got, ok := null.Const(); got != nil || !ok || !null.Null() {
		t.Errorf("null: Const gives %q %v", got, ok)
	}
	if got, err := null.New().Append([]byte("x"), []byte("y")); !errors.Is(err, ErrNull) || string(got) != "x" {
		t.Errorf("null: %q %v", got, err)
	}
	keep := newMask(t, Rule{Name: "keep", Params: map[string]any{"reason": "public"}}, Target{BaseType: "_int4", TypeKind: 'c'})
	if _, ok := keep.Const(); ok || !keep.Keep() || apply(t, keep.New(), "a\\b") != "a\\b" {
		t.Error("keep does not keep")
	}
}

func TestCatalogue(t *testing.T) {
	t.Parallel()
	list := Catalogue()
	if !slices.IsSortedFunc(list, func(a, b Info) int { return slices.Compare([]byte(a.Name), []byte(b.Name)) }) {
		t.Error("not sorted by name")
	}
	for _, i := range list {
		if i.Summary == "" || len(i.Types) == 0 || len(i.Guarantees) == 0 {
			t.Errorf("%s lacks a summary, types or guarantees", i.Name)
		}
		for _, p := range i.Params {
			if p.Type == "" || p.Meaning == "" {
				t.Errorf("%s: parameter %s lacks a type or a meaning", i.Name, p.Name)
			}
		}
	}
}

func TestDomains(t *testing.T) {
	t.Parallel()
	for _, r := range textRules() {
		const value = "Anna.Berg@Example.org 4111 1111 1111 1111 +49 151 23456789"
		m := newMask(t, r, textTarget())
		if m.Domain != r.Name || m.Name != r.Name {
			t.Errorf("%s: domain %q", r.Name, m.Domain)
		}
		first := apply(t, m.New(), value)
		if again := apply(t, newMask(t, r, textTarget()).New(), value); again != first {
			t.Errorf("%s: %q, then %q", ruleName(r), first, again)
		}
		other := r
		other.Domain = "other"
		if apply(t, newMask(t, other, textTarget()).New(), value) == first {
			t.Errorf("%s: the same under another domain", ruleName(r))
		}
		rekeyed, err := Compile(r, textTarget(), testKeys("another secret of so many chars"))
		if err != nil {
			t.Fatal(err)
		}
		if apply(t, rekeyed.New(), value) == first {
			t.Errorf("%s: the same under another key", ruleName(r))
		}
		if first == value {
			t.Errorf("%s: unmasked", ruleName(r))
		}
		if got := apply(t, m.New(), ""); got != "" {
			t.Errorf("%s: the empty text became %q", ruleName(r), got)
		}
	}
}

// TestPadding: char(n) pads with blanks, and an equal varchar on the other side of a foreign key has none.
func TestPadding(t *testing.T) {
	t.Parallel()
	for _, r := range textRules() {
		padded := apply(t, newMask(t, r, Target{BaseType: "bpchar", MaxLength: 60}).New(), "anna.berg@host.org   ")
		if plain := apply(t, newMask(t, r, Target{BaseType: "varchar", MaxLength: 60}).New(), "anna.berg@host.org"); plain != padded {
			t.Errorf("%s: char(60) %q, varchar(60) %q", ruleName(r), padded, plain)
		}
	}
}

// The length limit of an array is its items'.
func TestConstantArray(t *testing.T) {
	t.Parallel()
	rule := Rule{Name: "constant", Params: map[string]any{"value": "{}"}}
	for _, base := range []string{"_varchar", "_bpchar"} {
		if _, err := Compile(rule, Target{BaseType: base, TypeKind: 'b', MaxLength: 1}, testSecret); err != nil {
			t.Errorf("{} for %s of items of one character: %v", base, err)
		}
	}
}
