package compare

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// errNoKey says that what looked like a key does not tell the rows of a side apart, or is NULL in some.
var errNoKey = errors.New("the key does not tell rows apart")

// merger reads both sides of a pair in one order and counts where they differ.
type merger struct {
	pair          pairing
	key, columns  []columnPair
	before, after *pgx.Conn

	values  []columnPair // the columns compared: those of the key are equal where rows meet
	numbers []bool       // of the fields of the key, those whose order is that of numbers
	changed []report.ColumnContents
	only    [2]int64
}

// run fills in what differs. Without a key, and where the key turns out to be none, whole rows are compared.
func (m *merger) run(ctx context.Context, t *report.TableContents) error {
	if len(m.columns) == 0 {
		return m.count(ctx, t)
	}
	err := m.merge(ctx)
	if errors.Is(err, errNoKey) {
		m.key = nil
		err = m.merge(ctx)
	}
	if err != nil {
		return err
	}
	t.OnlyBefore, t.OnlyAfter = m.only[0], m.only[1]
	for _, c := range m.key {
		t.Key = append(t.Key, c.after.Name)
	}
	for _, c := range m.changed {
		if c.Rows > 0 {
			t.Columns = append(t.Columns, c)
		}
	}
	return nil
}

// count compares tables of which no column is on both sides.
func (m *merger) count(ctx context.Context, t *report.TableContents) error {
	was, err1 := number(ctx, m.before, "SELECT pg_catalog.count(*) FROM "+m.pair.before.from())
	is, err2 := number(ctx, m.after, "SELECT pg_catalog.count(*) FROM "+m.pair.after.from())
	t.OnlyBefore, t.OnlyAfter = max(0, was-is), max(0, is-was)
	return errors.Join(err1, err2)
}

// merge reads both sides to their ends.
func (m *merger) merge(ctx context.Context) error {
	m.prepare()
	ctx, cancel := context.WithCancel(ctx)
	a := stream(ctx, m.before, m.query(m.pair.before, func(c columnPair) catalog.Column { return c.before }), m.numbers)
	b := stream(ctx, m.after, m.query(m.pair.after, func(c columnPair) catalog.Column { return c.after }), m.numbers)
	err := m.walk(a, b)
	if errors.Is(err, errNoKey) { // the sessions are needed again
		err = errors.Join(err, a.drain(), b.drain())
	}
	cancel()
	a.wait()
	b.wait()
	return err
}

// prepare sets what follows from there being a key or none.
func (m *merger) prepare() {
	m.only, m.changed, m.values, m.numbers = [2]int64{}, nil, m.columns, []bool{true, true} // the two hashes of a row
	if len(m.key) == 0 {
		return
	}
	m.numbers = nil
	for _, c := range m.key {
		m.numbers = append(m.numbers, c.keyPart("").number)
	}
	m.values = slices.DeleteFunc(slices.Clone(m.columns), func(c columnPair) bool {
		return slices.ContainsFunc(m.key, func(k columnPair) bool { return k.before.Number == c.before.Number })
	})
	for _, c := range m.values {
		d := report.ColumnContents{Column: c.after.Name, Retyped: c.before.Type != c.after.Type, Moment: moments[c.before.BaseType] && moments[c.after.BaseType]}
		d.Anew = !c.same && m.pair.before.OID == m.pair.after.OID
		if c.before.Name != c.after.Name {
			d.Was = c.before.Name
		}
		m.changed = append(m.changed, d)
	}
}

// query reads one side in the order of the key; without one, each row as two hashes, in their order.
func (m *merger) query(from *side, of func(columnPair) catalog.Column) string {
	var selected, order []string
	for _, c := range m.key {
		part := c.keyPart(catalog.Quote(of(c).Name))
		selected, order = append(selected, part.value), append(order, part.order)
	}
	var values []string
	for _, c := range m.values {
		values = append(values, c.class().value(catalog.Quote(of(c).Name)))
	}
	if len(m.key) == 0 {
		row := "ROW(" + strings.Join(values, ", ") + `)::pg_catalog.text COLLATE pg_catalog."C"`
		values = []string{"pg_catalog.hashtextextended(" + row + ", 0)", "pg_catalog.hashtextextended(" + row + ", 1)"}
		order = []string{"1", "2"}
	}
	return "COPY (SELECT " + strings.Join(append(selected, values...), ", ") + " FROM " + from.from() +
		" ORDER BY " + strings.Join(order, ", ") + ") TO STDOUT (FORMAT binary)"
}

// walk merges two streams in one order.
func (m *merger) walk(a, b *rows) error {
	distinct := len(m.key) > 0
	okA, errA := a.next(distinct)
	okB, errB := b.next(distinct)
	for {
		if err := errors.Join(errA, errB); err != nil {
			return err
		}
		order := 0
		switch {
		case !okA && !okB:
			return nil
		case !okB:
			order = -1
		case !okA:
			order = 1
		default:
			order = compareKeys(a.fields, b.fields, m.numbers)
		}
		switch {
		case order < 0:
			m.only[0]++
		case order > 0:
			m.only[1]++
		case !bytes.Equal(a.raw, b.raw):
			m.differ(a.fields[len(m.numbers):], b.fields[len(m.numbers):])
		}
		if order <= 0 {
			okA, errA = a.next(distinct)
		}
		if order >= 0 {
			okB, errB = b.next(distinct)
		}
	}
}

// differ counts the columns in which two rows of one key differ.
func (m *merger) differ(a, b [][]byte) {
	for i := range m.changed {
		if (a[i] == nil) == (b[i] == nil) && bytes.Equal(a[i], b[i]) {
			continue
		}
		m.changed[i].Rows++
		if a[i] == nil {
			m.changed[i].Filled++
		}
	}
}

