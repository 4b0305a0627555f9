package compare

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// leastRows is the number of rows from which on it matters that the planner knows nothing of a table.
const leastRows = 1000

// Statistics are what the planner knows of tables: for each, which columns, expressions of indexes and extended statistics there are, and
// whether it has data of them.
type Statistics map[uint32]*TableStatistics // by OID of the table

// TableStatistics is what the planner knows of one table.
type TableStatistics struct {
	Name     string          // quoted and qualified
	Columns  map[string]bool // by number and name: "3 total"; true: there are statistics of it
	Indexes  map[string]bool // indexes with expressions
	Extended map[string]bool // objects of CREATE STATISTICS that gather more than expressions
}

// any tells whether there are statistics of any column.
func (t *TableStatistics) any() bool {
	for _, has := range t.Columns {
		if has {
			return true
		}
	}
	return false
}

// statisticsSQL lists the things that can have statistics, with a place for a condition on tables. Sources: pg_statistic,
// pg_statistic_ext_data, which superusers can read.
const statisticsSQL = `WITH tables AS (
  SELECT c.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'%s)
SELECT t.oid, t.name, 'c', a.attnum || ' ' || pg_catalog.quote_ident(a.attname),
  EXISTS (SELECT FROM pg_catalog.pg_statistic s WHERE s.starelid = t.oid AND s.staattnum = a.attnum)
  FROM tables t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT t.oid, t.name, 'i', pg_catalog.quote_ident(c.relname),
  EXISTS (SELECT FROM pg_catalog.pg_statistic s WHERE s.starelid = c.oid)
  FROM tables t JOIN pg_catalog.pg_index i ON i.indrelid = t.oid AND i.indexprs IS NOT NULL AND i.indisvalid JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
UNION ALL
SELECT t.oid, t.name, 'x', pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(e.stxname),
  EXISTS (SELECT FROM pg_catalog.pg_statistic_ext_data d WHERE d.stxoid = e.oid
    AND (d.stxdndistinct IS NOT NULL OR d.stxddependencies IS NOT NULL OR d.stxdmcv IS NOT NULL))
  FROM tables t JOIN pg_catalog.pg_statistic_ext e ON e.stxrelid = t.oid AND e.stxkind && '{d,f,m}'::"char"[] JOIN pg_catalog.pg_namespace n ON n.oid = e.stxnamespace`

// ReadStatistics reads what the planner knows of all tables. It takes no lock on them.
func ReadStatistics(ctx context.Context, q catalog.Querier) (Statistics, error) {
	rows, err := q.Query(ctx, fmt.Sprintf(statisticsSQL, ""))
	if err != nil {
		return nil, fmt.Errorf("read which statistics there are: %w", err)
	}
	return scanStatistics(rows)
}

