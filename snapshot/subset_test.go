package snapshot

import (
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

// village has a key of every shape: composite, to itself, in a circle, to and from partitions, to a unique key that is not the primary one,
// over an operator of an extension.
const village = `CREATE SCHEMA v; CREATE EXTENSION citext;
CREATE TABLE v.country (code text PRIMARY KEY);
CREATE TABLE v.firm (tenant int, id int, country text REFERENCES v.country, nick citext UNIQUE, boss int, PRIMARY KEY (tenant, id));
CREATE TABLE v.person (tenant int, id int, firm int, chief int, mail text, badge int, PRIMARY KEY (tenant, id),
  FOREIGN KEY (tenant, firm) REFERENCES v.firm, FOREIGN KEY (tenant, chief) REFERENCES v.person);
ALTER TABLE v.firm ADD CONSTRAINT firm_boss FOREIGN KEY (tenant, boss) REFERENCES v.person DEFERRABLE INITIALLY DEFERRED;
CREATE TABLE v.visit (tenant int, at date, id int, person int NOT NULL, nick citext REFERENCES v.firm (nick), PRIMARY KEY (at, id),
  FOREIGN KEY (tenant, person) REFERENCES v.person) PARTITION BY RANGE (at);
CREATE TABLE v.visit_old PARTITION OF v.visit FOR VALUES FROM ('2020-01-01') TO ('2021-01-01') PARTITION BY LIST (id);
CREATE TABLE v.visit_old_odd PARTITION OF v.visit_old FOR VALUES IN (1, 3, 5, 7, 9);
CREATE TABLE v.visit_old_rest PARTITION OF v.visit_old DEFAULT;
CREATE TABLE v.visit_new (id int NOT NULL, person int NOT NULL, at date NOT NULL, nick citext, tenant int);
ALTER TABLE v.visit ATTACH PARTITION v.visit_new DEFAULT;
CREATE TABLE v.note (id int PRIMARY KEY, at date, visit int, FOREIGN KEY (at, visit) REFERENCES v.visit);
CREATE TABLE v.flag (country text REFERENCES v.country, colour text REFERENCES v.country);
CREATE TABLE v.mail (id int, sender text);
CREATE TABLE v.settings (key text);
CREATE TABLE v.nothing ();

INSERT INTO v.country SELECT 'c' || n FROM generate_series(1, 20) n;
INSERT INTO v.firm SELECT t, n, 'c' || n, 'Firm' || t || n, NULL FROM generate_series(1, 2) t, generate_series(1, 10) n;
INSERT INTO v.person SELECT t, n, 1 + n % 10, CASE WHEN n % 7 = 0 THEN n - 5 END, 'p' || n || '@v.test', n FROM generate_series(1, 2) t, generate_series(1, 100) n;
UPDATE v.firm SET boss = id * 10;
INSERT INTO v.visit SELECT t, date '2020-06-01' + n * 3, n, 1 + n % 100, CASE WHEN n % 3 = 0 THEN 'FIRM' || t || 1 + n % 10 END
  FROM generate_series(1, 2) t, generate_series(1, 150) n WHERE n % 2 = t - 1;
INSERT INTO v.note SELECT id, at, CASE WHEN id % 4 > 0 THEN id END FROM v.visit;
INSERT INTO v.flag SELECT 'c' || n, 'c' || 21 - n FROM generate_series(1, 20) n;
INSERT INTO v.mail SELECT n, 'p' || n % 120 || '@v.test' FROM generate_series(1, 240) n;
INSERT INTO v.settings VALUES ('a'), ('b');
INSERT INTO v.nothing DEFAULT VALUES;
ANALYZE;`

func TestSubsets(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	source := pgtest.New(t, village)
	const two = `roots: {v.person: {rows: "tenant = 1 AND id IN (14, 15)"}}`
	const beside = "; mail=240; nothing=1; settings=2" // tables that nothing ties to the others
	all := func(what string, n int) string { return what + "=c" + strings.Join(upTo(n), " c") }
	for name, c := range map[string]struct {
		sections, want string
		broken         []string
	}{
		// 14 has the chief 9, and they have the firms 5, 6 and 10, whose bosses 50, 60 and 100 have the firm 1 with the boss 10. Who is added
		// on the way up brings no visits along. No flag has both its countries here.
		"a root": {"subset: {" + two + "}", `country=c1 c5 c6 c10; firm=1/1 1/5 1/6 1/10; person=1/9 1/10 1/14 1/15 1/50 1/60 1/100; visit=14 114; note=14 114; flag=` + beside, nil},
		// A key that is broken ties nothing.
		"broken keys": {
			"subset: {" + two + ", break: [v.firm(boss), v.person(chief)]}",
			`country=c5 c6; firm=1/5 1/6; person=1/14 1/15; visit=14 114; note=14 114; flag=` + beside,
			[]string{"boss", "chief"},
		},
		// What stays whole leads no further, so that its children stay whole as well.
		"a table that stays whole": {
			"data: {v.country: all}\nsubset: {" + two + "}",
			all("country", 20) + `; firm=1/1 1/5 1/6 1/10; person=1/9 1/10 1/14 1/15 1/50 1/60 1/100; visit=14 114; note=14 114; ` + all("flag", 20) + beside, nil,
		},
		// A child that stays whole brings all that it references.
		"a child that stays whole": {
			"subset: {roots: {v.country: {rows: code = 'c10'}}, whole: [v.flag]}",
			all("country", 20) + `; firm=1/1 1/5 1/10 2/1 2/5 2/10; ` +
				`person=1/9 1/10 1/19 1/29 1/39 1/44 1/49 1/50 1/59 1/69 1/79 1/89 1/99 1/100 2/9 2/10 2/19 2/29 2/39 2/44 2/49 2/50 2/59 2/69 2/79 2/89 2/99 2/100; ` +
				`visit=8 9 28 38 58 68 88 98 99 118 128 148; note=9 38 58 98 99 118; ` + all("flag", 20) + beside, nil,
		},
		"a partitioned root, its leaves and what it references": {
			"subset: {roots: {v.visit: {rows: id < 6}}}",
			`country=c1 c3 c4 c5 c6 c7; firm=1/1 1/4 1/6 2/1 2/3 2/4 2/5 2/6 2/7; person=1/3 1/5 1/10 1/40 1/60 2/2 2/4 2/6 2/10 2/30 2/40 2/50 2/60 2/65 2/70; ` +
				`visit=1 2 3 4 5; note=1 2 3 5; flag=` + beside, nil,
		},
		// Visits are reached by the persons although they are no children of the root; 102 is not, since its firm is not here.
		"a virtual key": {
			"subset: {roots: {v.mail: {rows: id = 3}}, keys: [{from: v.mail(sender), to: v.person(mail)}]}",
			`country=c1 c4; firm=1/1 1/4 2/1 2/4; person=1/3 1/10 1/40 2/3 2/10 2/40; visit=2 109 139; note=2 109 139; flag=; mail=1; nothing=1; settings=2`, nil,
		},
		"conditions below the root": {
			"data: {v.visit: {rows: id > 100}, v.note: none}\nsubset: {" + two + "}",
			`country=c1 c5 c6 c10; firm=1/1 1/5 1/6 1/10; person=1/9 1/10 1/14 1/15 1/50 1/60 1/100; visit=114; note=; flag=` + beside, nil,
		},
		"a leaf without rows": {
			`data: {v.visit_new: none, v.note: none}` + "\nsubset: {roots: {v.visit: {rows: 'id IN (2, 140)'}}}",
			`country=c1 c4; firm=1/1 1/4; person=1/3 1/10 1/40; visit=2; note=; flag=` + beside, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			target := newTarget(t, server)
			result := part(t, source, target, c.sections)
			sound(t, source, target.Config(), c.broken...)
			if diff := cmp.Diff(c.want, inhabitants(t, target.Config())); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			for _, table := range result.Tables {
				name := show(table.Schema, table.Name)
				there := pgtest.Value(t, target.Config(), "SELECT count(*) FROM ONLY "+name)
				here := pgtest.Value(t, source, "SELECT count(*) FROM ONLY "+name)
				if there != fmt.Sprint(table.Rows) || here != fmt.Sprint(table.SourceRows) || !table.SourceRowsExact {
					t.Errorf("%s has %s rows of %s, told are %d of %d", name, there, here, table.Rows, table.SourceRows)
				}
			}
		})
	}
}

