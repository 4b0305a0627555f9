package catalog

import (
	"io/fs"
	"strings"
	"testing"
)

func TestForVersion(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		line  string
		major int
		want  bool
	}{
		{"a, b", 13, true},
		{"-- A sentence about since and before.", 13, true},
		{"a -- since 15", 14, false},
		{"a -- since 15", 15, true},
		{"a -- before 15", 14, true},
		{"a -- before 15", 15, false},
		{"a -- since 15 before 17\n", 14, false},
		{"a -- since 15 before 17\n", 16, true},
		{"a -- since 15 before 17\n", 17, false},
	} {
		if got := forVersion(test.line, test.major); got != test.want {
			t.Errorf("%q on %d: %t", test.line, test.major, got)
		}
	}
}

// Every query is used, and reads well for every version: no comma is left before a closing parenthesis or FROM.
func TestQueries(t *testing.T) {
	t.Parallel()
	used := map[string]bool{"objects/remarks.sql": true}
	for _, k := range kinds {
		used["objects/"+k.file+".sql"] = true
	}
	err := fs.WalkDir(queries, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.HasPrefix(path, "objects/") && !used[path] {
			t.Errorf("%s is used by nobody", path)
		}
		for n := range 12 {
			major := 13 + n/2
			sql, err := load(path, major*10000, n%2 == 1)
			if err != nil {
				return err
			}
			bare := strings.Join(strings.Fields(withoutComments(sql)), " ")
			for _, bad := range []string{", )", ",)", ", FROM", ", WHERE", "UNION ALL UNION", "UNION ALL ORDER"} {
				if strings.Contains(bare, bad) {
					t.Errorf("%s for %d has %q", path, major, bad)
				}
			}
			if strings.Count(bare, "(") != strings.Count(bare, ")") {
				t.Errorf("%s for %d: parentheses do not match", path, major)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := load("objects/none.sql", 150000, false); err == nil {
		t.Error("a query that does not exist was loaded")
	}
}

func withoutComments(sql string) string {
	var b strings.Builder
	for line := range strings.Lines(sql) {
		code, _, _ := strings.Cut(line, "-- ")
		b.WriteString(code + "\n")
	}
	return b.String()
}

func FuzzQuote(f *testing.F) {
	f.Add(`a"b`)
	f.Fuzz(func(t *testing.T, name string) {
		got := Quote(name)
		if inner, quoted := strings.CutPrefix(got, `"`); quoted {
			inner = strings.TrimSuffix(inner, `"`)
			if strings.ReplaceAll(inner, `""`, `"`) != name {
				t.Errorf("%q became %s", name, got)
			}
		} else if got != name {
			t.Errorf("%q became %s", name, got)
		}
	})
}
