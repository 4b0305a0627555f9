package verdict_test

import (
	"testing"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// TestInvalidBefore: an INVALID index of before is told where a migration means to build it, and nowhere else.
func TestInvalidBefore(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]int{
		"CREATE INDEX IF NOT EXISTS i ON s.t (a)":                            1,
		"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)":          1,
		"CREATE INDEX IF NOT EXISTS other ON s.t (a)":                        0,
		"CREATE INDEX IF NOT EXISTS i ON s.another (a)":                      0,
		"ALTER TABLE s.t ADD i int":                                          0,
		"COMMENT ON INDEX s.i IS 'CREATE INDEX IF NOT EXISTS i ON s.t (a);'": 0,
	} {
		t.Run(sql, func(t *testing.T) {
			t.Parallel()
			r := with(up(sql))
			r.StayInvalid = []report.Leftover{{Kind: "invalid index", Object: "s.i", Table: "s.t", SQL: "DROP INDEX CONCURRENTLY s.i;"}}
			verdict.Judge(lenient, r)
			got := 0
			for _, f := range r.Findings {
				if f.Code == verdict.InvalidIndex {
					got++
				}
			}
			if got != want || (r.Verdict == report.GoWithConditions) != (want > 0) {
				t.Errorf("%d findings, verdict %s", got, r.Verdict)
			}
		})
	}
}
