package mask

import (
	"errors"
	"strings"
	"testing"
	"text/template"
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
		`{{masked "email"}}`:                                                         column("email", "bob@x.org"),
		`<{{masked "last" | upper | left 3}}>`:                                       "<" + strings.ToUpper(firstRunes(column("last_name", "Müller"), 3)) + ">",
		`{{mask "int_permute" .id}}/{{hash .email 8}}`:                               id + "/" + hash,
		`{{.last | lower | mask "last_name"}}`:                                       column("last_name", "müller"),
		`{{mask "last_name" (upper .last)}}`:                                         column("last_name", "MÜLLER"),
		`{{.status}} {{value "Odd Name"}} {{printf "%05d" 7}}`:                       "open odd 00007",
		`{{if .born}}born{{else}}unknown{{end}}`:                                     "unknown",
		`{{if .last}}{{hash .last 4}}{{end}}`:                                        column("hash", "Müller")[:4],
		`{{if eq .status "open"}}o{{else}}c{{end}}`:                                  "o",
		`{{masked "born"}}{{mask "hash" .born}}|`:                                    "|",
		`{{mask "last_name" .own}}`:                                                  column("last_name", "Raw"),
		`{{replace "." "-" (masked "email")}}{{right 2 .status}}`:                    strings.ReplaceAll(column("email", "bob@x.org"), ".", "-") + "en",
		`{{print 1 2 "a" true}} {{print true false}}`:                                "1 2atrue true false",
		`{{printf "%5s|%-5s|%.2s|%v%%" "ab" "cd" "üöä" 3}}`:                          "   ab|cd   |üö|3%",
		`{{printf "%x %X %04x %06d" "az" 255 255 -42}}`:                              "617a FF 00ff -00042",
		`{{len .status}}{{if and .status "x"}}y{{end}}`:                              "4y",
		`{{or .status "none"}} {{and .status "some"}}`:                               "open some",
		`{{if or (eq .status "a" "open") (masked "born")}}1{{else if true}}2{{end}}`: "1",
		`{{if not (gt (len .status) 4)}}short{{end}}`:                                "short",
		`{{if lt .status "p"}}<{{end}}{{if ge 3 3}}={{end}}`:                         "<=",
		`{{left 99 .status}}{{left -1 .status}}{{right 0 .status}}{{trim "  x "}}`:   "openx",
		`{{replace "p" "PP" .status}}{{replace "" "x" .status}}`:                     "oPPenopen",
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
		`{{printf .status}}`:                "wants a format in quotes",
		`{{printf "%f" 1}}`:                 "has a verb other than",
		`{{printf "%s"}}`:                   "has fewer values",
		`{{printf "x" 1}}`:                  "has more values",
		`{{printf "%d" .status}}`:           "writes a text with %d",
		`{{left "1" .status}}`:              "wants a number in place 1, not a text",
		`{{upper}}`:                         "wants 1 arguments, not 0",
		`{{if eq .status 5}}y{{end}}`:       "compares a text with a number",
		`{{upper (or .status 5)}}`:          "wants a text in place 1, not a value of either kind",
		`{{1.5}}`:                           "is no whole number",
		`{{if lt 1 2 3}}y{{end}}`:           "too few or too many arguments",
		`{{hash 5}}`:                        "masks a number",
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

// TestTemplateLikeTextTemplate: what the package text/template prints, with its own functions, is what is printed here.
func TestTemplateLikeTextTemplate(t *testing.T) {
	t.Parallel()
	row := templateRow(t)
	for _, text := range []string{
		`a{{- " b " -}} c {{/* nothing */}}d`, `{{print 1 2 "x" 3 4 true false}}`, `{{printf "%05d|%-6s|%6s|%.1s|%x|%X|%v|%v" 42 "ü" "äö" "öä" "hi" 171 true "x"}}`, `{{printf "%03d" -7}}`,
		`{{and "" "x"}}|{{and "y" "x"}}|{{or "" "x"}}|{{or "y" "x"}}|{{not 0}}|{{not "x"}}`, `{{if and 1 0}}y{{else if or 0 2}}z{{end}}`,
		`{{eq "a" "b" "a"}}{{ne 1 2}}{{lt "a" "b"}}{{le 2 2}}{{gt 1 2}}{{ge "b" "a"}}`, `{{len "öl"}}`, `{{"x" | printf "%s-%s" "y"}}`, `{{.status | print "<" }}`, `{{true}}`, `{{5}}`, `{{eq .status "open"}}`,
	} {
		var want strings.Builder
		if err := template.Must(template.New("").Parse(text)).Execute(&want, map[string]string{"status": "open"}); err != nil {
			t.Fatal(err)
		}
		m := newMask(t, templateRule(text), Target{BaseType: "text", TypeKind: 'b', Row: row})
		got := ""
		if m.NewRow == nil {
			got = apply(t, m.New(), "Raw")
		} else {
			got = inRow(t, m, "Raw", "open")
		}
		if got != want.String() {
			t.Errorf("%s: %q, want %q", text, got, want.String())
		}
	}
}
