package snapshot

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
)

// finishSchema makes what the archive does not, when rows and indexes are there.
func (c *copier) finishSchema(ctx context.Context) error {
	if err := c.restoreChecks(ctx); err != nil {
		return err
	}
	if err := c.restoreInvalid(ctx); err != nil {
		return err
	}
	return c.applyDatabase(ctx)
}

// applyDatabase gives the database itself the source's comment, limit of connections and privileges, which pg_restore gives only to a
// database that it creates.
func (c *copier) applyDatabase(ctx context.Context) error {
	d := c.desc.Database
	if d.Comment == "" && d.ConnectionLimit < 0 && len(c.desc.DatabaseGrants) == 0 {
		return nil
	}
	return c.onTarget(ctx, "keep the properties of the database", func(conn *pgx.Conn) error {
		name := ident(conn.Config().Database)
		var b strings.Builder
		if d.Comment != "" {
			b.WriteString("COMMENT ON DATABASE " + name + " IS " + literal(d.Comment) + ";\n")
		}
		if d.ConnectionLimit >= 0 {
			b.WriteString("ALTER DATABASE " + name + " CONNECTION LIMIT " + itoa(d.ConnectionLimit) + ";\n")
		}
		if grants := c.desc.DatabaseGrants; len(grants) > 0 {
			b.WriteString("REVOKE ALL ON DATABASE " + name + " FROM PUBLIC, " + ident(d.Owner) + ";\n")
			b.WriteString(grantStatements("DATABASE "+name, grants))
		}
		_, err := conn.PgConn().Exec(ctx, b.String()).ReadAll()
		return err
	})
}
