package sanitize_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/sanitize"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// textTable is a table t.t of nullable text columns, and its plan under rules written as "column: rule" lines.
func textTable(t testing.TB, columns []string, rules ...string) *sanitize.TablePlan {
	t.Helper()
	table := sanitize.Table{Schema: "t", Name: "t"}
	for _, c := range columns {
		table.Columns = append(table.Columns, sanitize.Column{Name: c, Type: "text", BaseType: "text", TypeKind: 'b'})
	}
	src := "version: 1\ntables:\n  t.t:\n    " + strings.Join(rules, "\n    ") + "\n"
	return mustPlan(t, src, sanitize.Database{Tables: []sanitize.Table{table}}).Table("t", "t")
}

func mustPlan(t testing.TB, src string, db sanitize.Database) *sanitize.Plan {
	t.Helper()
	rules, err := sanitize.ParseRules("m.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := rules.Plan(db, mustKey(t, hexKey))
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// TestRowAppend uses constants, whose results can be written down, to show what happens to the bytes around them.
func TestRowAppend(t *testing.T) {
	t.Parallel()
	plan := textTable(t, []string{"a", "b", "c", "d"}, "a: keep", `b: {mask: constant, value: "x\ty\\N\n"}`, "c: keep", "d: null")
	tests := []struct{ name, in, want string }{
		{"plain", "1\tsecret\t3\t4\n", `1` + "\t" + `x\ty\\N\n` + "\t3\t\\N\n"},
		{"without the newline", "1\tsecret\t3\t4", "1\tx\\ty\\\\N\\n\t3\t\\N"},
		{"NULL stays", "1\t\\N\t\\N\t\\N\n", "1\t\\N\t\\N\t\\N\n"},
		{"empty values", "\t\t\t\n", "\tx\\ty\\\\N\\n\t\t\\N\n"},
		{"kept escapes stay as they are", "\\\\N\\101\ts\t\\x41\\q\ts\n", "\\\\N\\101\tx\\ty\\\\N\\n\t\\x41\\q\t\\N\n"},
		{"text that reads like NULL", "1\t\\\\N\t3\t\\\\N\n", "1\tx\\ty\\\\N\\n\t3\t\\N\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := []byte(tt.in)
			got, err := plan.Row().Append([]byte("before"), in)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != "before"+tt.want {
				t.Errorf("Append(%q)\n got %q\nwant %q", tt.in, got, "before"+tt.want)
			}
			if string(in) != tt.in {
				t.Errorf("the line was changed to %q", in)
			}
		})
	}
}

func TestRowWithoutMasks(t *testing.T) {
	t.Parallel()
	plan := textTable(t, []string{"a", "b"}, "a: keep", "b: keep")
	if plan.Masked() != nil {
		t.Errorf("Masked() = %q, want nil", plan.Masked())
	}
	got, err := plan.Row().Append(nil, []byte("x\\\\\ty\n"))
	if err != nil || string(got) != "x\\\\\ty\n" {
		t.Errorf("got %q, %v", got, err)
	}
	empty := mustPlan(t, "version: 1\ntables: {t.e: {}}\n", sanitize.Database{Tables: []sanitize.Table{{Schema: "t", Name: "e"}}})
	if got, err := empty.Table("t", "e").Row().Append(nil, []byte("\n")); err != nil || string(got) != "\n" {
		t.Errorf("table without columns: got %q, %v", got, err)
	}
}

// TestRowErrors gives rows that cannot be masked; each holds "secret", which no error may.
func TestRowErrors(t *testing.T) {
	t.Parallel()
	table := sanitize.Table{Schema: "My.Shop", Name: "order", Columns: []sanitize.Column{
		{Name: "a", BaseType: "text", TypeKind: 'b'}, {Name: "Ünï\"", BaseType: "uuid", TypeKind: 'b'}, {Name: "c", BaseType: "text", TypeKind: 'b'},
	}}
	src := "version: 1\ntables:\n  '\"My.Shop\".\"order\"':\n    a: keep\n    'Ünï\"': uuid\n    c: keep\n"
	plan := mustPlan(t, src, sanitize.Database{Tables: []sanitize.Table{table}}).Table("My.Shop", "order")
	const name = `"My.Shop"."order"`
	tests := []struct{ name, in, want string }{
		{"too few fields before the mask", "secret\n", `mask ` + name + `: a row does not have the plan's 3 fields`},
		{"too few fields after the mask", "secret\t\\N\n", `mask ` + name + `: a row does not have the plan's 3 fields`},
		{"too many fields", "secret\t\\N\t3\t4\n", `mask ` + name + `: a row does not have the plan's 3 fields`},
		{"empty line", "\n", `mask ` + name + `: a row does not have the plan's 3 fields`},
		{"nothing", "", `mask ` + name + `: a row does not have the plan's 3 fields`},
		{"lone backslash", "a\tsecret\\\tc\n", `mask ` + name + `."Ünï""" with uuid: a value ends in the middle of an escape`},
		{"value the mask cannot handle", "a\tsecret\tc\n", `mask ` + name + `."Ünï""" with uuid: a value `},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := plan.Row().Append([]byte("before"), []byte(tt.in))
			var value *sanitize.ValueError
			if !errors.As(err, &value) || !strings.HasPrefix(err.Error(), tt.want) {
				t.Fatalf("error is %v, want %q", err, tt.want)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, value), "secret") {
				t.Errorf("the error holds the value: %v", err)
			}
			if string(got) != "before" {
				t.Errorf("dst is %q after an error, want it as it was", got)
			}
		})
	}
}

