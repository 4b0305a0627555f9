package sanitize_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/sanitize"
)

func ExampleParseRules() {
	_, err := sanitize.ParseRules("rehearse.masks.yaml", []byte(`version: 1
classes:
  person.email: {mask: email}
tables:
  shop.customers:
    id: keep
    email: person.emial
    phone: {maks: phone}
`))
	fmt.Println(err)
	// Output:
	// rehearse.masks.yaml:7:12: no mask or class is called "person.emial"; did you mean "person.email"?
	// rehearse.masks.yaml:8:12: the rule of column phone lacks the key "mask"; is "maks" meant to be it?
}

// TestParseRulesMistakes gives malformed files and the whole text of the error: every mistake at once, in order of places.
func TestParseRulesMistakes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, src string
		want      []string
	}{
		{"empty", "", []string{"1:1: the file is empty; it must begin with version: 1"}},
		{"only comments", "# nothing\n", []string{"1:1: the file is empty; it must begin with version: 1"}},
		{"only a marker", "---\n", []string{"1:1: the file is empty; it must begin with version: 1"}},
		{"a list", "- a\n", []string{"1:1: the file must be a mapping (key: value), not a list"}},
		{"no version", "tables: {}\n", []string{"1:1: version is missing; write version: 1"}},
		{"wrong version", "version: 2\n", []string{"1:10: unknown version; this program reads version 1"}},
		{"version is a mapping", "version: {a: 1}\n", []string{"1:10: unknown version; this program reads version 1"}},
		{"unknown top-level keys", "version: 1\ntabels: {}\npolicy: {}\n", []string{
			`2:1: unknown key "tabels"; did you mean "tables"?`,
			`3:1: unknown key "policy"`,
		}},
		{"large objects", "version: 1\nlarge_objects: all\n", []string{"2:16: large_objects is one of none, blank, keep"}},
		{"large objects as a list", "version: 1\nlarge_objects: [keep]\n", []string{"2:16: large_objects is one of none, blank, keep"}},
		{"second document", "version: 1\n---\nversion: 1\n", []string{"2:1: a second YAML document begins here; a rules file is one document"}},
		{"broken second document", "version: 1\n---\na: [\n", []string{"4:1: not YAML: did not find expected node content while parsing a flow node"}},
		{"not YAML", "version: 1\ntables:\n\ta: b\n", []string{"3:1: not YAML: a tab, @, % or ` can begin nothing here; indent with spaces, and put such values into quotes"}},
		{"not text", "\xff\xfe\x00", []string{"1:1: not YAML: incomplete UTF-16 character"}},
		{"tables is a list", "version: 1\ntables: [a]\n", []string{"2:9: tables must be a mapping (key: value), not a list"}},
		{"duplicates", "version: 1\nversion: 1\ntables:\n  a.b: {x: keep, x: keep}\n  a.b: {}\n  a.\"b\": {}\n", []string{
			`2:1: key "version" is written twice, first in line 1`,
			`4:18: key "x" is written twice, first in line 4`,
			`5:3: key "a.b" is written twice, first in line 4`,
			`6:3: table a.b is listed twice, first in line 4`,
		}},
		{"names", "version: 1\ntables:\n  customers: {}\n  a.b.c: {}\n  '\"a.b': {}\n  a b.c: {}\n", []string{
			`3:3: "customers" is not the name of a table: ` + nameHint,
			`4:3: "a.b.c" is not the name of a table: ` + nameHint,
			`5:3: "\"a.b" is not the name of a table: ` + nameHint,
			`6:3: "a b.c" is not the name of a table: ` + nameHint,
		}},
		{"masks", "version: 1\ntables:\n  a.b:\n    c: emial\n    d:\n    e: ~\n    f: [keep]\n    g: {mask: [keep]}\n    h: true\n    i: {mask: }\n", []string{
			`4:8: no mask or class is called "emial"; did you mean "email"?`,
			`5:7: column d has no mask; write keep to copy it as it is`,
			`6:8: column e has no mask; write keep to copy it as it is`,
			`7:8: the rule of column f must be a mask, a class, or a mapping with mask: in it, not a list`,
			`8:15: mask: must be the name of a mask or class, not a list`,
			`9:8: no mask or class is called "true"`,
			`10:15: column i has no mask; write keep to copy it as it is`,
		}},
		{"parameters", "version: 1\ntables:\n  a.b:\n    c: {mask: digits, keep_prefx: 6}\n    d: {mask: null, x: 1}\n    e: {mask: hash, domain: [a], reason: ''}\n    f: {mask: constant, value: null}\n", []string{
			`4:23: mask digits has no parameter "keep_prefx"; did you mean "keep_prefix"?`,
			`5:21: mask null has no parameter "x"; it has checked, domain, reason`,
			`6:29: domain must be a name`,
			`6:42: reason must be a text`,
			`7:32: the value is missing; the null mask makes NULL, and an empty text is ""`,
		}},
		{"classes", "version: 1\nclasses:\n  email: keep\n  a: b\n  b: {mask: a}\n  c: nosuch\n  unused: {mask: nosuch}\ntables:\n  x.y: {p: c, q: c}\n", []string{
			`3:3: class "email" has the name of a mask`,
			`4:6: class "a" is made of itself`,
			`6:6: no mask or class is called "nosuch"`,
			`7:18: no mask or class is called "nosuch"`,
		}},
		{"aliases", "version: 1\nclasses:\n  a: &x {mask: keep}\n  b: *x\n  c: {<<: *x}\n  d: !mine keep\n  ? [q]\n  : keep\n", []string{
			`3:6: anchors and aliases are not read here; use classes`,
			`4:6: anchors and aliases are not read here; use classes`,
			`5:6: the rule of class "c" lacks the key "mask"`,
			`5:7: merge keys (<<) are not read here; use classes`,
			`6:6: the tag !mine means nothing here`,
			`7:5: a key must be a plain text, not a list`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := sanitize.ParseRules("m.yaml", []byte(tt.src))
			var rules *sanitize.RulesError
			if !errors.As(err, &rules) {
				t.Fatalf("error is %v, want a *RulesError", err)
			}
			got := strings.Split(err.Error(), "\n")
			for i := range got {
				got[i] = strings.TrimPrefix(got[i], "m.yaml:")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
		})
	}
}

