package snapshot

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// finishSchema makes what the archive does not, when rows and indexes are there.
func (c *copier) finishSchema(ctx context.Context) error {
	if err := c.restoreChecks(ctx); err != nil {
		return err
	}
	if err := c.restoreInvalid(ctx); err != nil {
		return err
	}
	if err := c.applyKeyTriggers(ctx); err != nil {
		return err
	}
	return c.applyDatabase(ctx)
}

// applyKeyTriggers has PostgreSQL's own triggers of keys fire when the source's do: a key that is not enforced there lets migrations do what
// one that is refuses.
func (c *copier) applyKeyTriggers(ctx context.Context) error {
	if len(c.desc.KeyTriggers) == 0 {
		return nil
	}
	return c.onTarget(ctx, "set when the triggers of keys fire", func(conn *pgx.Conn) error {
		for _, k := range c.desc.KeyTriggers {
			var sql string
			err := conn.QueryRow(ctx, `SELECT coalesce(string_agg(format('ALTER TABLE ONLY %s %s TRIGGER %I', $1::text, $5::text, g.tgname), '; '), '')
  FROM pg_trigger g JOIN pg_constraint con ON con.oid = g.tgconstraint JOIN pg_proc p ON p.oid = g.tgfoid
  WHERE g.tgisinternal AND g.tgrelid = to_regclass($1) AND con.conrelid = to_regclass($2) AND con.conname = $3 AND p.proname = $4`,
				k.On, k.Of, k.Key, k.Function, firing[k.Enabled]).Scan(&sql)
			if err != nil {
				return err
			}
			if sql == "" {
				c.res.LeftOut = append(c.res.LeftOut, fmt.Sprintf("when a trigger of constraint %s of %s fires", catalog.Quote(k.Key), k.Of))
				continue
			}
			if _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
				return err
			}
		}
		return nil
	})
}

// firing is what ALTER TABLE says for a value of pg_trigger.tgenabled.
var firing = map[rune]string{'D': "DISABLE", 'R': "ENABLE REPLICA", 'A': "ENABLE ALWAYS"}

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
