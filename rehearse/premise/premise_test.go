package premise

import (
	"strings"
	"testing"
)

// brief is what a test compares of a premise: kind, table, what finds the rows that break it, or why nothing does.
func brief(f Premise, target Target) string {
	from, why := f.Broken(target)
	if why != "" {
		from = "? " + why
	}
	table := f.Table.Name
	if f.Table.Schema != "" {
		table = f.Table.Schema + "." + table
	}
	return string(f.Kind) + " " + table + ": " + from
}

// noInt finds the rows whose member n is no integer.
const noInt = `CASE WHEN ((data->>'n'))::text ~ '^[[:space:]]*[-+]?[0-9]+[[:space:]]*$' THEN trim(((data->>'n'))::text, E' \t\n\r\f\v')::numeric NOT BETWEEN -2147483648 AND 2147483647 ELSE ((data->>'n'))::text IS NOT NULL END`

func TestReads(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		`CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON shop."Customers" USING btree (lower(email) text_pattern_ops DESC, Region COLLATE "C") INCLUDE (id) WITH (fillfactor = 70) WHERE deleted_at IS NULL;`: `unique shop.Customers: T WHERE (deleted_at IS NULL) AND (lower(email)) IS NOT NULL AND ("region" COLLATE "C") IS NOT NULL GROUP BY lower(email), "region" COLLATE "C" HAVING count(*) > 1`,
		"create unique index on t ((a || ' -- ' || b)) nulls not distinct -- why\n": `unique t: T GROUP BY (a || ' -- ' || b) HAVING count(*) > 1`,
		`CREATE INDEX ON t (email)`:                                                                                                    ``,
		`CREATE INDEX ON t (((data->>'n')::int))`:                                                                                      `cast t: T WHERE ` + noInt,
		`CREATE UNIQUE INDEX ON t (((data->>'n')::int)) WHERE a > 0`:                                                                   `unique t: T WHERE (a > 0) AND CASE WHEN ` + noInt + ` THEN false ELSE (((data->>'n')::int)) IS NOT NULL END GROUP BY ((data->>'n')::int) HAVING count(*) > 1|cast t: T WHERE (a > 0) AND ` + noInt,
		`CREATE INDEX ON t ((data->>'n'), lower(a)) WHERE b <> ''`:                                                                     ``,
		`CREATE INDEX ON t (f(a))`:                                                                                                     `other t: ? whether an expression of an index fails on a value is not one condition on rows`,
		`CREATE INDEX ON t (a) WHERE b / c > 1`:                                                                                        `other t: ? whether an expression of an index fails on a value is not one condition on rows`,
		`CREATE UNIQUE INDEX ON t (b) WHERE (data->>'n')::int > 1`:                                                                     `unique t: ? a cast in it may fail on a value, which would put the value into the server's log`,
		`ALTER TABLE t ADD CHECK ((data->>'n')::int > 0)`:                                                                              `check t: T WHERE CASE WHEN ` + noInt + ` THEN false ELSE NOT ((data->>'n')::int > 0) END|cast t: T WHERE ` + noInt,
		`ALTER TABLE t ADD CHECK (data->>'n' IS NULL OR (data->>'n')::int > 0)`:                                                        `check t: T WHERE CASE WHEN ` + noInt + ` THEN false ELSE NOT (data->>'n' IS NULL OR (data->>'n')::int > 0) END|cast t: T WHERE ` + noInt,
		`ALTER TABLE t ADD CHECK (b = 'x' OR (data->>'n')::int > 0)`:                                                                   `check t: ? a cast in it may fail on a value, which would put the value into the server's log`,
		`ALTER TABLE t ADD CHECK (NOT (b = 'x' AND (data->>'n')::int > 0))`:                                                            `check t: ? a cast in it may fail on a value, which would put the value into the server's log`,
		`ALTER TABLE t ADD CHECK (a::int > 0)`:                                                                                         `check t: ? a cast in it may fail on a value, which would put the value into the server's log`,
		`ALTER TABLE t ADD CHECK (at::date > '2020-01-01' AND data->>'k' <> '')`:                                                       `check t: T WHERE NOT (at::date > '2020-01-01' AND data->>'k' <> '')`,
		`ALTER TABLE t ADD CHECK ((data->>'n')::int > 0) NOT VALID`:                                                                    `check t: ? a cast in it may fail on a value, which would put the value into the server's log`,
		`ALTER TABLE t ALTER a TYPE int USING ((data->'x'->>'n')::int)`:                                                                `cast t: T WHERE ` + strings.ReplaceAll(noInt, `data->>'n'`, `(data->'x'->>'n')`),
		`ALTER TABLE t ALTER a TYPE bigint USING ((a::bigint))`:                                                                        `cast t: T WHERE CASE WHEN ((a))::text ~ '^[[:space:]]*[-+]?[0-9]+[[:space:]]*$' THEN trim(((a))::text, E' \t\n\r\f\v')::numeric NOT BETWEEN -9223372036854775808 AND 9223372036854775807 ELSE ((a))::text IS NOT NULL END`,
		`ALTER TABLE ONLY t ADD CONSTRAINT c CHECK (length(a) > 3 AND b <> ')'), ADD COLUMN x int CHECK (x > 0), ALTER b SET NOT NULL`: `check t: T WHERE NOT (length(a) > 3 AND b <> ')')|not null t: T WHERE "b" IS NULL`,
		`ALTER TABLE t ADD CHECK (a > 0) NOT VALID`:                                                                                    `check t: T WHERE NOT (a > 0)`,
		`ALTER TABLE t VALIDATE CONSTRAINT "C"`:                                                                                        `validate t: ? there is no condition for it`,
		`ALTER TABLE t ADD PRIMARY KEY (a, "B")`:                                                                                       `unique t: T WHERE ("a") IS NOT NULL AND ("B") IS NOT NULL GROUP BY "a", "B" HAVING count(*) > 1|not null t: T WHERE "a" IS NULL|not null t: T WHERE "B" IS NULL`,
		`ALTER TABLE t ADD CONSTRAINT u UNIQUE USING INDEX i`:                                                                          ``,
		`ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p (x) ON DELETE CASCADE`:                                            `foreign key t: T c WHERE c."a" IS NOT NULL AND NOT EXISTS (SELECT FROM P p WHERE p."x" = c."a")`,
		`ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p`:                                                                               `foreign key t: T c WHERE c."a" IS NOT NULL AND NOT EXISTS (SELECT FROM P p WHERE p."id" = c."a")`,
		`ALTER TABLE t ADD FOREIGN KEY (a, b) REFERENCES p (x, y) MATCH FULL`:                                                          `foreign key t: ? MATCH FULL of several columns is not counted`,
		`ALTER TABLE t ALTER a TYPE varchar(20)`:                                                                                       `cast t: T WHERE char_length(rtrim(("a")::text, ' ')) > 20`,
		`ALTER TABLE t ALTER COLUMN a SET DATA TYPE uuid USING a::uuid`:                                                                `cast t: T WHERE ((a))::text !~ '^[[:space:]]*(([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}|[{]([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}[}])[[:space:]]*$'`,
		`ALTER TABLE t ALTER a TYPE date USING a::date`:                                                                                `cast t: ? before PostgreSQL 16 nothing asks whether a value is a date without raising an error, which would put the value into the server's log`,
		`ALTER TABLE t ALTER a TYPE int USING split_part(a::text, '-', 1)::int`:                                                        `cast t: ? its USING is more than one cast of an expression`,
		`ALTER TABLE t ALTER a TYPE int USING CAST(NULLIF(a, '') AS int)`:                                                              `cast t: T WHERE CASE WHEN ((NULLIF(a, '')))::text ~ '^[[:space:]]*[-+]?[0-9]+[[:space:]]*$' THEN trim(((NULLIF(a, '')))::text, E' \t\n\r\f\v')::numeric NOT BETWEEN -2147483648 AND 2147483647 ELSE ((NULLIF(a, '')))::text IS NOT NULL END`,
		`UPDATE t SET a = lower(a); /* x */ DO $x$ BEGIN UPDATE "Q" SET z = 1; END $x$`:                                                `other t: ? what it does with values is not one condition on rows|other : ? what it does with values is not one condition on rows`,
		`COMMENT ON COLUMN t.a IS 'x'`:                                                                                                 ``, `DROP TABLE t`: ``, ``: ``, `ALTER TABLE t ADD CHECK (a`: ``, `CREATE UNIQUE INDEX i`: ``, `"`: ``, `ALTER TABLE`: ``,
	} {
		var got []string
		for _, f := range Read(sql) {
			got = append(got, brief(f, Target{Table: "T", Parent: "P", ParentColumns: []string{"id"}, BaseType: "text", Texts: []string{"a", "b"}, Major: 15}))
		}
		if s := strings.Join(got, "|"); s != strings.ReplaceAll(strings.ReplaceAll(want, "\n", `\n`), "\t", `\t`) {
			t.Errorf("%s\n got %s\nwant %s", sql, s, want)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	got := Read(`DO $$ BEGIN UPDATE shop.customers SET "Email" = '' WHERE id = 1; END $$`)
	if len(got) != 1 || !strings.Contains(strings.Join(got[0].Words, " "), "Email") || !strings.Contains(strings.Join(got[0].Words, " "), "customers") {
		t.Errorf("words of a block: %+v", got)
	}
}

func TestWritesAndCreates(t *testing.T) {
	t.Parallel()
	customers := Name{"shop", "customers"}
	for sql, want := range map[string]bool{
		"UPDATE shop.customers SET a = 1": true, "UPDATE customers SET b = 1": false, "DELETE FROM customers": true, "UPDATE orders SET a = 1": false,
		"DO $$ BEGIN UPDATE customers SET b = 1; END $$": true, "DO $$ BEGIN NULL; END $$": false, "CALL mend()": true, "SELECT set_config('a', 'b', false)": false,
		"ALTER TABLE shop.customers ADD COLUMN b int": false, "ALTER TABLE shop.customers ALTER a TYPE int USING 1": true,
		"ALTER TABLE shop.customers ALTER b TYPE int USING 1": false, "CREATE INDEX ON customers (a)": false,
	} {
		if got := Writes(sql, customers, []string{"a"}); got != want {
			t.Errorf("writes %v: %s", got, sql)
		}
	}
	if got := Creates("CREATE UNLOGGED TABLE IF NOT EXISTS a.b (c int); CREATE TABLE d AS SELECT 1; CREATE INDEX ON e (f)"); len(got) != 2 || got[0] != (Name{"a", "b"}) || got[1].Name != "d" {
		t.Errorf("creates %v", got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("ALTER TABLE a.b ADD CHECK (x), ALTER c TYPE int USING c::int; CREATE UNIQUE INDEX ON t ((a), b COLLATE x) WHERE y $$ \"")
	f.Add("ALTER TABLE a ADD PRIMARY KEY (a::b[) ) using cast(")
	f.Fuzz(func(t *testing.T, sql string) {
		for _, p := range Read(sql) {
			if p.At < 0 || p.At > len(sql) || p.Kind == "" || p.What == "" {
				t.Errorf("%q: %+v", sql, p)
			}
			p.Broken(Target{Table: "t", BaseType: "text", Major: 15})
		}
		Creates(sql)
		Writes(sql, Name{Name: "t"}, nil)
	})
}
