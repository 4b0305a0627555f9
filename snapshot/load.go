package snapshot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// load is one table to copy.
type load struct {
	table   catalog.Table
	plan    *sanitize.TablePlan
	columns []string // in the plan's order, generated ones left out
	// via is the topmost partitioned table, for a partition that rows may have to leave, because their key is masked or hashes otherwise in
	// staging: the root finds where they go.
	via    *catalog.Table
	size   int64
	rows   *rowSet  // those to copy; nil: all
	pieces []string // conditions on ctid, each for a part of the table that is read by itself; one of "" for all of it
	fills  []*gate  // whose table it is the last to fill, perhaps
	breaks *gate    // that breaking its keys opens, after that; nil when none is broken

	late bool // its rows are loaded after those of the others

	left    int // pieces that have not been loaded yet; this and what follows is guarded by copier.mu
	began   time.Time
	storage string // of the source, where the first piece was read from
	moved   bool   // rows may have been in another storage when the view was frozen
	result  Table
	// constants are what masks make of whole columns, in binary form, for a table that goes in that.
	constants map[string][]byte
}

// queue lists what to copy, largest first, so that no large table is left to one worker at the end.
func (c *copier) queue() []*load {
	at := map[uint32]*catalog.Table{}
	for i := range c.desc.Tables {
		at[c.desc.Tables[i].OID] = &c.desc.Tables[i]
	}
	var loads []*load
	for _, t := range c.desc.Tables {
		if !holdsRows(t) {
			continue
		}
		l := &load{table: t, plan: c.plan.Table(t.Schema, t.Name), size: t.Bytes + t.ToastBytes}
		for _, column := range l.plan.Columns {
			l.columns = append(l.columns, column.Name)
		}
		masked := l.plan.Masked()
		l.result = Table{Schema: t.Schema, Name: t.Name, Masked: len(masked) > 0, Part: c.sel.Part(t.Schema, t.Name)}
		if t.IsPartition && (c.desc.movingKeys[t.Root] || intersects(c.desc.partitionKeys[t.Root], masked)) {
			l.via, l.result.Rerouted = at[t.Root], true
		}
		loads = append(loads, l)
		c.tally.TotalTables++
		c.tally.TotalBytes += l.size
	}
	slices.SortStableFunc(loads, func(a, b *load) int { return cmp.Compare(b.size, a.size) })
	for _, l := range loads {
		l.split(c.tally.TotalBytes/int64(c.opts.Jobs), c.opts.splitFrom, c.src.server.Major())
	}
	return loads
}

// worthSplitting is the size below which a table is never split: what is loaded by several sessions goes through the target's log and has to
// be frozen afterwards, which a table that is truncated and loaded in one transaction is spared.
const worthSplitting = 256 << 20

// split divides a table that is larger than a worker's fair share of all there is, by the blocks its rows are in; half a share each, so that
// there is something to even out with. What was added at the table's end since its size was taken is in the last piece. PostgreSQL 13 would
// go through all of the table for each piece.
func (l *load) split(share, from int64, major int) {
	l.pieces = []string{""}
	defer func() { l.left = len(l.pieces) }()
	blocks := l.table.Bytes / blockSize
	n := min((2*l.size+share-1)/max(share, 1), 64, blocks)
	if l.size < from || l.size <= share || n < 2 || major < 14 || l.via != nil || l.table.Extension != "" || len(l.columns) == 0 {
		return
	}
	l.pieces = l.pieces[:0]
	for i := range n {
		where := fmt.Sprintf("ctid >= '(%d,0)'", blocks*i/n)
		if i < n-1 {
			where += fmt.Sprintf(" AND ctid < '(%d,0)'", blocks*(i+1)/n)
		}
		l.pieces = append(l.pieces, where)
	}
}

// blockSize is that of nearly every PostgreSQL; with another one pieces are of odd size, and nothing else is wrong.
const blockSize = 8192

