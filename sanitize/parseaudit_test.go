package sanitize_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/sanitize"
)

func TestParseAuditMistakes(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"audit: [a]":                        "2:8: audit must be a mapping (key: value), not a list",
		"audit: {alow: {}}":                 `2:9: unknown key "alow" in audit; did you mean "allow"?`,
		"audit: {allow: {a.b: x}}":          "2:22: what is allowed in a.b must be a mapping (key: value), not a single value",
		`audit: {allow: {a.b: {c: ""}}}`:    "2:26: why column c may hold it must be a text",
		"audit: {allow: {a.b: {c: [why]}}}": "2:26: why column c may hold it must be a text",
	} {
		_, err := sanitize.ParseRules("m", []byte("version: 1\n"+src+"\ntables: {}\n"))
		var mistakes *sanitize.RulesError
		if !errors.As(err, &mistakes) || len(mistakes.Issues) != 1 {
			t.Errorf("%s: got %v", src, err)
			continue
		}
		if diff := cmp.Diff("m:"+want, mistakes.Issues[0].String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", src, diff)
		}
	}
}

func TestPlanAccepts(t *testing.T) {
	t.Parallel()
	events := table("s.events", "id int8!", "note text")
	events.Partitions = []sanitize.Relation{{Schema: "s", Name: "events_1"}}
	db := database(events)
	db.Views = []sanitize.View{{Schema: "s", Name: "sums", Columns: []string{"a"}}}
	plan := mustPlan(t, "version: 1\ntables: {s.events: {id: keep, note: keep}}\naudit: {allow: {s.events: {note: codes only}, s.sums: {a: sums}}}\n", db)
	if reason, ok := plan.Accepted("s", "sums", "a"); !ok || reason != "sums" {
		t.Errorf("a view: %q, %v", reason, ok)
	}
	for _, name := range []string{"events", "events_1"} {
		if reason, ok := plan.Accepted("s", name, "note"); !ok || reason != "codes only" {
			t.Errorf("%s: %q, %v", name, reason, ok)
		}
	}
	if _, ok := plan.Accepted("s", "events", "id"); ok {
		t.Error("a column is accepted that nobody named")
	}
}

func TestPlanRefusesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	err := planError(t, "  s.a: {note: keep}\naudit: {allow: {s.a: {nota: x}, s.b: {c: x}}}\n", database(table("s.a", "note text")))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`audit: table s.a has no column nota; did you mean "note"?`, "audit: there is no table s.b"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}
