package snapshot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// check is a CHECK constraint of a table or a domain of the target that was set aside while rows are loaded.
type check struct {
	kind       string // TABLE, DOMAIN
	of, name   string // quoted
	definition string
	comment    string
}

// callingChecks lists the valid CHECK constraints, other than inherited ones, that call a function of the database's own or of an extension
// which is written in a language of procedures: such a function may read other tables.
const callingChecks = `SELECT CASE WHEN c.oid IS NULL THEN 'DOMAIN' ELSE 'TABLE' END, format('%I.%I', n.nspname, coalesce(c.relname, t.typname)),
  quote_ident(con.conname), pg_get_constraintdef(con.oid), coalesce(obj_description(con.oid, 'pg_constraint'), '')
FROM pg_constraint con LEFT JOIN pg_class c ON c.oid = con.conrelid LEFT JOIN pg_type t ON t.oid = con.contypid
JOIN pg_namespace n ON n.oid = coalesce(c.relnamespace, t.typnamespace)
WHERE con.contype = 'c' AND con.convalidated AND con.coninhcount = 0 AND (c.relkind IN ('r', 'p') OR t.typtype = 'd') AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.deptype = 'e'
    AND (e.classid, e.objid) IN (('pg_class'::regclass, c.oid), ('pg_type'::regclass, t.oid)))
  AND EXISTS (SELECT FROM pg_depend d LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
    JOIN pg_proc p ON p.oid = CASE WHEN d.refclassid = 'pg_proc'::regclass THEN d.refobjid ELSE o.oprcode::oid END
    JOIN pg_language l ON l.oid = p.prolang
    WHERE d.classid = 'pg_constraint'::regclass AND d.objid = con.oid AND p.oid >= 16384 AND l.lanname NOT IN ('internal', 'c'))
ORDER BY 1, 2, 3`

// setChecksAside drops the CHECK constraints whose functions may read other tables, which need not be loaded yet. A child's own constraint
// that is an inherited one as well is found when its parent's is gone.
func (c *copier) setChecksAside(ctx context.Context) error {
	return c.onTarget(ctx, "set CHECK constraints aside", func(conn *pgx.Conn) error {
		for {
			rows, err := conn.Query(ctx, callingChecks)
			if err != nil {
				return err
			}
			found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (k check, err error) {
				return k, row.Scan(&k.kind, &k.of, &k.name, &k.definition, &k.comment)
			})
			if err != nil || len(found) == 0 {
				return err
			}
			for _, k := range found {
				if _, err := conn.Exec(ctx, "ALTER "+k.kind+" "+k.of+" DROP CONSTRAINT "+k.name); err != nil {
					return err
				}
			}
			c.checks = append(c.checks, found...)
		}
	})
}

// restoreChecks puts back what was set aside. One that the rows break, because what its function reads has changed since, or is masked, comes
// back without its validity, which is told; and so does one of a domain that is used within other types, whose values PostgreSQL does not
// look at.
func (c *copier) restoreChecks(ctx context.Context) error {
	if len(c.checks) == 0 {
		return nil
	}
	return c.onTarget(ctx, "restore CHECK constraints", func(conn *pgx.Conn) error {
		for _, k := range c.checks {
			add := fmt.Sprintf("ALTER %s %s ADD CONSTRAINT %s %s", k.kind, k.of, k.name, k.definition)
			_, err := conn.Exec(ctx, add)
			if err != nil && ctx.Err() == nil && !conn.IsClosed() {
				why := "the copy's rows break it"
				if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) && pg.Code == "0A000" {
					why = "PostgreSQL cannot check values within other types"
				}
				c.res.LeftOut = append(c.res.LeftOut, fmt.Sprintf("the validity of CHECK constraint %s of %s: %s", k.name, k.of, why))
				_, err = conn.Exec(ctx, strings.TrimSuffix(add, " NOT VALID")+" NOT VALID")
			}
			if err == nil && k.comment != "" {
				on := strings.TrimPrefix(k.kind+" "+k.of, "TABLE ")
				_, err = conn.Exec(ctx, fmt.Sprintf("COMMENT ON CONSTRAINT %s ON %s IS %s", k.name, on, literal(k.comment)))
			}
			if err != nil {
				return fmt.Errorf("constraint %s of %s: %w", k.name, k.of, err)
			}
		}
		return nil
	})
}
