package compare_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { pgtest.Main(m) }

// session opens a session that ends with the test.
func session(t *testing.T, cfg *pgx.ConnConfig) (context.Context, *pgx.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	conn, err := pgx.ConnectConfig(ctx, cfg.Copy())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return ctx, conn
}

// read reads a database's schema in a session that is closed again, so that the database can be cloned.
func read(t *testing.T, cfg *pgx.ConnConfig) catalog.Schema {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, cfg.Copy())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	s, err := catalog.Read(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// show writes changes one a line, attributes behind the name, children indented. Values are cut at 100 characters.
func show(changes []report.Change) string {
	var b strings.Builder
	var write func([]report.Change, int)
	write = func(changes []report.Change, depth int) {
		for _, c := range changes {
			fmt.Fprintf(&b, "%*s%s %s ", 2*depth, "", c.Action, c.Kind)
			if c.OldName != "" {
				fmt.Fprintf(&b, "%s -> ", c.OldName)
			}
			b.WriteString(c.Name)
			for _, a := range c.Attributes {
				fmt.Fprintf(&b, "; %s: %s -> %s", a.Name, short(a.Before), short(a.After))
			}
			b.WriteByte('\n')
			write(c.Children, depth+1)
		}
	}
	write(changes, 0)
	return b.String()
}

func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 100 {
		s = s[:100] + "..."
	}
	if s == "" {
		return "-"
	}
	return s
}

// golden compares with a file of testdata, or writes it with -update.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, []byte(got)) {
		t.Errorf("%s (write it anew with -update):\n%s", file, cmp.Diff(string(want), got))
	}
}
