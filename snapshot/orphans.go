package snapshot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// keepOrphans adds, without validating them, the foreign keys that the target refused for rows without a parent. A production can hold such
// rows, loaded while triggers were off, under a key that says it is valid; the copy keeps them, and the result tells which keys it is.
// A partitioned table can have no such key before PostgreSQL 18: then it stays refused.
func (c *copier) keepOrphans(ctx context.Context) error {
	if !slices.ContainsFunc(c.res.RestoreErrors, func(e RestoreError) bool { return strings.Contains(e.Reason, violation) }) {
		return nil
	}
	return c.onTarget(ctx, "list the foreign keys", func(conn *pgx.Conn) error {
		there, err := catalog.ForeignKeys(ctx, conn)
		if err != nil {
			return err
		}
		for _, k := range c.desc.ForeignKeys {
			if slices.ContainsFunc(there, func(t catalog.ForeignKey) bool {
				return t.Name == k.Name && t.ChildSchema == k.ChildSchema && t.ChildTable == k.ChildTable
			}) {
				continue
			}
			refused := slices.IndexFunc(c.res.RestoreErrors, func(e RestoreError) bool {
				return strings.Contains(e.Reason, fmt.Sprintf(`on table "%s" %s"%s"`, k.ChildTable, violation, k.Name))
			})
			if refused < 0 {
				continue
			}
			_, err := conn.Exec(ctx, "ALTER TABLE "+ident(k.ChildSchema, k.ChildTable)+" ADD CONSTRAINT "+ident(k.Name)+" "+k.Definition+" NOT VALID")
			if ctx.Err() != nil || conn.IsClosed() {
				return err
			}
			if err == nil {
				c.res.RestoreErrors = slices.Delete(c.res.RestoreErrors, refused, refused+1)
				c.res.LeftOut = append(c.res.LeftOut, fmt.Sprintf("the validity of foreign key %s of %s: rows break it, which the copy keeps",
					catalog.Quote(k.Name), show(k.ChildSchema, k.ChildTable)))
			}
		}
		return nil
	})
}

// violation is how the server, without translation, goes on after "insert or update on table …".
const violation = "violates foreign key constraint "
