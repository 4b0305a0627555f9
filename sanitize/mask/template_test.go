package mask

import (
	"errors"
	"strings"
	"testing"
)

// templateRow is a row of a person.
func templateRow(t testing.TB) fakeRow {
	t.Helper()
	row := fakeRow{types: map[string]string{"own": "text", "id": "int8", "email": "text", "last": "text", "status": "text", "Odd Name": "text", "made": "text", "born": "date"}, masks: map[string]*Mask{}}
	for column, rule := range map[string]string{"id": "int_permute", "email": "email", "last": "last_name", "status": "keep", "Odd Name": "keep", "born": "null"} {
		row.masks[column] = newMask(t, Rule{Name: rule}, Target{BaseType: row.types[column], TypeKind: 'b'})
	}
	return row
}

func templateRule(text string) Rule {
	return Rule{Name: "template", Params: map[string]any{"template": text}}
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	row := templateRow(t)
	values := map[string]string{"id": "42", "email": "bob@x.org", "last": "Müller", "status": "open", "Odd Name": "odd", "born": "NULL"}
	column := func(name, value string) string {
		return apply(t, newMask(t, Rule{Name: name}, textTarget()).New(), value)
	}
	id := apply(t, row.masks["id"].New(), "42")
	hash := apply(t, newMask(t, Rule{Name: "hash", Params: map[string]any{"length": 8}}, textTarget()).New(), "bob@x.org")
	for text, want := range map[string]string{
		`{{masked "email"}}`:                                      column("email", "bob@x.org"),
		`<{{masked "last" | upper | left 3}}>`:                    "<" + strings.ToUpper(firstRunes(column("last_name", "Müller"), 3)) + ">",
		`{{mask "int_permute" .id}}/{{hash .email 8}}`:            id + "/" + hash,
		`{{.last | lower | mask "last_name"}}`:                    column("last_name", "müller"),
		`{{mask "last_name" (upper .last)}}`:                      column("last_name", "MÜLLER"),
		`{{.status}} {{value "Odd Name"}} {{printf "%05d" 7}}`:    "open odd 00007",
		`{{if .born}}born{{else}}unknown{{end}}`:                  "unknown",
		`{{if .last}}{{hash .last 4}}{{end}}`:                     column("hash", "Müller")[:4],
		`{{if eq .status "open"}}o{{else}}c{{end}}`:               "o",
		`{{masked "born"}}{{mask "hash" .born}}|`:                 "|",
		`{{mask "last_name" .own}}`:                               column("last_name", "Raw"),
		`{{replace "." "-" (masked "email")}}{{right 2 .status}}`: strings.ReplaceAll(column("email", "bob@x.org"), ".", "-") + "en",
		"plain": "plain",
	} {
		m, err := Compile(templateRule(text), Target{BaseType: "text", TypeKind: 'b', Row: row}, testSecret)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var others []string
		for _, name := range m.Needs {
			others = append(others, values[name])
		}
		got := ""
		if m.NewRow == nil {
			got = apply(t, m.New(), "Raw")
		} else {
			got = inRow(t, m, "Raw", others...)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// TestTemplateRefuses lists ways to print a raw value, and mistakes.
func TestTemplateRefuses(t *testing.T) {
	t.Parallel()
	row := templateRow(t)
	for text, want := range map[string]string{
		`{{.email}}`:                        "is refused: .email would print a raw value; let it go through mask, masked or hash",
		"a\n{{.own}}":                       "in line 2: .own would print a raw value",
		`{{value "email"}}`:                 "would print a raw value",
		`{{upper .email}}`:                  "would print a raw value",
		`{{printf "%s" .email}}`:            "would print a raw value",
		`{{.email | print}}`:                "would print a raw value",
		`{{len .email}}`:                    "would print a raw value",
		`{{and .email "x"}}`:                "would print a raw value",
		`{{if .born}}{{.born}}{{end}}`:      "would print a raw value",
		`{{if 1}}{{else}}{{.email}}{{end}}`: "would print a raw value",
		`{{if eq .email "x"}}y{{end}}`:      "looks into a raw value",
		`{{if not .email}}y{{end}}`:         "looks into a raw value",
		`{{.}}`:                             "is no column",
		`{{$x := .email}}{{$x}}`:            "variables cannot be used",
		`{{range .email}}{{.}}{{end}}`:      "is none of text, values, calls and if",
		`{{with .email}}{{.}}{{end}}`:       "is none of text, values, calls and if",
		`{{define "x"}}{{.email}}{{end}}`:   "defines other templates",
		`{{template "x" .}}`:                "is none of text",
		`{{index . "email"}}`:               "function index cannot be used",
		`{{html .email}}`:                   "function html cannot be used",
		`{{mask "keep" .email}}`:            "masks nothing",
		`{{mask .email .last}}`:             "wants the name of a mask and a value",
		`{{mask "emial" .email}}`:           `unknown mask "emial"`,
		`{{mask "template" .email}}`:        `parameter "template" is missing`,
		`{{masked "lost"}}`:                 `the table has no column "lost"`,
		`{{.made.x}}`:                       "goes into a value",
		`{{nonsense 1}}`:                    `cannot be read: 1: function "nonsense" not defined`,
		`{{if}}`:                            "cannot be read: 1: missing value for if",
		`{{hash .email .last}}`:             "wants a length that is a number",
		``:                                  "is missing",
	} {
		_, err := Compile(templateRule(text), Target{BaseType: "text", TypeKind: 'b', Row: row}, testSecret)
		var param *ParamError
		if !errors.As(err, &param) || param.Param != "template" || !strings.Contains(param.Text, want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// TestTemplateFits checks results against the column's type, without telling them.
func TestTemplateFits(t *testing.T) {
	t.Parallel()
	row := templateRow(t)
	for _, c := range []struct {
		target Target
		text   string
		reason string
	}{
		{Target{BaseType: "varchar", TypeKind: 'b', MaxLength: 4, Row: row}, `{{hash .last 5}}`, "has a result that is longer than 4 characters"},
		{Target{BaseType: "int4", TypeKind: 'b', Row: row}, `x{{hash .last 5}}`, "has a result that is not a value of int4"},
		{Target{BaseType: "mood", TypeKind: 'e', Labels: []string{"sad"}, Row: row}, `{{hash .last 5}}`, "has a result that is not a label of the enum"},
		{Target{BaseType: "text", TypeKind: 'b', Row: row}, `{{mask "last_name" .last}}`, "is not valid UTF-8"},
	} {
		m := newMask(t, templateRule(c.text), c.target)
		got, err := m.NewRow().Append([]byte("x"), []byte("1"), [][]byte{[]byte("M\xfcller")})
		var bad *ValueError
		if !errors.As(err, &bad) || bad.Reason != c.reason || string(got) != "x" {
			t.Errorf("%s: %q %v, want %s", c.text, got, err, c.reason)
		}
	}
}
