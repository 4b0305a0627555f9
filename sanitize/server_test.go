package sanitize_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/sanitize"
)

// onServer are columns whose masks have forms of their own to write: what they make must be a value of the type to a real server, and be
// written by it as it was made.
var onServer = []struct {
	column, rule string
	values       []string // SQL
}{
	{"a text[]", "{mask: array, each: email}", []string{`'{a@x.org,NULL,"q\"uo","","back\\slash","NULL"}'`, `'{{a,b},{c,d}}'`, `'[0:1]={x,y}'`, `'{}'`, "NULL"}},
	{"a int[]", "{mask: array, each: int_permute}", []string{`'{1,NULL,-5,2147483647}'`}},
	{"a varchar(9)[]", "{mask: array, each: {mask: constant, value: 'a,\"\\}'}}", []string{`'{1,NULL}'`}},
	{"a mood[]", "{mask: array, each: enum}", []string{`'{ok,NULL,sad}'`}},
	{"a mood", "{mask: enum, weights: {ok: 2, sad: 1}}", []string{`'ok'`, `'sad'`}},
	{"a pair", "{mask: composite, default: keep, fields: {name: 'null', born: birthdate}}", []string{`ROW('a "b" \, (c)', '2024-02-29', '{1,2}')`, `ROW(NULL, NULL, NULL)`, `ROW('', '0044-03-15 BC', '{}')`}},
	{"a pair[]", "{mask: array, each: {mask: composite, default: keep, fields: {name: hash}}}", []string{`ARRAY[ROW('x "y"', '2024-02-29', '{1,2}')::pair, NULL]`}},
	{"a hstore", "{mask: hstore, default: shape, keys: {mail: email}}", []string{`'mail=>"b\"@x.org", "k \\1"=>NULL, x=>""'`, `''`}},
	{"a daterange", "range_shift", []string{`'[2024-01-01,2024-02-01)'`, `'empty'`, `'(,)'`, `'[2024-01-01,infinity)'`}},
	{"a tstzrange", "range_shift", []string{`'[2024-01-01 10:00+00,2024-02-01 11:30:00.25+00]'`}},
	{"a int4range", "range_shift", []string{`'[1,10)'`, `'[2147483600,2147483647)'`, `'[-2147483648,5)'`, `'[-2147483648,2147483647)'`}},
	{"a numrange", "range_shift", []string{`'[1.50,2]'`, `'(-3.25,1000.125]'`}},
	{"a datemultirange", "range_shift", []string{`'{[2024-01-01,2024-02-01),[2024-03-01,2024-04-01)}'`, `'{}'`}},
	{"a inet", "ip", []string{`'10.1.2.3'`, `'192.168.0.1/24'`, `'2001:db8::1'`, `'::ffff:1.2.3.4'`, `'fe80::/10'`}},
	{"a cidr", "ip", []string{`'10.0.0.0/8'`, `'2001:db8::/32'`, `'0.0.0.0/0'`}},
	{"a cidr", "{mask: ip, to: reserved}", []string{`'10.0.0.0/7'`, `'2001:db8::/48'`}},
	{"a macaddr", "mac", []string{`'08:00:2b:01:02:03'`}},
	{"a macaddr8", "mac", []string{`'08:00:2b:01:02:03:04:05'`}},
	{"a point", "latlon_jitter", []string{`'(13.4050,52.5200)'`, `'(-180,90)'`, `'(1e-07,0)'`}},
	{"a float4", "latlon_jitter", []string{`13.405`, `-179.9999`}},
	{"a numeric(8,6)", "latlon_jitter", []string{`99.999999`, `-9.9`}},
	{"a numeric(5,2)", "noise", []string{`999.99`, `-0.05`, `0`, `'NaN'`}},
	{"a numeric(5,2)", "{mask: round, step: 1000}", []string{`999.99`, `12`}},
	{"a numeric", "{mask: bucket, width: 10}", []string{`-123456789012345678901234567890.5`, `9.75`}},
	{"a int8", "{mask: noise, ratio: 1}", []string{`9223372036854775807`, `-9223372036854775808`, `7`}},
	{"a int2", "{mask: bucket, width: 10}", []string{`-32768`, `32767`}},
	{"a float8", "{mask: noise, ratio: 1}", []string{`1.7976931348623157e308`, `'-Infinity'`, `5e-324`}},
	{"a int8", "{mask: digits, short: permute}", []string{`9223372036854775807`, `-9223372036854775808`, `0`, `-7`, `4111111111111111`}},
	{"a int2", "{mask: digits, short: permute}", []string{`-32768`, `32767`, `5`}},
	{"a numeric(12,4)", "digits", []string{`99999999.9999`, `-1234.5600`, `0`, `'NaN'`}},
	{"a numeric", "{mask: digits, luhn: true}", []string{`123456789012345678901234567890.5`, `'Infinity'`, `'-Infinity'`, `0.00000123456789`}},
	{"a numeric[]", "{mask: array, each: digits}", []string{`'{123456.10,NULL,0}'`}},
	{"a uuid", "hash", []string{`gen_random_uuid()`, `'00000000-0000-0000-0000-000000000000'`}},
	{"a money", "{mask: noise, ratio: 1}", []string{`'$0.05'`, `'-1234.56'`, `'0'`, `'92233720368547758.07'`, `'-92233720368547758.08'`}},
	{"a money[]", "{mask: array, each: noise}", []string{`'{"$1,234.56",NULL}'`}},
	{"a interval", "{mask: noise, ratio: 1}", []string{`'0'`, `'1 year 2 mons -3 days 04:05:06.7'`, `'-1 year +3 days -4:05:06'`, `'-178956970 years -8 months'`, `'178956970 years 7 months 2147483647 days'`, `'-2147483648 days -00:00:01'`, `'2562047788:00:54.775807'`, `'-1 mon'`}},
	{"a interval year to month", "{mask: noise, ratio: 0.9}", []string{`'20 years 3 months'`}},
	{"a interval(2)", "{mask: noise, ratio: 0.9}", []string{`'10:20:30.25'`}},
	{"a date", "{mask: birthdate, min_age: 18}", []string{`'infinity'`, `'-infinity'`, `'4713-11-24 BC'`, `'5874897-12-31'`, `'2020-02-29'`}},
	{"a timestamptz", "{mask: truncate_date, unit: quarter}", []string{`'2024-02-29 10:20:30.5+00'`, `'infinity'`, `'4713-11-30 00:00:00+00 BC'`}},
	{"a timestamp", "{mask: birthdate, years: 50}", []string{`'2024-02-29 10:20:30.5'`, `'294276-12-31 00:00:00'`, `'4713-11-30 00:00:00 BC'`}},
	{"a bytea", "bytea", []string{`'\xdeadbeef'`, `''`}},
	{"a bytea", "{mask: bytea, with: pdf}", []string{`'\xdeadbeef'`}},
	{"a tsvector", "empty", []string{`'a b'`}},
	{"a int4range", "empty", []string{`'[1,2)'`}},
	{"a macaddr8", "default", []string{`'08:00:2b:01:02:03:04:05'`}},
	{"a timetz", "default", []string{`'10:00+02'`}},
	{"a bool", "bool_flip", []string{`true`, `false`}},
	{"a uuid", "default", []string{`gen_random_uuid()`}},
}

