package snapshot

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// restoreInvalid makes the indexes that pg_dump leaves out because they are invalid, and marks them so: a migration may drop them, meet
// their name or, where they are unique and maintained, break them. A unique one is built as if it were not, since what made it invalid
// may be that rows are equal. One that cannot be built at all is told.
func (c *copier) restoreInvalid(ctx context.Context) error {
	if len(c.desc.Invalid) == 0 {
		return nil
	}
	return c.onTarget(ctx, "make the invalid indexes", func(conn *pgx.Conn) error {
		for _, i := range c.desc.Invalid {
			_, err := conn.PgConn().Exec(ctx, invalidIndex(i)).ReadAll()
			switch {
			case ctx.Err() != nil || conn.IsClosed():
				return err
			case err != nil:
				c.res.LeftOut = append(c.res.LeftOut, "invalid index "+i.Name+", which cannot be built from the rows")
			}
		}
		return nil
	})
}

// invalidIndex is one transaction: the script of a simple query.
func invalidIndex(i catalog.InvalidIndex) string {
	var b strings.Builder
	b.WriteString(strings.Replace(i.Definition, "CREATE UNIQUE INDEX", "CREATE INDEX", 1) + ";\n")
	fmt.Fprintf(&b, "UPDATE pg_catalog.pg_index SET indisvalid = false, indisready = %t, indisunique = %t WHERE indexrelid = %s::regclass;\n",
		i.Ready, i.Unique, literal(i.Name))
	if i.Comment != "" {
		fmt.Fprintf(&b, "COMMENT ON INDEX %s IS %s;\n", i.Name, literal(i.Comment))
	}
	return b.String()
}
