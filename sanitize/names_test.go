package sanitize_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/sanitize"
)

// TestRelationStringAgainstServer asks a real server how it would write each name.
func TestRelationStringAgainstServer(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	conn, err := pgx.ConnectConfig(ctx, pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	names := []string{
		"plain", "with_underscore", "_first", "a1", "1a", "Upper", "two words", "dot.ted", `qu"ote`, `""`, "'", "ünï", "日本", "a$b", "a-b", " ", "\t", "é",
		"end\nline", "\\", "%", "NULL",
	}
	rows, err := conn.Query(ctx, "SELECT word FROM pg_get_keywords() ORDER BY word")
	if err != nil {
		t.Fatal(err)
	}
	keywords, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, keywords...) {
		var want string
		if err := conn.QueryRow(ctx, "SELECT quote_ident($1) || '.' || quote_ident($1)", name).Scan(&want); err != nil {
			t.Fatal(err)
		}
		rel := sanitize.Relation{Schema: name, Name: name}
		// Words that only newer servers reserve are quoted ahead of their time.
		if got := rel.String(); got != want && !strings.HasPrefix(name, "json") && name != "merge_action" && name != "system_user" {
			t.Errorf("%q is written %s, the server writes %s", name, got, want)
		}
		if back, err := sanitize.ParseRelation(rel.String()); err != nil || back != rel {
			t.Errorf("%s is read back as %q, %v", rel, back, err)
		}
	}
}

func TestParseRelation(t *testing.T) {
	t.Parallel()
	good := map[string]sanitize.Relation{
		"shop.customers":         {Schema: "shop", Name: "customers"},
		"Shop.Customers":         {Schema: "Shop", Name: "Customers"},
		`"My Schema"."T.1"`:      {Schema: "My Schema", Name: "T.1"},
		`shop."a""b"`:            {Schema: "shop", Name: `a"b`},
		`"a.b".c`:                {Schema: "a.b", Name: "c"},
		"日本.новый":               {Schema: "日本", Name: "новый"},
		`public.select`:          {Schema: "public", Name: "select"},
		"public.\"line\nbreak\"": {Schema: "public", Name: "line\nbreak"},
	}
	for s, want := range good {
		if got, err := sanitize.ParseRelation(s); err != nil || got != want {
			t.Errorf("%s is read as %q, %v", s, got, err)
		}
	}
	for _, s := range []string{"", ".", "a", "a.", ".a", "a.b.c", "a..b", `"a`, `"a".`, `""."b"`, `"a"b.c`, `a"b".c`, `a."b"c`, "a b.c", "a .b", `"a"."b".`, `a.b"`} {
		if got, err := sanitize.ParseRelation(s); err == nil {
			t.Errorf("%q is read as %q, want a refusal", s, got)
		}
	}
}

func FuzzRelation(f *testing.F) {
	f.Add("shop", "customers")
	f.Add(`a"b.c`, "Ünï \n")
	f.Fuzz(func(t *testing.T, schema, name string) {
		rel := sanitize.Relation{Schema: schema, Name: name}
		back, err := sanitize.ParseRelation(rel.String())
		if schema == "" || name == "" {
			if err == nil {
				t.Errorf("an empty name is accepted: %s", rel)
			}
			return
		}
		if err != nil || back != rel {
			t.Errorf("%q is written %s and read back as %q, %v", rel, rel, back, err)
		}
	})
}