func TestRowAllocatesNothing(t *testing.T) {
	plan := textTable(t, []string{"a", "b", "c"}, "a: keep", "b: hash", "c: email")
	row := plan.Row()
	line := []byte("1\tsome\\\\thing\tjane@corp.example\n")
	buf, err := row.Append(nil, line)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(200, func() { buf, _ = row.Append(buf[:0], line) }); n != 0 {
		t.Errorf("%v allocations per row, want none", n)
	}
}

// TestRowCopiesLargeValuesOnce: beside the room for the row, a value with escapes needs as much again.
func TestRowCopiesLargeValuesOnce(t *testing.T) {
	line := []byte(strings.Repeat(`Jane 42\n`, 1<<20) + "\n")
	row, buf := textTable(t, []string{"a"}, "a: shape").Row(), make([]byte, 0, len(line))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := row.Append(buf, line)
	runtime.ReadMemStats(&after)
	if err != nil || len(got) != len(line) || bytes.Contains(got, []byte("Jane 42")) {
		t.Fatal(len(got), err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > uint64(len(line))*5/4 {
		t.Errorf("%d bytes allocated for a row of %d", used, len(line))
	}
}

// TestRowAgainstServer lets a real server write rows with every byte that text can hold, masks one column and gives the result to
// a real server to read: kept columns must arrive as they were, and the masked one as one value, whatever it holds.
func TestRowAgainstServer(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	cfg := pgtest.New(t, `
		CREATE TABLE src (id int, kept text, m text, j jsonb, last text);
		INSERT INTO src SELECT i, chr(i) || 'a' || chr(i), chr(i), jsonb_build_object('k', chr(i)), repeat(chr(i), 3) FROM generate_series(1, 300) i;
		INSERT INTO src VALUES (1001, '\N', '\N', '"\\N"', '\.'), (1002, NULL, NULL, NULL, NULL), (1003, '', '', '{}', ''),
			(1004, E'\\', E'a\tb\nc\\', '1', E'\r\n'), (1005, '\x41\101', '\t', 'null', '日本語');
		CREATE TABLE dst (LIKE src);`)
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var copied bytes.Buffer
	if _, err := conn.PgConn().CopyTo(ctx, &copied, "COPY src TO STDOUT"); err != nil {
		t.Fatal(err)
	}
	awkward := "a\tb\nc\\N\\.\r\v\f\b"
	plan := textTable(t, []string{"id", "kept", "m", "j", "last"}, "id: keep", "kept: keep",
		`m: {mask: constant, value: "a\tb\nc\\N\\.\r\v\f\b"}`, "j: keep", "last: keep")
	row := plan.Row()
	var masked []byte
	for line := range bytes.Lines(copied.Bytes()) {
		if masked, err = row.Append(masked, line); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.PgConn().CopyFrom(ctx, bytes.NewReader(masked), "COPY dst FROM STDIN"); err != nil {
		t.Fatal(err)
	}
	var rows, wrong int
	err = conn.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE s.kept IS DISTINCT FROM d.kept OR s.j IS DISTINCT FROM d.j OR s.last IS DISTINCT FROM d.last
		OR d.m IS DISTINCT FROM CASE WHEN s.m IS NOT NULL THEN $1 END) FROM src s FULL JOIN dst d USING (id)`, awkward).Scan(&rows, &wrong)
	if err != nil {
		t.Fatal(err)
	}
	if rows != 305 || wrong != 0 {
		t.Errorf("%d rows, %d of them wrong; want 305 and 0", rows, wrong)
	}
}

// BenchmarkRow masks one short column of ten: what is measured is mostly the codec.
func BenchmarkRow(b *testing.B) {
	names := strings.Split("abcdefghij", "")
	rules := make([]string, len(names))
	for i, n := range names {
		rules[i] = n + ": keep"
	}
	rules[6] = "g: {mask: constant, value: masked}"
	row := textTable(b, names, rules...).Row()
	line := []byte(strings.Repeat("some words of text\t", 9) + "last\n")
	b.SetBytes(int64(len(line)))
	var buf []byte
	for b.Loop() {
		buf, _ = row.Append(buf[:0], line)
	}
}
