package catalog

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// InvalidIndex is an index that is there but not in use, because building it failed or has not ended.
type InvalidIndex struct {
	Name       string // quoted and qualified
	Definition string // pg_get_indexdef
	Unique     bool
	Ready      bool // writes maintain it
	Comment    string
}

// InvalidIndexes lists the invalid indexes of tables and materialised views that belong to no constraint, by name. Source: pg_index.
func InvalidIndexes(ctx context.Context, q Querier) ([]InvalidIndex, error) {
	return listWithin(ctx, q, "plan/invalid_indexes.sql", func(row pgx.CollectableRow) (i InvalidIndex, err error) {
		err = row.Scan(&i.Name, &i.Definition, &i.Unique, &i.Ready, &i.Comment)
		return i, err
	})
}

// KeyTrigger is a trigger of PostgreSQL's own, of a key, that does not fire as it was made to.
type KeyTrigger struct {
	On       string // table it is on, quoted and qualified
	Of       string // table that has the constraint, likewise
	Key      string // the constraint
	Function string // "RI_FKey_check_ins"
	Enabled  rune   // pg_trigger.tgenabled: D disabled, R on replicas, A always
}

// KeyTriggers lists the triggers of keys that were disabled, or enabled otherwise, by table. Source: pg_trigger.
func KeyTriggers(ctx context.Context, q Querier) ([]KeyTrigger, error) {
	return listWithin(ctx, q, "plan/key_triggers.sql", func(row pgx.CollectableRow) (k KeyTrigger, err error) {
		err = row.Scan(&k.On, &k.Of, &k.Key, &k.Function, &k.Enabled)
		return k, err
	})
}

// Grant is one privilege on an object.
type Grant struct {
	Grantee   string // "" for PUBLIC
	Privilege string // "CONNECT"
	Grantable bool
}

// DatabaseGrants lists the privileges on the current database, none where they are as PostgreSQL gives them. Source: pg_database.
func DatabaseGrants(ctx context.Context, q Querier) ([]Grant, error) {
	return listWithin(ctx, q, "plan/database_grants.sql", func(row pgx.CollectableRow) (g Grant, err error) {
		err = row.Scan(&g.Grantee, &g.Privilege, &g.Grantable)
		return g, err
	})
}

// LargeObject is a large object without its content.
type LargeObject struct {
	OID     uint32
	Owner   string
	Comment string
	Grants  []Grant // none where they are as PostgreSQL gives them
	CanRead bool    // the current role may read it
}

// LargeObjects lists the large objects by OID. Source: pg_largeobject_metadata.
func LargeObjects(ctx context.Context, q Querier) ([]LargeObject, error) {
	return listWithin(ctx, q, "plan/large_objects.sql", func(row pgx.CollectableRow) (o LargeObject, err error) {
		var grants []string
		if err := row.Scan(&o.OID, &o.Owner, &o.Comment, &grants, &o.CanRead); err != nil {
			return o, err
		}
		for _, g := range grants {
			part := strings.Split(g, "\x01")
			if len(part) != 3 {
				return o, fmt.Errorf("privileges of large object %d", o.OID)
			}
			o.Grants = append(o.Grants, Grant{Grantee: part[0], Privilege: part[1], Grantable: part[2] == "true"})
		}
		return o, nil
	})
}

// Label is a security label that pg_dump leaves out.
type Label struct {
	Kind     string // DATABASE, ROLE, LARGE OBJECT
	Of       string // name, or OID
	Provider string
	Text     string
}

// Labels lists the security labels of the current database, of roles and of large objects. Sources: pg_shseclabel, pg_seclabel.
func Labels(ctx context.Context, q Querier) ([]Label, error) {
	return listWithin(ctx, q, "plan/labels.sql", func(row pgx.CollectableRow) (l Label, err error) {
		err = row.Scan(&l.Kind, &l.Of, &l.Provider, &l.Text)
		return l, err
	})
}