const nameHint = `want schema.table as SQL writes it, each part in double quotes where it needs them, such as shop.customers or "My Schema"."T.1"`

func TestRulesHash(t *testing.T) {
	t.Parallel()
	r, err := sanitize.ParseRules("m.yaml", []byte("version: 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	// printf 'version: 1\n' | sha256sum
	if got, want := r.Hash(), "09bfcc6a14b83e2192b8673677725c84883ee9cd0c70e45c9ec09daa8f2b2847"; got != want {
		t.Errorf("hash is %s, want %s", got, want)
	}
}

// FuzzParseRules asks only that nothing panics and that every mistake has a place.
func FuzzParseRules(f *testing.F) {
	f.Add("version: 1\ndata: {a.b: none, a.c: {rows: \"x > (1)\"}}\nsubset: {roots: {a.b: {percent: 5}}, whole: [a.d], keys: [{from: \"a.e(\\\"f\\\", g)\", to: \"a.b(c, d)\"}], break: [a.b(c)]}\n")
	f.Add("version: 1\nclasses:\n  a: {mask: hash, length: 12}\ntables:\n  a.b: {c: a, d: null}\n")
	f.Add("version: 1\ntables:\n  a.b: {c: &x [*x], ? {} : 1, <<: *x}\n---\n")
	f.Add("\xff\xfe\x00a")
	f.Fuzz(func(t *testing.T, src string) {
		_, err := sanitize.ParseRules("m.yaml", []byte(src))
		var rules *sanitize.RulesError
		if err != nil && (!errors.As(err, &rules) || len(rules.Issues) == 0) {
			t.Fatalf("error is %v, want a *RulesError with issues", err)
		}
		for _, issue := range issuesOf(rules) {
			if issue.Line < 1 || issue.Column < 1 || issue.Text == "" {
				t.Errorf("issue without a place or text: %+v", issue)
			}
		}
	})
}

func issuesOf(err *sanitize.RulesError) []sanitize.Issue {
	if err == nil {
		return nil
	}
	return err.Issues
}
