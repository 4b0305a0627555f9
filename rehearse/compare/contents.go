package compare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// Database is a session and what its database holds.
type Database struct {
	Conn *pgx.Conn // in no transaction
	Holding
}

// Hold reads what [Contents] asks of a database. Sources: [catalog.Tables]; pg_class.relfilenode.
func Hold(ctx context.Context, conn *pgx.Conn) (Database, error) {
	d := Database{Conn: conn, Holding: Holding{Files: map[uint32]uint32{}}}
	var err error
	if d.Tables, err = catalog.Tables(ctx, conn); err != nil {
		return d, err
	}
	rows, err := conn.Query(ctx, "SELECT oid, relfilenode FROM pg_catalog.pg_class WHERE relkind = 'r' AND oid >= 16384", pgx.QueryExecModeExec)
	if err != nil {
		return d, fmt.Errorf("read file nodes: %w", err)
	}
	var oid, file uint32
	_, err = pgx.ForEachRow(rows, []any{&oid, &file}, func() error {
		d.Files[oid] = file
		return nil
	})
	if err != nil {
		return d, fmt.Errorf("read file nodes: %w", err)
	}
	return d, nil
}

// Contents compares what tables hold in two databases of one server: a clone, and what became of the database it was made from, or of
// another clone. Tables that are only after are left out, and so are those that cannot differ: no row of them was changed, and their storage
// is that of before. The result is ordered by table, and has tables with a difference only.
//
// Both sides are read in the order of a key and merged, in memory that does not grow with them. Integers, dates, times, booleans and uuids
// are compared by value, all else by a 64-bit hash that the server makes of its text (hashtextextended; of numerics hash_numeric_extended,
// to which 1.0 is 1.00, and a float is the number that its text says): of two values that differ one pair in 1.8e19 is taken for equal. A column is
// the same one by its number, whatever its name, else by its name; where its type changed a value counts as the same when its text is. Without a key rows are compared
// whole, as a multiset.
func Contents(ctx context.Context, before, after Database, s Suspects) ([]report.TableContents, error) {
	var out []report.TableContents
	for _, conn := range []*pgx.Conn{before.Conn, after.Conn} {
		if err := exec(ctx, conn, settle); err != nil {
			return nil, fmt.Errorf("compare contents: %w", err)
		}
		defer func() { _ = exec(context.WithoutCancel(ctx), conn, "ROLLBACK") }()
	}
	for _, p := range pairs(before.Tables, after.Tables) {
		t, err := contents(ctx, before, after, p, s)
		if err != nil {
			return nil, fmt.Errorf("compare the contents of %s: %w", p.before, err)
		}
		if t.Any() {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b report.TableContents) int { return cmp.Compare(a.Table, b.Table) })
	return out, nil
}

