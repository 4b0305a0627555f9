package compare_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/compare"
)

// Each case is a database, a change and what is told of it.
func TestSchema(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, base, change, want string }{
		{
			"a renamed table and column change nothing that mentions them",
			`CREATE TABLE person (id int PRIMARY KEY, name text CHECK (name <> ''), boss int REFERENCES person);
			CREATE INDEX person_name ON person (lower(name)) WHERE name > 'b';
			CREATE VIEW names AS SELECT person.name FROM person WHERE person.id > 0;
			CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
			CREATE TRIGGER touch BEFORE UPDATE OF name ON person FOR EACH ROW WHEN (NEW.name > 'x') EXECUTE FUNCTION touch();
			CREATE POLICY p ON person USING (name > 'y');
			CREATE STATISTICS st ON id, name FROM person;
			CREATE PUBLICATION pub FOR TABLE person;`,
			"ALTER TABLE person RENAME TO human; ALTER TABLE human RENAME COLUMN name TO full_name;",
			`renamed table public.person -> public.human
  renamed column public.person.name -> public.human.full_name
`,
		},
		{
			"a renamed schema leaves its tables alone",
			"CREATE SCHEMA a; CREATE TABLE a.t (id serial PRIMARY KEY); CREATE VIEW a.v AS SELECT id FROM a.t; CREATE FUNCTION a.f(a.t) RETURNS int LANGUAGE sql AS 'SELECT 1'",
			`ALTER SCHEMA a RENAME TO "B b"`,
			"renamed schema a -> \"B b\"\n",
		},
		{
			"a renamed type leaves columns, defaults and functions alone",
			`CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE t (m mood DEFAULT 'ok', ms mood[]);
			CREATE FUNCTION f(m mood DEFAULT 'ok') RETURNS mood LANGUAGE sql AS 'SELECT m'`,
			"ALTER TYPE mood RENAME TO state",
			"renamed enum public.mood -> public.state\n",
		},
		{
			"a table moved to another schema",
			"CREATE SCHEMA a; CREATE TABLE t (id int PRIMARY KEY)",
			"ALTER TABLE t SET SCHEMA a",
			"renamed table public.t -> a.t\n",
		},
		{
			"renamed and changed at once",
			"CREATE TABLE t (id int PRIMARY KEY, v varchar(5)); CREATE INDEX i ON t (v); CREATE INDEX k ON t (id, (id + 1))",
			"ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME v TO w; ALTER TABLE u ALTER w TYPE varchar(9); ALTER INDEX k RENAME TO j",
			`renamed table public.t -> public.u
  renamed column public.t.v -> public.u.w; type: character varying(5) -> character varying(9)
  renamed index public.k -> public.j
`,
		},
		{
			"dropped and made anew under its name",
			"CREATE TABLE t (id serial PRIMARY KEY, v text); CREATE INDEX i ON t (v)",
			"DROP TABLE t; CREATE TABLE t (id serial PRIMARY KEY, v text)",
			`replaced table public.t
  dropped index public.i; definition: CREATE INDEX i ON public.t USING btree (v) -> -
`,
		},
		{
			"swapped for its copy",
			"CREATE TABLE t (id int PRIMARY KEY, v text)",
			`CREATE TABLE t_new (LIKE t INCLUDING ALL); ALTER TABLE t_new ALTER id TYPE bigint; DROP TABLE t; ALTER TABLE t_new RENAME TO t;
			ALTER INDEX t_new_pkey RENAME TO t_pkey`,
			`replaced table public.t
  changed column public.t.id; type: integer -> bigint
`,
		},
		{
			"swapped, the old one kept",
			"CREATE TABLE t (id int)",
			"ALTER TABLE t RENAME TO t_old; CREATE TABLE t (id int)",
			"added table public.t\n  added column public.t.id; type: - -> integer\nrenamed table public.t -> public.t_old\n",
		},
		{
			"a column made anew lost its values",
			"CREATE TABLE t (id int, v text)",
			"ALTER TABLE t DROP v; ALTER TABLE t ADD v text",
			"changed table public.t\n  replaced column public.t.v\n",
		},
		{
			"a foreign key on another column under the same name",
			"CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (x int, y int, CONSTRAINT k FOREIGN KEY (x) REFERENCES a)",
			"ALTER TABLE b DROP CONSTRAINT k; ALTER TABLE b ADD CONSTRAINT k FOREIGN KEY (y) REFERENCES a",
			`changed table public.b
  replaced constraint k on public.b; definition: FOREIGN KEY (x) REFERENCES public.a(id) -> FOREIGN KEY (y) REFERENCES public.a(id)
`,
		},
		{
			"a new type rebuilds indexes, keys and foreign keys: that is not told",
			"CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (x int REFERENCES a); CREATE INDEX i ON b (x)",
			"ALTER TABLE a ALTER id TYPE bigint; ALTER TABLE b ALTER x TYPE bigint; ALTER TABLE b RENAME TO c",
			`changed table public.a
  changed column public.a.id; type: integer -> bigint
renamed table public.b -> public.c
  changed column public.c.x; type: integer -> bigint
`,
		},
		{
			"views, functions and indexes made anew as they were",
			"CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t; CREATE INDEX i ON t (a); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
			`DROP VIEW v; CREATE VIEW v AS SELECT a FROM t; DROP INDEX i; CREATE INDEX i ON t (a);
			DROP FUNCTION f(); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
			"",
		},
		{
			"a column and an index of a partitioned table, told once",
			`CREATE TABLE p (id int, at date) PARTITION BY RANGE (at);
			CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
			CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY LIST (id);
			CREATE TABLE p2a PARTITION OF p2 DEFAULT`,
			"ALTER TABLE p ADD n int; CREATE INDEX i ON p (n); ALTER TABLE p ADD CHECK (n > 0)",
			`changed table public.p
  added column public.p.n; type: - -> integer
    added column public.p1.n; type: - -> integer
    added column public.p2.n; type: - -> integer
      added column public.p2a.n; type: - -> integer
  added constraint p_n_check on public.p; definition: - -> CHECK ((n > 0))
    added constraint p_n_check on public.p1; definition: - -> CHECK ((n > 0))
    added constraint p_n_check on public.p2; definition: - -> CHECK ((n > 0))
      added constraint p_n_check on public.p2a; definition: - -> CHECK ((n > 0))
  added index public.i; definition: - -> CREATE INDEX i ON ONLY public.p USING btree (n)
    added index public.p1_n_idx; definition: - -> CREATE INDEX p1_n_idx ON public.p1 USING btree (n)
    added index public.p2_n_idx; definition: - -> CREATE INDEX p2_n_idx ON ONLY public.p2 USING btree (n)
      added index public.p2a_n_idx; definition: - -> CREATE INDEX p2a_n_idx ON public.p2a USING btree (n)
`,
		},
		{
			"a dropped schema is one entry",
			"CREATE SCHEMA s; CREATE TABLE s.t (id serial); CREATE VIEW s.v AS SELECT id FROM s.t",
			"DROP SCHEMA s CASCADE",
			`dropped schema s
  dropped table s.t
    dropped column s.t.id; default: nextval('s.t_id_seq'::regclass) -> -; not null: yes -> -; type: integer -> -
      dropped sequence s.t_id_seq; type: integer -> -
  dropped view s.v; definition: SELECT t.id FROM s.t; -> -
    dropped column s.v.id; type: integer -> -
`,
		},
		{
			"odd names",
			`CREATE SCHEMA "Upper Case"; CREATE TABLE "Upper Case"."a.b""c" ("select" int, "Größe 日本" text, "%s%n" int);
			CREATE INDEX "i %d" ON "Upper Case"."a.b""c" ("select")`,
			`ALTER TABLE "Upper Case"."a.b""c" RENAME "select" TO "order"; ALTER TABLE "Upper Case"."a.b""c" DROP "Größe 日本";
			ALTER TABLE "Upper Case"."a.b""c" RENAME TO "user"; DROP INDEX "Upper Case"."i %d"`,
			`renamed table "Upper Case"."a.b""c" -> "Upper Case"."user"
  renamed column "Upper Case"."a.b""c"."select" -> "Upper Case"."user"."order"
  dropped column "Upper Case"."a.b""c"."Größe 日本"; type: text -> -
  dropped index "Upper Case"."i %d"; definition: CREATE INDEX "i %d" ON "Upper Case"."a.b""c" USING btree ("select") -> -
`,
		},
		{
			"goose's version table is not told",
			"CREATE TABLE keep (a int)",
			"CREATE TABLE goose_db_version (id serial PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp DEFAULT now())",
			"",
		},
		{
			"a body is text: what it mentions is not followed",
			"CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM t'",
			"ALTER TABLE t RENAME TO u; CREATE OR REPLACE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM u'",
			"changed function public.f(); body: SELECT count(*) FROM t -> SELECT count(*) FROM u\nrenamed table public.t -> public.u\n",
		},
		{
			"a secret setting is told without its value",
			"SELECT 1",
			`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET app.jwt_secret = ''hush''', current_database()); END $$`,
			"added setting \"app.jwt_secret\" of all roles in this database\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg := pgtest.New(t, test.base)
			before := read(t, cfg)
			pgtest.Exec(t, cfg, test.change)
			if diff := cmp.Diff(test.want, show(compare.Schema(before, read(t, cfg)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Roles are the cluster's: a server of its own, so that other tests' roles do not show.
func TestSchemaOfTheCluster(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t)
	cfg := s.New(t, "CREATE ROLE old LOGIN; CREATE ROLE team")
	before := read(t, cfg)
	pgtest.Exec(t, cfg, `CREATE ROLE "New One" SUPERUSER PASSWORD 'hush'; GRANT team TO old; ALTER ROLE old NOLOGIN;
		ALTER ROLE old SET search_path = a, "B"`)
	want := `added role "New One"; superuser: - -> yes
changed role old; login: yes -> -; member of: - -> team
added setting search_path of old; value: - -> a, "B"
`
	if diff := cmp.Diff(want, show(compare.Schema(before, read(t, cfg)))); diff != "" {
		t.Error(diff)
	}
}

// What pg_dump and psql carry over compares as equal by name, though every identity is another.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	base, err := os.ReadFile("../../testdata/everything.sql")
	if err != nil {
		t.Fatal(err)
	}
	s := pgtest.Start(t)
	pgtest.Exec(t, s.Config("postgres"), "CREATE ROLE app_reader; CREATE ROLE app_owner")
	original := s.New(t, string(base), `ALTER TABLE app.customer DROP COLUMN note; ALTER TABLE app.orders ADD extra int;
		CREATE MATERIALIZED VIEW app.late AS SELECT 1 AS one; CREATE TABLE app."Odd ""name""" ("a.b" int PRIMARY KEY);
		CREATE PUBLICATION none; CREATE OPERATOR CLASS app.oc FOR TYPE int USING btree AS OPERATOR 1 <, FUNCTION 1 btint4cmp(int, int)`)
	restored := s.New(t)
	cmd := exec.Command(s.Bin+"/psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1")
	cmd.Env = append(os.Environ(), pgtest.Env(restored)...)
	cmd.Stdin = strings.NewReader(pgtest.Dump(t, original, "--schema-only"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("restore: %v\n%s", err, out)
	}
	before, after := read(t, original), read(t, restored)
	if got := show(compare.ByName(before, after)); got != "" {
		t.Error(got)
	}
	if len(before) < 60 {
		t.Errorf("only %d objects were read", len(before))
	}
}

func TestNothing(t *testing.T) {
	t.Parallel()
	if got := compare.Schema(nil, nil); len(got) != 0 {
		t.Error(show(got))
	}
	if got := compare.ByName(nil, read(t, pgtest.New(t, "CREATE TABLE t (a int)"))); len(got) == 0 {
		t.Error("everything is new, nothing was told")
	}
}
