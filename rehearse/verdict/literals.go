package verdict

import (
	"fmt"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// mostLiterals is how many definitions the finding names.
const mostLiterals = 5

// literals tells of personal data in the definitions of the schema, which no mask reaches: masks work on rows.
func (j *judge) literals() {
	all := j.r.Masking.Literals
	if len(all) == 0 {
		return
	}
	text := fmt.Sprintf("%s of the schema, in the copy too, with what looks like personal data", report.Count(int64(len(all)), "definition"))
	for i, l := range all[:min(len(all), mostLiterals)] {
		text += map[bool]string{true: ": ", false: "; "}[i == 0] + l.String()
	}
	if n := len(all) - mostLiterals; n > 0 {
		text += fmt.Sprintf("; and %d more", n)
	}
	j.add(report.Finding{
		Code: SchemaLiteral, Level: report.Warn, Object: all[0].Object, Text: text,
		Do: "Take it out of the schema, or say under schema_literals: allow: in the masking rules why it may stay; rehearse sanitize check lists all.",
	})
}
