package verdict

import (
	"fmt"
	"slices"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// takenForBuilt tells of indexes that were INVALID before and stay so because IF NOT EXISTS takes them for the ones that are wanted.
func (j *judge) takenForBuilt() {
	for _, l := range j.r.StayInvalid {
		for i := range j.r.Migrations {
			m := &j.r.Migrations[i]
			if m.Outcome != report.Applied || !readScript(m).takes(parseRelation(l.Object), parseRelation(l.Table)) {
				continue
			}
			j.add(report.Finding{
				Code: InvalidIndex, Level: report.Condition, Migration: m.Version, File: m.File, Object: l.Object,
				Text: fmt.Sprintf("%s does not build index %s on %s: it is there and INVALID, and IF NOT EXISTS takes it for the one that is wanted; no query uses it", m.ShortName(), l.Object, l.Table),
				Do:   "Drop it in production before the release, so that the migration builds it:\n" + indented(l.SQL),
			})
			break
		}
	}
}

// takes tells whether a statement makes the index on the table unless there is one of its name.
func (s script) takes(index, table relation) bool {
	return slices.ContainsFunc(s.statements, func(toks []string) bool {
		for i := range toks {
			if i >= 4 && toks[0] == "create" && toks[i-1] == "exists" && toks[i-2] == "not" && toks[i-3] == "if" && index.at(toks, i) && named(toks, table) {
				return true
			}
		}
		return false
	})
}
