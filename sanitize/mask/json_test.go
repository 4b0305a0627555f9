package mask

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// jsonRule is a json rule of paths and a default, masks without parameters.
func jsonRule(def string, pairs ...string) Rule {
	paths := map[string]Rule{}
	for i := 0; i < len(pairs); i += 2 {
		paths[pairs[i]] = Rule{Name: pairs[i+1]}
	}
	return Rule{Name: "json", Params: map[string]any{"default": Rule{Name: def}, "paths": paths}}
}

func jsonTarget() Target { return Target{BaseType: "jsonb", TypeKind: 'b'} }

// pattern makes a regular expression of a text with <hash>, <1> for 1-9, <0> for a digit, <n> for a number and <é> for a Latin-1 letter.
func pattern(want string) *regexp.Regexp {
	r := strings.NewReplacer("<hash>", "[0-9a-f]{32}", "<1>", "[1-9]", "<0>", `\d`, "<n>", `\d+`, "<é>", "[à-ž]")
	return regexp.MustCompile("^" + r.Replace(regexp.QuoteMeta(want)) + "$")
}

func TestJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		rule     Rule
		in, want string
	}{
		{"all kept", jsonRule("keep"), ` { "a" : [ 1.50 , "\u0041\/" , null ] } `, ` { "a" : [ 1.50 , "\u0041\/" , null ] } `},
		{"path", jsonRule("keep", "$.a.b", "hash"), `{"a":{"b":"x","c":"x"},"b":"x"}`, `{"a":{"b":"<hash>","c":"x"},"b":"x"}`},
		{"default", jsonRule("hash", "$.a", "keep"), `{"a":"x","b":["x",{"c":"x"}]}`, `{"a":"x","b":["<hash>",{"c":"<hash>"}]}`},
		{"items", jsonRule("keep", "$.a[*].b", "hash"), `{"a":[{"b":"x"},{"c":"x"}],"b":"x"}`, `{"a":[{"b":"<hash>"},{"c":"x"}],"b":"x"}`},
		{"any key", jsonRule("keep", "$.*.b", "hash", "$.k.c", "hash"), `{"k":{"b":"x","c":"x"},"l":{"b":"x","c":"x"}}`, `{"k":{"b":"<hash>","c":"<hash>"},"l":{"b":"<hash>","c":"x"}}`},
		{"named before any", jsonRule("keep", "$.*", "hash", "$.a", "keep"), `{"a":"x","b":"x"}`, `{"a":"x","b":"<hash>"}`},
		{"odd keys", jsonRule("keep", `$["a.b"]['it\'s'].größe`, "hash"), `{"a.b":{"it's":{"größe":"x"}}}`, `{"a.b":{"it's":{"größe":"<hash>"}}}`},
		{"escaped key", jsonRule("keep", `$.ab`, "hash"), `{"\u0061b":"x"}`, `{"\u0061b":"<hash>"}`},
		{"below", jsonRule("keep", "$.a", "hash", "$.a.c", "keep"), `{"a":{"b":["x"],"c":"x"}}`, `{"a":{"b":["<hash>"],"c":"x"}}`},
		{"null replaces", jsonRule("keep", "$.a", "null", "$.b", "null"), `{"a":{"b":[1,{}]},"b":"x","c":true}`, `{"a":null,"b":null,"c":true}`},
		{"null by default", jsonRule("null", "$.a", "keep"), `{"a":1,"b":[1,true,"x",{}]}`, `{"a":1,"b":[null,null,null,{}]}`},
		{"numbers", jsonRule("shape"), `[0,-7,12.50,1e5,-0.5E-10,120]`, `[0,-<1>,<1><0>.<0><0>,<1>e5,-0.<0>E-10,<1><0><0>]`},
		{"int_permute", jsonRule("keep", "$.id", "int_permute", "$.s", "int_permute"), `{"id":42,"s":"42"}`, `{"id":<n>,"s":"<n>"}`},
		{"true and false", jsonRule("hash"), `[true,false,null]`, `[true,false,null]`},
		{"dates", jsonRule("keep", "$.d", "date_shift"), `{"d":"2024-07-31T10:00:00.5Z"}`, `{"d":"202<0>-<0><0>-<0><0>T10:00:00.5Z"}`},
		{"scalar document", jsonRule("hash"), ` "x" `, ` "<hash>" `},
		{"whole document", jsonRule("keep", "$", "null"), ` {"a":1}`, ` null`},
		{"duplicate keys", jsonRule("keep", "$.a", "hash"), `{"a":"x","a":"x"}`, `{"a":"<hash>","a":"<hash>"}`},
		{"escapes", jsonRule("shape"), `"\"\\\/\b\f\n\r\t\u0001\u00e9\ud83d\ude00"`, `"\"\\/\u0008\u000c\n\r\t\u0001<é>😀"`},
		{"half a pair", jsonRule("hash"), `["\ud83dx","\ude00"]`, `["<hash>","<hash>"]`},
		{"empty", jsonRule("hash"), `{"a":{},"b":[],"":""}`, `{"a":{},"b":[],"":""}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := apply(t, newMask(t, c.rule, jsonTarget()).New(), c.in)
			if !pattern(c.want).MatchString(got) {
				t.Errorf("%s became\n%s, want\n%s", c.in, got, c.want)
			}
			if !json.Valid([]byte(got)) {
				t.Errorf("%s is not valid", got)
			}
		})
	}
}

func TestJSONConstant(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value any
		want  string
	}{{"a\"b", `{"k":"a\"b","l":[1]}`}, {7, `{"k":7,"l":[1]}`}, {1.5, `{"k":1.5,"l":[1]}`}, {false, `{"k":false,"l":[1]}`}, {map[string]any{"x": []any{}}, `{"k":{"x":[]},"l":[1]}`}} {
		r := jsonRule("keep")
		r.Params["paths"] = map[string]Rule{"$.k": {Name: "constant", Params: map[string]any{"value": c.value}}}
		for _, in := range []string{`{"k":"v","l":[1]}`, `{"k":{"x":[1,{"y":2}]},"l":[1]}`, `{"k":12,"l":[1]}`} {
			if got := apply(t, newMask(t, r, jsonTarget()).New(), in); got != c.want {
				t.Errorf("%v: %s became %s", c.value, in, got)
			}
		}
	}
}

// TestJSONAgreesWithColumns: a value has the same pseudonym in a document as in a column.
func TestJSONAgreesWithColumns(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"email": "Bob@x.org", "phone": "+49 151 2345678", "first_name": "Jürgen", "shape": "Ab-12", "int_permute": "123456", "uuid": "3f2b8c1e-9d4a-4e6b-8f70-1a2b3c4d5e6f"} {
		target := textTarget()
		if name == "int_permute" {
			target.BaseType = "int4"
		}
		column := apply(t, newMask(t, Rule{Name: name}, target).New(), value)
		if got := apply(t, newMask(t, jsonRule(name), jsonTarget()).New(), `["`+value+`"]`); got != `["`+column+`"]` {
			t.Errorf("%s: column %s, document %s", name, column, got)
		}
	}
}

func TestJSONErrors(t *testing.T) {
	t.Parallel()
	with := func(path string, r Rule) Rule {
		rule := jsonRule("keep")
		rule.Params["paths"] = map[string]Rule{path: r}
		return rule
	}
	hash := Rule{Name: "hash"}
	for _, c := range []struct {
		rule Rule
		want string
	}{
		{Rule{Name: "json"}, `parameter "default" is missing: say what becomes of values that no path names, keep or shape for example`},
		{Rule{Name: "json", Params: map[string]any{"default": "keep"}}, `parameter "default" must be a rule`},
		{Rule{Name: "json", Params: map[string]any{"default": hash, "paths": 1}}, `parameter "paths" must be rules by path`},
		{with("a", hash), `parameter "paths[\"a\"]" must begin with $`},
		{with("$a", hash), `parameter "paths[\"$a\"]" must go on with . or [ after a step`},
		{with("$.", hash), `parameter "paths[\"$.\"]" has an empty step`},
		{with("$..a", hash), `parameter "paths[\"$..a\"]" must name every step: .. is not supported`},
		{with("$[0]", hash), `parameter "paths[\"$[0]\"]" may have [*], ["key"] and no other brackets`},
		{with(`$["a`, hash), `parameter "paths[\"$[\\\"a\"]" has a quoted key without an end`},
		{with(`$["a"`, hash), `parameter "paths[\"$[\\\"a\\\"\"]" lacks ] after a quoted key`},
		{with(`$.a b`, hash), `parameter "paths[\"$.a b\"]" has a key that must be written ["a b"]`},
		{with("$.a", Rule{Name: "hash", Params: map[string]any{"length": 0}}), `parameter "paths[\"$.a\"].length" must be from 1 to 64`},
		{with("$.a", Rule{Name: "constant"}), `parameter "paths[\"$.a\"].value" is missing or cannot be written as JSON`},
		{with("$.a", jsonRule("keep")), `parameter "paths[\"$.a\"]" must not be json itself: write the longer paths`},
		{with("$.a", Rule{Name: "hush"}), `unknown mask "hush"`},
		{Rule{Name: "json", Params: map[string]any{"default": hash, "paths": map[string]Rule{"$.a": hash, `$["a"]`: hash}}}, `parameter "paths[\"$[\\\"a\\\"]\"]" is there twice, spelled in two ways`},
		{Rule{Name: "json", Params: map[string]any{"default": Rule{Name: "email", Params: map[string]any{"x": 1}}}}, `parameter "default.x" is unknown; known are at, local`},
	} {
		if _, err := Compile(c.rule, jsonTarget(), testSecret); err == nil || err.Error() != c.want {
			t.Errorf("%v:\n got %v\nwant %s", c.rule.Params, err, c.want)
		}
	}
	f := newMask(t, jsonRule("shape", "$.d", "date_shift"), jsonTarget()).New()
	for _, bad := range []string{"", " ", "{", `{"a"}`, `{"a":}`, `{"a":1,}`, `[1,]`, `[1 2]`, `[}`, `{]`, "01", "1.", "-", "1e", ".5", "+1", "tru", "nul", `"`, `"\x"`, `"\u12"`, "\"\n\"", "1 2", `{1:2}`, "[1]]", `{"a":1 "b":2}`, `{"d":"no date"}`, "NaN"} {
		wantValueError(t, f, bad)
	}
	if got := apply(t, f, `{"d":"2024-01-31"}`); !strings.HasPrefix(got, `{"d":"202`) {
		t.Errorf("after errors: %s", got)
	}
}

func TestJSONDeep(t *testing.T) {
	t.Parallel()
	f := newMask(t, jsonRule("hash", "$[*][*]", "keep"), jsonTarget()).New()
	const depth = 200_000
	if got := apply(t, f, strings.Repeat("[", depth)+strings.Repeat("]", depth)); len(got) != 2*depth {
		t.Errorf("%d bytes", len(got))
	}
}

// FuzzJSON: encoding/json says what is valid; keep is the identity; masked documents have the structure of the source.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2.5e7,"x\u00e9\ud83d\ude00"],"b":{"c":null,"d":true}}`, `[]`, `"\\"`, `0`, `{"a":1`, "[\"\x7f\"]", `{"b":"x","b":[{}]}`} {
		f.Add([]byte(s))
	}
	keep, mask := newMask(f, jsonRule("keep"), jsonTarget()), newMask(f, jsonRule("shape", "$.b", "hash", "$.*.c", "email", "$[*]", "first_name"), jsonTarget())
	f.Fuzz(func(t *testing.T, src []byte) {
		got, err := keep.New().Append(nil, src)
		if (err == nil) != json.Valid(src) {
			t.Fatalf("%q: %v, encoding/json says %v", src, err, json.Valid(src))
		}
		if err == nil && string(got) != string(src) {
			t.Fatalf("%q was not kept: %q", src, got)
		}
		masked, err2 := mask.New().Append([]byte("x"), src)
		var bad *ValueError
		switch {
		case err2 != nil:
			if !errors.As(err2, &bad) || string(masked) != "x" {
				t.Fatalf("%q: %q, %v", src, masked, err2)
			}
		case err != nil || !json.Valid(masked[1:]):
			t.Fatalf("%q became %q", src, masked)
		case skeleton(src) != skeleton(masked[1:]):
			t.Fatalf("%q became %q, of another structure", src, masked)
		}
	})
}

// skeleton is a document without its values: what encoding/json reads as tokens, by kind, with the keys.
func skeleton(src []byte) string {
	var b strings.Builder
	d := json.NewDecoder(strings.NewReader(string(src)))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err != nil {
			return b.String()
		}
		switch v := token.(type) {
		case json.Delim:
			b.WriteRune(rune(v))
		case string:
			b.WriteByte('"')
		case json.Number:
			b.WriteByte('0')
		case bool:
			b.WriteByte('t')
		default:
			b.WriteByte('n')
		}
	}
}

