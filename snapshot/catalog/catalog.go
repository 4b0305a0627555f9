// Package catalog reads what a database holds: one embedded .sql query per object kind.
//
// PostgreSQL writes the definitions (pg_get_indexdef, format_type, pg_get_expr ...); nothing here generates or parses DDL.
// A reading is a sorted list of [Object], so that comparing two readings is one map comparison for all kinds, and a new
// kind is one .sql file.
//
// [Read] is for comparing; its queries are in objects/. [Tables] and its siblings are for copying and for planning masks; theirs are
// in plan/. Everything is read as an ordinary role may read it: no passwords, no connection strings, no options of user mappings, and
// of options that may be secrets only a digest. Readings take the locks of pg_get_indexdef and pg_relation_size (ACCESS SHARE, for a
// moment): they wait for a migration in another session that holds ACCESS EXCLUSIVE, so none may be taken while one runs.
//
// PostgreSQL 13 to 18 are understood. A line of a query that ends in "-- since 15" or "-- before 15" is for those versions alone.
package catalog

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// ID identifies an object across renames, as pg_depend does: catalog, object, sub-object (a column's attnum).
type ID struct {
	Class, Object uint32
	Sub           int32
}

// Object is one object with its attributes.
type Object struct {
	ID     ID                // zero where an object has none that ordinary roles can see (settings, subscriptions): its name identifies it
	Kind   string            // "table", "column", "index", "function", "role" ...
	Name   string            // identity, quoted and schema qualified as SQL would have it: shop.customers, shop."Order".id, shop.add1(integer), k on shop.t
	Label  string            // its own name alone, quoted: customers, id, add1, k; what a rename changes. "" for kinds without
	Schema uint32            // oid of the schema it is in, 0 for kinds that are in none
	Parent ID                // the object it is folded under (a column's table); zero without
	Origin ID                // the object it was inherited from: a partition's index from the partitioned table's; zero without
	Attrs  map[string]string // attribute name -> PostgreSQL's own text; an absent attribute is "not set"
	// Stable is a digest of what PostgreSQL keeps behind the texts of [Derived] attributes: expression trees and object identities.
	// While it stays the same in one cluster, such a text changes only because something it mentions was renamed.
	Stable string
}

// Derived are the attributes that PostgreSQL writes from trees and identities, so that a rename elsewhere changes their text.
var Derived = map[string]bool{
	"definition": true, "type": true, "default": true, "generated": true, "collation": true, "bound": true, "partition key": true,
	"partition of": true, "inherits": true, "of type": true, "arguments": true, "result": true, "sql body": true, "owned by": true,
	"using": true, "with check": true, "base type": true, "subtype": true, "subtype collation": true, "subtype operator class": true,
	"canonical": true, "difference": true, "function": true, "state type": true, "tables": true, "attached to": true,
	"transforms": true, "commutator": true, "negator": true,
}

// Secret is the prefix of attributes that hold a digest because their value may be a secret: they can be compared, not shown.
const Secret = "#"

// Schema is everything a database holds, ordered by Kind, then Name.
type Schema []Object

// kinds are the queries of [Read] and the oldest major version that has what they read.
var kinds = []struct {
	file  string
	since int
}{
	{"schemas", 13},
	{"relations", 13},
	{"columns", 13},
	{"constraints", 13},
	{"indexes", 13},
	{"sequences", 13},
	{"functions", 13},
	{"aggregates", 13},
	{"triggers", 13},
	{"event_triggers", 13},
	{"rules", 13},
	{"policies", 13},
	{"types", 13},
	{"extensions", 13},
	{"collations", 13},
	{"statistics", 13},
	{"operators", 13},
	{"operator_classes", 13},
	{"operator_families", 13},
	{"casts", 13},
	{"conversions", 13},
	{"text_search_configurations", 13},
	{"text_search_dictionaries", 13},
	{"text_search_parsers", 13},
	{"text_search_templates", 13},
	{"languages", 13},
	{"transforms", 13},
	{"access_methods", 13},
	{"publications", 13},
	{"subscriptions", 13},
	{"foreign_data_wrappers", 13},
	{"servers", 13},
	{"user_mappings", 13},
	{"default_privileges", 13},
	{"settings", 13},
	{"parameters", 15},
	{"roles", 13},
	{"tablespaces", 13},
	{"databases", 13},
}

// Read reads every object of the current database, and of the cluster its roles, tablespaces and their settings.
//
// PostgreSQL's own objects, temporary ones and members of extensions are left out; so are values of sequences and sizes, which are not
// schema. Attributes are texts: owner, acl (expanded from its default, sorted), comment, "security label <provider>" and what the kind
// has besides. A database of 3,000 tables takes some seconds and tens of megabytes.
func Read(ctx context.Context, q Querier) (Schema, error) {
	var all Schema
	err := within(ctx, q, func(ctx context.Context, r reader) (err error) {
		all, err = readObjects(ctx, r)
		return err
	})
	return all, err
}

func readObjects(ctx context.Context, r reader) (Schema, error) {
	var all Schema
	for _, kind := range kinds {
		if r.version/10000 < kind.since {
			continue
		}
		objects, err := list(ctx, r, "objects/"+kind.file+".sql", scanObject)
		if err != nil {
			return nil, err
		}
		all = append(all, objects...)
	}
	if err := addRemarks(ctx, r, all); err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b Object) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}

// scanObject reads a row as every query of objects/ gives it.
func scanObject(row pgx.CollectableRow) (o Object, err error) {
	var attrs []byte
	err = row.Scan(&o.ID.Class, &o.ID.Object, &o.ID.Sub, &o.Kind, &o.Name, &o.Label, &o.Schema,
		&o.Parent.Class, &o.Parent.Object, &o.Parent.Sub, &o.Origin.Object, &o.Origin.Sub, &o.Stable, &attrs)
	if err != nil {
		return o, err
	}
	if o.Origin.Object != 0 {
		o.Origin.Class = o.ID.Class
	}
	if err := json.Unmarshal(attrs, &o.Attrs); err != nil {
		return o, fmt.Errorf("attributes of %s %s: %w", o.Kind, o.Name, err)
	}
	return o, nil
}

// addRemarks adds comments and security labels, which all kinds have alike.
func addRemarks(ctx context.Context, r reader, all Schema) error {
	type remark struct {
		id         ID
		name, text string
	}
	remarks, err := list(ctx, r, "objects/remarks.sql", func(row pgx.CollectableRow) (m remark, err error) {
		err = row.Scan(&m.id.Class, &m.id.Object, &m.id.Sub, &m.name, &m.text)
		return m, err
	})
	if err != nil {
		return err
	}
	at := make(map[ID]Object, len(all))
	for _, o := range all {
		at[o.ID] = o
	}
	for _, m := range remarks {
		if o, ok := at[m.id]; ok {
			o.Attrs[m.name] = m.text
		}
	}
	return nil
}
