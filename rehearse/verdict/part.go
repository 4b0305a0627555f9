package verdict

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// part judges what a rehearsal is worth on a part of the rows. A migration that reads, changes or rewrites a table of which staging has a
// part was seen to do that for that part: how long it takes, how large it gets, and whether every row allows it, is left. One that only
// changes the catalog takes as long for any number of rows.
func (j *judge) part() {
	partial := map[string]report.TableCopy{}
	for _, t := range j.r.Snapshot.Tables {
		if t.Part != "" {
			partial[t.Table] = t
		}
	}
	if len(partial) == 0 {
		return
	}
	leaning := false
	for i := range j.r.Migrations {
		m := &j.r.Migrations[i]
		if m.Outcome != report.Applied {
			continue
		}
		var on []string
		for _, name := range slices.Sorted(maps.Keys(partial)) {
			if dependsOn(m, partial[name]) {
				on = append(on, name)
			}
		}
		if len(on) == 0 {
			continue
		}
		leaning = true
		j.add(report.Finding{
			Code: PartOfRows, Level: report.Condition, Migration: m.Version, Object: on[0], File: m.File,
			Text: fmt.Sprintf("%s works on rows of %s, of which staging has a part; its time, its sizes, and that no row is in its way, are known for that part only", m.ShortName(), some(on)),
			Do:   "Rehearse it on all rows before the release: take these tables out of data: and subset: of the masking rules.",
		})
	}
	if !leaning {
		j.add(report.Finding{
			Code: PartOfRows, Level: report.Info,
			Text: fmt.Sprintf("staging has a part of the rows of %s; no migration was seen to work on rows of them", report.Count(int64(len(partial)), "table")),
		})
	}
}

// parentInPart is a table of which staging has a part, when a foreign key failed for a row that may be in the other part; "" when it cannot be.
func (j *judge) parentInPart(c cause) string {
	if c.f.SQLState != foreignKeyViolation || strings.Contains(c.f.Message, "is still referenced from table ") {
		return ""
	}
	parent := parseRelation(referenced(c.toks))
	for _, t := range j.r.Snapshot.Tables {
		if t.Part == "" {
			continue
		}
		for _, name := range []string{t.Table, t.Root} {
			if r := parseRelation(name); name != "" && (parent.name == "" || r == parent || parent.schema == "" && r.name == parent.name) {
				return name
			}
		}
	}
	return ""
}

// rowTags begin the command tags of statements that work on rows, or may.
var rowTags = []string{"INSERT", "UPDATE", "DELETE", "MERGE", "SELECT", "COPY", "DO", "CALL"}

// dependsOn says that what the migration did goes by the rows of a table.
func dependsOn(m *report.Migration, t report.TableCopy) bool {
	is := func(name string) bool { return name == t.Table || t.Root != "" && name == t.Root }
	if slices.ContainsFunc(m.Rewrites, func(r report.Rewrite) bool { return is(r.Table) }) ||
		slices.ContainsFunc(m.Rows, func(r report.TableRows) bool {
			return is(r.Table) || slices.ContainsFunc(r.Partitions, func(p report.PartitionRows) bool { return is(p.Table) })
		}) {
		return true
	}
	rows := false
	for _, s := range m.Statements {
		if slices.ContainsFunc(s.Scans, func(c report.Scan) bool { return is(c.Table) }) {
			return true
		}
		tag, _, _ := strings.Cut(s.Tag, " ")
		rows = rows || slices.Contains(rowTags, tag)
	}
	if !rows {
		return false
	}
	s := readScript(m)
	return s.names(parseRelation(t.Table)) || t.Root != "" && s.names(parseRelation(t.Root))
}
