package rehearse

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/sanitize/audit"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// auditor scans a copy.
type auditor struct {
	prints *audit.Prints
	plan   *sanitize.Plan
	server staging.Server
	jobs   int
	ascii  bool // the database has no encoding

	tables  int
	skipped int // columns that are not read
	views   int // materialised ones without rows
	unread  int // columns whose values stayed at the source
	columns []*scanned
	texts   []*scanned // of the schema and of statistics

	mu                  sync.Mutex
	lookups, candidates int64
}

// scanned is a column, or a text of the schema, with what was found in it.
type scanned struct {
	audit.Column
	root, column string // as the rules name them
	reason       string // why the rules accept what is found
	schema       bool
}

// auditless are the types whose values are not scanned, and of which there are no fingerprints: numbers, times and the like.
var auditless = map[string]bool{
	"bool": true, "int2": true, "int4": true, "int8": true, "oid": true, "float4": true, "float8": true, "numeric": true, "money": true, "char": true,
	"date": true, "time": true, "timetz": true, "timestamp": true, "timestamptz": true, "interval": true, "bit": true, "varbit": true,
	"point": true, "lseg": true, "path": true, "box": true, "polygon": true, "line": true, "circle": true, "pg_lsn": true, "xid": true, "xid8": true,
	"int4range": true, "int8range": true, "numrange": true, "tsrange": true, "tstzrange": true, "daterange": true, "tid": true, "txid_snapshot": true,
}

// auditPiece is what one session reads at a time.
type auditPiece struct {
	what    string
	sql     string
	columns []*scanned
}

// pieceBytes is how large a part of a table one session scans at a time.
const pieceBytes = 64 << 20