func upTo(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint(i + 1)
	}
	return all
}

// inhabitants lists what a copy of the village has.
func inhabitants(t testing.TB, cfg *pgx.ConnConfig) string {
	t.Helper()
	var all []string
	for _, q := range [][2]string{
		{"country", "string_agg(code, ' ' ORDER BY length(code), code)"},
		{"firm", "string_agg(tenant || '/' || id, ' ' ORDER BY tenant, id)"},
		{"person", "string_agg(tenant || '/' || id, ' ' ORDER BY tenant, id)"},
		{"visit", "string_agg(id::text, ' ' ORDER BY id)"},
		{"note", "string_agg(id::text, ' ' ORDER BY id)"},
		{"flag", "string_agg(country, ' ' ORDER BY length(country), country)"},
		{"mail", "count(*)"},
		{"nothing", "count(*)"},
		{"settings", "count(*)"},
	} {
		all = append(all, q[0]+"="+pgtest.Value(t, cfg, "SELECT "+q[1]+" FROM v."+q[0]))
	}
	return strings.Join(all, "; ")
}

// sound holds a copy of a part against its source: every foreign key is there, valid as in the source, and holds, asked in SQL of the
// test's own; every row is one of the source's, but for the columns of broken keys.
func sound(t testing.TB, source, copied *pgx.ConnConfig, broken ...string) {
	t.Helper()
	const keys = `SELECT conrelid::regclass::text, conname, convalidated, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' AND conparentid = 0`
	if diff := cmp.Diff(rowsOf(t, source, keys), rowsOf(t, copied, keys)); diff != "" {
		t.Errorf("foreign keys (-source +copy):\n%s", diff)
	}
	const orphans = `SELECT string_agg(format('SELECT %L FROM %s c WHERE %s AND NOT EXISTS (SELECT FROM %s p WHERE %s)', conname, conrelid::regclass,
		(SELECT string_agg(format('c.%I IS NOT NULL', a.attname), ' AND ') FROM unnest(conkey) k JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k),
		confrelid::regclass, (SELECT string_agg(format('p.%I = c.%I', pa.attname, ca.attname), ' AND ') FROM unnest(conkey, confkey) k(c, p)
			JOIN pg_attribute ca ON ca.attrelid = conrelid AND ca.attnum = k.c JOIN pg_attribute pa ON pa.attrelid = confrelid AND pa.attnum = k.p)), ' UNION ALL ')
		FROM pg_constraint WHERE contype = 'f' AND conparentid = 0`
	if query := pgtest.Value(t, copied, orphans); query != "" {
		if broken := rowsOf(t, copied, query); broken != "" {
			t.Errorf("rows break foreign keys: %s", broken)
		}
	}
	const tables = `SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text !~ '^pg_|^information_schema'`
	for _, table := range strings.Fields(strings.NewReplacer("(", "", ")", "").Replace(rowsOf(t, copied, tables))) {
		there := map[string]int{}
		query := fmt.Sprintf("SELECT to_jsonb(r) - '{%s}'::text[] FROM ONLY %s r", strings.Join(broken, ","), table)
		for line := range strings.SplitSeq(rowsOf(t, source, query), "\n") {
			there[line]++
		}
		for line := range strings.SplitSeq(rowsOf(t, copied, query), "\n") {
			if there[line]--; there[line] < 0 && line != "" {
				t.Errorf("table %s has a row that its source does not have", table)
				break
			}
		}
	}
}

