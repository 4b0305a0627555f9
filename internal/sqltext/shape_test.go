package sqltext_test

import (
	"strings"
	"testing"

	"github.com/rehearse-db/rehearse/internal/sqltext"
)

func TestShapes(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"SELECT * FROM a WHERE id = $1":                                              "SELECT * FROM a WHERE id = $1",
		"select 'marker', 17, 1.5e-3, .5, 0xFF, 1_000 from a":                        "select $1, $2, $3, $4, $5, $6 from a",
		"SELECT $2, E'it\\'s marker', U&'marker', B'101', $q$marker '$q$, N'marker'": "SELECT $2, $3, $4, $5, $6, $7",
		"/* user marker */ SELECT 1 -- marker\n FROM  a\n\tWHERE b = $1":             "SELECT $2 FROM a WHERE b = $1",
		`SELECT "a 'b' 1", u&"x" FROM "T 2" WHERE c1 = 1 ;`:                          `SELECT "a 'b' 1", u&"x" FROM "T 2" WHERE c1 = $1`,
		"SELECT a FROM b ORDER BY 1, 2 DESC LIMIT 10 OFFSET 20":                      "SELECT a FROM b ORDER BY 1, 2 DESC LIMIT $1 OFFSET $2",
		"SELECT a, sum(b + 1) FROM c GROUP BY 1, d + 2 HAVING count(*) > 3":          "SELECT a, sum(b + $1) FROM c GROUP BY 1, d + $2 HAVING count(*) > $3",
		"SELECT a FROM b ORDER BY f(c, 7), 3":                                        "SELECT a FROM b ORDER BY f(c, $1), 3",
		"SELECT a FROM b ORDER BY 123456":                                            "SELECT a FROM b ORDER BY $1",
		"SELECT a::numeric(10,2), CAST('x' AS character varying(20)) FROM b":         "SELECT a::numeric(10,2), CAST($1 AS character varying(20)) FROM b",
		"SELECT a::numeric(1,98765) FROM b":                                          "SELECT a::numeric($1,$2) FROM b",
		"SELECT now() - interval $1, date '2020-01-01' FROM b":                       "SELECT now() - CAST($1 AS interval), CAST($2 AS date) FROM b",
		"SELECT timestamp with time zone $1":                                         "SELECT CAST($1 AS timestamp with time zone)",
		"SELECT a.date, b::date - $1, text FROM b":                                   "SELECT a.date, b::date - $1, text FROM b",
		"SELECT a->>'marker', a[1] FROM b WHERE c IN ($1 /*, ... */)":                "SELECT a->>$2, a[$3] FROM b WHERE c IN ($1)",
		"(SELECT 1) UNION ALL SELECT $1":                                             "(SELECT $2) UNION ALL SELECT $1",
		"WITH x AS (DELETE FROM a RETURNING *) SELECT * FROM x":                      "WITH x AS (DELETE FROM a RETURNING *) SELECT * FROM x",
		"INSERT INTO a VALUES ('it''s marker', -5)":                                  "INSERT INTO a VALUES ($1, -$2)",
		"SELECT 'marker that is not closed":                                          "SELECT $1",
		"SELECT 1 FROM a WHERE b = 'x' AND c = $12":                                  "SELECT $13 FROM a WHERE b = $14 AND c = $12",
	} {
		s, ok := sqltext.ShapeOf(sql)
		if !ok || s.Text != want {
			t.Errorf("%s\n got %q, %v\nwant %q", sql, s.Text, ok, want)
		}
		if strings.Contains(s.Text, "marker") {
			t.Errorf("%q holds what was asked for", s.Text)
		}
	}
	for _, sql := range []string{
		"", " ; ", "-- nothing", "BEGIN", "SET x = 1", "COPY a TO STDOUT", "CREATE TABLE a ()", "EXPLAIN SELECT 1", "SELECT 1; DROP TABLE a", "EXECUTE p(1)",
		"ALTER ROLE a PASSWORD 'marker'", "SELECT $1000",
	} {
		if s, ok := sqltext.ShapeOf(sql); ok {
			t.Errorf("%q is taken for a query: %q", sql, s.Text)
		}
	}
}

// FuzzShape: whatever the text, nothing of a literal is left, and a shape is its own shape.
func FuzzShape(f *testing.F) {
	for _, sql := range []string{"SELECT 'a', 1 FROM b -- c\n", "SELECT $1::interval, interval $2", "UPDATE a SET b = E'\\'' ORDER BY 1"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		s, ok := sqltext.ShapeOf(sql)
		if !ok {
			return
		}
		again, ok := sqltext.ShapeOf(s.Text)
		if !ok || again != s {
			t.Errorf("%q\n is %q\nthen %q", sql, s.Text, again.Text)
		}
	})
}
