package migrate

import (
	"regexp"
	"slices"

	"github.com/rehearse-db/rehearse/rehearse/observe"
)

// What statements do to transactions, by how they begin once comments are gone.
var (
	begins   = regexp.MustCompile(`(?i)^(begin|start transaction)\b`)
	ends     = regexp.MustCompile(`(?i)^(commit|end|rollback|abort|prepare transaction)\b`)
	savings  = regexp.MustCompile(`(?i)^(savepoint|release|rollback (work |transaction )?to|(commit|end|rollback|abort)( work| transaction)? and chain)\b`)
	bookable = regexp.MustCompile(`(?i)^(((create|alter|drop) (or replace |unique |temp |temporary |unlogged |materialized )*` +
		`(table|index|view|sequence|function|procedure|trigger|type|domain|schema|policy|rule|extension|statistics|role))|` +
		`insert|update|delete|merge|truncate|comment|grant|revoke)\b`)
	concurrently = regexp.MustCompile(`(?i)\bconcurrently\b`)
)

const beginning = 120 // characters of a statement in which these words stand

// inOneBlock says whether what golang-migrate sends as one text is one transaction, and the same if it is sent piece by piece in a block of its
// own: several statements, none of which begins or ends one; or one that does in a block what it does by itself. Of others the latter is
// not known: CONCURRENTLY, VACUUM and the like refuse a block, DO and CALL may commit.
func inOneBlock(all []observe.Source) bool {
	if len(all) == 1 {
		sql := all[0].SQL
		return bookable.MatchString(observe.Fold(sql, beginning)) && !concurrently.MatchString(sql)
	}
	return len(all) > 1 && !slices.ContainsFunc(all, func(s observe.Source) bool {
		head := observe.Fold(s.SQL, beginning)
		return begins.MatchString(head) || ends.MatchString(head)
	})
}
