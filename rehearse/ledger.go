package rehearse

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// compareCollations tells where text may be in another order in staging, or where the source itself does not know in which.
func (r *rehearsal) compareCollations(there, here catalog.Database) {
	if a, b := there.CollationVersion, here.CollationVersion; a != b && a != "" && b != "" {
		r.differ(report.Difference{
			What: "collation version", Source: a, Staging: b,
			Effect: "another library orders text: what is equal, in which range or which partition may differ, and indexes here were built by the other one",
		})
	}
	if was, is := there.CollationRecorded, there.CollationVersion; was != is && was != "" && is != "" {
		r.differ(report.Difference{
			What: "collation version of production's indexes", Source: was + ", with a library of version " + is, Staging: "built anew",
			Effect: "indexes on text in production may be in a wrong order, and let duplicates pass that a new unique index here refuses: REINDEX, then ALTER DATABASE ... REFRESH COLLATION VERSION",
		})
	}
}

// What of sizes is told: tables of so many bytes here or there, where one is so many times the other, and no more of them than that.
const (
	leastBloat   = 8 << 20
	bloatFactor  = 1.2
	mostBloatful = 10
)

// compareSizes tells which large tables are larger in production than the copy of them, which has no dead rows and full pages. Both are the
// main forks of table and TOAST table; production's are those of when its catalog was read.
func (r *rehearsal) compareSizes(tables []catalog.Table, sizes []catalog.Size) {
	here := map[string]int64{}
	for _, s := range sizes {
		if s.Kind == "table" {
			here[s.Name] = s.Bytes
		}
	}
	whole := map[string]bool{}
	for _, t := range r.result.Snapshot.Tables {
		whole[t.Table] = t.Part == ""
	}
	type grown struct {
		name       string
		there, now int64
	}
	var all []grown
	for _, t := range tables {
		g := grown{t.String(), t.Bytes + t.ToastBytes, here[t.String()]}
		if whole[g.name] && g.there >= leastBloat && float64(g.there) > bloatFactor*float64(g.now) {
			all = append(all, g)
		}
	}
	slices.SortFunc(all, func(a, b grown) int {
		return cmp.Or(cmp.Compare(b.there-b.now, a.there-a.now), cmp.Compare(a.name, b.name))
	})
	for i, g := range all {
		if i == mostBloatful {
			r.differ(report.Difference{What: "size of " + count(len(all)-i, "more table"), Source: "larger", Staging: "without bloat"})
			break
		}
		r.differ(report.Difference{
			What: "size of table " + g.name, Source: size(g.there), Staging: size(g.now),
			Effect: fmt.Sprintf("the copy has no bloat: full scans and rewrites of it read about %.1f times as much in production, if no mask made values shorter", float64(g.there)/float64(max(g.now, 8192))),
		})
	}
}
