package verdict

import (
	"fmt"
	"maps"
	"regexp"
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
			leaning = leaning || m.Failure != nil && len(j.partsNamed(newCause(m, m.Failure))) > 0
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

// inPart says how the copy itself, which has a part of the rows, may have made a migration fail, and what to do; "" when it cannot have.
func (j *judge) inPart(c cause) (note, do string) {
	if b := j.brokenBy(c); b != nil {
		return fmt.Sprintf("%s of %s have NULL in staging, in %s, because the rules break this key: production need not have any",
			strings.Join(b.Columns, ", "), b.Table, report.Count(b.Rows, "row")), "Take the key out of subset: break: of the masking rules, or rehearse on all rows of both tables."
	}
	if t := j.parentInPart(c); t != "" {
		return fmt.Sprintf("staging has a part of the rows of %s, and the row that is missing may be in the other part", t),
			"Declare the key under subset: keys: of the masking rules, so that what it references is there, or rehearse on all rows of both tables."
	}
	if on := j.partsNamed(c); len(on) > 0 && c.byContent() {
		return fmt.Sprintf("the statement names %s, of which staging has a part, and may fail for what is in the other part or for its absence", some(on)),
			"Rehearse it on all rows: take these tables out of data: and subset: of the masking rules."
	}
	return "", ""
}

// byContent says that a failure may come from which rows there are, not from one that is there: a function's own error, a calculation, a value
// that a query did not find. What ALTER finds in rows is in them.
func (c cause) byContent() bool {
	switch state := c.f.SQLState; {
	case strings.HasPrefix(state, "P0"):
		return true
	case strings.HasPrefix(state, "22"), state == notNullViolation:
		return len(c.toks) > 0 && c.toks[0] != "alter"
	}
	return false
}

// brokenBy is a key that the rules break in the table that a migration failed on, for values that are missing.
func (j *judge) brokenBy(c cause) *report.BrokenKey {
	if c.f.SQLState != notNullViolation && c.f.SQLState != checkViolation && c.f.SQLState != "P0001" {
		return nil
	}
	named := script{statements: [][]string{c.toks}}
	for i, b := range j.r.Snapshot.BrokenKeys {
		table := parseRelation(b.Table)
		if b.Rows > 0 && (table == c.table || named.names(table)) && (c.f.Column == "" || slices.Contains(b.Columns, c.f.Column)) {
			return &j.r.Snapshot.BrokenKeys[i]
		}
	}
	return nil
}

// partsNamed are the tables that the failing statement names and of which staging has a part.
func (j *judge) partsNamed(c cause) []string {
	named := script{statements: [][]string{c.toks}}
	var on []string
	for _, t := range j.r.Snapshot.Tables {
		if t.Part != "" && (named.names(parseRelation(t.Table)) || t.Root != "" && named.names(parseRelation(t.Root))) {
			on = append(on, t.Table)
		}
	}
	slices.Sort(on)
	return on
}

// notPresent is what the server says, without translation, of a row that a key references in vain.
var notPresent = regexp.MustCompile(`is not present in table "(.*?)"`)

// parentInPart is a table of which staging has a part, when a foreign key failed for a row that may be in the other part; "" when it cannot be.
func (j *judge) parentInPart(c cause) string {
	if c.f.SQLState != foreignKeyViolation || strings.Contains(c.f.Message, "is still referenced from table ") {
		return ""
	}
	parent := parseRelation(referenced(c.toks))
	if m := notPresent.FindStringSubmatch(c.f.Message); parent.name == "" && m != nil {
		parent.name = m[1]
	}
	for _, t := range j.r.Snapshot.Tables {
		for _, name := range []string{t.Table, t.Root} {
			if r := parseRelation(name); t.Part != "" && name != "" && (r == parent || parent.schema == "" && r.name == parent.name) {
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
