package snapshot

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// This file finds which rows of which tables are copied when it is not all of them. Rows are known by their places (ctid), which hold for
// as long as the view does: the server finds them, one query a foreign key and batch, and no value of a row passes to us.

// places is how many rows are named in one query. A key without an index costs a scan of its table a batch.
const places = 100_000

// leaf is a table with rows of its own, or a leaf of a partitioned one.
type leaf struct {
	table   catalog.Table
	root    sanitize.Relation // the table whose rules it follows
	part    sanitize.Part
	rows    *rowSet // nil: every row
	core    *rowSet // those of rows that lead further down; what was only added because others reference it does not
	pending *rowSet // those of rows whose parents have not been looked for
	reached *rowSet // those of rows, in the same way, whose parents are kept as far as the subset has come to them before
	keys    []*selectKey
	source  sourceRows
}

// name is the table as SQL has it.
func (h *leaf) name() string { return ident(h.table.Schema, h.table.Name) }

// keep adds a row, where not every row or none is kept anyway.
func (h *leaf) keep(t tid) {
	if h.rows != nil && h.part.Share != sanitize.ShareNone && h.rows.add(t) {
		h.pending.add(t)
	}
}

// selectKey is a foreign key, declared by the database or by the rules.
type selectKey struct {
	parent  sanitize.Relation // as in the rules: topmost
	parents []*leaf
	from    string // the parent in a FROM clause
	match   string // p and c are the parent and the child
	nulls   string // the key of a row references nothing
}

// partial says that not all rows of the parent are kept anyway.
func (k *selectKey) partial() bool {
	return slices.ContainsFunc(k.parents, func(h *leaf) bool { return h.rows != nil })
}

// selector finds rows in one session that sees the view.
type selector struct {
	src   *Source
	conn  *pgx.Conn
	sel   *sanitize.Selection
	all   []*leaf
	at    map[uint32]*leaf
	under map[sanitize.Relation][]*leaf
	order map[sanitize.Relation]int // in which tables of the subset are come to
}

// choose finds the rows to copy of each table that is not copied whole; nil where every table is.
func (s *Source) choose(ctx context.Context, view *frozen, desc *Description, sel *sanitize.Selection) (_ map[uint32]*leaf, err error) {
	if sel.Whole() {
		return nil, nil
	}
	conn, err := view.worker(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = closeConn(ctx, conn) }() // it has only read: its end tells nothing
	// Conditions and operators of declared keys mean what they mean to the application.
	if _, err := conn.Exec(ctx, sqlSearchPath, strings.TrimSuffix("pg_catalog, "+s.server.SearchPath, ", ")); err != nil {
		return nil, s.failed("choose rows", err)
	}
	if _, err := conn.Exec(ctx, sqlSavepoint); err != nil {
		return nil, s.failed("choose rows", err)
	}
	c := &selector{src: s, conn: conn, sel: sel}
	if err := c.prepare(ctx, desc); err != nil {
		return nil, s.failed("choose rows", err)
	}
	if err := c.run(ctx); err != nil {
		return nil, err
	}
	return c.at, nil
}

// run goes through the tables in the order of the selection.
func (s *selector) run(ctx context.Context) error {
	for _, h := range s.all {
		if h.part.Share == sanitize.ShareRows {
			found, err := s.seed(ctx, h)
			if err != nil {
				return err
			}
			for t := range found.all() {
				h.keep(t)
			}
		}
	}
	for i, round := range s.sel.Rounds {
		for _, table := range round.Down {
			if err := s.come(ctx, table); err != nil {
				return err
			}
			if err := s.up(ctx); err != nil {
				return err
			}
		}
		if i == 0 { // not before: what whole tables reference leads up, not down
			if err := s.whole(ctx); err != nil {
				return err
			}
		}
		for _, table := range round.Referenced {
			for _, h := range s.under[table] {
				h.core = h.rows.clone()
			}
		}
	}
	return s.count(ctx)
}

// come finds the rows of a table with all its leaves, and keeps them.
func (s *selector) come(ctx context.Context, table sanitize.Relation) (err error) {
	for _, h := range s.under[table] {
		switch h.part.Share {
		case sanitize.ShareNone:
			continue
		case sanitize.ShareRoot:
			h.core, err = s.seed(ctx, h)
		default:
			h.core, err = s.reach(ctx, h)
		}
		if err != nil {
			return err
		}
		for t := range h.core.all() {
			if h.rows.add(t) {
				h.reached.add(t)
			}
		}
	}
	return nil
}