func scanStatistics(rows pgx.Rows) (Statistics, error) {
	all := Statistics{}
	var oid uint32
	var table, kind, name string
	var has bool
	_, err := pgx.ForEachRow(rows, []any{&oid, &table, &kind, &name, &has}, func() error {
		t := all[oid]
		if t == nil {
			t = &TableStatistics{Name: table, Columns: map[string]bool{}, Indexes: map[string]bool{}, Extended: map[string]bool{}}
			all[oid] = t
		}
		map[string]map[string]bool{"c": t.Columns, "i": t.Indexes, "x": t.Extended}[kind][name] = has
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read which statistics there are: %w", err)
	}
	return all, nil
}

// Again is what of [ReadStatistics] and [ReadSequences] is read again, by OIDs.
type Again struct {
	Tables []uint32 // whose statistics are read
	// Sequences are relations: those of them that are sequences are read, and those that columns of them own or have for a default; every one
	// where it is nil.
	Sequences []uint32
	Before    map[uint32]Sequence // what was known
	Touched   map[uint32]bool     // tables whose largest values may be others
}

// Read reads it, in two exchanges at most. Of sequences that did not move, and whose table was not touched, it takes over where they stand.
// It reads tables: never while a migration runs.
func (a Again) Read(ctx context.Context, conn *pgx.Conn) (statistics Statistics, sequences map[uint32]Sequence, err error) {
	batch := &pgx.Batch{}
	batch.Queue(fmt.Sprintf(statisticsSQL, " AND c.oid = ANY ($1)"), a.Tables).Query(func(rows pgx.Rows) (err error) {
		statistics, err = scanStatistics(rows)
		return err
	})
	query, args := sequencesSQL, []any(nil)
	if a.Sequences != nil {
		query, args = sequencesSQL+someSequencesSQL, []any{a.Sequences}
	}
	batch.Queue(query, args...).Query(func(rows pgx.Rows) (err error) {
		sequences, err = scanSequences(rows)
		return err
	})
	if err := conn.SendBatch(ctx, batch).Close(); err != nil {
		return nil, nil, err
	}
	return statistics, sequences, stand(ctx, conn, sequences, a.Before, a.Touched)
}

// DiffStatistics lists the tables of after of which the planner knows less than before, or than it could, ordered by name: with at least a
// thousand rows, counted by OID in rows. changed are the tables, by OID, whose rows were changed too: they are to be analysed as a whole.
func DiffStatistics(before, after Statistics, rows map[uint32]int64, changed map[uint32]bool) []report.LostStatistics {
	var out []report.LostStatistics
	for oid, is := range after {
		was := before[oid]
		if rows[oid] < leastRows {
			continue
		}
		l := report.LostStatistics{Table: is.Name, Rows: rows[oid]}
		if was == nil {
			l.Whole = !is.any()
		} else {
			missing(&l, was, is)
		}
		if l.Whole || len(l.Lost)+len(l.New)+len(l.Extended) > 0 {
			l.Analyze = analyze(is, l, changed[oid])
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b report.LostStatistics) int { return strings.Compare(a.Table, b.Table) })
	return out
}

// missing fills in what is lost, and what is new and not known yet where the table was known before.
func missing(l *report.LostStatistics, was, is *TableStatistics) {
	known := was.any()
	for column, has := range is.Columns {
		number, name, _ := strings.Cut(column, " ")
		had, old := was.Columns[column], false
		for c, h := range was.Columns {
			if n, _, _ := strings.Cut(c, " "); n == number { // by number: it may have been renamed
				had, old = h, true
			}
		}
		switch {
		case has:
		case had:
			l.Lost = append(l.Lost, name)
		case !old && known:
			l.New = append(l.New, name)
		}
	}
	for index, has := range is.Indexes {
		if had, old := was.Indexes[index]; !has && known && (had || !old) {
			l.New = append(l.New, "expressions of index "+index)
		}
	}
	for object, has := range is.Extended {
		if had, old := was.Extended[object]; !has && known && (had || !old) {
			l.Extended = append(l.Extended, object)
		}
	}
	slices.Sort(l.Lost)
	slices.Sort(l.New)
	slices.Sort(l.Extended)
}

// analyze is the statement that brings statistics back: of columns alone where nothing else is missing and no row changed.
func analyze(t *TableStatistics, l report.LostStatistics, changed bool) string {
	columns := slices.Concat(l.Lost, l.New)
	if changed || l.Whole || len(l.Extended) > 0 || slices.ContainsFunc(columns, func(c string) bool { return strings.HasPrefix(c, "expressions of index ") }) {
		return "ANALYZE " + t.Name + ";"
	}
	return "ANALYZE " + t.Name + " (" + strings.Join(columns, ", ") + ");"
}

// Back tells whether everything that was missing is known again.
func (t *TableStatistics) Back(l report.LostStatistics) bool {
	if t == nil {
		return true // the table is gone
	}
	if l.Whole {
		return t.any()
	}
	for column, has := range t.Columns {
		_, name, _ := strings.Cut(column, " ")
		if !has && (slices.Contains(l.Lost, name) || slices.Contains(l.New, name)) {
			return false
		}
	}
	for index, has := range t.Indexes {
		if !has && slices.Contains(l.New, "expressions of index "+index) {
			return false
		}
	}
	for object, has := range t.Extended {
		if !has && slices.Contains(l.Extended, object) {
			return false
		}
	}
	return true
}
