package migrate

import (
	"testing"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3/database"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

func TestVersionTableOfAnyNameIsFound(t *testing.T) {
	t.Parallel()
	cfg := pgtest.New(t, `CREATE SCHEMA "Ver.sions"; CREATE TABLE "Ver.sions"."a ""b"".c" (id int); CREATE TABLE plain (id int)`)
	db := stdlib.OpenDB(*cfg)
	defer db.Close()
	for name, want := range map[string]bool{
		`"Ver.sions"."a ""b"".c"`: true, `plain`: true, `public.plain`: true, `"public".PLAIN`: true,
		`"PLAIN"`: false, `Ver.plain`: false, `nowhere.plain`: false,
	} {
		store, err := newVersionStore(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := store.(database.StoreExtender).TableExists(t.Context(), db); err != nil || got != want {
			t.Errorf("table %s exists: %v (%v), want %v", name, got, err, want)
		}
	}
}
