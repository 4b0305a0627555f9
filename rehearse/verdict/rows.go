package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// rows judges what a migration did to rows. A change is declared when a statement of the migration names the table (or,
// for a partition, its root; or its name before a rename), and a loss when such a statement deletes, truncates or drops.
// What a trigger, a rule or a foreign key of a named table did is told as that. Everything else comes through a function, or from where
// nobody saw, as did the file's readers. A table
// made anew under its own name lost what it held, whatever the file says.
func (j *judge) rows(m *report.Migration) {
	if len(m.Rows) == 0 {
		return
	}
	d := declarations{script: readScript(m), old: oldNames(m.Schema)}
	led := d.reached(m.Rows).led
	for _, t := range m.Rows {
		if t.Before == nil || t.Table == j.r.Session.VersionTable {
			continue
		}
		c := d.of(t)
		c.by = led[t.Table]
		j.table(m, t, c)
		j.partitions(m, t, d)
	}
}

// declarations is what a migration's text says, with the old names of tables that it renamed.
type declarations struct {
	script
	old map[string]string
}

// of is what the text says about a table. What is said of a table above says it too; and so does what is said of every one of the
// partitions concerned.
func (d declarations) of(t report.TableRows) change {
	rels := d.relations(append([]string{t.Table, t.Root}, t.Parents...)...)
	c := change{named: anyOf(rels, d.names), removed: anyOf(rels, d.removes), cut: d.cut, estimated: estimated(t) && sameCount(t)}
	stayed := slices.DeleteFunc(slices.Clone(t.Partitions), func(p report.PartitionRows) bool { return p.Moved != "" })
	if len(stayed) == 0 {
		return c
	}
	named, removed := true, true
	for _, p := range stayed {
		rels := d.relations(p.Table)
		named = named && anyOf(rels, d.names)
		removed = removed && (!shrank(p) || anyOf(rels, d.removes))
	}
	c.named, c.removed = c.named || named, c.removed || removed
	return c
}

// relations are the names with those that they had before.
func (d declarations) relations(names ...string) []relation {
	var rels []relation
	for _, n := range names {
		for _, name := range []string{n, d.old[n]} {
			if name != "" {
				rels = append(rels, parseRelation(name))
			}
		}
	}
	return rels
}

// estimated tells figures that are not exact; of changes that a savepoint undid, only the count of rows is a proof.
func estimated(t report.TableRows) bool {
	return t.Method == report.Sampled || t.Method == report.Estimated
}

func sameCount(t report.TableRows) bool {
	return t.Before != nil && t.After != nil && *t.Before == *t.After
}

func shrank(p report.PartitionRows) bool {
	return p.Before != nil && *p.Before > 0 && (p.After == nil || *p.After < *p.Before)
}

// expected is how many rows a table had before, with the partitions that it has after: those attached came with their rows, and those
// detached took theirs along.
func expected(t report.TableRows) int64 {
	n := *t.Before
	for _, p := range t.Partitions {
		switch {
		case p.Before == nil:
		case p.Moved == "attached":
			n += *p.Before
		case p.Moved == "detached":
			n -= *p.Before
		}
	}
	return n
}

// partitions tells of those that the migration dropped by name, with their rows; others are losses of the table as a whole.
func (j *judge) partitions(m *report.Migration, t report.TableRows, d declarations) {
	for _, p := range t.Partitions {
		if p.After != nil || p.Before == nil || *p.Before == 0 || !anyOf(d.relations(p.Table), d.removes) {
			continue
		}
		j.add(report.Finding{
			Code: TableDropped, Level: report.Warn, Migration: m.Version, Object: p.Table, File: m.File,
			Text: fmt.Sprintf("%s dropped %s, a partition of %s, with its %s", m.ShortName(), p.Table, t.Table, report.Count(*p.Before, "row")),
			Do:   dropAdvice,
		})
	}
}

const dropAdvice = "Only a backup brings them back: have one before the release."

// change is what the migration's text says about a table.
type change struct {
	named, removed bool
	cut            bool             // part of the text is not known
	estimated      bool             // the server may have counted changes that were undone
	by             []report.Through // what else all of its changes came by; nil: they did not
}

func anyOf(rels []relation, is func(relation) bool) bool {
	for _, r := range rels {
		if is(r) {
			return true
		}
	}
	return false
}

