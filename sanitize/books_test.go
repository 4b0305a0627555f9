package sanitize_test

import (
	"slices"
	"testing"
)

// TestBooksOfTools need no rules, lose what may quote data, and take rules that name them.
func TestBooksOfTools(t *testing.T) {
	t.Parallel()
	books := table("public.books", "id text!", "logs text")
	books.Verbatim, books.Yielding, books.Blank = true, true, []string{"logs"}
	plain := table("public.plain", "id text!")
	plain.Verbatim, plain.Yielding = true, true
	db := database(table("s.a", "x text"), books, plain)
	plan := mustPlan(t, "version: 1\ntables:\n  s.a: {x: keep}\n", db)
	if p := plan.Table("public", "books"); p.Verbatim || !slices.Equal(p.Masked(), []string{"logs"}) || p.Columns[1].Mask.Name != "null" {
		t.Errorf("books without a rule: %+v", p)
	}
	if p := plan.Table("public", "plain"); !p.Verbatim {
		t.Errorf("books without errors: %+v", p)
	}
	plan = mustPlan(t, "version: 1\ntables:\n  s.a: {x: keep}\n  public.books: {id: keep, logs: redact_text}\n  public.plain: {id: {mask: hash}}\n", db)
	if p := plan.Table("public", "books"); p.Columns[1].Mask.Name != "redact_text" {
		t.Errorf("books with rules: %+v", p)
	}
	if p := plan.Table("public", "plain"); p.Verbatim || p.Columns[0].Mask.Name != "hash" {
		t.Errorf("books with rules: %+v", p)
	}
}