// seed finds the rows that meet the condition of the table.
func (s *selector) seed(ctx context.Context, h *leaf) (*rowSet, error) {
	condition := h.part.Rows
	if condition == "" {
		condition = percentOf(h.table, h.part.Percent)
	}
	found := newRowSet()
	return found, s.query(ctx, h, fmt.Sprintf(sqlMatching, h.name(), condition), "", func(_ *leaf, t tid) { found.add(t) })
}

// percentOf is the condition that so many rows of a hundred meet, the same ones each time: it goes by a hash of the primary key, or of another
// key, or, where there is none, of where the row is.
func percentOf(t catalog.Table, percent float64) string {
	by := "ctid"
	keys := slices.DeleteFunc(slices.Clone(t.Unique), func(k catalog.UniqueKey) bool {
		return k.Partial || k.Expression || k.Exclusion || len(k.Columns) == 0
	})
	for _, k := range keys {
		if k.Primary || by == "ctid" {
			by = "ROW(" + idents(k.Columns) + ")"
		}
	}
	return fmt.Sprintf(`(hashtextextended(%s::text COLLATE "C", 0) & 9223372036854775807) %% 1000000 < %d`, by, max(int64(math.Round(percent*10000)), 1))
}

// reach finds the rows that reference what tables were come to with before, if none of their other keys to such tables leads to a row that
// is not kept.
func (s *selector) reach(ctx context.Context, h *leaf) (*rowSet, error) {
	var keys []*selectKey
	for _, k := range h.keys {
		if s.before(k.parent, h) {
			keys = append(keys, k)
		}
	}
	found, led := newRowSet(), make([]*rowSet, len(keys))
	for i, k := range keys {
		led[i] = newRowSet()
		err := s.children(ctx, h, k, func(p *leaf) *rowSet { return p.core }, func(t tid) {
			led[i].add(t)
			found.add(t)
		})
		if err != nil {
			return nil, err
		}
	}
	for i, k := range keys {
		var err error
		if found, err = s.holding(ctx, h, k, found, led[i]); err != nil {
			return nil, err
		}
	}
	if h.part.Rows == "" {
		return found, nil
	}
	meeting := newRowSet()
	return meeting, s.among(ctx, h, found, h.part.Rows, meeting)
}

