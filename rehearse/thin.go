package rehearse

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

const (
	// lookup is how many times smaller than the largest a table is that others look values up in: a share of it would decide which of their
	// rows there are, and so it only loses what nobody refers to.
	lookup = 100
	// rounds bound following keys that lead in circles: so long a chain of rows is not to be expected.
	rounds = 1000
)

// thinning takes rows out of the tables that migrations work on, in a clone, so that a share of each is left and every foreign key holds. Which rows
// stay is decided by a hash of their places: the same each time, and everywhere in a table.
type thinning struct {
	*scaling
	share   float64
	conn    *pgx.Conn
	left    map[uint32]int64 // rows of the tables that migrations work on
	settled map[uint32]bool  // their rows have been chosen: no other choice may take more
	changed map[uint32]bool
}

// thin does it, and has the tables stored and analysed anew, as they would be with that many rows. No trigger runs.
func (t *thinning) thin(ctx context.Context, cfg *pgx.ConnConfig) error {
	t.left, t.settled, t.changed = maps.Clone(t.worked), map[uint32]bool{}, map[uint32]bool{}
	return connected(ctx, cfg, func(conn *pgx.Conn) error {
		t.conn = conn
		const own = "SET session_replication_role = replica; SET row_security = off; SET search_path = pg_catalog; SET synchronous_commit = off; " +
			"SET statement_timeout = 0; SET lock_timeout = 0; SET default_transaction_read_only = off"
		if _, err := conn.Exec(ctx, own); err != nil {
			return fmt.Errorf("prepare a session that takes rows out: %w", err)
		}
		for _, unit := range t.order() {
			if err := t.choose(ctx, unit); err != nil {
				return err
			}
			if err := t.follow(ctx, unit); err != nil {
				return err
			}
			t.settled[unit] = true
			for other, rows := range t.left { // what has lost enough with its parents must not lose as much again with others
				t.settled[other] = t.settled[other] || 10*rows <= 11*t.want(other)
			}
		}
		maps.DeleteFunc(t.left, func(unit uint32, _ int64) bool { _, works := t.worked[unit]; return !works })
		for _, unit := range slices.Sorted(maps.Keys(t.changed)) {
			for _, form := range []string{"VACUUM (FULL) ", "VACUUM (FREEZE, ANALYZE) "} { // the second marks pages as seen by all, as a fresh copy's are
				if _, err := conn.Exec(ctx, form+t.tables[unit].String()); err != nil {
					return fmt.Errorf("%s%s: %w", form, t.tables[unit], err)
				}
			}
		}
		return nil
	})
}

// order is in which order tables lose rows: what others refer to before these, so that a row goes with what it belongs to; of several the largest
// first, and what is only looked up in last.
func (t *thinning) order() (order []uint32) {
	var most int64
	for _, n := range t.worked {
		most = max(most, n)
	}
	looked := func(unit uint32) bool { return t.worked[unit] < most/lookup }
	todo := slices.SortedFunc(maps.Keys(t.worked), func(a, b uint32) int {
		if looked(a) != looked(b) {
			return map[bool]int{true: 1, false: -1}[looked(a)]
		}
		return cmp.Or(cmp.Compare(t.worked[b], t.worked[a]), cmp.Compare(a, b))
	})
	for len(todo) > 0 {
		next := max(0, slices.IndexFunc(todo, func(unit uint32) bool { // the first of a circle, where there is none
			return looked(unit) == looked(todo[0]) && !slices.ContainsFunc(t.keys, func(k catalog.ForeignKey) bool {
				parent := t.whole(k.Parent)
				return t.whole(k.Child) == unit && parent != unit && looked(parent) == looked(unit) && slices.Contains(todo, parent)
			})
		}))
		order = append(order, todo[next])
		todo = slices.Delete(todo, next, next+1)
	}
	return order
}

// choose takes rows out of one table: down to the share, but only those that nobody refers to where others have been chosen by which of its rows
// there are.
func (t *thinning) choose(ctx context.Context, unit uint32) error {
	want, has := t.want(unit), t.left[unit]
	if has <= want {
		return nil
	}
	keep := float64(want) / float64(has)
	var spared strings.Builder
	if t.leadsTo(unit, map[uint32]bool{}) {
		keep = t.share
		for _, k := range t.keys {
			if t.whole(k.Parent) == unit {
				fmt.Fprintf(&spared, " AND NOT EXISTS (SELECT FROM %s AS c WHERE %s)", t.from(k.Child), ties(k))
			}
		}
	}
	const parts = 1 << 20
	n, err := t.exec(ctx, unit, fmt.Sprintf("DELETE FROM %s AS p WHERE (hashtextextended(ctid::text, 0) & %d) >= %d%s",
		t.from(unit), parts-1, int64(keep*parts), spared.String()))
	t.left[unit] -= n
	return err
}

