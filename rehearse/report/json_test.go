package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

func TestJSONRoundTrip(t *testing.T) {
	t.Parallel()
	for name, r := range samples() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			if err := report.JSON(&b, r); err != nil {
				t.Fatal(err)
			}
			back, err := report.ReadJSON(bytes.NewReader(b.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(r, back, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("read back (-written +read):\n%s", d)
			}
			var again bytes.Buffer
			if err := report.JSON(&again, back); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b.Bytes(), again.Bytes()) {
				t.Error("written again, the bytes differ")
			}
		})
	}
}

func TestJSONNeverWritesNullForAList(t *testing.T) {
	t.Parallel()
	r := &report.Result{Migrations: []report.Migration{{Statements: []report.Statement{{SQL: "a < b && c"}}}}}
	var b bytes.Buffer
	if err := report.JSON(&b, r); err != nil {
		t.Fatal(err)
	}
	if s := b.String(); strings.Contains(s, "null") || !strings.Contains(s, `"a < b && c"`) || !strings.Contains(s, `"schema_version": 1`) {
		t.Errorf("JSON of an almost empty result:\n%s", s)
	}
	if r.SchemaVersion != 0 || r.Schema != nil || r.Migrations[0].Statements[0].Locks != nil {
		t.Error("writing changed the result")
	}
}

func TestReadJSONRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"nothing":   {"", "read result: unexpected end of JSON input"},
		"no result": {`{"name":"x"}`, "read result: no schema_version: not the result of a rehearsal"},
		"a list":    {`[]`, "read result: json: cannot unmarshal array"},
		"two":       {`{"schema_version":1}{"schema_version":1}`, "read result: invalid character '{' after top-level value"},
		"newer":     {`{"schema_version":2,"verdict":{"changed":true}}`, "result has schema_version 2, this program reads up to 1"},
		"wrong":     {`{"schema_version":1,"duration":"3 s"}`, "read result: json: cannot unmarshal string"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := report.ReadJSON(strings.NewReader(c.in))
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
			var newer *report.VersionError
			if errors.As(err, &newer) != (name == "newer") {
				t.Errorf("error of type %T", err)
			}
		})
	}
	if _, err := report.ReadJSON(strings.NewReader(`{"schema_version":1,"of_a_later_version":1}`)); err != nil {
		t.Errorf("an additional field: %v", err)
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for in, want := range map[time.Duration]string{
		0: "0 s", 20 * time.Nanosecond: "under 0.1 ms", 400 * time.Microsecond: "0.4 ms", 9960 * time.Microsecond: "10 ms",
		41 * time.Millisecond: "41 ms", 999600 * time.Microsecond: "1.0 s", 7402 * time.Millisecond: "7.4 s", 9970 * time.Millisecond: "10 s",
		59600 * time.Millisecond: "1 m 00 s", 92 * time.Second: "1 m 32 s", 59*time.Minute + 59600*time.Millisecond: "1 h 00 m",
		125 * time.Minute: "2 h 05 m", -3 * time.Second: "-3.0 s",
	} {
		if got := report.Duration(in).String(); got != want {
			t.Errorf("%d ns is %q, want %q", in, got, want)
		}
	}
	for _, in := range []time.Duration{1, 999, 2_249_999, 2_250_001, 2_250_500, 9_949_999_999, 59_499_999_999} {
		data, err := json.Marshal(report.Duration(in))
		if err != nil {
			t.Fatal(err)
		}
		var back report.Duration
		if err := json.Unmarshal(data, &back); err != nil || back.String() != report.Duration(in).String() {
			t.Errorf("%d ns is %q, and %q when it was read back: %v", in, report.Duration(in), back, err)
		}
	}
	_ = report.Duration(-1 << 63).String() // its negative is itself
}

// schema is the part of JSON Schema that the published file uses.
type schema struct {
	Ref        string            `json:"$ref"`
	Type       any               `json:"type"`
	Const      any               `json:"const"`
	Enum       []string          `json:"enum"`
	Required   []string          `json:"required"`
	Properties map[string]schema `json:"properties"`
	Items      *schema           `json:"items"`
	Additional *schema           `json:"additionalProperties"`
	Defs       map[string]schema `json:"$defs"`
}