// children finds the rows of h that reference, by the key, rows of the given sets.
func (s *selector) children(ctx context.Context, h *leaf, k *selectKey, of func(parent *leaf) *rowSet, found func(tid)) error {
	for _, parent := range k.parents {
		rows := of(parent)
		if rows == nil {
			continue
		}
		sql := fmt.Sprintf(sqlChildren, h.name(), parent.name(), k.match)
		for array := range rows.batches(places) {
			if err := s.query(ctx, h, sql, array, func(_ *leaf, t tid) { found(t) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// holding takes the rows from found whose key leads to a kept row, as it does for those in led, or to none.
func (s *selector) holding(ctx context.Context, h *leaf, k *selectKey, found, led *rowSet) (*rowSet, error) {
	all, rest := newRowSet(), newRowSet()
	for t := range found.all() {
		if led.has(t) {
			all.add(t)
		} else {
			rest.add(t)
		}
	}
	if rest.len() == 0 {
		return all, nil
	}
	err := s.children(ctx, h, k, func(p *leaf) *rowSet { return p.rows.without(p.core) }, func(t tid) {
		if rest.has(t) {
			all.add(t)
		}
	})
	if err != nil {
		return nil, err
	}
	return all, s.among(ctx, h, rest, k.nulls, all)
}

// among adds those of rows that meet a condition.
func (s *selector) among(ctx context.Context, h *leaf, rows *rowSet, condition string, to *rowSet) error {
	sql := fmt.Sprintf(sqlAmong, h.name(), condition)
	for array := range rows.batches(places) {
		if err := s.query(ctx, h, sql, array, func(_ *leaf, t tid) { to.add(t) }); err != nil {
			return err
		}
	}
	return nil
}

// whole keeps what tables reference that are whole, or have a condition of their own, though others are a subset.
func (s *selector) whole(ctx context.Context) error {
	for _, h := range s.all {
		for _, k := range h.keys {
			if h.rows != nil || !k.partial() {
				continue
			}
			if err := s.query(ctx, h, fmt.Sprintf(sqlAllParents, k.from, h.name(), k.match), "", func(p *leaf, t tid) { p.keep(t) }); err != nil {
				return err
			}
		}
	}
	return s.up(ctx)
}

// up keeps whatever kept rows reference, until nothing new is found.
func (s *selector) up(ctx context.Context) error {
	for more := true; more; {
		more = false
		for _, h := range s.all {
			if h.rows == nil || h.pending.len()+h.reached.len() == 0 {
				continue
			}
			rows, reached := h.pending, h.reached
			h.pending, h.reached, more = newRowSet(), newRowSet(), true
			for _, k := range h.keys {
				if !k.partial() {
					continue
				}
				if err := s.parents(ctx, h, k, rows); err != nil {
					return err
				}
				if h.part.Share == sanitize.ShareReached && s.before(k.parent, h) {
					continue // or it would not have been reached
				}
				if err := s.parents(ctx, h, k, reached); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// parents keeps what rows of h reference by the key.
func (s *selector) parents(ctx context.Context, h *leaf, k *selectKey, rows *rowSet) error {
	sql := fmt.Sprintf(sqlParents, k.from, h.name(), k.match)
	for array := range rows.batches(places) {
		if err := s.query(ctx, h, sql, array, func(p *leaf, t tid) { p.keep(t) }); err != nil {
			return err
		}
	}
	return nil
}

// before says that the subset comes to a table before it comes to h.
func (s *selector) before(table sanitize.Relation, h *leaf) bool {
	order, ok := s.order[table]
	return ok && order < s.order[h.root]
}

// refused is a failure of a query. What the server has against a condition of rows when it comes to a row is a mistake of the rules, told by
// its SQLSTATE alone, since the server's words may quote the row.
func (s *selector) refused(h *leaf, doing, sql string, err error) error {
	var pg *pgconn.PgError
	if h.part.Rows == "" || !strings.Contains(sql, h.part.Rows) || !errors.As(err, &pg) || !isOwnFailure(pg.Code) || isGone(err) {
		return s.src.failed(doing, err)
	}
	at := h.part.At
	at.Text = fmt.Sprintf("the server refuses rows of %s at a row (SQLSTATE %s)", h.table, pg.Code)
	return &sanitize.PlanError{File: at.File, Issues: []sanitize.Issue{at}}
}

// isOwnFailure says that an expression, or a function that it calls, failed for what it is and what it was given: by the classes of SQLSTATEs.
func isOwnFailure(code string) bool {
	return len(code) == 5 && strings.Contains(" 0A 20 21 22 2F 38 39 42 P0 ", " "+code[:2]+" ") && code != "42501"
}

// query gives the rows that a query finds, with their table, and lets go of the locks of the one before.
func (s *selector) query(ctx context.Context, h *leaf, sql, array string, found func(*leaf, tid)) error {
	doing := "choose rows for " + h.table.String()
	if _, err := s.conn.Exec(ctx, sqlLetGo); err != nil {
		return s.src.failed(doing, err)
	}
	var args []any
	if array != "" {
		args = append(args, array)
	}
	rows, err := s.conn.Query(ctx, sql, args...)
	if isGone(err) {
		return &ChangedError{Objects: []string{"table " + h.table.String() + ", or one that it references, is gone"}}
	}
	if err != nil {
		return s.refused(h, doing, sql, err)
	}
	var oid uint32
	var place pgtype.TID
	unknown := false
	_, err = pgx.ForEachRow(rows, []any{&oid, &place}, func() error {
		if in := s.at[oid]; in != nil {
			found(in, newTID(place.BlockNumber, place.OffsetNumber))
		} else {
			unknown = true
		}
		return nil
	})
	if err == nil && unknown {
		return &ChangedError{Objects: []string{"table " + h.table.String() + ", or one that it references, is another table now"}}
	}
	return s.refused(h, doing, sql, err)
}