// TestSubsetOfPagila takes 5 % of a real schema's customers, with all that hangs together with them: its staff and stores refer to each other,
// and one partition of its payments lacks the keys that the others have.
func TestSubsetOfPagila(t *testing.T) {
	t.Parallel()
	source, server := pgtest.New(t), pgtest.Start(t)
	psql(t, source, filepath.Join(pgtest.Shared(t), "cases", "pagila-tables.sql.gz"))
	target := newTarget(t, server)
	result := part(t, source, target, "subset: {roots: {public.customer: {percent: 5}}}")
	sound(t, source, target.Config())
	const orphans = "SELECT count(*) FROM payment p WHERE NOT EXISTS (SELECT FROM rental r WHERE r.rental_id = p.rental_id AND r.customer_id = p.customer_id)"
	if there, here := pgtest.Value(t, source, orphans), pgtest.Value(t, target.Config(), orphans); there == "0" && here != "0" {
		t.Errorf("%s payments have no rental", here)
	}
	share := map[string]float64{}
	for _, table := range result.Tables {
		share[table.Name] = float64(table.Rows) / float64(table.SourceRows)
	}
	for _, name := range []string{"customer", "rental", "payment_p2022_02", "payment_p2022_07"} {
		if share[name] < 0.03 || share[name] > 0.08 {
			t.Errorf("%s has %.1f %% of its rows", name, 100*share[name])
		}
	}
	if share["store"] != 1 || share["staff"] != 1 || share["film_actor"] > 0.7 || share["film_actor"] == 0 {
		t.Errorf("stores %g, staff %g, actors of films %g", share["store"], share["staff"], share["film_actor"])
	}
	again := newTarget(t, server)
	part(t, source, again, "subset: {roots: {public.customer: {percent: 5}}}")
	const customers = "SELECT customer_id FROM customer"
	if diff := cmp.Diff(rowsOf(t, target.Config(), customers), rowsOf(t, again.Config(), customers)); diff != "" {
		t.Errorf("another run takes other customers (-first +second):\n%s", diff)
	}
}

