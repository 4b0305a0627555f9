package sanitize_test

import (
	"bytes"
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/sanitize/audit"
	"github.com/rehearse-db/rehearse/sanitize/profile"
)

// customers is a table as shops have it: eight columns with scalar masks, a document with four paths, and twelve columns that are kept.
const customers = `CREATE TABLE customers (id int8, public_id uuid, email text, given_name text, family_name text, full_name text, phone text, street text, city text, postcode text,
	country_code char(2), birth_date date, national_id text, password_hash text, profile jsonb, tags text[], last_ip inet, credit_cents int8, opted_in bool, created_at timestamptz, updated_at timestamptz);
INSERT INTO customers SELECT i, gen_random_uuid(), 'u' || i || '@mail.example', f, l, f || ' ' || l, '+49 551 8' || 100000 + i, i || ' High Street', 'Stockholm', '47137', 'PL',
	date '1952-03-25' + i, CASE WHEN i % 3 = 0 THEN 44882645000 + i || '' END, '$argon2id$v=19$m=65536,t=3,p=4$' || md5(i || '') || '$' || md5(-i || '') || md5(i * 3 || ''),
	jsonb_build_object('bio', 'tomorrow and remain notice notice until delivered defects given asked order parties the the arrival of it', 'name', jsonb_build_object('last', l, 'first', f),
	'email', 'u' || i || '@mail.example', 'score', i, 'locale', 'it', 'phones', jsonb_build_array('+49 551 8' || 100000 + i), 'devices',
	'[{"ip": "10.25.2.3", "ua": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"}]'::jsonb),
	'{vip,reseller}', '10.218.227.91', 746, i % 2 = 0, now(), now() FROM (SELECT i, (string_to_array('Rania Jonas Maria Ahmed Sofia Liam Noor Emma Piotr Chloé Lucas Aino Hugo Ines Oskar Zoe Mateo Lea Ivan Ana', ' '))[1 + i % 20] AS f,
	initcap(translate(i % 53 || 'lsen', '0123456789', 'kbremtanoh')) AS l FROM generate_series(1, 1000) i) n;`

const customersRules = `version: 1
tables:
  t.customers: {id: keep, public_id: keep, email: email, given_name: first_name, family_name: last_name, full_name: full_name, phone: phone, street: shape, city: keep, postcode: keep,
    country_code: keep, birth_date: {mask: date_shift, days: 90}, national_id: shape, password_hash: keep,
    profile: {mask: json, default: keep, paths: {$.email: email, $.name.first: first_name, $.name.last: last_name, "$.phones[*]": phone}},
    tags: keep, last_ip: keep, credit_cents: keep, opted_in: keep, created_at: keep, updated_at: keep}
`

// BenchmarkCustomers masks a thousand rows as a server sends them, in both formats, and in one with all who watch a copy; MB/s are of what it sends, by the clock and, for a machine
// that does other things too, by the time that this process had of a processor.
func BenchmarkCustomers(b *testing.B) {
	ctx := context.Background()
	conn, err := pgx.ConnectConfig(ctx, pgtest.New(b, customers))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(ctx)
	read := func(sql string) []byte {
		var out bytes.Buffer
		if _, err := conn.PgConn().CopyTo(ctx, &out, sql); err != nil {
			b.Fatal(err)
		}
		return out.Bytes()
	}
	text, tuples := read("COPY customers TO STDOUT"), read("COPY customers TO STDOUT (FORMAT binary)")
	plan := mustPlan(b, customersRules, sanitize.Database{Tables: []sanitize.Table{{Schema: "t", Name: "customers", Columns: columnsOf("id int8", "public_id uuid", "email text", "given_name text",
		"family_name text", "full_name text", "phone text", "street text", "city text", "postcode text", "country_code bpchar", "birth_date date", "national_id text", "password_hash text", "profile jsonb",
		"tags _text", "last_ip inet", "credit_cents int8", "opted_in bool", "created_at timestamptz", "updated_at timestamptz")}}}).Table("t", "customers")
	var buf []byte
	b.Run("text", func(b *testing.B) {
		row := plan.Row()
		defer perCore(b, len(text))()
		for b.Loop() {
			buf = buf[:0]
			for line := range bytes.Lines(text) {
				if buf, err = row.Append(buf, line); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	binary := func(rows *sanitize.Tuples) func(b *testing.B) {
		return func(b *testing.B) { benchTuples(b, rows, tuples) }
	}
	b.Run("binary", binary(plan.Tuples(nil)))
	seen, prints, watched := profile.NewSet(), audit.NewCollector(), plan.Tuples(nil)
	watched.Watch(func(column int) sanitize.Watcher {
		name, form := plan.Columns[column].Name, audit.Plain
		if name == "profile" {
			form = audit.Shown
		}
		return both{seen.Watcher("t", "customers", name), prints.Watcher(name, form, name == "email")}
	})
	b.Run("watched", binary(watched))
}

// benchTuples masks what a server sends in the binary format, header and all.
func benchTuples(b *testing.B, rows *sanitize.Tuples, tuples []byte) {
	const header = 19
	defer perCore(b, len(tuples))()
	var buf []byte
	for b.Loop() {
		buf = buf[:0]
		for rest := tuples[header:]; int16(rest[0])<<8|int16(rest[1]) >= 0; {
			extended, n, err := rows.Append(buf, rest)
			if err != nil || n == 0 {
				b.Fatal(n, err)
			}
			buf, rest = extended, rest[n:]
		}
	}
}

// both are who watch a copy that migrations are rehearsed on.
type both struct {
	profile *profile.Watcher
	prints  *audit.Watcher
}

func (w both) Saw(was, is []byte) {
	w.profile.Saw(was, is)
	w.prints.Saw(was, is)
}

func (w both) SawPart(_ string, was, is []byte) { w.prints.SawPart(was, is, audit.Anything) }

// perCore has a benchmark tell its speed, also by the time of a processor.
func perCore(b *testing.B, size int) func() {
	b.SetBytes(int64(size))
	b.ReportAllocs()
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	began := used()
	return func() { b.ReportMetric(float64(size)*float64(b.N)/1e6/(used()-began).Seconds(), "MB/s/core") }
}
