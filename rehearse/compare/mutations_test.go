package compare_test

import (
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/compare"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// clusterwide is what testdata/everything.sql and mutations.sql need once per server.
func clusterwide(t *testing.T) {
	t.Helper()
	s := pgtest.Default(t)
	pgtest.Exec(t, s.Config("postgres"), "CREATE ROLE app_reader; CREATE ROLE app_owner")
	pgtest.Exec(t, s.Config("postgres"), "CREATE TABLESPACE ts1 LOCATION '"+s.Mkdir(t, "ts1")+"'")
}

type mutation struct{ name, sql string }

// in is the mutation's SQL for a database.
func (m mutation) in(cfg *pgx.ConnConfig) string {
	return strings.ReplaceAll(m.sql, `:"DBNAME"`, pgx.Identifier{cfg.Database}.Sanitize())
}

func mutations(t *testing.T) []mutation {
	t.Helper()
	text, err := os.ReadFile("testdata/mutations.sql")
	if err != nil {
		t.Fatal(err)
	}
	var all []mutation
	for line := range strings.Lines(string(text)) {
		switch name, ok := strings.CutPrefix(line, "-- "); {
		case ok && !strings.Contains(name, " "):
			all = append(all, mutation{name: strings.TrimSpace(name)})
		case !ok:
			all[len(all)-1].sql += line
		}
	}
	return all
}

// Every mutation is told, as testdata/mutations.want has it, and pg_dump sees it too. With -short each is made in a transaction that is
// rolled back, which is several times quicker and leaves pg_dump out.
func TestMutations(t *testing.T) {
	base, err := os.ReadFile("../../testdata/everything.sql")
	if err != nil {
		t.Fatal(err)
	}
	clusterwide(t)
	original := pgtest.New(t, string(base))
	before, dump := read(t, original), pgtest.Dump(t, original, "--schema-only")
	if got := compare.Schema(before, read(t, pgtest.Clone(t, original))); len(got) != 0 {
		t.Errorf("a clone against its original: %s", show(got))
	}
	all := mutations(t)
	if len(all) < 109 {
		t.Fatalf("%d mutations", len(all))
	}
	told := make([]string, len(all))
	t.Run("each", func(t *testing.T) {
		for i, m := range all {
			t.Run(m.name, func(t *testing.T) {
				if testing.Short() {
					told[i] = mutateInside(t, original, m, before)
					return
				}
				t.Parallel()
				told[i] = mutate(t, original, m, before, dump)
			})
		}
	})
	var b strings.Builder
	for i, m := range all {
		b.WriteString("-- " + m.name + "\n" + told[i] + "\n")
	}
	golden(t, "testdata/mutations.want", b.String())
}

// unseen are the changes that pg_dump --schema-only does not show.
var unseen = map[string]bool{"db_setting": true}

func mutate(t *testing.T, original *pgx.ConnConfig, m mutation, before catalog.Schema, dump string) string {
	cfg := pgtest.Clone(t, original)
	pgtest.Exec(t, cfg, m.in(cfg))
	after := read(t, cfg)
	got := compare.Schema(before, after)
	if len(got) == 0 {
		t.Error("nothing was told")
	}
	if len(compare.ByName(before, after)) == 0 {
		t.Error("nothing was told by name")
	}
	if same := pgtest.Dump(t, cfg, "--schema-only") == dump; same != unseen[m.name] {
		t.Errorf("pg_dump shows no difference: %t", same)
	}
	return show(got)
}

func mutateInside(t *testing.T, cfg *pgx.ConnConfig, m mutation, before catalog.Schema) string {
	ctx, conn := session(t, cfg)
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.PgConn().Exec(ctx, m.in(cfg)).ReadAll(); err != nil {
		t.Fatal(err)
	}
	after, err := catalog.Read(ctx, tx)
	if err != nil {
		t.Fatal(err)
	}
	got := compare.Schema(before, after)
	if len(got) == 0 {
		t.Error("nothing was told")
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Error(err)
	}
	return show(got)
}
