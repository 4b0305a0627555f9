package sanitize_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/sanitize/mask"
)

// TestFormsAgainstServer lets a real server write values in both forms: each form must lead to the other.
func TestFormsAgainstServer(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	conn, err := pgx.ConnectConfig(ctx, pgtest.New(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'"); err != nil {
		t.Fatal(err)
	}
	const stamps = `SELECT '%[2]s'::%[1]s FROM (VALUES (1)) v UNION ALL SELECT unnest('{infinity,-infinity,4714-11-24 00:00:00 BC,0044-03-15 12:00:01.5 BC,0001-01-01 00:00:00 BC,
		0001-01-01,0999-12-31 23:59:59.999999,1999-12-31 23:59:59.999999,2000-01-01 00:00:00.000001,2024-02-29 01:02:03.1,9999-12-31,10000-01-01,294276-12-31 23:59:59.999999}'::%[1]s[])
		UNION ALL SELECT timestamp '4713-01-01 BC' + random() * interval '298988 years' FROM generate_series(1, 2000)`
	for base, query := range map[string]string{
		"text":    `SELECT unnest('{"",a,日本語,"a b"}'::text[])`,
		"varchar": `SELECT 'x'::varchar(3)`,
		"bpchar":  `SELECT 'x'::char(3)`,
		"json":    `SELECT '{"a":  1}'::json`,
		"jsonb":   `SELECT unnest('{"null",1,"\"a\\u00e9\\nb\"","{\"a\": [1, {\"b\": null}]}"}'::jsonb[])`,
		"uuid":    `SELECT gen_random_uuid() FROM generate_series(1, 100)`,
		"int2":    `SELECT unnest('{0,1,-1,32767,-32768}'::int2[])`,
		"int4":    `SELECT unnest('{0,1,-1,2147483647,-2147483648}'::int4[]) UNION ALL SELECT ((random() - 0.5) * 4e9)::int4 FROM generate_series(1, 100)`,
		"int8":    `SELECT unnest('{0,1,-1,9223372036854775807,-9223372036854775808}'::int8[])`,
		"date": `SELECT unnest('{infinity,-infinity,4714-11-24 BC,0001-12-31 BC,0001-01-01,2000-02-29,5874897-12-31}'::date[])
			UNION ALL SELECT date '4714-11-24 BC' + i * 97 FROM generate_series(0, 30000) i`,
		"timestamp":   fmt.Sprintf(stamps, "timestamp", "2024-05-06 07:08:09.101112"),
		"timestamptz": fmt.Sprintf(stamps, "timestamptz", "2024-05-06 07:08:09.101112+03"),
	} {
		form, ok := mask.FormOf(base)
		if !ok {
			t.Errorf("%s has no forms", base)
			continue
		}
		result := conn.PgConn().ExecParams(ctx, "SELECT v, v::text FROM ("+query+") q (v)", nil, nil, nil, []int16{1, 0}).Read()
		if result.Err != nil {
			t.Fatalf("%s: %v", base, result.Err)
		}
		for _, row := range result.Rows {
			inBinary, inText := row[0], row[1]
			if base == "bpchar" { // the cast to text takes the padding off
				inText = []byte(fmt.Sprintf("%-3s", inText))
			}
			if form.Same {
				if string(inBinary) != form.Prefix+string(inText) {
					t.Errorf("%s: %q is %x in binary form", base, inText, inBinary)
				}
				continue
			}
			if got, ok := form.Text([]byte("before"), inBinary); !ok || string(got) != "before"+string(inText) {
				t.Errorf("%s: text form of %x: %q, want %q", base, inBinary, got[6:], inText)
			}
			if got, ok := form.Binary([]byte("before"), inText); !ok || string(got) != "before"+string(inBinary) {
				t.Errorf("%s: binary form of %s: %x, want %x", base, inText, got[6:], inBinary)
			}
		}
	}
}

func TestFormsRefuse(t *testing.T) {
	t.Parallel()
	for base, texts := range map[string][]string{
		"uuid": {"", "x", "00000000-0000-0000-0000-00000000000g"},
		"int2": {"", "-", "x", "1.5", "32768", "-32769", "99999999999999999999"},
		"int4": {"2147483648"}, "int8": {"9223372036854775808", "-9223372036854775809"},
		"date":        {"", "x", "2024-02-30", "2024-01-01 00:00:00", "Infinity"},
		"timestamp":   {"2024-01-01", "2024-01-01 24:00:00", "2024-01-01 00:60:00", "2024-01-01 00:00:00.", "2024-01-01 00:00:00.1234567", "2024-01-01 00:00:00+00", "2024-01-01T00:00:00"},
		"timestamptz": {"2024-01-01 00:00:00", "2024-01-01 00:00:00+01"},
	} {
		form, _ := mask.FormOf(base)
		for _, text := range texts {
			if got, ok := form.Binary(nil, []byte(text)); ok {
				t.Errorf("%s: %q has binary form %x", base, text, got)
			}
		}
		for _, size := range []int{0, 1, 3, 5, 9, 17} {
			if got, ok := form.Text(nil, make([]byte, size)); ok {
				t.Errorf("%s: %d bytes have text form %q", base, size, got)
			}
		}
	}
	for _, base := range []string{"", "numeric", "citext", "_int4", "xml", "bytea"} {
		if _, ok := mask.FormOf(base); ok {
			t.Errorf("%q has forms", base)
		}
	}
}

// columnsOf makes columns of "name type" pairs.
func columnsOf(pairs ...string) []sanitize.Column {
	var columns []sanitize.Column
	for _, p := range pairs {
		name, base, _ := strings.Cut(p, " ")
		columns = append(columns, sanitize.Column{Name: name, Type: base, BaseType: base, TypeKind: 'b'})
	}
	return columns
}

// TestTuplesMaskLikeRow masks a real server's COPY of one table in both formats, gives both results back, and lets the server compare.
func TestTuplesMaskLikeRow(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	cfg := pgtest.New(t, `
		CREATE TABLE src (id int, t text, v varchar(40), c char(12), j jsonb, js json, u uuid, s int2, i int4, b int8, d date, ts timestamp, tz timestamptz, n numeric, k inet, last text);
		INSERT INTO src SELECT i, chr(i + 1) || E'\\N\t' || i, 'Jane ' || i, 'ab' || i, jsonb_build_object('email', i || '@corp.example', 'x', chr(i + 1)), '{"a": "b\\c"}',
			gen_random_uuid(), i, i * 1000, i * 10000000000, date '1950-01-01' + i * 31, timestamp '1999-12-31 23:00' + i * interval '61.5 min', now() - i * interval '1 day',
			i / 7.0, '10.0.0.1', E'l\\ast' FROM generate_series(1, 300) i;
		INSERT INTO src (id) VALUES (1001);
		INSERT INTO src (id, t, v, c, j, js, d, ts, tz, last) VALUES (1002, '', '', '', '{}', '[]', 'infinity', '-infinity', 'infinity', ''), (1003, '日本語', 'é', 'ü', 'null', '0', '0044-03-15 BC', '0044-03-15 BC', '0044-03-15 BC', '\.');
		CREATE TABLE as_text (LIKE src); CREATE TABLE as_binary (LIKE src);`)
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'"); err != nil {
		t.Fatal(err)
	}
	const rules = `version: 1
tables:
  t.t: {id: keep, t: shape, v: full_name, c: shape, j: {mask: json, default: shape, paths: {$.email: email}}, js: {mask: json, default: shape}, u: uuid, s: int_permute, i: int_permute,
    b: int_permute, d: date_shift, ts: date_shift, tz: date_shift, n: null, k: {mask: constant, value: 192.0.2.1}, last: keep}
`
	plan := mustPlan(t, rules, sanitize.Database{Tables: []sanitize.Table{{Schema: "t", Name: "t", Columns: columnsOf("id int4", "t text", "v varchar", "c bpchar", "j jsonb", "js json", "u uuid",
		"s int2", "i int4", "b int8", "d date", "ts timestamp", "tz timestamptz", "n numeric", "k inet", "last text")}}}).Table("t", "t")
	if got := plan.Constants(); len(got) != 1 || got["k"] != "192.0.2.1" {
		t.Errorf("constants are %v", got)
	}
	inet := conn.PgConn().ExecParams(ctx, "SELECT '192.0.2.1'::inet", nil, nil, nil, []int16{1}).Read().Rows[0][0]
	tuples, row := plan.Tuples(map[string][]byte{"k": inet}), plan.Row()
	inTuples, inRows := watched{}, watched{}
	tuples.Watch(inTuples.of)
	row.Watch(inRows.of)
	var text, tuple, masked []byte
	for line := range bytes.Lines(copyOut(t, conn, "COPY src TO STDOUT")) {
		if masked, err = row.Append(masked, line); err != nil {
			t.Fatal(err)
		}
	}
	text, data := masked, copyOut(t, conn, "COPY src TO STDOUT (FORMAT binary)")
	const header = 19
	tuple = append(tuple, data[:header]...)
	for at := header; at < len(data); {
		var n int
		if tuple, n, err = tuples.Append(tuple, data[at:]); err != nil || n == 0 {
			t.Fatal(n, err)
		}
		at += n
	}
	if len(inRows) != 12 || !reflect.DeepEqual(inTuples, inRows) {
		t.Errorf("watchers of %d columns saw something else in tuples than in rows", len(inRows))
	}
	if saw := *inRows[1]; saw[0] != "\x02\\N\t1" || saw[1] == saw[0] || saw[600] != "NULL" || saw[601] != "NULL" || len(saw) != 606 {
		t.Errorf("watchers saw %q", saw)
	}
	for sql, from := range map[string][]byte{"COPY as_text FROM STDIN": text, "COPY as_binary FROM STDIN (FORMAT binary)": tuple} {
		if _, err := conn.PgConn().CopyFrom(ctx, bytes.NewReader(from), sql); err != nil {
			t.Fatal(sql, err)
		}
	}
	var rows, differ, kept int
	err = conn.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE x::text IS DISTINCT FROM y::text),
		count(*) FILTER (WHERE id < 1000 AND (SELECT count(*) FROM (VALUES (s.t, y.t), (s.v, y.v), (s.c, y.c), (s.j::text, y.j::text), (s.u::text, y.u::text), (s.i::text, y.i::text), (s.d::text, y.d::text), (s.k::text, y.k::text)) v (raw, masked) WHERE raw = masked) > 0)
		FROM src s FULL JOIN as_text x USING (id) FULL JOIN as_binary y USING (id)`).Scan(&rows, &differ, &kept)
	if err != nil || rows != 303 || differ != 0 || kept != 0 {
		t.Errorf("%d rows, %d differ between the formats, %d hold a raw value: %v; want 303, 0, 0", rows, differ, kept, err)
	}
}

// watched are the values that watchers saw, in pairs, by column.
type watched map[int]*watcher

func (w watched) of(column int) sanitize.Watcher {
	w[column] = &watcher{}
	return w[column]
}

type watcher []string

func (w *watcher) Saw(was, is []byte) {
	for _, v := range [][]byte{was, is} {
		if v == nil {
			*w = append(*w, "NULL")
		} else {
			*w = append(*w, string(v))
		}
	}
}

func copyOut(t *testing.T, conn *pgx.Conn, sql string) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := conn.PgConn().CopyTo(context.Background(), &out, sql); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// encoded is one tuple; nil is NULL.
func encoded(values ...any) []byte {
	data := binary.BigEndian.AppendUint16(nil, uint16(len(values)))
	for _, v := range values {
		if v == nil {
			data = append(data, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		data = append(binary.BigEndian.AppendUint32(data, uint32(len(v.(string)))), v.(string)...)
	}
	return data
}

func tuplesPlan(t testing.TB) *sanitize.TablePlan {
	t.Helper()
	rules := "version: 1\ntables:\n  t.t: {a: keep, b: {mask: constant, value: xy}, u: uuid, c: keep, d: null}\n"
	return mustPlan(t, rules, sanitize.Database{Tables: []sanitize.Table{{Schema: "t", Name: "t", Columns: columnsOf("a text", "b text", "u uuid", "c text", "d text")}}}).Table("t", "t")
}

func TestTuplesAppend(t *testing.T) {
	t.Parallel()
	tuples := tuplesPlan(t).Tuples(map[string][]byte{"b": []byte("xy")})
	for name, tt := range map[string]struct{ in, want []byte }{
		"values":      {encoded("1", "secret", nil, "3", "secret"), encoded("1", "xy", nil, "3", nil)},
		"NULL stays":  {encoded(nil, nil, nil, nil, nil), encoded(nil, nil, nil, nil, nil)},
		"empty":       {encoded("", "", nil, "", ""), encoded("", "xy", nil, "", nil)},
		"the end":     {[]byte{0xff, 0xff}, []byte{0xff, 0xff}},
		"odd content": {encoded("\xff\xff\xff\xff", "\x00", nil, "\t\n", "\\N"), encoded("\xff\xff\xff\xff", "xy", nil, "\t\n", nil)},
	} {
		in := append(bytes.Clone(tt.in), "next"...)
		got, n, err := tuples.Append([]byte("before"), in)
		if err != nil || n != len(tt.in) || string(got) != "before"+string(tt.want) {
			t.Errorf("%s: %q, %d bytes used, %v; want %q, %d", name, got, n, err, tt.want, len(tt.in))
		}
		for size := range len(tt.in) {
			if got, n, err := tuples.Append([]byte("before"), tt.in[:size]); n != 0 || err != nil || string(got) != "before" {
				t.Errorf("%s: the first %d bytes give %q, %d, %v", name, size, got, n, err)
			}
		}
	}
}

// TestTuplesErrors gives tuples that cannot be masked; each holds "secret", which no error may.
func TestTuplesErrors(t *testing.T) {
	t.Parallel()
	tuples := tuplesPlan(t).Tuples(map[string][]byte{"b": []byte("xy")})
	for want, in := range map[string][]byte{
		"mask t.t: a row does not have the plan's 5 fields":   encoded("secret"),
		"mask t.t.u with uuid: a value has no text form":      encoded("1", "2", "secret", "4", "5"),
		"mask t.t: a row does not have the plan's  5 fields ": append(encoded("1", "2", nil, "4", "5", "secret"), 1),
	} {
		got, n, err := tuples.Append([]byte("before"), in)
		var value *sanitize.ValueError
		if !errors.As(err, &value) || strings.Join(strings.Fields(err.Error()), " ") != strings.Join(strings.Fields(want), " ") || n != 0 || string(got) != "before" {
			t.Errorf("%q, %d, %v; want %q", got, n, err, want)
		}
		if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, value), "secret") {
			t.Errorf("the error holds the value: %v", err)
		}
	}
}

func TestTuplesRefuseOtherJSONB(t *testing.T) {
	t.Parallel()
	tuples := jsonPlan(t).Tuples(nil)
	for _, value := range []string{"", "\x02{}", "{}"} {
		got, n, err := tuples.Append([]byte("before"), encoded(value))
		if err == nil || n != 0 || string(got) != "before" {
			t.Errorf("jsonb %q gives %q, %d, %v", value, got, n, err)
		}
	}
}

func jsonPlan(t *testing.T) *sanitize.TablePlan {
	t.Helper()
	rules := "version: 1\ntables:\n  t.t: {j: {mask: json, default: shape}}\n"
	return mustPlan(t, rules, sanitize.Database{Tables: []sanitize.Table{{Schema: "t", Name: "t", Columns: columnsOf("j jsonb")}}}).Table("t", "t")
}

// TestTuplesCopyLargeDocumentsOnce: the room for the row is all that a document needs, as a row is allowed four times its length in memory.
func TestTuplesCopyLargeDocumentsOnce(t *testing.T) {
	in := encoded("\x01{\"a\": \"" + strings.Repeat("Jane 42 ", 1<<20) + "\"}")
	tuples, buf := jsonPlan(t).Tuples(nil), make([]byte, 0, len(in))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, n, err := tuples.Append(buf, in)
	runtime.ReadMemStats(&after)
	if err != nil || n != len(in) || len(got) != len(in) || bytes.Contains(got, []byte("Jane 42")) {
		t.Fatal(len(got), n, err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > uint64(len(in))/8 {
		t.Errorf("%d bytes allocated for a row of %d", used, len(in))
	}
}

func TestTuplesNeedForms(t *testing.T) {
	t.Parallel()
	if tuplesPlan(t).Tuples(nil) != nil {
		t.Error("a constant without its binary form was taken")
	}
	table := sanitize.Table{Schema: "t", Name: "t", Columns: columnsOf("a citext")}
	plan := mustPlan(t, "version: 1\ntables:\n  t.t: {a: hash}\n", sanitize.Database{Tables: []sanitize.Table{table}}).Table("t", "t")
	if plan.Tuples(nil) != nil {
		t.Error("a citext column can be masked in binary form")
	}
}

func TestTuplesAllocateNothing(t *testing.T) {
	table := sanitize.Table{Schema: "t", Name: "t", Columns: columnsOf("a int4", "b text", "j jsonb", "d timestamptz", "u uuid", "i int8")}
	rules := "version: 1\ntables:\n  t.t: {a: keep, b: email, j: {mask: json, default: shape}, d: date_shift, u: uuid, i: int_permute}\n"
	tuples := mustPlan(t, rules, sanitize.Database{Tables: []sanitize.Table{table}}).Table("t", "t").Tuples(nil)
	in := encoded("\x00\x00\x00\x01", "jane@corp.example", "\x01{\"a\": \"some\"}", "\x00\x00\x00\x01\x00\x00\x00\x00", "0123456789abcdef", "\x00\x00\x00\x01\x00\x00\x00\x00")
	buf, n, err := tuples.Append(nil, in)
	if err != nil || n != len(in) {
		t.Fatal(n, err)
	}
	if n := testing.AllocsPerRun(200, func() { buf, _, _ = tuples.Append(buf[:0], in) }); n != 0 {
		t.Errorf("%v allocations per row, want none", n)
	}
}

// FuzzTuples: whatever comes, nothing is read beyond it, and what is used and kept is given on as it came.
func FuzzTuples(f *testing.F) {
	f.Add(encoded("1", "2", nil, "4", "5"))
	f.Add([]byte{0xff, 0xff})
	f.Add([]byte{0, 5, 0x7f, 0xff, 0xff, 0xff})
	tuples := tuplesPlan(f).Tuples(map[string][]byte{"b": []byte("xy")})
	f.Fuzz(func(t *testing.T, data []byte) {
		got, n, err := tuples.Append(nil, data)
		if n < 0 || n > len(data) || (err != nil || n == 0) && len(got) > 0 {
			t.Fatalf("%d of %d bytes used, %d given, %v", n, len(data), len(got), err)
		}
		if n > 2 {
			if _, again, err := tuples.Append(nil, got); err != nil || again != len(got) {
				t.Fatalf("%q became %q, which is no tuple: %d, %v", data[:n], got, again, err)
			}
		}
	})
}

func BenchmarkTuples(b *testing.B) {
	columns, rules := make([]string, 10), make([]string, 10)
	for i := range columns {
		columns[i], rules[i] = fmt.Sprintf("c%d text", i), fmt.Sprintf("c%d: keep", i)
	}
	rules[6] = "c6: {mask: constant, value: masked}"
	plan := mustPlan(b, "version: 1\ntables:\n  t.t: {"+strings.Join(rules, ", ")+"}\n", sanitize.Database{Tables: []sanitize.Table{{Schema: "t", Name: "t", Columns: columnsOf(columns...)}}})
	tuples := plan.Table("t", "t").Tuples(map[string][]byte{"c6": []byte("masked")})
	values := make([]any, 10)
	for i := range values {
		values[i] = "some words of text"
	}
	in := encoded(values...)
	b.SetBytes(int64(len(in)))
	var buf []byte
	for b.Loop() {
		buf, _, _ = tuples.Append(buf[:0], in)
	}
}