// TestShownParts: who watches is shown what is replaced within a value, however deep, as it was and as it is, and by which mask.
func TestShownParts(t *testing.T) {
	t.Parallel()
	pair := []Field{{"name", typed("text")}, {"born", typed("date")}, {"n", typed("text")}}
	row := Rule{Name: "composite", Params: p("fields", map[string]Rule{"name": {Name: "hash"}, "born": {Name: "null"}}, "default", Rule{Name: "keep"})}
	for _, c := range []struct {
		rule   Rule
		target Target
		value  string
		want   []string
	}{
		{jsonRule("keep", "$.a", "hash", "$.b", "null"), jsonTarget(), `{"a": "x\ty", "b": 1, "c": "z"}`, []string{"hash x\ty", "null 1"}},
		{jsonRule("keep", "$.x", "null"), jsonTarget(), `{"x": {"deep": ["secret", 7]}, "z": 1}`, []string{"null secret", "null 7"}},
		{Rule{Name: "array", Params: p("each", Rule{Name: "hash"})}, typed("_text"), `{a,"b \"c\"",NULL}`, []string{"hash a", `hash b "c"`}},
		{row, Target{BaseType: "pair", TypeKind: 'c', Fields: pair}, `("a b",2001-01-01,z)`, []string{"hash a b", "null 2001-01-01"}},
		{Rule{Name: "array", Params: p("each", row)}, Target{BaseType: "_pair", TypeKind: 'b', Fields: pair}, `{"(a,,z)","(b,,z)"}`, []string{"hash a", "hash b"}},
		{Rule{Name: "hstore", Params: p("keys", map[string]Rule{"a": {Name: "hash"}}, "default", Rule{Name: "keep"})}, typed("hstore"), `"a"=>"x y", "b"=>"z"`, []string{"hash x y"}},
	} {
		f := newMask(t, c.rule, c.target).New()
		var got []string
		f.(Parts).ShowParts(func(mask string, was, is []byte) {
			got = append(got, mask+" "+string(was))
			if mask == "hash" && len(is) != 32 || bytes.Equal(was, is) {
				t.Errorf("%q became %q", was, is)
			}
		})
		apply(t, f, c.value)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.value, got, c.want)
		}
	}
}