// settle makes texts the same in both sessions whatever is set for roles and databases, and sends them as they are stored, so that
// their order is that of their bytes.
const settle = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT pg_catalog.set_config('search_path', 'pg_catalog', true), pg_catalog.set_config('IntervalStyle', 'postgres', true),
	pg_catalog.set_config('DateStyle', 'ISO, YMD', true), pg_catalog.set_config('TimeZone', 'UTC', true),
	pg_catalog.set_config('extra_float_digits', '1', true), pg_catalog.set_config('bytea_output', 'hex', true),
	pg_catalog.set_config('xmlbinary', 'base64', true), pg_catalog.set_config('lc_monetary', 'C', true),
	pg_catalog.set_config('client_encoding', pg_catalog.getdatabaseencoding(), true), pg_catalog.set_config('jit', 'off', true),
	pg_catalog.set_config('row_security', 'off', true), pg_catalog.set_config('statement_timeout', '0', true),
	pg_catalog.set_config('work_mem', '64MB', true)`

func exec(ctx context.Context, conn *pgx.Conn, sql string) error {
	_, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

// contents compares one pair.
func contents(ctx context.Context, before, after Database, p pairing, s Suspects) (t report.TableContents, err error) {
	t.Table = p.before.String()
	if p.after == nil {
		t.Gone = true
		t.OnlyBefore, err = number(ctx, before.Conn, "SELECT pg_catalog.count(*) FROM "+p.before.from())
		return t, err
	}
	if t.Table = p.after.String(); t.Table != p.before.String() {
		t.Was = p.before.String()
	}
	t.Replaced = p.before.OID != p.after.OID
	both, dropped := p.columns()
	if t.Columns, err = goneWith(ctx, before.Conn, p.before, dropped); err != nil {
		return t, err
	}
	compared := both
	if !p.suspect(before.Holding, after.Holding, s) {
		if compared = slices.DeleteFunc(slices.Clone(both), func(c columnPair) bool { return c.same }); len(compared) == 0 {
			return t, nil
		}
	}
	m := merger{pair: p, key: p.key(both), columns: compared, before: before.Conn, after: after.Conn}
	return t, m.run(ctx, &t)
}

// goneWith counts the values that columns had which are no more.
func goneWith(ctx context.Context, conn *pgx.Conn, from *side, dropped []catalog.Column) (all []report.ColumnContents, err error) {
	for _, c := range dropped {
		n, err := number(ctx, conn, "SELECT pg_catalog.count("+catalog.Quote(c.Name)+") FROM "+from.from())
		if err != nil {
			return nil, err
		}
		if n > 0 {
			all = append(all, report.ColumnContents{Column: c.Name, Rows: n, Dropped: true})
		}
	}
	return all, nil
}

func number(ctx context.Context, conn *pgx.Conn, query string) (int64, error) {
	results, err := conn.PgConn().Exec(ctx, query).ReadAll()
	if err != nil {
		return 0, err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 {
		return 0, errors.New("not one number")
	}
	return strconv.ParseInt(string(results[0].Rows[0][0]), 10, 64)
}

// suspect tells whether rows of a pair may differ: in columns that are the same ones on both sides they cannot where no row was changed and the
// storage is that of before.
func (p pairing) suspect(before, after Holding, s Suspects) bool {
	if s.All || p.before.OID != p.after.OID && len(p.before.leaves) == 0 {
		return true
	}
	if len(p.before.leaves) != len(p.after.leaves) {
		return true
	}
	for _, oid := range p.before.leaves {
		if s.Changed[oid] || after.Files[oid] != before.Files[oid] || !slices.Contains(p.after.leaves, oid) {
			return true
		}
	}
	return p.before.OID != p.after.OID
}

// class is how values of a type are compared, and in which order keys of it are read.
type class int

const (
	byText    class = iota // a hash of the text; keys in the order of the text's bytes
	byInteger              // cast to bigint
	byNumber               // a hash of the number
	byTime                 // a number in the binary form: date, timestamp
	byBytes                // the binary form: uuid, boolean, floats
	byDigest               // md5 of a bytea, whose text could be too long for the server
	byDecimal              // a hash of the number that the text is: floats against exact numbers, where 0.1 is 0.10
	byMoment               // the binary form of a timestamp, which a date is the beginning of
)

var classes = map[string]class{
	"int2": byInteger, "int4": byInteger, "int8": byInteger, "numeric": byNumber, "date": byTime, "timestamp": byTime, "timestamptz": byTime,
	"uuid": byBytes, "bool": byBytes, "float4": byBytes, "float8": byBytes, "bytea": byDigest,
}

// class is that of both sides; between numbers of different types it is byNumber.
func (c columnPair) class() class {
	a, b := classes[c.before.BaseType], classes[c.after.BaseType]
	switch {
	case a == byInteger && b == byInteger:
		return byInteger
	case (a == byInteger || a == byNumber) && (b == byInteger || b == byNumber):
		return byNumber
	case c.before.BaseType == c.after.BaseType:
		return a
	case isNumber(c.before.BaseType) && isNumber(c.after.BaseType) && a != b:
		return byDecimal
	case c.before.BaseType == "timestamp" && c.after.BaseType == "date", c.before.BaseType == "date" && c.after.BaseType == "timestamp":
		return byMoment
	}
	return byText
}

// isNumber tells the types of numbers, exact or not.
func isNumber(base string) bool {
	k := classes[base]
	return k == byInteger || k == byNumber || base == "float4" || base == "float8"
}

// value is the expression that stands for a column's value in the comparison.
func (k class) value(column string) string {
	switch k {
	case byInteger:
		return column + "::pg_catalog.int8"
	case byNumber:
		return "pg_catalog.hash_numeric_extended(" + column + "::pg_catalog.numeric, 0)"
	case byTime, byBytes:
		return column
	case byDigest:
		return "pg_catalog.md5(" + column + ")"
	case byDecimal: // before PostgreSQL 14 an exact number cannot be infinite
		return "CASE WHEN " + column + "::pg_catalog.text LIKE '%Infinity' THEN pg_catalog.hashtextextended(" + column + "::pg_catalog.text, 0)" +
			" ELSE pg_catalog.hash_numeric_extended(" + column + "::pg_catalog.text::pg_catalog.numeric, 0) END"
	case byMoment:
		return "CASE WHEN " + column + " < pg_catalog.date '294276-01-01' THEN " + column + "::pg_catalog.timestamp END" // later ones no timestamp can be
	}
	return "pg_catalog.hashtextextended(" + column + `::pg_catalog.text COLLATE pg_catalog."C", 0)`
}

// keyPart is how a column of the key is read, and how rows are put in its order.
type keyPart struct {
	value, order string
	number       bool // the order is that of signed numbers, else that of bytes
}

// keyPart prefers an order that an index of the column has.
func (c columnPair) keyPart(column string) keyPart {
	switch k := c.class(); {
	case k == byInteger:
		return keyPart{value: column + "::pg_catalog.int8", order: column, number: true}
	case k == byTime:
		return keyPart{value: column, order: column, number: true}
	case k == byBytes && c.before.BaseType == "uuid":
		return keyPart{value: column, order: column}
	}
	text := column + `::pg_catalog.text COLLATE pg_catalog."C"`
	return keyPart{value: text, order: text}
}
