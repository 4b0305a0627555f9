package catalog_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

func TestReadX(t *testing.T) {
	cfg := pgtest.New(t)
	pgtest.Exec(t, cfg, "CREATE ROLE app_reader"); pgtest.Exec(t, cfg, "CREATE ROLE app_owner")
	base, _ := os.ReadFile(filepath.Join(pgtest.Root(t), "rehearse/compare/testdata/base.sql"))
	pgtest.Exec(t, cfg, string(base))
	ctx, conn := connect(t, cfg)
	s, err := catalog.Read(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range s {
		t.Log(o)
	}
}