// oldNames are the names of renamed tables, by their new ones.
func oldNames(cs []report.Change) map[string]string {
	out := map[string]string{}
	for _, c := range cs {
		if c.OldName != "" {
			out[c.Name] = c.OldName
		}
	}
	return out
}

// table makes at most one finding, the weightiest.
func (j *judge) table(m *report.Migration, t report.TableRows, c change) {
	before, after := *t.Before, int64(0)
	if t.After != nil {
		after = *t.After
	}
	f := report.Finding{Migration: m.Version, Object: t.Table, File: m.File, Level: report.Warn}
	who := m.ShortName()
	switch {
	case t.Replaced && after < before:
		f.Code = RowsLost
		f.Text = fmt.Sprintf("%s dropped %s and made it anew: %s before, %s after", who, t.Table, report.Count(before, "row"), report.Digits(after))
		f.Do = "Change the table in place (ALTER TABLE), or copy its rows before the old one is dropped."
		j.unexpected(&f, change{})
	case t.Replaced:
		f.Code = TableReplaced
		f.Text = fmt.Sprintf("%s put another table in the place of %s: %s before, %s after", who, t.Table, report.Count(before, "row"), report.Digits(after))
		f.Do = "Compare its grants, defaults, triggers, indexes and foreign keys in the schema section: a new table has only what it was given."
	case t.After == nil && c.removed:
		if before == 0 {
			return
		}
		f.Code = TableDropped
		f.Text = fmt.Sprintf("%s dropped %s with its %s", who, t.Table, report.Count(before, "row"))
		f.Do = dropAdvice
	case c.by != nil:
		j.through(&f, m, t, c.by)
	case after < expected(t) && !c.removed:
		f.Code = RowsLost
		f.Text = fmt.Sprintf("%s lost rows of %s, %s: %s before, %s after", who, t.Table, undeclared("deletes from", c), report.Count(before, "row"), report.Digits(after))
		f.Do = "Look for a cascading foreign key, a trigger or a function. If the loss is meant, delete from the table by name in the migration."
		j.unexpected(&f, c)
	case after == 0 && expected(t) > 0 && !goneWithPartitions(t):
		f.Code = TableEmptied
		f.Text = fmt.Sprintf("%s emptied %s: %s before, none after", who, t.Table, report.Count(before, "row"))
		f.Do = "If not every row was meant to go, look at the WHERE of the DELETE."
	case changed(t) && !c.named:
		f.Code = RowsUnexpected
		f.Text = fmt.Sprintf("%s changed rows of %s, %s: %s", who, t.Table, undeclared("names", c), verbs(t)) + changedColumns(m, t.Table)
		f.Do = "Look for a trigger, a cascading foreign key or a function. If the change is meant, say so by naming the table in the migration."
		j.unexpected(&f, c)
	default:
		return
	}
	j.add(f)
}

// goneWithPartitions tells whether a table is empty because partitions were dropped, which is told of them.
func goneWithPartitions(t report.TableRows) bool {
	return slices.ContainsFunc(t.Partitions, func(p report.PartitionRows) bool { return p.Before != nil && p.After == nil })
}

// undeclared says how the text was found not to cover a change.
func undeclared(verb string, c change) string {
	if c.cut {
		return "which no statement " + verb + " in the part of the text that was kept"
	}
	return "which no statement of it " + verb
}

// unexpected gives a finding the weight that the policy has for it. Where the text was cut, or the change may have been undone, it stays a
// warning.
func (j *judge) unexpected(f *report.Finding, c change) {
	undone := c.estimated && f.Code == RowsUnexpected
	if j.p.UnexpectedRowChanges == policyFail && !c.cut && !undone {
		f.Level, f.ExitCode = report.Fail, exitPolicy
	}
}

// changed leaves the counts aside: a loss is told before, and a gain shows in inserted.
func changed(t report.TableRows) bool {
	return t.Inserted != 0 || t.Updated != 0 || t.Deleted != 0 || t.Truncated
}

func verbs(t report.TableRows) string {
	var out []string
	for _, p := range []struct {
		n    int64
		verb string
	}{{t.Inserted, "inserted"}, {t.Updated, "updated"}, {t.Deleted, "deleted"}} {
		if p.n != 0 {
			out = append(out, report.Digits(p.n)+" "+p.verb)
		}
	}
	if len(out) == 0 {
		return "its storage was emptied"
	}
	text := strings.Join(out, ", ")
	if estimated(t) {
		text = "about " + text
	}
	return text
}
