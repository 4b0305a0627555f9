package snapshot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// TestRing sends streams of rows of all sizes through one ring and expects the same bytes.
func TestRing(t *testing.T) {
	t.Parallel()
	r := newRing()
	source := rand.New(rand.NewPCG(1, 2))
	for _, rows := range []int{0, 1, 10, 3000} {
		s := r.stream(context.Background())
		var want bytes.Buffer
		var wg sync.WaitGroup
		wg.Go(func() {
			for range rows {
				row := bytes.Repeat([]byte{byte(source.IntN(256))}, source.IntN(3000))
				if source.IntN(1000) == 0 {
					row = bytes.Repeat(row, 4000) // larger than a buffer
				}
				want.Write(row)
				b, err := s.buffer()
				if err != nil {
					t.Error(err)
					return
				}
				s.put(append(b, row...))
			}
			s.finish(nil)
		})
		got, err := io.ReadAll(iotest.HalfReader(s))
		wg.Wait()
		if err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%d rows: %d bytes for %d, %v", rows, len(got), want.Len(), err)
		}
		if len(r.free) != bufferCount {
			t.Errorf("%d rows: %d buffers came back", rows, len(r.free))
		}
	}
}

// TestRingEnds has either side give up.
func TestRingEnds(t *testing.T) {
	t.Parallel()
	reason := errors.New("reason")
	s := newRing().stream(context.Background())
	s.finish(reason)
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, reason) {
		t.Errorf("the reader got %v", err)
	}
	s = newRing().stream(context.Background())
	fill := func(s *stream) error {
		for {
			b, err := s.buffer()
			if err != nil {
				return err
			}
			s.put(append(b, make([]byte, bufferSize)...))
		}
	}
	s.hangUp()
	s.hangUp()
	if err := fill(s); !errors.Is(err, errReceiverGone) {
		t.Errorf("the writer got %v", err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	s = newRing().stream(ctx)
	cancel(reason)
	if err := fill(s); !errors.Is(err, reason) {
		t.Errorf("the writer got %v", err)
	}
}

// TestSinkCounts forwards rows without masks and counts them.
func TestSinkCounts(t *testing.T) {
	t.Parallel()
	var told int
	s := newRing().stream(context.Background())
	k := &sink{stream: s, grown: func(n int) { told += n }}
	for range 100 {
		if n, err := k.Write([]byte("row\n")); n != 4 || err != nil {
			t.Fatal(n, err)
		}
	}
	if err := k.end(); err != nil {
		t.Error(err)
	}
	s.finish(nil)
	got, _ := io.ReadAll(s)
	if k.bytes != 400 || told != 400 || string(got) != strings.Repeat("row\n", 100) {
		t.Errorf("counted %d, told %d, got %d bytes", k.bytes, told, len(got))
	}
	k.part = []byte("half")
	if err := k.end(); err == nil {
		t.Error("half a row was taken for the end")
	}
}

// TestSinkSplitsRows feeds masked rows in pieces of every size, which the protocol allows, and expects what whole rows give.
func TestSinkSplitsRows(t *testing.T) {
	t.Parallel()
	plan := textPlan(t, "id: keep, t: hash, u: keep", "id", "t", "u")
	const data = "1\tone\\ttab\tx\n2\t\\N\t\n3\t\tlast \\n line\n"
	var whole string
	for size := len(data); size > 0; size-- {
		got := fed(t, &sink{row: plan.Row()}, data, size)
		if size == len(data) {
			whole = got
		}
		if got != whole || strings.Contains(whole, "one") || strings.Count(whole, "\n") != 3 {
			t.Fatalf("in pieces of %d: %q, want %q", size, got, whole)
		}
	}
}

// TestTupleReaderSplits feeds the binary format in pieces of every size, with an extension of the header, and expects what the whole gives.
func TestTupleReaderSplits(t *testing.T) {
	t.Parallel()
	plan := textPlan(t, "id: keep, t: hash", "id", "t")
	const header = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x03ext"
	const rows = "\x00\x02\x00\x00\x00\x011\x00\x00\x00\x03one\x00\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	data := header + rows
	var whole string
	for size := len(data); size > 0; size-- {
		got := fed(t, &sink{tuples: &tupleReader{tuples: plan.Tuples(nil)}}, data, size)
		if size == len(data) {
			whole = got
		}
		if got != whole || !strings.HasPrefix(whole, header) || !strings.HasSuffix(whole, rows[len(rows)-12:]) || strings.Contains(whole, "one") {
			t.Fatalf("in pieces of %d: %q, want %q", size, got, whole)
		}
	}
	for name, bad := range map[string]string{"text": "1\tone\n", "with OIDs": "PGCOPY\n\xff\r\n\x00\x00\x01\x00\x00\x00\x00\x00\x00"} {
		r := &tupleReader{tuples: plan.Tuples(nil)}
		if _, err := r.mask(nil, []byte(bad)); !errors.Is(err, errOddFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	k := &sink{tuples: &tupleReader{part: []byte("half")}, grown: func(int) {}}
	if err := k.end(); err == nil {
		t.Error("half a tuple was taken for the end")
	}
}

// textPlan is the plan of a table a.b of text columns.
func textPlan(t *testing.T, rules string, columns ...string) *sanitize.TablePlan {
	t.Helper()
	parsed, err := sanitize.ParseRules("r", []byte("version: 1\ntables:\n  a.b: {"+rules+"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	table := sanitize.Table{Schema: "a", Name: "b"}
	for _, name := range columns {
		table.Columns = append(table.Columns, sanitize.Column{Name: name, Type: "text", BaseType: "text", TypeKind: 'b'})
	}
	plan, err := parsed.Plan(sanitize.Database{Tables: []sanitize.Table{table}}, sanitize.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	return plan.Table("a", "b")
}

// fed is what a sink makes of data that come in pieces of a size.
func fed(t *testing.T, k *sink, data string, size int) string {
	t.Helper()
	k.stream, k.grown = newRing().stream(context.Background()), func(int) {}
	for rest := data; rest != ""; {
		n := min(size, len(rest))
		if _, err := k.Write([]byte(rest[:n])); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := k.end(); err != nil {
		t.Fatal(err)
	}
	k.stream.finish(nil)
	got, err := io.ReadAll(k.stream)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func TestParseTOC(t *testing.T) {
	t.Parallel()
	list := ";\n; Archive created at 2026\n;     dbname: x\n;\n6; 2615 16385 SCHEMA - My Schema postgres\n215; 1259 16390 TABLE shop USER MAPPING  postgres\r\n" +
		"3210; 0 0 USER MAPPING - USER MAPPING joe SERVER s joe\n3211; 6100 1 SUBSCRIPTION - sub postgres\nnonsense\n"
	got := parseTOC(list)
	if len(got) != 4 || got[0].object != 16385 || got[0].class != namespaceClass || got[1].id != 215 {
		t.Fatalf("%+v", got)
	}
	for i, want := range []bool{false, false, true, true} {
		if got[i].unwanted() != want {
			t.Errorf("%s: unwanted: %t", got[i].text, !want)
		}
	}
}

func TestParseRestoreErrors(t *testing.T) {
	t.Parallel()
	stderr := `pg_restore: while PROCESSING TOC:
pg_restore: from TOC entry 215; 1259 16390 VIEW v postgres
pg_restore: error: could not execute query: ERROR:  column a.x does not exist
LINE 2:  SELECT a.x
Command was: CREATE VIEW public.v AS
 SELECT a.x
   FROM a;


pg_restore: error: could not execute query: ERROR:  relation "public.v" does not exist
Command was: ALTER VIEW public.v OWNER TO postgres;


pg_restore: from TOC entry 216; 1247 16391 DOMAIN shop d postgres
pg_restore: error: could not execute query: ERROR:  row holds SECRET
CONTEXT:  PL/pgSQL function seen(integer) line 2 at RAISE
Command was: CREATE DOMAIN shop.d AS integer DEFAULT shop.seen(1);


pg_restore: warning: errors ignored on restore: 3
`
	want := []RestoreError{
		{"VIEW v", "column a.x does not exist"},
		{"VIEW v", `relation "public.v" does not exist`},
		{"DOMAIN shop d", withoutValues(raised, "")},
	}
	if diff := cmp.Diff(want, parseRestoreErrors(stderr)); diff != "" {
		t.Error(diff)
	}
	_, unnamed, _ := strings.Cut(stderr, "postgres\n") // PostgreSQL 18 does not name the entries
	want[0].Object, want[1].Object = "CREATE VIEW public.v AS", "ALTER VIEW public.v OWNER TO postgres"
	if diff := cmp.Diff(want[:2], parseRestoreErrors(unnamed)[:2]); diff != "" {
		t.Error(diff)
	}
	if got := parseRestoreErrors(""); got != nil {
		t.Errorf("errors of nothing: %v", got)
	}
}

func TestSplitNames(t *testing.T) {
	t.Parallel()
	for list, want := range map[string][]string{
		``: nil, `""`: {""}, `public`: {"public"}, `"$user", public`: {"$user", "public"}, `a,b , c`: {"a", "b", "c"},
		`"a, ""b""", "C d"`: {`a, "b"`, "C d"}, `"unclosed`: {"unclosed"},
	} {
		if diff := cmp.Diff(want, splitNames(list)); diff != "" {
			t.Errorf("%s: %s", list, diff)
		}
	}
	if got := settingValue(catalog.RoleSetting{Name: "search_path", Value: `""`}); got != "''" {
		t.Errorf("empty search path: %s", got)
	}
	if got := settingValue(catalog.RoleSetting{Name: "DateStyle", Value: `ISO, DMY`}); got != "'ISO, DMY'" {
		t.Errorf("DateStyle: %s", got)
	}
}

// TestErrorsQuoteNothing builds errors from server messages that hold values.
func TestErrorsQuoteNothing(t *testing.T) {
	t.Parallel()
	pg := &pgconn.PgError{Code: "22P02", Message: "invalid input: SECRET", Detail: "SECRET", Where: "SECRET", Hint: "SECRET", TableName: "t"}
	for _, err := range []error{
		sourceError("u@h:1/d", "copy a.b", pg), sourceError("u@h:1/d", "copy a.b", fmt.Errorf("wrapped: %w", pg)),
		targetError("load a.b", &pgconn.PgError{Code: "23505", Message: "duplicate key", Detail: "Key (SECRET)", Where: "SECRET"}),
	} {
		if strings.Contains(err.Error(), "SECRET") || strings.Contains(fmt.Sprintf("%+v", err), "SECRET") {
			t.Errorf("%v quotes a value", err)
		}
		if errors.As(err, &pg) && pg.Detail != "" && errors.Is(err, pg) {
			t.Errorf("%v carries the server's error along", err)
		}
	}
	for _, large := range []*pgconn.PgError{{Code: "XX000", Message: "invalid memory alloc request size 1200000060"}, {Code: "54000"}} {
		if e := new(SourceError); !errors.As(sourceError("s", "copy t", large), &e) || e.Kind != TooLarge {
			t.Errorf("%s is told as %s", large.Code, e.Kind)
		}
	}
	if err := sourceError("s", "d", nil); err != nil {
		t.Errorf("error of nothing: %v", err)
	}
	full := targetError("load a.b", &pgconn.PgError{Code: "53100", Message: `could not extend file "base/1/2": No space left on device`})
	if !errors.As(full, new(*TargetError)) || !strings.Contains(full.Error(), "no space left") {
		t.Errorf("%v", full)
	}
}

func TestLiteral(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "''", "a'b": "'a''b'", `a\b`: `E'a\\b'`, `\'`: `E'\\'''`} {
		if got := literal(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if got := conninfo(`a'b\ c`); got != `'a\'b\\ c'` {
		t.Errorf("conninfo: %s", got)
	}
}

// TestAnalyzable: a partitioned table with statistics in the source stands for its partitions, one without is left to them.
func TestAnalyzable(t *testing.T) {
	t.Parallel()
	all := []catalog.Table{
		{OID: 1, Name: "small", Kind: 'r', Bytes: 10, Rows: 1},
		{OID: 2, Name: "large", Kind: 'r', Bytes: 1 << 40, Rows: -1},
		{OID: 3, Name: "view", Kind: 'v'},
		{OID: 4, Name: "mat", Kind: 'm', Bytes: 20},
		{OID: 5, Name: "known", Kind: 'p', Root: 5, Rows: 7},
		{OID: 6, Name: "known_1", Kind: 'r', Root: 5, IsPartition: true, Bytes: 5},
		{OID: 7, Name: "below", Kind: 'p', Root: 8, IsPartition: true, Rows: -1},
		{OID: 8, Name: "unknown", Kind: 'p', Root: 8, Rows: -1},
		{OID: 9, Name: "below_1", Kind: 'r', Root: 8, IsPartition: true, Bytes: 6},
		{OID: 10, Name: "elsewhere", Kind: 'f', Root: 8, IsPartition: true},
		{OID: 11, Name: "empty", Kind: 'p', Root: 11, Rows: 0},
		{OID: 12, Name: "empty_1", Kind: 'r', Root: 11, IsPartition: true},
	}
	for major, want := range map[int]string{17: "known empty large small below_1", 13: "known large small below_1 empty_1"} {
		var got []string
		for _, table := range analyzable(all, major) {
			got = append(got, table.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("PostgreSQL %d: %s, want %s", major, strings.Join(got, " "), want)
		}
	}
}
