// Package compare tells what a migration left different: schema, rows, sizes and things half done.
//
// It compares one database with itself. Objects keep their OIDs through ALTER ... RENAME, so a rename is a fact here and not a guess,
// and a table that was dropped and made anew under its name is not the same table. Two readings of the catalog are matched first by
// identity, then by kind and name ([Schema]); readings of two different databases by kind and name alone ([ByName]).
//
// PostgreSQL writes an object's text with the names of the moment: after a rename, the definition of every view, index and foreign key
// that mentions the table reads differently though nothing happened to it. Such a text counts as changed only when what PostgreSQL
// keeps behind it (expression trees and identities, [catalog.Object].Stable) changed too.
//
// Nothing in here may run while a migration does: counting and sizing wait for ACCESS EXCLUSIVE locks.
package compare

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// The actions of a [report.Change].
const (
	Added    = "added"
	Dropped  = "dropped"
	Changed  = "changed"
	Renamed  = "renamed"  // perhaps changed too: see its attributes
	Replaced = "replaced" // another object stands under the same name
)

// Schema lists what changed between two readings of one database, ordered by kind and name.
//
// Objects are matched by identity, then by kind and name. What belongs to a changed object is folded under it: the columns of a dropped
// table are its children, and so is the one column that changed of a table that is otherwise as it was (which is then a "changed" entry
// without attributes). What partitions inherit is folded under what they inherit it from. goose's version tables are left out.
//
// "replaced" is said of a table, column or sequence wherever its identity is a new one, since its content may be gone, and of any
// other object if it also differs in some attribute.
func Schema(before, after catalog.Schema) []report.Change {
	return compareSchemas(before, after, true)
}

// ByName lists how two databases differ, which need not be of one cluster: as [Schema], but identities mean nothing, so that there are
// no renames and no replacements. A schema that was dumped and restored compares as equal.
func ByName(before, after catalog.Schema) []report.Change {
	return compareSchemas(before, after, false)
}

func compareSchemas(before, after catalog.Schema, sameDatabase bool) []report.Change {
	m := match(withoutVersionTables(before), withoutVersionTables(after), sameDatabase)
	return newTree(m).fold()
}

// changeOf compares a pair. It tells false when there is nothing to tell.
func (m *matching) changeOf(p pair) (report.Change, bool) {
	switch {
	case p.before == nil:
		return report.Change{Action: Added, Kind: p.after.Kind, Name: p.after.Name, Attributes: telling(nil, p.after.Attrs)}, true
	case p.after == nil:
		return report.Change{Action: Dropped, Kind: p.before.Kind, Name: p.before.Name, Attributes: telling(p.before.Attrs, nil)}, true
	}
	c := report.Change{Action: Changed, Kind: p.after.Kind, Name: p.after.Name, Attributes: m.attributes(p)}
	switch {
	case p.same && m.renamed(p):
		c.Action, c.OldName = Renamed, p.before.Name
	case m.replaced(p) && (holdsData[p.after.Kind] || len(c.Attributes) > 0):
		c.Action = Replaced
	case len(c.Attributes) == 0:
		return c, false
	}
	return c, true
}

// renamed says whether the object's own name or schema is another; a new name of its parent does not count.
func (m *matching) renamed(p pair) bool {
	if p.before.Label != p.after.Label {
		return true
	}
	return p.before.Schema != p.after.Schema && p.before.Parent == catalog.ID{}
}

// holdsData are the kinds whose content goes when they are dropped and made anew.
var holdsData = map[string]bool{"table": true, "column": true, "sequence": true}

// replaced says whether two objects of one name are two. The parts of a replaced object are new because it is: that is not told again.
func (m *matching) replaced(p pair) bool {
	if !m.sameDatabase || p.same || p.before.ID == (catalog.ID{}) {
		return false
	}
	parent, ok := m.of(p.after.Parent)
	return !ok || parent.same || parent.before == nil
}

// attributes lists the attributes that differ, by name.
func (m *matching) attributes(p pair) []report.AttributeChange {
	var out []report.AttributeChange
	for _, name := range names(p.before.Attrs, p.after.Attrs) {
		before, after := p.before.Attrs[name], p.after.Attrs[name]
		if before == after || catalog.Derived[name] && m.onlyWords(p, before, after) {
			continue
		}
		out = append(out, attribute(name, before, after))
	}
	if order, ok := m.columnOrder(p); ok {
		out = append(out, order)
	}
	return out
}