func intersects(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// piece is what one worker reads at a time.
type piece struct {
	*load
	where string // "" for all of the table
}

// out is the statement that reads the piece.
func (l piece) out() string {
	name := ident(l.table.Schema, l.table.Name)
	list, plain := l.list()
	switch {
	case len(l.columns) == 0:
		return fmt.Sprintf(sqlRowsAll, name)
	case l.where != "" && l.result.Binary:
		return fmt.Sprintf(sqlPartBinary, list, name, l.where)
	case l.where != "":
		return fmt.Sprintf(sqlRowsPart, list, name, l.where)
	case l.table.Condition != "":
		return fmt.Sprintf(sqlRowsOwn, list, name, l.table.Condition)
	case !plain && l.result.Binary:
		return fmt.Sprintf(sqlSomeBinary, list, name)
	case !plain:
		return fmt.Sprintf(sqlRowsSome, list, name)
	case l.result.Binary:
		return fmt.Sprintf(sqlRowsBinary, name, list)
	}
	return fmt.Sprintf(sqlRows, name, list)
}

// into are the statements that make the table ready, and that load it. A table truncated in the same transaction needs no WAL, and its
// rows can be written as frozen; a partitioned table, one that CREATE EXTENSION filled and one that several sessions load cannot have that.
func (l *load) into() (ready, load string) {
	name, options := ident(l.table.Schema, l.table.Name), []string{"FREEZE"}
	ready = "BEGIN; TRUNCATE ONLY " + name
	if l.via != nil {
		name, ready, options = ident(l.via.Schema, l.via.Name), "BEGIN", nil
	} else if l.table.Extension != "" || len(l.pieces) > 1 {
		ready, options = "BEGIN", nil
	}
	if l.result.Binary {
		options = append(options, "FORMAT binary")
	}
	list := ""
	if len(l.columns) > 0 {
		list = " (" + idents(l.columns) + ")"
	}
	load = "COPY " + name + list + " FROM STDIN"
	if len(options) > 0 {
		load += " WITH (" + strings.Join(options, ", ") + ")"
	}
	return ready, load
}

// work copies tables until there are no more, over one session on each side.
func (c *copier) work(ctx context.Context, view *frozen, todo <-chan piece) error {
	source, err := view.worker(ctx)
	if err != nil {
		return err
	}
	defer closeConn(ctx, source)
	target, err := c.target.session(ctx, c.src.server)
	if err != nil {
		return err
	}
	defer closeConn(ctx, target)
	ring := newRing()
	for p := range todo {
		if err := ctx.Err(); err != nil {
			return err
		}
		rows, bytes, err := c.transfer(ctx, p, source, target, ring)
		if err != nil {
			return err
		}
		last, err := c.loaded(p.load, rows, bytes)
		if err != nil {
			return err
		}
		if last {
			c.tally.finished(p.load, c.opts.Progress)
		}
	}
	return nil
}

// loaded adds a piece to its table, and tells whether it was the last one of it. Then what waits for the rows can begin.
func (c *copier) loaded(l *load, rows, bytes int64) (last bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.result.Rows += rows
	l.result.Bytes += bytes
	if l.left--; l.left > 0 {
		return false, nil
	}
	if l.moved && l.result.Rows == 0 {
		return false, changed(l, "was truncated or rewritten")
	}
	if !l.began.IsZero() {
		l.result.Duration = time.Since(l.began)
	}
	if l.rows == nil && l.result.Part.Whole() {
		l.result.SourceRows, l.result.SourceRowsExact = l.result.Rows, true
	}
	for _, g := range l.fills {
		if g.left--; g.left == 0 {
			c.tasks.open(g.task)
		}
	}
	return true, nil
}

// transfer copies one piece in one transaction of the target.
func (c *copier) transfer(ctx context.Context, l piece, source, target *pgx.Conn, ring *ring) (rows, bytes int64, err error) {
	if l.rows != nil && l.rows.len() == 0 && c.opts.Archive == nil {
		return 0, 0, nil
	}
	if err := c.hold(ctx, l, source); err != nil {
		return 0, 0, err
	}
	if err := c.inPlace(l.load); err != nil {
		return 0, 0, err
	}
	ready, in := l.into()
	if _, err := target.PgConn().Exec(ctx, ready).ReadAll(); err != nil {
		return 0, 0, targetError("load "+l.table.String(), err)
	}
	for out, want := range l.outs() {
		n, size, err := c.pass(ctx, l.load, out, in, source, target, ring)
		switch {
		case err != nil:
			return 0, 0, err
		case want >= 0 && n != int64(want):
			return 0, 0, changed(l.load, "has other rows now than those that were chosen")
		}
		rows, bytes = rows+n, bytes+size
	}
	if _, err := target.PgConn().Exec(ctx, "COMMIT").ReadAll(); err != nil {
		return 0, 0, targetError("load "+l.table.String(), err)
	}
	return rows, bytes, nil
}

// pass lets the rows that one statement reads through the masks into the target, and compares what both sides counted.
func (c *copier) pass(ctx context.Context, l *load, out, in string, source, target *pgx.Conn, ring *ring) (rows, bytes int64, err error) {
	doing := "load " + l.table.String()
	s := ring.stream(ctx)
	sink := &sink{stream: s, grown: func(n int) { c.tally.grow(n, c.opts.Progress) }, limit: c.limit}
	c.watched(l, sink)
	var read pgconn.CommandTag
	var readErr error
	var wg sync.WaitGroup
	wg.Go(func() {
		read, readErr = source.PgConn().CopyTo(ctx, sink, out)
		if readErr == nil {
			readErr = sink.end()
		}
		s.finish(c.readError(l, readErr))
	})
	kept := c.keep(l, s)
	written, writeErr := target.PgConn().CopyFrom(ctx, kept, in)
	s.hangUp()
	wg.Wait()
	switch {
	case readErr != nil && !errors.Is(readErr, errReceiverGone):
		return 0, 0, c.readError(l, readErr)
	case kept.err != nil:
		return 0, 0, kept.err
	case writeErr != nil:
		return 0, 0, targetError(doing, writeErr)
	case read.RowsAffected() != written.RowsAffected():
		return 0, 0, targetError(doing, fmt.Errorf("the source sent %d rows, %d arrived", read.RowsAffected(), written.RowsAffected()))
	}
	return written.RowsAffected(), sink.bytes, kept.close(written.RowsAffected())
}

// readError tells apart what ends the reading of a table: the masks' own error, which names column and reason, or the source's.
func (c *copier) readError(l *load, err error) error {
	var value *sanitize.ValueError
	if err == nil || errors.As(err, &value) || errors.Is(err, errReceiverGone) {
		return err
	}
	return c.src.failed("copy "+l.table.String(), err)
}
