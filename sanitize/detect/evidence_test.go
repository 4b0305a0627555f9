package detect_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rehearse-db/rehearse/sanitize/detect"
)

// TestNationalIDs gives numbers that the countries' own documents use as examples, and each with one digit changed.
func TestNationalIDs(t *testing.T) {
	t.Parallel()
	for country, values := range map[string][2]string{
		"nl": {"111222333", "111222334"},
		"pl": {"44051401359", "44051401358"},
		"de": {"86095742719", "86095742718"},
		"br": {"529.982.247-25", "529.982.247-26"},
		"fr": {"1 85 05 78 006 084 91", "1 85 05 78 006 084 92"},
		"es": {"12345678Z", "12345678A"},
		"it": {"RSSMRA85T10A562S", "RSSMRA85T10A562T"},
		"se": {"811218-9876", "811218-9877"},
		"gb": {"AB 12 34 56 C", "QQ 12 34 56 C"},
		"us": {"219-09-9999", "000-12-3456"},
	} {
		c := detect.Column{Table: "t", Name: "x", BaseType: "text"}
		g := detect.Classify(c, []string{values[0], values[0]})
		if want := fmt.Sprintf("{mask: national_id, country: %s}", country); g.Class != "national id" || g.Rules[0] != want || !slices.Contains(g.Rules, "shape") {
			t.Errorf("%s: %q %v", country, g.Class, g.Rules)
		}
		if g := detect.Classify(c, []string{values[1], values[1]}); g.Class == "national id" {
			t.Errorf("%s: %s is none: %s", country, values[1], g.Evidence)
		}
	}
	if g := detect.Classify(detect.Column{Table: "t", Name: "x", BaseType: "int8"}, []string{"111222333", "111222333"}); g.Class != "national id" || g.Rules[0] == "keep" {
		t.Errorf("a number: %+v", g)
	}
}

// TestHints goes by what neither name nor form prove.
func TestHints(t *testing.T) {
	t.Parallel()
	codes := strings.Fields(strings.Repeat("view login logout ", 20))
	births := []string{"1961-02-03", "1987-12-01", "1990-05-05", "1944-11-30", "2001-01-01", "1975-07-07"}
	hired := []string{"2021-02-03", "2023-12-01", "2022-05-05", "2024-11-30", "2020-01-01", "2023-07-07"}
	tests := []struct {
		what     string
		column   detect.Column
		values   []string
		class    string
		keep     bool
		evidence string
	}{
		{"first names", text("x"), []string{"James", "Mary", "Zaphod"}, "first name", false, "2 of 3 values are first names"},
		{"last names", text("x"), []string{"Garcia", "Martinez", "x1"}, "last name", false, "2 of 3 values are last names"},
		{"names under a harmless name", text("status"), []string{"James Smith", "Mary Jones"}, "person name", false, "2 of 2 values have the form of a name and begin with a first name, or end with a last name"},
		{"streets", text("x"), []string{"12 Main Street", "7 Long Road", "Hauptstraße 4"}, "address", false, "3 of 3 values look like streets"},
		{"codes", text("x"), codes, "", true, "60 of 60 values are few codes, each many times"},
		{"few codes", text("x"), codes[:5], "", false, "text of unknown content"},
		{"tokens", text("x"), []string{"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc"}, "secret", false, "1 of 1 values are tokens, keys or hashes of passwords"},
		{"births", detect.Column{Name: "x", BaseType: "date"}, births, "birth date", false, "6 of 6 values are dates as those of births are: spread over decades, none of late"},
		{"no births", detect.Column{Name: "x", BaseType: "date"}, hired, "", true, "time"},
		{"a comment on a number", detect.Column{Name: "x", BaseType: "int8", Comment: "Phone of the customer, digits only"}, nil, "phone", false, "by comment"},
		{"a comment on a date", detect.Column{Name: "x", BaseType: "date", Comment: "GDPR: delete after 3 years"}, nil, "personal data", false, "by comment"},
		{"a comment on nothing", detect.Column{Name: "x", BaseType: "int8", Comment: "number of the line"}, nil, "", true, "number"},
		{"elements", detect.Column{Name: "x", BaseType: "_text"}, []string{`{a@b.example,"c d@e.example"}`, `{{f@g.example}}`}, "email", false, "2 of 3 elements are e-mail addresses"},
	}
	for _, tt := range tests {
		g := detect.Classify(tt.column, tt.values)
		if g.Class != tt.class || (g.Rules[0] == "keep") != tt.keep || g.Evidence != tt.evidence {
			t.Errorf("%s: %q %q %q", tt.what, g.Class, g.Rules[0], g.Evidence)
		}
	}
}

func text(name string) detect.Column {
	return detect.Column{Table: "things", Name: name, BaseType: "text"}
}

// TestCutDocument reads what there is of a document that a sample cuts off.
func TestCutDocument(t *testing.T) {
	t.Parallel()
	g := detect.Classify(detect.Column{Table: "t", Name: "doc", BaseType: "jsonb"}, []string{`{"a": {"mail": "jane@corp.example", "n": null, "list": [1, "x"]}, "phone": "+49 30 901820", "long": "abc`})
	if want := `{mask: json, default: shape, paths: {"$.a.mail": email, "$.phone": phone}}`; g.Rules[0] != want {
		t.Errorf("got %s", g.Rules[0])
	}
}

func TestInside(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"ask Jane.Doe@corp.de or joe@corp.de":                        "2 e-mail addresses",
		"(a)::text ~~ '%@example.com'::text":                         "",
		"mail jane@example.com, jane@shop.test":                      "",
		"(value ~ '^[^@[:space:]]+@[^@[:space:]]+$'::text)":          "",
		"'4111 1111 1111 1111', 4111111111111112":                    "1 card number",
		"'DE89370400440532013000' 'DE88370400440532013000'":          "1 IBAN",
		"+49 30 901820 and +1 555 0100 and 2026-11-23 10:00:00+00":   "1 phone number",
		"84.17.45.9 10.0.0.1 127.0.0.1 1.2.3 192.0.2.1 2a00:1450::1": "2 IP addresses",
		"'Chrome/120.0.0.0' or 120.0.0.0/8":                          "",
		"postgres://app:hunter2@db/prod":                             "1 token or key",
		"nextval('shop.customers_id_seq'::regclass)":                 "",
		"'2026-11-23 10:00:00'::timestamp, 0.25::numeric(10,2)":      "",
	} {
		if got := strings.Join(detect.Inside(text), ", "); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