// TestServerTakesMasks copies a table out, masks it as the copy does, and copies it in again; what the server then writes is what was made.
func TestServerTakesMasks(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	cfg := pgtest.New(t, `CREATE EXTENSION hstore; CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TYPE pair AS (name text, born date, n int[])`)
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET lc_monetary = 'C'"); err != nil {
		t.Fatal(err)
	}
	pair := []sanitize.Field{{Name: "name", BaseType: "text", TypeKind: 'b'}, {Name: "born", BaseType: "date", TypeKind: 'b'}, {Name: "n", BaseType: "_int4", TypeKind: 'b'}}
	for i, c := range onServer {
		name := fmt.Sprintf("t%d", i)
		run(t, conn, fmt.Sprintf("CREATE TABLE %s (%s); INSERT INTO %s VALUES (%s)", name, c.column, name, strings.Join(c.values, "), (")))
		db := readDatabase(t, conn)
		for j := range db.Tables {
			if column := &db.Tables[j].Columns[0]; strings.HasSuffix(column.BaseType, "pair") {
				column.Fields = pair
			} else if strings.HasSuffix(column.BaseType, "mood") {
				column.Labels = []string{"sad", "ok"}
			}
		}
		rules, err := sanitize.ParseRules("rules", fmt.Appendf(nil, "version: 1\ntables:\n  public.%s: {a: %s}\n", name, c.rule))
		if err != nil {
			t.Fatalf("%s as %s: %v", c.column, c.rule, err)
		}
		plan, err := rules.Plan(db, sanitize.NewKey())
		if err != nil {
			t.Fatalf("%s as %s: %v", c.column, c.rule, err)
		}
		passThrough(t, conn, plan.Tables()[0], name, c.column+" as "+c.rule)
		run(t, conn, "DROP TABLE "+name)
	}
}

func passThrough(t *testing.T, conn *pgx.Conn, plan *sanitize.TablePlan, table, what string) {
	t.Helper()
	ctx := context.Background()
	var before, masked, after bytes.Buffer
	if _, err := conn.PgConn().CopyTo(ctx, &before, "COPY "+table+" TO STDOUT"); err != nil {
		t.Fatal(err)
	}
	row := plan.Row()
	for line := range bytes.Lines(before.Bytes()) {
		out, err := row.Append(nil, line)
		if err != nil {
			t.Fatalf("%s of %s: %v", what, line, err)
		}
		masked.Write(out)
	}
	want := masked.String()
	run(t, conn, "TRUNCATE "+table)
	if _, err := conn.PgConn().CopyFrom(ctx, &masked, "COPY "+table+" FROM STDIN"); err != nil {
		t.Errorf("%s: %v\nfrom\n%sto\n%s", what, err, before.String(), want)
		return
	}
	if _, err := conn.PgConn().CopyTo(ctx, &after, "COPY "+table+" TO STDOUT"); err != nil {
		t.Fatal(err)
	}
	if after.String() != want {
		t.Errorf("%s:\nmade\n%s, which the server writes\n%s", what, want, after.String())
	}
}

func run(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(context.Background(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
