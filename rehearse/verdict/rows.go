package verdict

import (
	"fmt"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// rows judges what a migration did to rows. A change is declared when a statement of the migration names the table (or,
// for a partition, its root; or its name before a rename), and a loss when such a statement deletes, truncates or drops.
// Everything else comes through a trigger, a cascade, a rule or a function, which the file's readers did not see. A table
// made anew under its own name lost what it held, whatever the file says.
func (j *judge) rows(m *report.Migration) {
	if len(m.Rows) == 0 {
		return
	}
	s := readScript(m)
	old := oldNames(m.Schema)
	for _, t := range m.Rows {
		if t.Before == nil || t.Table == j.r.Session.VersionTable {
			continue
		}
		rels := []relation{parseRelation(t.Table)}
		for _, name := range []string{t.Root, old[t.Table], old[t.Root]} {
			if name != "" {
				rels = append(rels, parseRelation(name))
			}
		}
		j.table(m, t, change{
			named:   anyOf(rels, s.names),
			removed: anyOf(rels, s.removes),
			cut:     s.cut,
		})
	}
}

// change is what the migration's text says about a table.
type change struct {
	named, removed bool
	cut            bool // part of the text is not known
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
		f.Do = "Only a backup brings them back: have one before the release."
	case after < before && !c.removed:
		f.Code = RowsLost
		f.Text = fmt.Sprintf("%s lost rows of %s, %s: %s before, %s after", who, t.Table, undeclared("deletes from", c), report.Count(before, "row"), report.Digits(after))
		f.Do = "Look for a cascading foreign key, a trigger or a function. If the loss is meant, delete from the table by name in the migration."
		j.unexpected(&f, c)
	case after == 0 && before > 0:
		f.Code = TableEmptied
		f.Text = fmt.Sprintf("%s emptied %s: %s before, none after", who, t.Table, report.Count(before, "row"))
		f.Do = "If not every row was meant to go, look at the WHERE of the DELETE."
	case changed(t) && !c.named:
		f.Code = RowsUnexpected
		f.Text = fmt.Sprintf("%s changed rows of %s, %s: %s", who, t.Table, undeclared("names", c), verbs(t))
		f.Do = "Look for a trigger, a cascading foreign key or a function. If the change is meant, say so by naming the table in the migration."
		j.unexpected(&f, c)
	default:
		return
	}
	j.add(f)
}

// undeclared says how the text was found not to cover a change.
func undeclared(verb string, c change) string {
	if c.cut {
		return "which no statement " + verb + " in the part of the text that was kept"
	}
	return "which no statement of it " + verb
}

// unexpected gives a finding the weight that the policy has for it. Where the text was cut it stays a warning.
func (j *judge) unexpected(f *report.Finding, c change) {
	if j.p.UnexpectedRowChanges == policyFail && !c.cut {
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
	if t.Method == report.Sampled || t.Method == report.Estimated {
		text = "about " + text
	}
	return text
}
