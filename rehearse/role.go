package rehearse

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// RoleError says that the role asked for is not one of the source's.
type RoleError struct{ Role string }

func (e *RoleError) Error() string { return fmt.Sprintf("the source has no role %q", e.Role) }

// chooseRole says as whom migrations are applied, and why: what they may do and what their session looks like depends on it.
func chooseRole(asked string, roles []catalog.Role, table versionTable, databaseOwner string) (role, why string, err error) {
	known := func(name string) bool {
		return slices.ContainsFunc(roles, func(r catalog.Role) bool { return r.Name == name })
	}
	switch {
	case asked != "" && !known(asked):
		return "", "", &RoleError{Role: asked}
	case asked != "":
		return asked, "--role", nil
	case known(table.owner):
		return table.owner, "owner of " + table.String(), nil
	case known(databaseOwner):
		return databaseOwner, "owner of the database", nil
	}
	return superuser, "staging's own superuser", nil
}

// superuser is the bootstrap superuser of every staging server.
const superuser = "postgres"

// login lets a role of staging log in, with a password made up here, and returns how.
func login(ctx context.Context, admin *pgx.ConnConfig, role string) (func() *pgx.ConnConfig, error) {
	as := func(user, password string) *pgx.ConnConfig {
		cfg := admin.Copy()
		cfg.User, cfg.Password, cfg.AfterConnect = user, password, nil // under production's own limits
		return cfg
	}
	if role == superuser {
		return func() *pgx.ConnConfig { return as(role, admin.Password) }, nil
	}
	random := make([]byte, 20)
	_, _ = rand.Read(random) // never fails, says its documentation
	password := base32.StdEncoding.EncodeToString(random)
	conn, err := pgx.ConnectConfig(ctx, admin.Copy())
	if err != nil {
		return nil, fmt.Errorf("log in role %s: %w", role, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	name := pgx.Identifier{role}.Sanitize()
	if _, err := conn.Exec(ctx, fmt.Sprintf("ALTER ROLE %s LOGIN CONNECTION LIMIT -1 VALID UNTIL 'infinity' PASSWORD '%s'", name, password)); err != nil {
		return nil, fmt.Errorf("log in role %s: %w", role, err)
	}
	return func() *pgx.ConnConfig { return as(role, password) }, nil
}
