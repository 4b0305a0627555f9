package migrate_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// gooseDir is a directory of goose's own source, as the module cache has it.
func gooseDir(t *testing.T, elem ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/pressly/goose/v3").Output()
	if err != nil {
		t.Skipf("goose's source is not here: %v", err)
	}
	dir := filepath.Join(append([]string{strings.TrimSpace(string(out))}, elem...)...)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("goose's test data are not here: %v", err)
	}
	return dir
}

// TestGooseOwnMigrations applies those that goose tests itself with.
func TestGooseOwnMigrations(t *testing.T) {
	t.Parallel()
	set, err := migrate.Scan(os.DirFS(gooseDir(t, "testdata", "migrations")), "m")
	if err != nil {
		t.Fatal(err)
	}
	p, err := set.Plan(nil, 0, false)
	if err != nil {
		t.Fatal(err)
	}
	run := apply(t, p, options(pgtest.New(t)))
	if len(run.Migrations) < 5 {
		t.Fatalf("%d migrations", len(run.Migrations))
	}
	for _, m := range run.Migrations {
		if m.Outcome != report.Applied || len(m.Statements) == 0 || !m.HasDown {
			t.Errorf("%s: %s, %d statements, failure %+v", m.Name, m.Outcome, len(m.Statements), m.Failure)
		}
		for _, st := range m.Statements {
			if st.Line == 0 || st.Tag == "" {
				t.Errorf("%s: line %d, tag %q of %s", m.Name, st.Line, st.Tag, st.SQL)
			}
		}
	}
}

// TestGooseOwnFiles reads every file that goose tests its parser with. Each line found for a statement must be one of it.
func TestGooseOwnFiles(t *testing.T) {
	t.Parallel()
	found, _ := filepath.Glob(filepath.Join(gooseDir(t, "internal", "sqlparser", "testdata"), "valid-*", "*", "input.sql"))
	if len(found) < 5 {
		t.Skipf("%d files", len(found))
	}
	for _, file := range found {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		for _, st := range plan(t, files("1_a.sql", string(text))).Pending[0].Statements {
			want := strings.Split(st.SQL, "\n")
			if len(st.Lines) != len(want) {
				t.Errorf("%s: %d lines found for %q", file, len(st.Lines), st.SQL)
				continue
			}
			for i, n := range st.Lines {
				if strings.TrimSpace(lines[n-1]) != strings.TrimSpace(want[i]) {
					t.Errorf("%s:%d: %q is not %q", file, n, lines[n-1], want[i])
				}
			}
		}
	}
}
