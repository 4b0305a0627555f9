package snapshot

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// applyLabels gives database, roles and large objects the source's security labels. A staging server without the provider refuses them,
// which is told.
func (c *copier) applyLabels(ctx context.Context, conn *pgx.Conn) error {
	for _, l := range c.desc.Labels {
		on := l.Kind + " " + l.Of
		switch l.Kind {
		case "DATABASE":
			on = l.Kind + " " + ident(conn.Config().Database)
		case "ROLE":
			on = l.Kind + " " + ident(l.Of)
		case "LARGE OBJECT":
			if c.objects == sanitize.NoLargeObjects || c.objects == "" {
				continue // told with the object
			}
		}
		_, err := conn.Exec(ctx, fmt.Sprintf("SECURITY LABEL FOR %s ON %s IS %s", catalog.Quote(l.Provider), on, literal(l.Text)))
		if err != nil && (ctx.Err() != nil || conn.IsClosed()) {
			return err
		}
		if err != nil {
			c.res.LeftOut = append(c.res.LeftOut, fmt.Sprintf("security label %s of %s: the staging server refuses it", l.Provider, on))
		}
	}
	return nil
}
