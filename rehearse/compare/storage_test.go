package compare_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/compare"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

func TestDiffSizes(t *testing.T) {
	t.Parallel()
	ctx, conn := session(t, pgtest.New(t, `
		CREATE TABLE t (a int PRIMARY KEY, big text); INSERT INTO t SELECT i, 'x' FROM generate_series(1, 1000) i;
		CREATE TABLE same (a int); INSERT INTO same VALUES (1);
		CREATE TABLE gone (a int); INSERT INTO gone VALUES (1);
		CREATE INDEX i ON t (left(big, 9)); CREATE INDEX "J j" ON t (a, left(big, 9))`))
	sizes := func() []catalog.Size {
		all, err := catalog.Sizes(ctx, conn)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := sizes()
	if got := compare.DiffSizes(before, sizes()); len(got) != 0 {
		t.Errorf("nothing happened: %+v", got)
	}
	// Random text is kept out of line, in TOAST; the index made anew under its name is one entry.
	pgtest.Exec(t, conn.Config(), `DROP TABLE gone; ALTER TABLE same RENAME TO same2; CREATE TABLE new AS SELECT 1 AS a; DROP INDEX i;
		UPDATE t SET big = (SELECT string_agg(md5((t.a * g)::text), '') FROM generate_series(1, 300) g) WHERE a <= 10;
		CREATE INDEX i ON t (a) WHERE a < 0; DROP INDEX "J j"`)
	var got []string
	for _, s := range compare.DiffSizes(before, sizes()) {
		line := s.Kind + " " + s.Relation + " of " + s.Table
		switch {
		case s.Before == 0:
			line = "new " + line
		case s.After == 0:
			line = "gone " + line
		case s.Relation == "public.t" && s.After-s.Before < 90_000:
			t.Errorf("TOAST is not in: %+v", s)
		}
		got = append(got, line)
	}
	want := []string{
		`gone index public."J j" of public.t`, "gone table public.gone of public.gone", "index public.i of public.t",
		"new table public.new of public.new", "table public.t of public.t",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

const halfDone = `
CREATE TABLE ok (a int PRIMARY KEY);
CREATE TABLE "T t" (a int, b int REFERENCES ok);
INSERT INTO "T t" VALUES (1), (1);
CREATE DOMAIN dom AS int;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE TRIGGER "tr G" BEFORE INSERT ON "T t" FOR EACH ROW EXECUTE FUNCTION f();
CREATE RULE r AS ON DELETE TO "T t" DO INSTEAD NOTHING;
CREATE EVENT TRIGGER ev ON ddl_command_end EXECUTE FUNCTION e();`

// Each statement that cleans up is run, and then nothing is left over.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	cfg := pgtest.New(t, halfDone)
	ctx, conn := session(t, cfg)
	before, err := compare.Leftovers(ctx, conn)
	if err != nil || len(before) != 0 {
		t.Fatalf("before: %+v, %v", before, err)
	}
	if _, err := conn.Exec(ctx, `CREATE UNIQUE INDEX CONCURRENTLY "I i" ON "T t" (a)`); err == nil {
		t.Fatal("duplicates were indexed")
	}
	pgtest.Exec(t, cfg, `
		ALTER TABLE "T t" ADD CONSTRAINT "C c" CHECK (a > 0) NOT VALID;
		ALTER DOMAIN dom ADD CONSTRAINT d CHECK (VALUE > 0) NOT VALID;
		ALTER TABLE "T t" DISABLE TRIGGER ALL; ALTER TABLE "T t" DISABLE RULE r; ALTER EVENT TRIGGER ev DISABLE;
		CREATE MATERIALIZED VIEW m AS SELECT 1 AS a WITH NO DATA;`)
	after, err := compare.Leftovers(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	want := []report.Leftover{
		{Kind: "constraint not valid", Object: `"C c"`, Table: `public."T t"`, SQL: `ALTER TABLE public."T t" VALIDATE CONSTRAINT "C c";`},
		{Kind: "constraint not valid", Object: "d", Table: "public.dom", SQL: "ALTER DOMAIN public.dom VALIDATE CONSTRAINT d;"},
		{Kind: "event trigger disabled", Object: "ev", SQL: "ALTER EVENT TRIGGER ev ENABLE;"},
		{Kind: "foreign key not enforced", Object: `"T t_b_fkey"`, Table: `public."T t"`, SQL: `ALTER TABLE public."T t" ENABLE TRIGGER ALL;`},
		{Kind: "invalid index", Object: `public."I i"`, Table: `public."T t"`, SQL: `DROP INDEX CONCURRENTLY public."I i";`},
		{Kind: "materialized view not populated", Object: "public.m", Table: "public.m", SQL: "REFRESH MATERIALIZED VIEW public.m;"},
		{Kind: "rule disabled", Object: "r", Table: `public."T t"`, SQL: `ALTER TABLE public."T t" ENABLE RULE r;`},
		{Kind: "trigger disabled", Object: `"tr G"`, Table: `public."T t"`, SQL: `ALTER TABLE public."T t" ENABLE TRIGGER "tr G";`},
	}
	if diff := cmp.Diff(want, compare.DiffLeftovers(before, after)); diff != "" {
		t.Error(diff)
	}
	if got := compare.DiffLeftovers(after, after); len(got) != 0 {
		t.Errorf("left over before already: %+v", got)
	}
	for _, l := range after {
		if _, err := conn.Exec(ctx, strings.TrimSuffix(l.SQL, ";")); err != nil {
			t.Errorf("%s: %v", l.SQL, err)
		}
	}
	if rest, err := compare.Leftovers(ctx, conn); err != nil || len(rest) != 0 {
		t.Errorf("after cleaning up: %+v, %v", rest, err)
	}
}
