package verdict

import (
	"fmt"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// passedOver tells of statements that failed while the migration went on and said in the end that all was well, as psql does without
// ON_ERROR_STOP. Tools ask in vain by SELECT, on purpose; anything else that failed is missing.
func (j *judge) passedOver(m *report.Migration) {
	if !m.Command {
		return
	}
	var first *report.Statement
	n := int64(0)
	for i := range m.Statements {
		if st := &m.Statements[i]; st.Failure != nil && st.Failure.SQLState != "" {
			if toks := tokens(st.SQL); len(toks) > 0 && toks[0] == "select" {
				continue
			}
			if n++; first == nil {
				first = st
			}
		}
	}
	if first == nil {
		return
	}
	j.add(report.Finding{
		Code: FailurePassedOver, Level: report.Condition, Migration: m.Version, Object: first.Failure.Table,
		Text: fmt.Sprintf("%s went on after %s had failed and ended with success: %s (%s)", m.ShortName(), report.Count(n, "statement"),
			first.Failure.Message, first.Failure.SQLState),
		Do: "Have the tool stop at the first error (psql: -v ON_ERROR_STOP=1), or make sure that the failure is meant. The first statement:\n" + indented(first.SQL),
	})
}

// outsideFile says how a statement gets out of a transaction, in the words of what applies the migration.
func outsideFile(m *report.Migration, what string) string {
	if m.Command {
		return what + " into a migration of its own, which the tool runs outside a transaction."
	}
	if m.Migrator != "" {
		return what + " into a file of its own, which " + m.Migrator.Name() + " runs outside a transaction."
	}
	return what + " into a file that begins with\n    -- +goose NO TRANSACTION"
}
