package snapshot

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// A production can hold rows that break a foreign key, loaded while triggers were off, under a key that says it is valid. The copy keeps
// them, the key is left NOT VALID, and the result tells which keys that are.

// notValid is a statement that adds a constraint, without looking at the rows.
func notValid(sql string) string { return strings.TrimSuffix(sql, ";") + " NOT VALID;" }

// inOrder makes the server compare both sides of a foreign key in the order of their indexes, or sort them: indexes are fresh, rows frozen, so
// that the tables themselves need not be read; a hash table of a large parent outgrows the processor's caches and takes two to three times as long.
const inOrder = "SET LOCAL enable_hashjoin = off; "

// validateKey looks at the rows of a foreign key that was added without.
func (c *copier) validateKey(ctx context.Context, conn *pgx.Conn, e *postEntry, k catalog.ForeignKey) error {
	err := try(ctx, conn, inOrder+"ALTER TABLE "+ident(k.ChildSchema, k.ChildTable)+" VALIDATE CONSTRAINT "+ident(k.Name))
	switch {
	case stateIs(err, orphaned):
		c.orphans(k)
		return nil
	case stateIs(err, "42704"): // it could not be added, which was told
		return nil
	case err != nil:
		return c.refused(withoutOwner(e.text), conn, err)
	}
	return nil
}

// addKey adds a foreign key that must be looked at, or must not, in one. A partitioned table can have none that is not valid before
// PostgreSQL 18: then it stays refused.
func (c *copier) addKey(ctx context.Context, conn *pgx.Conn, e *postEntry, k catalog.ForeignKey) error {
	err := try(ctx, conn, inOrder+e.sql)
	if stateIs(err, orphaned) && try(ctx, conn, notValid(e.sql)) == nil {
		c.orphans(k)
		return nil
	}
	if err != nil {
		return c.refused(withoutOwner(e.text), conn, err)
	}
	return nil
}

func (c *copier) orphans(k catalog.ForeignKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.res.LeftOut = append(c.res.LeftOut, fmt.Sprintf("the validity of foreign key %s of %s: rows break it, which the copy keeps",
		catalog.Quote(k.Name), show(k.ChildSchema, k.ChildTable)))
}
