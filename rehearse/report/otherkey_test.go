package report_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

func TestAfter(t *testing.T) {
	t.Parallel()
	result := func(database, key string, ephemeral bool) *report.Result {
		return &report.Result{
			SchemaVersion: 1, ID: "run-" + key, Source: report.Server{Database: database}, Masking: report.Masking{Columns: 1, KeyID: key, Ephemeral: ephemeral, RulesFile: "f"},
		}
	}
	for name, c := range map[string]struct {
		is, was *report.Result
		told    bool
	}{
		"the same key":             {result("shop", "b", false), result("shop", "b", false), false},
		"another key":              {result("shop", "b", false), result("shop", "a", false), true},
		"none is kept any more":    {result("shop", "b", true), result("shop", "a", false), true},
		"none was kept":            {result("shop", "b", false), result("shop", "a", true), false},
		"of another database":      {result("shop", "b", false), result("bank", "a", false), false},
		"stopped before there was": {result("shop", "b", false), result("shop", "", false), false},
	} {
		c.is.After(c.was)
		var b bytes.Buffer
		if err := report.Text(&b, c.is, report.TextOptions{Width: 200}); err != nil {
			t.Fatal(err)
		}
		if told := strings.Contains(b.String(), "run run-a had key a: its pseudonyms cannot be compared with these"); told != c.told {
			t.Errorf("%s: told %v, want %v:\n%s", name, told, c.told, b.String())
		}
	}
}
