package sqltext_test

import (
	"testing"

	"github.com/rehearse-db/rehearse/internal/sqltext"
)

func TestEnds(t *testing.T) {
	t.Parallel()
	plain := func(sql string) int { return sqltext.Quoted(sql, 0, false) }
	escaped := func(sql string) int { return sqltext.Quoted(sql, 1, true) }
	for _, tt := range []struct {
		of   func(string) int
		sql  string
		want string // the part of sql that is found
	}{
		{sqltext.Comment, "/* a /* b */ c */ d */", "/* a /* b */ c */"},
		{sqltext.Comment, "/* open", "/* open"},
		{plain, `'it''s' x`, `'it''s'`},
		{plain, `"a""b".c`, `"a""b"`},
		{plain, `'\' x'`, `'\'`},
		{escaped, `E'\' x' y`, `E'\' x'`},
		{plain, `'open`, `'open`},
		{sqltext.Dollar, "$$ a $b$ c $$ d", "$$ a $b$ c $$"},
		{sqltext.Dollar, "$ü_1$ $$ $ü_1$;", "$ü_1$ $$ $ü_1$"},
		{sqltext.Dollar, "$a$ open", "$a$ open"},
		{sqltext.Dollar, "$1 + $2", ""},
		{sqltext.Dollar, "$1$ x", ""},
		{sqltext.Dollar, "$", ""},
	} {
		if got := tt.sql[:tt.of(tt.sql)]; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.sql, got, tt.want)
		}
	}
}