// scan reads all of the copy, in as many sessions as there are jobs.
func (s *auditor) scan(ctx context.Context) error {
	conn, err := s.session(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	pieces, err := s.pieces(ctx, conn)
	if err != nil {
		return err
	}
	todo := make(chan auditPiece, len(pieces))
	for _, p := range pieces {
		todo <- p
	}
	close(todo)
	group, within := errgroup.WithContext(ctx)
	for range max(1, min(s.jobs, len(pieces))) {
		group.Go(func() error { return s.work(within, todo) })
	}
	return errors.Join(group.Wait(), s.scanSchema(ctx, conn))
}

func (s *auditor) session(ctx context.Context) (*pgx.Conn, error) {
	cfg := inUTF8(s.server.Config())
	if s.ascii {
		cfg.RuntimeParams["client_encoding"] = "SQL_ASCII"
	}
	cfg.RuntimeParams["default_transaction_read_only"] = "on"
	cfg.RuntimeParams["statement_timeout"] = "0"
	cfg.RuntimeParams["row_security"] = "off"
	cfg.RuntimeParams["bytea_output"] = "hex"
	return pgx.ConnectConfig(ctx, cfg)
}

// pieces lists what is to be read, the largest first.
func (s *auditor) pieces(ctx context.Context, conn *pgx.Conn) ([]auditPiece, error) {
	tables, err := catalog.Tables(ctx, conn)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(tables, func(a, b catalog.Table) int { return int((b.Bytes + b.ToastBytes - a.Bytes - a.ToastBytes) >> 13) })
	names := map[uint32]string{}
	for _, t := range tables {
		names[t.OID] = t.String()
	}
	var pieces []auditPiece
	for _, t := range tables {
		switch t.Kind {
		case 'r':
			s.tables++
			root := t.String()
			if t.Root != 0 {
				root = names[t.Root]
			}
			pieces = append(pieces, s.table(t, root)...)
		case 'm':
			if !t.Populated {
				s.views++
				continue
			}
			s.tables++
			pieces = append(pieces, s.table(t, t.String())...)
		}
	}
	s.unread = unread(s.plan)
	if s.plan.LargeObjects() == sanitize.KeepLargeObjects {
		c := &scanned{Column: audit.Column{Name: "large objects", Binary: true, Kept: true}}
		s.columns = append(s.columns, c)
		pieces = append(pieces, auditPiece{"large objects", largeObjectsText, []*scanned{c}})
	}
	return pieces, nil
}

// unread counts the columns of which the copy never had a value of the source.
func unread(plan *sanitize.Plan) int {
	n := 0
	for _, t := range plan.Tables() {
		for _, c := range t.Columns {
			if c.Reading != sanitize.ReadValue {
				n++
			}
		}
	}
	return n
}

// largeObjectsText reads large objects in parts that overlap, so that no value is cut in two.
const largeObjectsText = `COPY (SELECT lo_get(m.oid, g.o, 1048576 + 1024) FROM pg_largeobject_metadata m CROSS JOIN LATERAL
  generate_series(0, (SELECT coalesce(max(l.pageno), 0)::bigint * 2048 FROM pg_largeobject l WHERE l.loid = m.oid), 1048576) g(o)) TO STDOUT (FORMAT binary)`

// table gives the pieces of one table: its columns that hold text, as text, however they are kept.
func (s *auditor) table(t catalog.Table, root string) []auditPiece {
	plan := s.plan.Table(t.Schema, t.Name)
	var columns []*scanned
	var list []string
	for _, c := range t.Columns {
		col := s.column(t, root, plan, c)
		if col == nil {
			s.skipped++
			continue
		}
		columns = append(columns, s.known(col))
		list = append(list, asText(c))
	}
	if len(columns) == 0 {
		return nil
	}
	from := fmt.Sprintf("COPY (SELECT %s FROM ONLY %s", strings.Join(list, ", "), t)
	n := int64(1)
	if conn := t.Bytes + t.ToastBytes; conn > pieceBytes {
		n = min((conn+pieceBytes-1)/pieceBytes, max(t.Bytes>>13, 1))
	}
	var pieces []auditPiece
	for i := range n {
		where := ""
		if n > 1 {
			blocks := t.Bytes >> 13
			where = fmt.Sprintf(" WHERE ctid >= '(%d,0)'", blocks*i/n)
			if i < n-1 {
				where += fmt.Sprintf(" AND ctid < '(%d,0)'", blocks*(i+1)/n)
			}
		}
		pieces = append(pieces, auditPiece{t.String(), from + where + ") TO STDOUT (FORMAT binary)", columns})
	}
	return pieces
}

// column is how a column is scanned; nil for one that holds nothing to be found.
func (s *auditor) column(t catalog.Table, root string, plan *sanitize.TablePlan, c catalog.Column) *scanned {
	element := strings.TrimPrefix(c.BaseType, "_")
	if auditless[element] || len(c.Labels) > 0 || c.BaseType == "uuid" && !s.masksUUIDs() {
		return nil
	}
	col := &scanned{root: root, column: c.Name, Column: audit.Column{
		Name: root + "." + catalog.Quote(c.Name), Binary: c.BaseType == "bytea", Escapes: !plainTypes[c.BaseType],
	}}
	made := c.Generated != "" || t.Kind == 'm' // of rows that are scanned, and of texts of the schema, whose forms are told
	col.Kept, col.Derived = !made && c.BaseType != "uuid", made
	if plan != nil {
		i := slices.IndexFunc(plan.Columns, func(p sanitize.ColumnPlan) bool { return p.Name == c.Name })
		if i >= 0 && !plan.Columns[i].Mask.Keep() {
			if _, constant := plan.Columns[i].Mask.Const(); constant {
				return nil
			}
			m := plan.Columns[i].Mask
			col.Kept, col.Derived, col.Rest, col.Keys = false, true, m.KeepsRest(), m.Name == "json" || m.Name == "hstore"
		}
	}
	col.reason, _ = s.plan.Accepted(t.Schema, t.Name, c.Name)
	return col
}

// masksUUIDs tells whether there are fingerprints of UUIDs.
func (s *auditor) masksUUIDs() bool {
	return slices.ContainsFunc(s.plan.Tables(), func(t *sanitize.TablePlan) bool {
		return slices.ContainsFunc(t.Columns, func(c sanitize.ColumnPlan) bool { return c.BaseType == "uuid" && !c.Mask.Keep() })
	})
}

// known gives the column that partitions of one table share.
func (s *auditor) known(c *scanned) *scanned {
	for _, other := range slices.Backward(s.columns) {
		if other.Name == c.Name && other.Kept == c.Kept && other.Derived == c.Derived && other.Rest == c.Rest && other.Keys == c.Keys && other.Binary == c.Binary && other.Escapes == c.Escapes {
			return other
		}
	}
	s.columns = append(s.columns, c)
	return c
}

// plainTypes are those whose text has no escapes.
var plainTypes = map[string]bool{"text": true, "varchar": true, "bpchar": true, "citext": true, "name": true, "xml": true, "bytea": true, "uuid": true, "inet": true, "cidr": true}

// asText is the expression that gives a column's value as the bytes to scan.
func asText(c catalog.Column) string {
	name := catalog.Quote(c.Name)
	switch c.BaseType {
	case "text", "varchar", "bpchar", "json", "bytea":
		return name
	}
	return name + "::text"
}

// work scans pieces until there are no more.
func (s *auditor) work(ctx context.Context, todo <-chan auditPiece) error {
	conn, err := s.session(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	scanner := s.prints.Scanner()
	for p := range todo {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		sink := &auditSink{scanner: scanner}
		for _, c := range p.columns {
			sink.columns = append(sink.columns, &audit.Column{Name: c.Name, Binary: c.Binary, Escapes: c.Escapes, Kept: c.Kept, Rest: c.Rest, Keys: c.Keys, Derived: c.Derived})
		}
		if _, err := conn.PgConn().CopyTo(ctx, sink, p.sql); err != nil {
			return fmt.Errorf("read %s: %w", p.what, err)
		}
		s.mu.Lock()
		for i, c := range p.columns {
			c.Add(sink.columns[i])
		}
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lookups, s.candidates = s.lookups+scanner.Lookups, s.candidates+scanner.Candidates
	return nil
}

// scanSchema scans what the catalog of the copy has in words: defaults, constraints, bounds, labels, comments, bodies, and statistics.
func (s *auditor) scanSchema(ctx context.Context, conn *pgx.Conn) error {
	scanner := s.prints.Scanner()
	objects, err := catalog.Read(ctx, conn)
	if err != nil {
		return err
	}
	for _, o := range objects {
		c := &scanned{schema: true, Column: audit.Column{Name: o.Kind + " " + o.Name, Kept: true}}
		scanner.Scan(&c.Column, []byte(o.Name))
		for _, text := range o.Attrs {
			if !strings.HasPrefix(text, catalog.Secret) {
				scanner.Scan(&c.Column, []byte(text))
			}
		}
		s.texts = append(s.texts, c)
	}
	if err := s.scanStatistics(ctx, conn, scanner); err != nil {
		return err
	}
	s.lookups, s.candidates = s.lookups+scanner.Lookups, s.candidates+scanner.Candidates
	return nil
}

// statisticsTexts are the values that the server keeps of its tables, and those of expressions and of several columns.
const statisticsTexts = `SELECT schemaname::text, tablename::text, attname::text, v FROM pg_catalog.pg_stats,
  LATERAL (VALUES (most_common_vals::text), (histogram_bounds::text), (most_common_elems::text)) x(v)
  WHERE v IS NOT NULL AND schemaname <> 'information_schema' AND schemaname !~ '^pg_'
UNION ALL SELECT schemaname::text, tablename::text, '', most_common_vals::text FROM pg_catalog.pg_stats_ext WHERE most_common_vals IS NOT NULL`

func (s *auditor) scanStatistics(ctx context.Context, conn *pgx.Conn, scanner *audit.Scanner) error {
	rows, err := conn.Query(ctx, statisticsTexts)
	if err != nil {
		return err
	}
	var schema, table, column, values string
	var c *scanned
	_, err = pgx.ForEachRow(rows, []any{&schema, &table, &column, &values}, func() error {
		name := "statistics of " + qualified(schema, table)
		if column != "" {
			name += "." + catalog.Quote(column)
		}
		if c == nil || c.Name != name {
			c = &scanned{Column: audit.Column{Name: name, Derived: true, Escapes: true}}
			c.reason, _ = s.plan.Accepted(schema, table, column)
			s.texts = append(s.texts, c)
		}
		scanner.Scan(&c.Column, []byte(values))
		return nil
	})
	return err
}

// auditSink takes COPY data of the binary format apart and has the values scanned. Nothing of them is kept.
type auditSink struct {
	scanner *audit.Scanner
	columns []*audit.Column
	begun   bool
	part    []byte // a tuple whose end has not come yet
}

const copyHeader = 19 // signature, flags and the length of an extension, which is empty

// Write takes the body of one CopyData message.
func (s *auditSink) Write(p []byte) (int, error) {
	data := p
	if len(s.part) > 0 {
		s.part = append(s.part, p...)
		data = s.part
	}
	if !s.begun && len(data) >= copyHeader {
		data, s.begun = data[copyHeader:], true
	}
	for s.begun {
		size := s.tuple(data)
		if size == 0 {
			break
		}
		data = data[size:]
	}
	s.part = append(s.part[:0], data...)
	return len(p), nil
}

// tuple scans the tuple that data begin with, and gives its length; 0 while it is not all there.
func (s *auditSink) tuple(data []byte) int {
	if len(data) < 2 {
		return 0
	}
	if int16(binary.BigEndian.Uint16(data)) < 0 { //nolint:gosec // -1 ends the data
		return 2
	}
	at := 2
	for range s.columns {
		if len(data) < at+4 {
			return 0
		}
		at += 4 + max(0, int(int32(binary.BigEndian.Uint32(data[at:])))) //nolint:gosec // -1 is NULL
	}
	if len(data) < at {
		return 0
	}
	from := 2
	for _, c := range s.columns {
		n := int(int32(binary.BigEndian.Uint32(data[from:]))) //nolint:gosec // -1 is NULL
		from += 4
		if n >= 0 {
			s.scanner.Scan(c, data[from:from+n])
			from += n
		}
	}
	return at
}
