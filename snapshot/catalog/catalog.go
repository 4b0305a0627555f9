// Package catalog reads what a database holds: one embedded .sql query per object kind.
//
// PostgreSQL writes the definitions (pg_get_indexdef, format_type, pg_get_expr ...); nothing here generates or parses DDL.
// A reading is a sorted list of [Object], so that comparing two readings is one map comparison for all kinds, and a new
// kind is one .sql file.
package catalog

// ID identifies an object across renames, as pg_depend does: catalog, object, sub-object (a column's attnum).
type ID struct {
	Class, Object uint32
	Sub           int32
}

// Object is one object with its attributes.
type Object struct {
	ID     ID
	Kind   string            // "table", "column", "index", "function", "role" ...
	Name   string            // identity, quoted and schema qualified as SQL would have it: shop.customers, shop."Order".id, shop.add1(integer)
	Parent ID                // the object it is folded under (a column's table); zero without
	Attrs  map[string]string // attribute name -> PostgreSQL's own text; an absent attribute is "not set"
}

// Schema is everything a database holds, ordered by Kind, then Name.
type Schema []Object