// want is how many rows a table is to be left with.
func (t *thinning) want(unit uint32) int64 {
	return int64(math.Ceil(t.share * float64(t.worked[unit])))
}

// leadsTo tells whether rows of a settled table refer to those of unit, directly or through others.
func (t *thinning) leadsTo(unit uint32, been map[uint32]bool) bool {
	been[unit] = true
	return slices.ContainsFunc(t.keys, func(k catalog.ForeignKey) bool {
		child := t.whole(k.Child)
		return t.whole(k.Parent) == unit && !been[child] && (t.settled[child] || t.leadsTo(child, been))
	})
}

// follow takes out the rows that refer to rows which are gone, and those that refer to them in turn.
func (t *thinning) follow(ctx context.Context, unit uint32) error {
	gone := []uint32{unit}
	for round := 0; len(gone) > 0; round++ {
		if round == rounds {
			return &thinError{t.tables[gone[0]].String() + " has rows that refer to one another in too long a chain"}
		}
		parent := gone[0]
		gone = gone[1:]
		for _, k := range t.keys {
			child := t.whole(k.Child)
			if t.whole(k.Parent) != parent {
				continue
			}
			var given, empty []string
			for _, c := range k.ChildColumns {
				given, empty = append(given, "c."+catalog.Quote(c)+" IS NOT NULL"), append(empty, catalog.Quote(c)+" = NULL")
			}
			orphans := fmt.Sprintf("%s AND NOT EXISTS (SELECT FROM %s AS p WHERE %s)", strings.Join(given, " AND "), t.from(k.Parent), ties(k))
			if child == parent && t.mayBeNull(k) { // few rows of a tree would be left: it falls into several
				if _, err := t.exec(ctx, child, fmt.Sprintf("UPDATE %s AS c SET %s WHERE %s", t.from(k.Child), strings.Join(empty, ", "), orphans)); err != nil {
					return err
				}
				continue
			}
			n, err := t.exec(ctx, child, fmt.Sprintf("DELETE FROM %s AS c WHERE %s", t.from(k.Child), orphans))
			if err != nil {
				return err
			}
			if n > 0 && !slices.Contains(gone, child) {
				gone = append(gone, child)
			}
			t.left[child] -= n
		}
	}
	return nil
}

// mayBeNull tells whether all columns of a key may be null.
func (t *thinning) mayBeNull(k catalog.ForeignKey) bool {
	return !slices.ContainsFunc(t.tables[k.Child].Columns, func(c catalog.Column) bool {
		return slices.Contains(k.ChildColumns, c.Name) && (c.NotNull || c.Generated != "")
	})
}

// exec changes rows of one table and gives their number. Rows of a foreign table are on another server, which is nobody's copy: such a table is
// refused.
func (t *thinning) exec(ctx context.Context, unit uint32, sql string) (int64, error) {
	for oid, part := range t.tables {
		if t.whole(oid) == unit && part.Kind == 'f' {
			return 0, &thinError{t.tables[unit].String() + " has rows on another server"}
		}
	}
	done, err := t.conn.Exec(ctx, sql)
	if err != nil {
		return 0, fmt.Errorf("take rows out of %s: %w", t.tables[unit], err)
	}
	if done.RowsAffected() > 0 {
		t.changed[unit] = true
	}
	return done.RowsAffected(), nil
}

// thinError is why rows cannot be taken out, in words that hold no data.
type thinError struct{ why string }

func (e *thinError) Error() string { return e.why }

// from is a table in a FROM clause as foreign keys see it: with its partitions, without what inherits from it otherwise.
func (t *thinning) from(oid uint32) string {
	if t.tables[oid].Kind == 'p' {
		return t.tables[oid].String()
	}
	return "ONLY " + t.tables[oid].String()
}

// ties says of a row p of the parent and c of the child that a key ties them.
func ties(k catalog.ForeignKey) string {
	pairs := make([]string, len(k.ChildColumns))
	for i := range k.ChildColumns {
		operator := "="
		if i < len(k.Operators) {
			operator = k.Operators[i]
		}
		pairs[i] = fmt.Sprintf("p.%s %s c.%s", catalog.Quote(k.ParentColumns[i]), operator, catalog.Quote(k.ChildColumns[i]))
	}
	return strings.Join(pairs, " AND ")
}
