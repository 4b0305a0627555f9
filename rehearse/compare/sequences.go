package compare

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// nearEnd is the share of a column's numbers from which on it is told.
const nearEnd = 0.8

// Sequence is a sequence and a column that takes its values from it.
type Sequence struct {
	Name   string // quoted and qualified
	Owned  bool   // a column owns it
	Table  uint32 // OID of the table of the column that has it for a default or identity; 0: none has
	Of     string // that table, or the one of the owner, quoted and qualified; "" for none
	Column string // quoted

	Integer bool // the column is of an integer type and leads an index: its largest value is quickly had
	Limit   int64
	Next    int64 // what it gives next; 0: not read
	Behind  int64 // so many values, up to the column's largest, come before one that is not there
	Step    int64
	Cycles  bool
	last    *int64
}

// sequencesSQL lists sequences with their columns. Sources: pg_sequence, pg_depend, pg_attrdef.
const sequencesSQL = `SELECT s.seqrelid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), o.refobjid IS NOT NULL,
  COALESCE(u.relid, 0::oid), COALESCE(pg_catalog.quote_ident(tn.nspname) || '.' || pg_catalog.quote_ident(t.relname), ''), COALESCE(pg_catalog.quote_ident(a.attname), ''),
  COALESCE(a.atttypid IN (20, 21, 23), false) AND u.relid IS NOT NULL AND EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
    JOIN pg_catalog.pg_am am ON am.oid = ic.relam AND am.amname = 'btree'
    WHERE i.indrelid = a.attrelid AND i.indkey[0] = a.attnum AND i.indisvalid AND i.indpred IS NULL),
  LEAST(s.seqmax, CASE a.atttypid WHEN 21 THEN 32767 WHEN 23 THEN 2147483647 ELSE 9223372036854775807 END), s.seqincrement, s.seqcycle,
  pg_catalog.pg_sequence_last_value(s.seqrelid)
FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid AND c.relpersistence <> 't' JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (SELECT refobjid, refobjsubid, deptype FROM pg_catalog.pg_depend WHERE classid = 'pg_catalog.pg_class'::regclass AND objid = s.seqrelid
  AND refclassid = 'pg_catalog.pg_class'::regclass AND refobjsubid > 0 AND deptype IN ('a', 'i') LIMIT 1) o ON true
LEFT JOIN LATERAL (SELECT ad.adrelid AS relid, ad.adnum AS num FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attrdef ad ON ad.oid = d.objid
    WHERE d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.seqrelid
  UNION ALL SELECT o.refobjid, o.refobjsubid WHERE o.deptype = 'i' ORDER BY 1, 2 LIMIT 1) u ON true
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = COALESCE(u.relid, o.refobjid) AND a.attnum = COALESCE(u.num, o.refobjsubid)
LEFT JOIN pg_catalog.pg_class t ON t.oid = a.attrelid LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace`

// someSequencesSQL restricts sequencesSQL to the relations given, sequences themselves or tables whose columns own one or have it for a default.
const someSequencesSQL = `
WHERE s.seqrelid = ANY (ARRAY(SELECT pg_catalog.unnest($1::oid[])
  UNION ALL SELECT objid FROM pg_catalog.pg_depend WHERE refclassid = 'pg_catalog.pg_class'::regclass AND refobjid = ANY ($1) AND refobjsubid > 0
    AND classid = 'pg_catalog.pg_class'::regclass AND deptype IN ('a', 'i')
  UNION ALL SELECT d.refobjid FROM pg_catalog.pg_attrdef ad JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = ad.oid
    AND d.refclassid = 'pg_catalog.pg_class'::regclass WHERE ad.adrelid = ANY ($1)))`

// ReadSequences reads every sequence by OID, and where those stand that can be behind their column. It reads tables: never while a migration runs.
func ReadSequences(ctx context.Context, q catalog.Querier) (map[uint32]Sequence, error) {
	rows, err := q.Query(ctx, sequencesSQL)
	if err != nil {
		return nil, fmt.Errorf("read the sequences: %w", err)
	}
	all, err := scanSequences(rows)
	if err != nil {
		return nil, err
	}
	return all, stand(ctx, q, all, nil, nil)
}

