package snapshot

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// binaryTypes are the types of pg_catalog whose binary form means the same on every server of one major version. The reg* types are
// not among them, whose binary form is an OID, nor xml, which brings an encoding of its own.
var binaryTypes = []string{
	"bool", "bytea", "char", "name", "int2", "int4", "int8", "oid", "text", "json", "jsonb", "float4", "float8", "money", "numeric",
	"bpchar", "varchar", "date", "time", "timetz", "timestamp", "timestamptz", "interval", "uuid", "bit", "varbit",
	"inet", "cidr", "macaddr", "macaddr8", "point", "lseg", "path", "box", "polygon", "line", "circle", "tsvector", "pg_lsn", "xid8",
	"int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange",
	"int4multirange", "int8multirange", "nummultirange", "tsmultirange", "tstzmultirange", "datemultirange",
}

// binaryTables lists the tables of the target all of whose columns can be copied in binary form: of the types above, arrays and domains
// of these, and enums, whose binary form is the label. An array names its elements' type by OID, so one of an enum is not among them.
const binaryTables = `WITH RECURSIVE below AS (
  SELECT oid AS typid, oid AS baseid, typtype, typbasetype FROM pg_type
  UNION ALL
  SELECT b.typid, t.oid, t.typtype, t.typbasetype FROM below b JOIN pg_type t ON t.oid = b.typbasetype WHERE b.typtype = 'd'
)
SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND current_setting('server_version_num')::int / 10000 = $2 AND NOT EXISTS (
  SELECT FROM pg_attribute a JOIN below b ON b.typid = a.atttypid AND b.typtype <> 'd' JOIN pg_type t ON t.oid = b.baseid
    LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    AND NOT (t.typtype = 'e' OR t.oid < 16384 AND (t.typname = ANY ($1) OR e.typname IS NOT NULL AND e.typname = ANY ($1))))`

// chooseFormat decides table by table which of COPY's formats to use: the binary one, which costs both servers less, where it is safe for
// every column and the masks can work on it; the text format elsewhere.
func (c *copier) chooseFormat(ctx context.Context) error {
	return c.onTarget(ctx, "look at the types", func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, "SET search_path = pg_catalog"); err != nil { // as format_type's names are read from the source
			return err
		}
		rows, err := conn.Query(ctx, binaryTables, binaryTypes, c.src.server.Major())
		if err != nil {
			return err
		}
		able := map[sanitize.Relation]bool{}
		var t sanitize.Relation
		_, err = pgx.ForEachRow(rows, []any{&t.Schema, &t.Name}, func() error {
			able[t] = true
			return nil
		})
		if err != nil {
			return err
		}
		for _, l := range c.loads {
			if !able[sanitize.Relation{Schema: l.table.Schema, Name: l.table.Name}] || l.table.Condition != "" || len(l.columns) == 0 {
				continue
			}
			if l.constants, err = binaryConstants(ctx, conn, l); err != nil {
				return err
			}
			l.result.Binary = l.constants != nil && l.plan.Tuples(l.constants) != nil
		}
		return nil
	})
}

// binaryConstants asks the target for the binary form of the constants among a table's masks; nil when it has none of one of them, which
// the text format will then tell better.
func binaryConstants(ctx context.Context, conn *pgx.Conn, l *load) (map[string][]byte, error) {
	constants := map[string][]byte{}
	for name, text := range l.plan.Constants() {
		i := slices.IndexFunc(l.table.Columns, func(c catalog.Column) bool { return c.Name == name })
		sql := "SELECT " + literal(text) + "::" + unlimited(l.table.Columns[i].Type)
		result := conn.PgConn().ExecParams(ctx, sql, nil, nil, nil, []int16{pgx.BinaryFormatCode}).Read()
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case conn.IsClosed():
			return nil, result.Err
		case result.Err != nil, len(result.Rows) != 1, result.Rows[0][0] == nil:
			return nil, nil
		}
		constants[name] = result.Rows[0][0]
	}
	return constants, nil
}

// unlimited is a type without modifier as a cast has it: what format_type calls character, or bit, means one of them there.
func unlimited(typ string) string {
	element, array := strings.CutSuffix(typ, "[]")
	switch element {
	case "character":
		element = "bpchar"
	case "bit":
		element = `"bit"`
	}
	if array {
		element += "[]"
	}
	return element
}

// tupleReader finds the tuples in COPY data of the binary format, whatever pieces they come in.
type tupleReader struct {
	tuples *sanitize.Tuples
	begun  bool   // the header has been passed on
	part   []byte // what has come of a tuple or the header without its end
}

// signature begins the binary format; the flags that follow say whether it is one we know (PostgreSQL's documentation, COPY).
var signature = []byte("PGCOPY\n\xff\r\n\x00")

const (
	headerSize    = 19         // signature, flags, length of the extension, which follows
	criticalFlags = 0xffff0000 // must be understood: OIDs, and what is yet to come
)

var errOddFormat = errors.New("the data do not begin like COPY's binary format")

// mask appends every tuple that ends in p, and what frames them, to buffer.
func (r *tupleReader) mask(buffer, p []byte) ([]byte, error) {
	data := p
	if len(r.part) > 0 {
		r.part = append(r.part, p...)
		data = r.part
	}
	if !r.begun {
		n, err := headerLength(data)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			r.part = append(r.part[:0], data...)
			return buffer, nil
		}
		buffer, data, r.begun = append(buffer, data[:n]...), data[n:], true
	}
	for len(data) > 0 {
		extended, n, err := r.tuples.Append(slices.Grow(buffer, len(data)), data) // a large row at once, not by doubling
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
		buffer, data = extended, data[n:]
	}
	r.part = append(r.part[:0], data...)
	return buffer, nil
}

// headerLength is the length of the header that data begin with, 0 while it is not complete.
func headerLength(data []byte) (int, error) {
	known := min(len(data), len(signature))
	if !bytes.Equal(data[:known], signature[:known]) {
		return 0, errOddFormat
	}
	if len(data) < headerSize {
		return 0, nil
	}
	extension := int64(binary.BigEndian.Uint32(data[15:]))
	switch {
	case binary.BigEndian.Uint32(data[11:])&criticalFlags != 0:
		return 0, errOddFormat
	case int64(len(data)) < headerSize+extension:
		return 0, nil
	}
	return headerSize + int(extension), nil
}
