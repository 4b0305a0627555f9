package snapshot

import (
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// ident quotes a name, or the parts of a qualified name.
func ident(parts ...string) string { return pgx.Identifier(parts).Sanitize() }

func idents(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = ident(name)
	}
	return strings.Join(quoted, ", ")
}

// literal quotes a string for any standard_conforming_strings.
func literal(s string) string {
	quoted := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return "E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}

// conninfo quotes a value of a libpq connection string.
func conninfo(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// show is how a relation is called in messages, as SQL has it: shop."Order".
func show(schema, name string) string { return catalog.Quote(schema) + "." + catalog.Quote(name) }
