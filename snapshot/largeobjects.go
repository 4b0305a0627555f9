package snapshot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// Large objects travel some at a time with their first bytes, so that many small ones do not cost a round trip each; what is
// longer follows in pieces.
const (
	objectsAtOnce = 64
	objectBegin   = 16 << 10
	objectPiece   = 1 << 20
)

// objectContent is a large object with what is known of its content.
type objectContent struct {
	oid   uint32
	begin []byte // the first objectBegin bytes at most; nil where it is blank
	size  int64  // where it is blank
}

// copyLargeObjects copies large objects as the plan says: under their OIDs, which columns refer to, with owner, privileges and comment.
func (c *copier) copyLargeObjects(ctx context.Context, view *frozen) error {
	if len(c.desc.LargeObjects) == 0 {
		return nil
	}
	source, err := view.worker(ctx)
	if err != nil {
		return err
	}
	defer closeConn(ctx, source)
	kept := &objectKeeper{}
	if c.opts.Archive != nil {
		kept.to = c.opts.Archive.LargeObjects()
	}
	err = c.onTarget(ctx, "load large objects", func(target *pgx.Conn) error {
		for some := range slices.Chunk(c.desc.LargeObjects, objectsAtOnce) {
			if err := c.copyObjects(ctx, source, target, some, kept); err != nil {
				return err
			}
			c.res.LargeObjects += len(some)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return kept.close()
}

// copyObjects copies some objects in one transaction of the target.
func (c *copier) copyObjects(ctx context.Context, source, target *pgx.Conn, some []catalog.LargeObject, kept *objectKeeper) error {
	blank := c.objects == sanitize.BlankLargeObjects
	read := readBegins
	if blank {
		read = readSizes
	}
	contents, err := read(ctx, source, some)
	if err != nil {
		return c.src.failed("read large objects", err)
	}
	if _, err := target.Exec(ctx, "BEGIN"); err != nil {
		return err
	}
	for _, o := range contents {
		if blank {
			err = errors.Join(blankObject(ctx, target, o), kept.put(o.oid, o.size, nil))
		} else {
			err = c.copyObject(ctx, source, target, o, kept)
		}
		if err != nil {
			return err
		}
	}
	_, err = target.PgConn().Exec(ctx, objectProperties(some)+"COMMIT").ReadAll()
	return err
}

func readBegins(ctx context.Context, source *pgx.Conn, some []catalog.LargeObject) ([]objectContent, error) {
	rows, err := source.Query(ctx, sqlObjects, oids(some), objectBegin)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (o objectContent, err error) {
		return o, row.Scan(&o.oid, &o.begin)
	})
}

func readSizes(ctx context.Context, source *pgx.Conn, some []catalog.LargeObject) ([]objectContent, error) {
	rows, err := source.Query(ctx, sqlObjectSizes, oids(some))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (o objectContent, err error) {
		return o, row.Scan(&o.oid, &o.size, nil)
	})
}

func oids(some []catalog.LargeObject) []uint32 {
	var all []uint32
	for _, o := range some {
		all = append(all, o.OID)
	}
	return all
}

// blankObject makes an object of zeros: one that is only as long as that, as a file with a hole.
func blankObject(ctx context.Context, target *pgx.Conn, o objectContent) error {
	_, err := target.Exec(ctx, "SELECT lo_truncate64(fd, $2), lo_close(fd) FROM (SELECT lo_open(lo_create($1), 131072) AS fd OFFSET 0) opened", o.oid, o.size)
	return err
}

// copyObject makes an object and reads and writes it piece by piece.
func (c *copier) copyObject(ctx context.Context, source, target *pgx.Conn, o objectContent, kept *objectKeeper) error {
	if _, err := target.Exec(ctx, "SELECT lo_from_bytea($1, $2)", o.oid, o.begin); err != nil {
		return err
	}
	if err := kept.put(o.oid, 0, o.begin); err != nil {
		return err
	}
	offset := int64(len(o.begin))
	for piece := o.begin; len(piece) == objectBegin || len(piece) == objectPiece; offset += int64(len(piece)) {
		c.tally.grow(len(piece), c.opts.Progress)
		if err := c.limit.wait(ctx, len(piece)); err != nil {
			return err
		}
		if err := source.QueryRow(ctx, sqlObject, o.oid, offset, objectPiece).Scan(&piece); err != nil {
			return c.src.failed(fmt.Sprintf("read large object %d", o.oid), err)
		}
		if _, err := target.Exec(ctx, "SELECT lo_put($1, $2, $3)", o.oid, offset, piece); err != nil {
			return err
		}
		if err := kept.put(o.oid, offset, piece); err != nil {
			return err
		}
	}
	return nil
}

// objectProperties are the statements that give objects their owners, privileges and comments.
func objectProperties(some []catalog.LargeObject) string {
	var b strings.Builder
	for _, o := range some {
		on := fmt.Sprintf("LARGE OBJECT %d", o.OID)
		fmt.Fprintf(&b, "ALTER %s OWNER TO %s;\n", on, ident(o.Owner))
		if len(o.Grants) > 0 {
			fmt.Fprintf(&b, "REVOKE ALL ON %s FROM %s;\n", on, ident(o.Owner))
			b.WriteString(grantStatements(on, o.Grants))
		}
		if o.Comment != "" {
			fmt.Fprintf(&b, "COMMENT ON %s IS %s;\n", on, literal(o.Comment))
		}
	}
	return b.String()
}
