package snapshot

import (
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// Database is the description as the planner of masks wants it: leaves under their topmost partitioned table, whose rules
// they follow; foreign tables and materialised views, whose rows are not copied, left out; the tables in which migration tools keep their books verbatim.
func Database(d *Description) sanitize.Database {
	var db sanitize.Database
	at := map[uint32]int{} // oid -> index in db.Tables, also of leaves
	for _, t := range d.Tables {
		if t.Kind == 'r' && !t.IsPartition || t.Kind == 'p' && t.Root == t.OID {
			at[t.OID] = len(db.Tables)
			p := planned(t)
			p.PartitionKey = d.fixedKeys[t.OID]
			db.Tables = append(db.Tables, p)
		}
		if t.Kind == 'm' {
			v := sanitize.View{Schema: t.Schema, Name: t.Name}
			for _, c := range t.Columns {
				v.Columns = append(v.Columns, c.Name)
			}
			db.Views = append(db.Views, v)
		}
	}
	for _, t := range d.Tables {
		root, ok := at[t.Root]
		if t.Root == t.OID || !t.IsPartition || !ok {
			continue
		}
		at[t.OID] = root
		top := &db.Tables[root]
		top.Unique = addKeys(top.Unique, t.Unique)
		top.Checks = addChecks(top.Checks, t.Checks)
		if holdsRows(t) {
			top.Partitions = append(top.Partitions, sanitize.Relation{Schema: t.Schema, Name: t.Name})
		}
	}
	for _, k := range d.ForeignKeys {
		child, ok := at[k.Child]
		parent, ok2 := at[k.Parent]
		if !ok || !ok2 {
			continue
		}
		db.ForeignKeys = append(db.ForeignKeys, sanitize.ForeignKey{
			Name: k.Name, Child: relation(db.Tables[child]), Parent: relation(db.Tables[parent]),
			ChildColumns: k.ChildColumns, ParentColumns: k.ParentColumns, Full: strings.Contains(k.Definition, " MATCH FULL"),
		})
	}
	return db
}

func relation(t sanitize.Table) sanitize.Relation {
	return sanitize.Relation{Schema: t.Schema, Name: t.Name}
}

func planned(t catalog.Table) sanitize.Table {
	p := sanitize.Table{
		Schema: t.Schema, Name: t.Name, Verbatim: t.Bookkeeping() != "", Yielding: !t.GooseVersions, Blank: t.Quoting(),
		Unique: addKeys(nil, t.Unique), Checks: addChecks(nil, t.Checks),
	}
	for _, c := range t.Columns {
		var fields []sanitize.Field
		for _, f := range c.Fields {
			fields = append(fields, sanitize.Field(f))
		}
		p.Columns = append(p.Columns, sanitize.Column{
			Name: c.Name, Type: c.Type, BaseType: c.BaseType, TypeKind: c.TypeKind, Labels: c.Labels, Fields: fields,
			MaxLength: c.MaxLength, NotNull: c.NotNull, Generated: c.Generated != "", Expression: c.Expression, Comment: c.Comment,
		})
	}
	return p
}

// addKeys adds the keys that are not there yet; those of a partition mostly repeat the ones of its root under another name.
func addKeys(to []sanitize.UniqueKey, keys []catalog.UniqueKey) []sanitize.UniqueKey {
	for _, k := range keys {
		same := func(o sanitize.UniqueKey) bool {
			return !k.Expression && !o.Expression && slices.Equal(o.Columns, k.Columns)
		}
		if slices.ContainsFunc(to, same) {
			continue
		}
		to = append(to, sanitize.UniqueKey{
			Name: k.Name, Columns: k.Columns, Expression: k.Expression, Definition: k.Definition, Referenced: k.Referenced,
		})
	}
	return to
}

// addChecks adds the checks that are not there yet; partitions mostly inherit those of their root.
func addChecks(to []sanitize.Check, checks []catalog.Check) []sanitize.Check {
	for _, k := range checks {
		same := func(o sanitize.Check) bool { return o.Definition == k.Definition && slices.Equal(o.Columns, k.Columns) }
		if !slices.ContainsFunc(to, same) {
			to = append(to, sanitize.Check{Name: k.Name, Definition: k.Definition, Columns: k.Columns, Domain: k.Domain})
		}
	}
	return to
}