// TestSubsetOfTheBenchmark takes 5 % of the customers of the performance database, with their events, which no key of the database ties to them.
func TestSubsetOfTheBenchmark(t *testing.T) {
	t.Parallel()
	source, server := pgtest.New(t), pgtest.Start(t)
	psql(t, source, filepath.Join(pgtest.Shared(t), "bench", "prod.sql"), "-v", "scale=0.2")
	target := newTarget(t, server)
	result := part(t, source, target, `subset: {roots: {shop.customers: {percent: 5}}, whole: [shop.products], keys: [{from: audit.events(actor_id), to: shop.customers(id)}]}`)
	sound(t, source, target.Config())
	if n := pgtest.Value(t, target.Config(), "SELECT count(*) FROM audit.events e WHERE NOT EXISTS (SELECT FROM shop.customers c WHERE c.id = e.actor_id)"); n != "0" {
		t.Errorf("%s events have no customer", n)
	}
	for _, table := range result.Tables {
		share := float64(table.Rows) / float64(max(table.SourceRows, 1))
		switch whole := table.Name == "products" || table.Name == "countries" || table.Name == "events_default"; {
		case !whole && (share < 0.02 || share > 0.1), table.Name == "products" && share != 1:
			t.Errorf("%s has %.1f %% of its rows", table.Name, 100*share)
		}
	}
}

// psql runs a script, packed or not.
func psql(t testing.TB, cfg *pgx.ConnConfig, file string, args ...string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(file, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	cmd := pgtest.Command(t, "psql", append(args, "-qX", "-v", "ON_ERROR_STOP=1")...)
	cmd.Env, cmd.Stdin = append(os.Environ(), pgtest.Env(cfg)...), in
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("psql %s: %v\n%s", file, err, out)
	}
}

// TestSubsetsOfRandomSchemas makes schemas that nobody would think of: tables with keys to any other, in circles and to themselves, some of which
// must not be NULL, some partitioned, with rows that reference any. Whatever a subset begins with, every key of it must hold.
func TestSubsetsOfRandomSchemas(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 7))
			source := pgtest.New(t, randomSchema(random, 7))
			root, other := random.IntN(7), random.IntN(7)
			sections := fmt.Sprintf("subset: {roots: {public.t%d: {percent: %d}}", root, 1+random.IntN(20))
			if other != root {
				sections += fmt.Sprintf(", whole: [public.t%d]", other)
			}
			target := newTarget(t, server)
			result := part(t, source, target, sections+"}")
			sound(t, source, target.Config())
			var rows, all int64
			for _, table := range result.Tables {
				rows, all = rows+table.Rows, all+table.SourceRows
			}
			if t.Logf("%s: %d of %d rows", sections, rows, all); len(result.RestoreErrors)+len(result.LeftOut) > 0 {
				t.Errorf("%v %v", result.RestoreErrors, result.LeftOut)
			}
		})
	}
}

// randomSchema is a script that makes n tables of 200 rows, each with two to four keys.
func randomSchema(random *rand.Rand, n int) string {
	var tables, keys strings.Builder
	for i := range n {
		columns, values := "id int NOT NULL", "n"
		for k := range 1 + random.IntN(3) {
			to, null := random.IntN(n), random.IntN(3) > 0
			columns += fmt.Sprintf(", k%d int", k)
			value := fmt.Sprintf("1 + (hashint4(n * 31 + %d) & 1073741823) %% 200", i*10+k)
			if null {
				value = fmt.Sprintf("CASE WHEN n %% %d > 0 THEN %s END", 2+random.IntN(3), value)
			} else {
				columns += " NOT NULL"
			}
			values += ", " + value
			fmt.Fprintf(&keys, "ALTER TABLE t%d ADD FOREIGN KEY (k%d) REFERENCES t%d; CREATE INDEX ON t%d (k%d);\n", i, k, to, i, k)
		}
		fmt.Fprintf(&tables, "CREATE TABLE t%d (%s, PRIMARY KEY (id))", i, columns)
		if random.IntN(3) == 0 {
			fmt.Fprintf(&tables, " PARTITION BY RANGE (id); CREATE TABLE t%d_a PARTITION OF t%d FOR VALUES FROM (0) TO (70); CREATE TABLE t%d_b PARTITION OF t%d DEFAULT", i, i, i, i)
		}
		fmt.Fprintf(&tables, ";\nINSERT INTO t%d SELECT %s FROM generate_series(1, 200) n;\n", i, values)
	}
	return tables.String() + keys.String() + "ANALYZE"
}
