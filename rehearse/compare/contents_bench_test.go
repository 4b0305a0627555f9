package compare_test

import (
	"testing"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/compare"
)

// BenchmarkContents compares a table of a million rows and nine columns with a clone of it in which a tenth of the rows were changed: by an integer
// key, by a key of text, and without one.
func BenchmarkContents(b *testing.B) {
	const rows = 1_000_000
	cfg := pgtest.New(b, `CREATE TABLE orders (id bigint, customer int, total numeric(12,2), state text, note text, placed timestamptz, paid boolean, tags text[], doc jsonb);
INSERT INTO orders SELECT n, n % 40000, n * 0.37, CASE n % 3 WHEN 0 THEN 'new' ELSE 'paid' END, md5(n::text), '2026-01-01'::timestamptz + n * interval '1 minute',
	n % 2 = 0, ARRAY['a' || n % 7, 'b'], jsonb_build_object('n', n, 'm', n % 10) FROM generate_series(1, 1000000) n; CREATE UNIQUE INDEX ON orders (id)`)
	for _, c := range []struct{ name, key string }{
		{"integer", "ALTER TABLE orders ADD PRIMARY KEY (id)"},
		{"text", "ALTER TABLE orders ADD PRIMARY KEY (note)"},
		{"none", "DROP INDEX orders_id_idx"},
	} {
		b.Run(c.name, func(b *testing.B) {
			before := pgtest.Clone(b, cfg)
			pgtest.Exec(b, before, c.key)
			after := pgtest.Clone(b, before)
			pgtest.Exec(b, after, "UPDATE orders SET total = total + 1, state = 'lost' WHERE id % 10 = 0")
			for b.Loop() {
				got, err := compare.Contents(b.Context(), held(b, before), held(b, after), compare.Suspects{All: true})
				if err != nil || len(got) != 1 || c.key[0] == 'A' && got[0].Columns[0].Rows != rows/10 {
					b.Fatalf("%+v: %v", got, err)
				}
			}
			b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