// onlyWords says whether a text differs only because of a rename.
func (m *matching) onlyWords(p pair, before, after string) bool {
	if !m.sameDatabase {
		return false
	}
	if p.before.Stable != "" && p.before.Stable == p.after.Stable {
		return true
	}
	// An index or a constraint that PostgreSQL made anew for ALTER COLUMN TYPE is another one inside too. Its table is not.
	parent, ok := m.of(p.after.Parent)
	return !p.same && ok && parent.same && strings.ReplaceAll(before, " "+parent.before.Name+" ", " "+parent.after.Name+" ") == after
}

// attribute hides the values of those that may be secrets.
func attribute(name, before, after string) report.AttributeChange {
	if !strings.HasPrefix(name, catalog.Secret) {
		return report.AttributeChange{Name: name, Before: before, After: after}
	}
	hide := func(digest string) string {
		if digest == "" {
			return ""
		}
		return "(not shown)"
	}
	return report.AttributeChange{Name: strings.TrimPrefix(name, catalog.Secret), Before: hide(before), After: hide(after)}
}

// tells are the attributes worth telling of an object that is only there before or only after.
var tells = map[string]bool{
	"type": true, "not null": true, "default": true, "generated": true, "identity": true, "definition": true, "labels": true,
	"base type": true, "subtype": true, "partition of": true, "inherits": true, "bound": true, "partition key": true, "persistence": true,
	"version": true, "value": true, "invalid": true, "member of": true, "superuser": true,
	"login": true, "create role": true, "create database": true, "replication": true, "bypass row security": true,
	"security definer": true, "command": true, "roles": true, "using": true, "with check": true, "restrictive": true,
}

func telling(before, after map[string]string) []report.AttributeChange {
	var out []report.AttributeChange
	for _, name := range names(before, after) {
		if tells[name] {
			out = append(out, attribute(name, before[name], after[name]))
		}
	}
	return out
}

func names(a, b map[string]string) []string {
	all := slices.Collect(maps.Keys(a))
	for name := range b {
		if _, ok := a[name]; !ok {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// columnOrder compares the order of the columns that are on both sides: a dropped column leaves a hole and moves nothing.
func (m *matching) columnOrder(p pair) (report.AttributeChange, bool) {
	i, ok := m.afterAt[p.after.ID]
	if !ok {
		return report.AttributeChange{}, false
	}
	columns := slices.Clone(m.columns[i])
	inOrder := func(side func(pair) int32, label func(pair) string) string {
		slices.SortFunc(columns, func(a, b pair) int { return cmp.Compare(side(a), side(b)) })
		var labels []string
		for _, c := range columns {
			labels = append(labels, label(c))
		}
		return strings.Join(labels, ", ")
	}
	after := func(c pair) string { return c.after.Label }
	was := inOrder(func(c pair) int32 { return c.before.ID.Sub }, after)
	is := inOrder(func(c pair) int32 { return c.after.ID.Sub }, after)
	return report.AttributeChange{Name: "column order", Before: was, After: is}, was != is
}

// withoutVersionTables leaves out goose's version tables, known by their columns, and what belongs to them.
func withoutVersionTables(s catalog.Schema) catalog.Schema {
	columns := map[catalog.ID]map[string]string{}
	for _, o := range s {
		if o.Kind == "column" {
			if columns[o.Parent] == nil {
				columns[o.Parent] = map[string]string{}
			}
			columns[o.Parent][o.Label] = o.Attrs["type"]
		}
	}
	gone := map[catalog.ID]bool{}
	for id, types := range columns {
		_, id1 := types["id"]
		_, stamp := types["tstamp"]
		if id1 && stamp && types["version_id"] == "bigint" && types["is_applied"] == "boolean" {
			gone[id] = true
		}
	}
	if len(gone) == 0 {
		return s
	}
	return slices.DeleteFunc(slices.Clone(s), func(o catalog.Object) bool {
		table := catalog.ID{Class: o.Parent.Class, Object: o.Parent.Object} // of a sequence's parent column, the table
		return gone[o.ID] || gone[table]
	})
}
