package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Extension is an installed extension.
type Extension struct {
	Name    string
	Version string
	Schema  string // where its objects are
}

// Extensions lists the installed extensions by name, plpgsql among them. Source: pg_extension.
func Extensions(ctx context.Context, q Querier) ([]Extension, error) {
	return listWithin(ctx, q, "plan/extensions.sql", func(row pgx.CollectableRow) (e Extension, err error) {
		err = row.Scan(&e.Name, &e.Version, &e.Schema)
		return e, err
	})
}

// Role is a role of the cluster, without its password.
type Role struct {
	Name                                           string
	Superuser, Inherit, CreateRole, CreateDatabase bool
	Login, Replication, BypassRowSecurity          bool
	ConnectionLimit                                int32  // -1: none
	ValidUntil                                     string // timestamptz in ISO format and UTC, "infinity", or "" for none
	Comment                                        string
	MemberOf                                       []Membership
}

// Membership is one GRANT of a role to a role.
type Membership struct {
	Role    string // the one granted; may be one of PostgreSQL's own (pg_read_all_data)
	Grantor string // "" when the grantor is gone
	Admin   bool
	Inherit bool // before PostgreSQL 16: the member's own INHERIT
	Set     bool // before PostgreSQL 16: true
}

// Roles lists the cluster's roles by name with their memberships, without PostgreSQL's own (pg_*). The bootstrap superuser is
// among them. Sources: pg_roles, pg_auth_members.
func Roles(ctx context.Context, q Querier) ([]Role, error) {
	var roles []Role
	err := within(ctx, q, func(ctx context.Context, r reader) (err error) {
		roles, err = readRoles(ctx, r)
		return err
	})
	return roles, err
}

func readRoles(ctx context.Context, r reader) ([]Role, error) {
	roles, err := list(ctx, r, "plan/roles.sql", func(row pgx.CollectableRow) (r Role, err error) {
		err = row.Scan(&r.Name, &r.Superuser, &r.Inherit, &r.CreateRole, &r.CreateDatabase, &r.Login, &r.Replication,
			&r.BypassRowSecurity, &r.ConnectionLimit, &r.ValidUntil, &r.Comment)
		return r, err
	})
	if err != nil {
		return nil, err
	}
	type grant struct {
		member string
		Membership
	}
	grants, err := list(ctx, r, "plan/memberships.sql", func(row pgx.CollectableRow) (g grant, err error) {
		err = row.Scan(&g.member, &g.Role, &g.Grantor, &g.Admin, &g.Inherit, &g.Set)
		return g, err
	})
	if err != nil {
		return nil, err
	}
	at := make(map[string]*Role, len(roles))
	for i := range roles {
		at[roles[i].Name] = &roles[i]
	}
	for _, g := range grants {
		if r := at[g.member]; r != nil {
			r.MemberOf = append(r.MemberOf, g.Membership)
		}
	}
	return roles, nil
}

// Database is the current database's own properties.
type Database struct {
	Name           string
	Owner          string
	Encoding       string // "UTF8"
	LocaleProvider string // "libc", "icu" or "builtin"
	Collate        string
	CType          string
	Locale         string // ICU or builtin locale; "" for libc
	ICURules       string
	// CollationVersion is the version of the locale's library on the server, CollationRecorded that by which the database's indexes were built
	// as far as the server knows; "" before PostgreSQL 15, and for locales that have none (C).
	CollationVersion, CollationRecorded string

	Comment         string
	ConnectionLimit int32 // -1: none
	// Settings are those kept by ALTER ROLE and ALTER DATABASE ... SET that reach this database, by role, scope and name.
	Settings []RoleSetting
}

// RoleSetting is a setting kept by ALTER ROLE or ALTER DATABASE ... SET.
type RoleSetting struct {
	Role       string // "" for every role
	InDatabase bool   // for this database only, false: for every database
	Name       string
	// Value is as pg_db_role_setting keeps it. Of settings that are lists of names (search_path, DateStyle's kin are not) each element is
	// already quoted: it goes into SET as it is, while any other value goes in as a string literal.
	Value string
}

// ReadDatabase reads the current database's properties. Sources: pg_database, pg_db_role_setting.
func ReadDatabase(ctx context.Context, q Querier) (Database, error) {
	var db Database
	err := within(ctx, q, func(ctx context.Context, r reader) (err error) {
		db, err = readDatabase(ctx, r)
		return err
	})
	return db, err
}

func readDatabase(ctx context.Context, r reader) (Database, error) {
	dbs, err := list(ctx, r, "plan/database.sql", func(row pgx.CollectableRow) (d Database, err error) {
		err = row.Scan(&d.Name, &d.Owner, &d.Encoding, &d.LocaleProvider, &d.Collate, &d.CType, &d.Locale, &d.ICURules, &d.CollationVersion, &d.CollationRecorded,
			&d.Comment, &d.ConnectionLimit)
		d.LocaleProvider = map[string]string{"c": "libc", "i": "icu", "b": "builtin"}[d.LocaleProvider]
		return d, err
	})
	if err != nil {
		return Database{}, err
	}
	if len(dbs) != 1 {
		return Database{}, fmt.Errorf("read the catalog: %d rows for the current database", len(dbs))
	}
	dbs[0].Settings, err = list(ctx, r, "plan/role_settings.sql", func(row pgx.CollectableRow) (s RoleSetting, err error) {
		err = row.Scan(&s.Role, &s.InDatabase, &s.Name, &s.Value)
		return s, err
	})
	return dbs[0], err
}

// Outside is what a copy of the database does not or must not carry along. Options, which may hold passwords, are never read.
type Outside struct {
	LargeObjects  int64
	Subscriptions []string
	Servers       []string // foreign servers
	UserMappings  []string // "role on server"
	Tablespaces   []string // in use, other than pg_default
}

// ReadOutside names what lies outside of tables and schema. Sources: pg_largeobject_metadata, pg_subscription, pg_foreign_server,
// pg_user_mappings, pg_tablespace.
func ReadOutside(ctx context.Context, q Querier) (Outside, error) {
	var out Outside
	rows, err := listWithin(ctx, q, "plan/outside.sql", func(row pgx.CollectableRow) (v [3]string, err error) {
		err = row.Scan(&v[0], &v[1], &v[2])
		return v, err
	})
	if err != nil {
		return out, err
	}
	for _, v := range rows {
		switch kind, name := v[0], v[1]; kind {
		case "large object":
			if _, err := fmt.Sscan(name, &out.LargeObjects); err != nil {
				return out, fmt.Errorf("count large objects: %w", err)
			}
		case "subscription":
			out.Subscriptions = append(out.Subscriptions, name)
		case "server":
			out.Servers = append(out.Servers, name)
		case "user mapping":
			out.UserMappings = append(out.UserMappings, v[2]+" on "+name)
		case "tablespace":
			out.Tablespaces = append(out.Tablespaces, name)
		}
	}
	return out, nil
}
