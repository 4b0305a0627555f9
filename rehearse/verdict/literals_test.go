package verdict_test

import (
	"testing"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

func TestLiterals(t *testing.T) {
	t.Parallel()
	one := report.SchemaLiteral{Object: "view shop.staff", Part: "definition", Kinds: []string{"1 e-mail address", "2 phone numbers"}}
	for text, n := range map[string]int{
		"": 0,
		"1 definition of the schema, in the copy too, with what looks like personal data: view shop.staff, definition: 1 e-mail address, 2 phone numbers": 1,
	} {
		r := &report.Result{}
		for range n {
			r.Masking.Literals = append(r.Masking.Literals, one)
		}
		verdict.Judge(verdict.Policy{Strict: true}, r)
		var got report.Finding
		for _, f := range r.Findings {
			if f.Code == verdict.SchemaLiteral {
				got = f
			}
		}
		if got.Text != text || n > 0 && (got.Level != report.Warn || got.Object != one.Object) || r.ExitCode != 0 {
			t.Errorf("%d: %+v, exit code %d", n, got, r.ExitCode)
		}
	}
}
