package snapshot

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// placesRead is how many rows one COPY of a part of a table names: some 12 bytes of statement each.
const placesRead = 20_000

// part finds which rows to copy where it is not all of them.
func (c *copier) part(ctx context.Context, view *frozen) error {
	chosen, err := c.src.choose(ctx, view, c.desc, c.sel)
	if err != nil {
		return err
	}
	c.tally.TotalBytes = 0
	for _, l := range c.loads {
		h := chosen[l.table.OID]
		if h != nil {
			l.result.Part = h.part
		}
		if h != nil && h.rows != nil {
			l.rows, l.pieces, l.left = h.rows, []string{""}, 1
			l.size = int64(float64(l.size) * float64(h.rows.len()) / float64(max(h.source.n, 1)))
			l.result.SourceRows, l.result.SourceRowsExact = h.source.n, h.source.exact
		}
		c.tally.TotalBytes += l.size
	}
	return nil
}

// inPlace makes sure that the places of the chosen rows are still theirs: they mean nothing in other storage.
func (c *copier) inPlace(l *load) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.rows != nil && l.rows.len() > 0 && l.moved {
		return changed(l, "was truncated or rewritten")
	}
	return nil
}

// outs are the statements that read the piece one after another, each with how many rows it gives; -1 is any number.
func (l piece) outs() iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		if l.rows == nil {
			yield(l.out(), -1)
			return
		}
		list, _ := l.list()
		sql := sqlRowsPart
		if l.result.Binary {
			sql = sqlPartBinary
		}
		batches := l.rows.batches(placesRead)
		if l.rows.len() == 0 { // for an archive, which has every table
			batches = func(yield func(string, int) bool) { yield("{}", 0) }
		}
		for array, n := range batches {
			if !yield(fmt.Sprintf(sql, list, ident(l.table.Schema, l.table.Name), "ctid = ANY ('"+array+"'::tid[])"), n) {
				return
			}
		}
	}
}

// breaks says that a key of the table is broken: it is complete only after that.
func (c *copier) breaks(l *load) bool {
	root := l.table
	if l.table.IsPartition {
		root = c.table(l.table.Root)
	}
	return slices.ContainsFunc(c.sel.Breaks, func(b sanitize.Break) bool {
		return b.Table == sanitize.Relation{Schema: root.Schema, Name: root.Name}
	})
}

// breakKeys sets the columns of broken keys to NULL in the copy, where the row that they name is not there.
func (c *copier) breakKeys(ctx context.Context) error {
	err := c.onTarget(ctx, "break keys", func(conn *pgx.Conn) error {
		for _, b := range c.sel.Breaks {
			for _, k := range c.brokenBy(b) {
				var nulls []string
				for _, column := range b.Columns {
					nulls = append(nulls, ident(column)+" = NULL")
				}
				child, parent := c.table(k.Child), c.table(k.Parent)
				match, _ := matching(k)
				var filled []string
				for _, column := range k.ChildColumns {
					filled = append(filled, "c."+ident(column)+" IS NOT NULL")
				}
				tag, err := conn.Exec(ctx, fmt.Sprintf("UPDATE %s c SET %s WHERE %s AND NOT EXISTS (SELECT FROM %s p WHERE %s)",
					only(child), strings.Join(nulls, ", "), strings.Join(filled, " AND "), only(parent), match))
				if err != nil {
					return targetError("break a key of "+child.String(), err)
				}
				c.res.Broken = append(c.res.Broken, BrokenKey{Schema: child.Schema, Table: child.Name, Columns: b.Columns, Rows: tag.RowsAffected()})
			}
		}
		return nil
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.loads {
		if g := l.breaks; err == nil && g != nil {
			if g.left--; g.left == 0 {
				c.tasks.open(g.task)
			}
		}
	}
	return err
}

// brokenBy are the keys of the database that a break of the rules names. Both sides of such a key have the same masks.
func (c *copier) brokenBy(b sanitize.Break) []catalog.ForeignKey {
	tables := map[uint32]catalog.Table{}
	for _, t := range c.desc.Tables {
		tables[t.OID] = t
	}
	var keys []catalog.ForeignKey
	for _, k := range c.desc.ForeignKeys {
		if b.Breaks(topmost(tables, k.Child), k.ChildColumns) {
			keys = append(keys, k)
		}
	}
	return keys
}

func (c *copier) table(oid uint32) catalog.Table {
	for _, t := range c.desc.Tables {
		if t.OID == oid {
			return t
		}
	}
	return catalog.Table{}
}