// compareKeys orders by the leading fields, one for each of numbers.
func compareKeys(a, b [][]byte, numbers []bool) int {
	for i, number := range numbers {
		x, y := a[i], b[i]
		order := bytes.Compare(x, y)
		if number && order != 0 && len(x) > 0 && len(y) > 0 && (x[0]^y[0])&0x80 != 0 {
			order = -order // one of them is negative
		}
		if order != 0 {
			return order
		}
	}
	return 0
}

// rows is one side as it comes: COPY in the binary format, a row at a time.
type rows struct {
	chunks  chan []byte
	ended   chan struct{} // when the session is free again
	err     error         // of the session, once ended
	numbers []bool

	buf    []byte // what has come and is not read yet
	begun  bool
	raw    []byte   // the row, until the next one
	fields [][]byte // of it; nil for NULL
	last   [][]byte // the key of the row before
}

// chunkSize is how much of a stream is handed over at once.
const chunkSize = 64 << 10

// stream begins to read.
func stream(ctx context.Context, conn *pgx.Conn, query string, numbers []bool) *rows {
	r := &rows{chunks: make(chan []byte, 4), ended: make(chan struct{}), numbers: numbers}
	go func() {
		defer close(r.ended)
		defer close(r.chunks)
		w := &chunks{ctx: ctx, to: r.chunks}
		_, err := conn.PgConn().CopyTo(ctx, w, query)
		if err == nil {
			err = w.flush()
		}
		r.err = err
	}()
	return r
}

// wait is until the session is free, or closed where its context is over.
func (r *rows) wait() {
	for range r.chunks {
	}
	<-r.ended
}

// drain throws the rest away.
func (r *rows) drain() error {
	r.wait()
	return r.err
}

// chunks gathers what a session sends.
type chunks struct {
	ctx context.Context
	to  chan<- []byte
	buf []byte
}

func (c *chunks) Write(p []byte) (int, error) {
	if c.buf == nil {
		c.buf = make([]byte, 0, chunkSize+len(p))
	}
	c.buf = append(c.buf, p...)
	if len(c.buf) >= chunkSize {
		return len(p), c.flush()
	}
	return len(p), nil
}

func (c *chunks) flush() error {
	if len(c.buf) == 0 {
		return nil
	}
	select {
	case c.to <- c.buf:
		c.buf = nil
		return nil
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
}

// copyHeader is the length of what comes before the first row when there is no extension: signature, flags, length.
const copyHeader = 19

// next goes to the next row. With distinct a key must be neither NULL nor that of the row before: else the error is errNoKey. That rows come in order is
// checked.
func (r *rows) next(distinct bool) (ok bool, err error) {
	if !r.begun {
		if ok, err = r.need(copyHeader); !ok {
			return false, err
		}
		r.buf, r.begun = r.buf[copyHeader:], true
	}
	first := r.fields == nil
	if distinct && !first {
		if r.last == nil {
			r.last = make([][]byte, len(r.numbers))
		}
		for i, f := range r.fields[:len(r.numbers)] {
			r.last[i] = append(r.last[i][:0], f...)
		}
	}
	if ok, err = r.read(); !ok || err != nil || !distinct {
		return ok, err
	}
	for _, f := range r.fields[:len(r.numbers)] {
		if f == nil {
			return true, errNoKey
		}
	}
	if !first {
		switch order := compareKeys(r.last, r.fields, r.numbers); {
		case order == 0:
			return true, errNoKey
		case order > 0:
			return true, errors.New("rows came out of order")
		}
	}
	return true, nil
}

// read takes one row apart: the number of its fields, then each with its length.
func (r *rows) read() (bool, error) {
	if ok, err := r.need(2); !ok {
		return false, err
	}
	n := int(int16(binary.BigEndian.Uint16(r.buf)))
	if n < 0 {
		return false, r.drain()
	}
	var lengths [16]int32
	all, at := lengths[:0], 2
	for range n {
		if ok, err := r.need(at + 4); !ok {
			return false, err
		}
		length := int32(binary.BigEndian.Uint32(r.buf[at:]))
		at += 4
		if all = append(all, length); length > 0 {
			at += int(length)
			if ok, err := r.need(at); !ok {
				return false, err
			}
		}
	}
	r.raw, r.buf = r.buf[:at:at], r.buf[at:]
	r.fields = r.fields[:0]
	at = 2
	for _, length := range all {
		at += 4
		if length < 0 {
			r.fields = append(r.fields, nil)
			continue
		}
		r.fields = append(r.fields, r.raw[at:at+int(length):at+int(length)])
		at += int(length)
	}
	return true, nil
}

// need waits until so many bytes are there. It tells false with the session's error where the stream ends before.
func (r *rows) need(n int) (bool, error) {
	for len(r.buf) < n {
		chunk, ok := <-r.chunks
		if !ok {
			<-r.ended
			if r.err != nil {
				return false, r.err
			}
			return false, fmt.Errorf("the stream ended after %d of %d bytes", len(r.buf), n)
		}
		if len(r.buf) == 0 {
			r.buf = chunk
			continue
		}
		joined := make([]byte, len(r.buf)+len(chunk)) // the row before is still of the old one
		copy(joined[copy(joined, r.buf):], chunk)
		r.buf = joined
	}
	return true, nil
}

// moments are the types of what stamps a row.
var moments = map[string]bool{"timestamp": true, "timestamptz": true, "date": true}