func scanSequences(rows pgx.Rows) (map[uint32]Sequence, error) {
	all := map[uint32]Sequence{}
	var oid uint32
	var s Sequence
	into := []any{&oid, &s.Name, &s.Owned, &s.Table, &s.Of, &s.Column, &s.Integer, &s.Limit, &s.Step, &s.Cycles, &s.last}
	_, err := pgx.ForEachRow(rows, into, func() error {
		all[oid] = s
		s = Sequence{}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the sequences: %w", err)
	}
	return all, nil
}

// together is how many sequences are asked at a time where they stand.
const together = 100

// stand reads what sequences give next, and what their columns have; of those known before it takes that over, unless their table was touched or
// they moved.
func stand(ctx context.Context, q catalog.Querier, all, before map[uint32]Sequence, touched map[uint32]bool) error {
	var oids []uint32
	for oid, s := range all {
		was, known := before[oid]
		s.Next, s.Behind = was.Next, was.Behind
		all[oid] = s
		if s.Integer && s.Step > 0 && !s.Cycles && (!known || touched[s.Table] || !equal(was.last, s.last) || was.Table != s.Table) {
			oids = append(oids, oid)
		}
	}
	for some := range slices.Chunk(oids, together) {
		var parts []string
		for _, oid := range some {
			s := all[oid]
			parts = append(parts, fmt.Sprintf("SELECT %d::bigint, s.last_value, s.is_called, (SELECT pg_catalog.max(%s)::bigint FROM %s) FROM %s s", oid, s.Column, s.Of, s.Name))
		}
		rows, err := q.Query(ctx, strings.Join(parts, "\nUNION ALL "), pgx.QueryExecModeExec)
		if err == nil {
			err = scanStand(rows, all)
		}
		if err != nil {
			return fmt.Errorf("read where sequences stand: %w", err)
		}
	}
	return nil
}

func scanStand(rows pgx.Rows, all map[uint32]Sequence) error {
	var oid, last int64
	var called bool
	var largest *int64
	_, err := pgx.ForEachRow(rows, []any{&oid, &last, &called, &largest}, func() error {
		s := all[uint32(oid)]
		s.Next, s.Behind = last, 0
		if called {
			s.Next += s.Step
		}
		if largest != nil && *largest >= s.Next {
			s.Behind = *largest - s.Next + 1
		}
		all[uint32(oid)] = s
		return nil
	})
	return err
}

func equal(a, b *int64) bool { return a == b || a != nil && b != nil && *a == *b }

// DiffSequences lists the sequences that are behind their column, without one, or near its end, and were not before, by name.
func DiffSequences(before, after map[uint32]Sequence) []report.LeftSequence {
	var out []report.LeftSequence
	for oid, is := range after {
		was, known := before[oid]
		l := report.LeftSequence{Sequence: is.Name, Table: is.Of, Column: is.Column}
		if known && (was.Owned || was.Table != 0) && !is.Owned && is.Table == 0 {
			l.Kind, l.Table, l.Column, l.SQL = report.SequenceOrphaned, was.Of, "", "DROP SEQUENCE "+is.Name+";"
			out = append(out, l)
		}
		if is.Behind > 0 && was.Behind == 0 {
			l.Kind, l.Behind = report.SequenceBehind, is.Behind
			l.SQL = fmt.Sprintf("SELECT setval(%s, (SELECT max(%s) FROM %s));", "'"+strings.ReplaceAll(is.Name, "'", "''")+"'", is.Column, is.Of)
			out = append(out, l)
		}
		if l.Behind = 0; is.used() >= nearEnd && was.used() < nearEnd {
			l.Kind, l.Used, l.SQL = report.SequenceNearEnd, is.used(), ""
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b report.LeftSequence) int {
		return cmp.Or(cmp.Compare(a.Sequence, b.Sequence), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}

// used is the share of its column's numbers that a sequence has given, or that are there.
func (s Sequence) used() float64 {
	if s.Limit <= 0 || s.Next == 0 {
		return 0
	}
	return float64(s.Next-1+s.Behind) / float64(s.Limit)
}