func published(t *testing.T) schema {
	t.Helper()
	var s schema
	if err := json.Unmarshal(report.JSONSchema(), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s schema) resolve(root schema) schema {
	if name, ok := strings.CutPrefix(s.Ref, "#/$defs/"); ok {
		def, found := root.Defs[name]
		if !found {
			panic("no definition " + s.Ref)
		}
		return def
	}
	return s
}

// TestSchemaHasEveryField walks the Go types beside the schema: a field that one of them lacks is an error.
func TestSchemaHasEveryField(t *testing.T) {
	t.Parallel()
	root := published(t)
	seen := map[reflect.Type]bool{}
	var walk func(path string, typ reflect.Type, s schema)
	walk = func(path string, typ reflect.Type, s schema) {
		s = s.resolve(root)
		switch {
		case typ == reflect.TypeFor[report.Duration](), typ == reflect.TypeFor[time.Time]():
		case typ.Kind() == reflect.Pointer:
			walk(path, typ.Elem(), s)
		case typ.Kind() == reflect.Slice:
			if s.Items == nil {
				t.Errorf("%s: a list without items", path)
				return
			}
			walk(path+"[]", typ.Elem(), *s.Items)
		case typ.Kind() == reflect.Map:
			if s.Additional == nil {
				t.Errorf("%s: a map without additionalProperties", path)
			}
		case typ.Kind() == reflect.Struct && !seen[typ]:
			seen[typ] = true
			var always, names []string
			for i := range typ.NumField() {
				name, option, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
				names = append(names, name)
				if option == "" {
					always = append(always, name)
				}
				if p, ok := s.Properties[name]; ok {
					walk(path+"."+name, typ.Field(i).Type, p)
				}
			}
			same(t, path+": properties", names, keys(s.Properties))
			same(t, path+": required", always, s.Required)
		}
	}
	walk("result", reflect.TypeFor[report.Result](), root)
	if len(seen) < 20 {
		t.Errorf("only %d types were walked", len(seen))
	}
}

func keys(m map[string]schema) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}

func same(t *testing.T, what string, want, got []string) {
	t.Helper()
	want, got = slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s (-Go +schema):\n%s", what, d)
	}
}

// TestGoldensAreValid holds every golden JSON against the published schema.
func TestGoldensAreValid(t *testing.T) {
	t.Parallel()
	root := published(t)
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil || len(files) < len(samples()) {
		t.Fatalf("%d golden results, error %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		for _, problem := range invalid(root, root, "result", v) {
			t.Errorf("%s: %s", file, problem)
		}
	}
	bad := map[string]any{"schema_version": 2.0, "verdict": "perhaps", "migrations": map[string]any{}, "surprise": 1.0}
	if n := len(invalid(root, root, "result", bad)); n < 20 {
		t.Errorf("a wrong result has %d problems: the walker sees too little", n)
	}
}

// invalid lists where v does not follow the schema.
func invalid(root, s schema, path string, v any) []string {
	s = s.resolve(root)
	var out []string
	if s.Const != nil && v != s.Const {
		out = append(out, fmt.Sprintf("%s: %v is not %v", path, v, s.Const))
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, fmt.Sprint(v)) {
		out = append(out, fmt.Sprintf("%s: %v is not one of %v", path, v, s.Enum))
	}
	if s.Type != nil && !strings.Contains(fmt.Sprint(s.Type), kind(v)) {
		return append(out, fmt.Sprintf("%s: %s is not %v", path, kind(v), s.Type))
	}
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			out = append(out, invalid(root, *s.Items, fmt.Sprintf("%s[%d]", path, i), e)...)
		}
	case map[string]any:
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				out = append(out, path+": lacks "+name)
			}
		}
		for name, e := range v {
			p, ok := s.Properties[name]
			switch {
			case ok:
				out = append(out, invalid(root, p, path+"."+name, e)...)
			case s.Additional != nil:
				out = append(out, invalid(root, *s.Additional, path+"."+name, e)...)
			default:
				out = append(out, path+": knows no "+name)
			}
		}
	}
	return out
}

// kind is the JSON Schema type of a decoded value; a whole number counts as an integer.
func kind(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case float64:
		if v == float64(int64(v)) {
			return "" // integer or number
		}
		return "number"
	case []any:
		return "array"
	default:
		return "object"
	}
}
