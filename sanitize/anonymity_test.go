package sanitize_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rehearse-db/rehearse/sanitize"
)

var people = sanitize.Database{Tables: []sanitize.Table{{
	Schema: "shop", Name: "people", Partitions: []sanitize.Relation{{Schema: "shop", Name: "people_1"}},
	Columns: []sanitize.Column{
		{Name: "postcode", Type: "text", BaseType: "text", TypeKind: 'b'},
		{Name: "Sex", Type: "text", BaseType: "text", TypeKind: 'b'},
		{Name: "place", Type: "point", BaseType: "point", TypeKind: 'b'},
	},
}}}

const peopleRules = "version: 1\ntables: {shop.people: {postcode: keep, Sex: keep, place: keep}}\nk_anonymity:\n"

func TestAnonymity(t *testing.T) {
	t.Parallel()
	rules, err := sanitize.ParseRules("f", []byte(peopleRules+"  - {table: shop.people, columns: [postcode, Sex], k: 5, fail: true}\n  - {table: shop.people, columns: [place], k: 2}\n"))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := rules.Plan(people, sanitize.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	got := plan.Anonymity()
	if len(got) != 2 || got[0].K != 5 || !got[0].Fail || strings.Join(got[0].Columns, ",") != "postcode,Sex" || len(got[0].Text) != 0 {
		t.Errorf("got %+v", got)
	}
	if len(got) == 2 && strings.Join(got[1].Text, ",") != "place" {
		t.Errorf("a point has no equality that groups: got %+v", got[1])
	}
}

func TestAnonymityRefused(t *testing.T) {
	t.Parallel()
	for entry, want := range map[string]string{
		"  postcode":   "k_anonymity must be a list of",
		"  - postcode": "must be a mapping",
		"  - {table: shop.people, columns: [postcode]}":            "needs table, columns and k",
		"  - {table: shop.people, columns: [postcode], k: 1}":      "k must be a number of rows, at least 2",
		"  - {table: people, columns: [postcode], k: 3}":           "table must be the name of one",
		"  - {table: shop.people, columns: [a, a], k: 3}":          "column a is named twice",
		"  - {table: shop.people, columns: [a], k: 3, fail: yess}": "fail must be true or false",
		"  - {table: shop.people, column: [a], k: 3}":              `did you mean "columns"?`,
		"  - {table: shop.people, columns: [sex], k: 3}":           `no column sex; did you mean "Sex"?`,
		"  - {table: shop.peple, columns: [Sex], k: 3}":            "did you mean shop.people?",
		"  - {table: shop.people_1, columns: [Sex], k: 3}":         "is a partition of shop.people",
	} {
		rules, err := sanitize.ParseRules("f", []byte(peopleRules+entry+"\n"))
		if err == nil {
			_, err = rules.Plan(people, sanitize.NewKey())
		}
		var mistakes *sanitize.RulesError
		var plan *sanitize.PlanError
		if !errors.As(err, &mistakes) && !errors.As(err, &plan) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", entry, err, want)
		}
	}
}
