package sanitize_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/sanitize/mask"
)

// conditions are checks on a text a, for the server to judge.
var conditions = []string{
	"a <> ''", "length(a) > 0", "btrim(a) <> ''", "char_length(a) <= 30", "length(a) < 12", "length(a) = 5", "length(a) BETWEEN 3 AND 20", "octet_length(a) <= 40",
	"a ~ '@'", "a LIKE '%@%'", "a ~ '^[^@[:space:]]+@[^@[:space:]]+$'", "a ~ '^[a-z]+$'", `a ~ '^\d{5}$'`, "a ~ '^[A-Z]{2}-[0-9]+$'", `a !~ '\s'`, "a ~* '^[a-z]'",
	`a ~ '^\+?[0-9 ()-]+$'`, "a ~ '^[0-9a-f]{8}-[0-9a-f-]+$'", "lower(a) = a", "upper(a) = a", "a = lower(btrim(a))", "NOT (a ~ '[0-9]')", "NOT (length(a) > 20)",
	"a IS NOT NULL", "a IS NULL OR a <> 'x'", "a IN ('x', 'Anna')", "a NOT IN ('x', 'y')", "a = 'anna' OR length(a) > 2", "(a ~ '@') = (length(a) > 3)",
	"CASE WHEN a = 'x' THEN false ELSE true END", "coalesce(a, '') <> ''", "a COLLATE \"C\" <> ''", "a::varchar(40) <> '' AND a ~ '[[:alpha:]]'", "position('@' in a) > 1",
}

var texts = []string{
	"", " ", "a", "x", "7", "Anna", "anna", "ANNA", "12345", "AB-1234", "anna@firma.de", "Anna.Berg@Firma.de", "a@b", "a@b@c", "Müller", "Anna Maria Berg", "+49 30 1234567",
	"123e4567-e89b-12d3-a456-426614174000", "one two three four five six", "tab\there", "Straße 5", "ab", "abcde", "ABCDE", "quite.a.long.address.of.somebody@example-company.co.uk",
}

// TestChecksHoldOnTheServer: whatever mask the planner takes for a column with a check, the server finds the check met by the masked form of every
// value that meets it.
func TestChecksHoldOnTheServer(t *testing.T) {
	t.Parallel()
	cfg := pgtest.New(t)
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	taken, refused := 0, 0
	for i, condition := range conditions {
		pgtest.Exec(t, cfg, fmt.Sprintf("CREATE TABLE t%d (a text CONSTRAINT k%d CHECK (%s))", i, i, condition))
		var good []string
		for j, met := range judged(t, conn, condition, texts) {
			if met {
				good = append(good, texts[j])
			}
		}
		db := sanitize.Database{Tables: []sanitize.Table{table("s.t", "a text")}}
		db.Tables[0].Checks = []sanitize.Check{{
			Name: "k", Columns: []string{"a"},
			Definition: pgtest.Value(t, cfg, fmt.Sprintf("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'k%d'", i)),
		}}
		for _, info := range mask.Catalogue() {
			rules, err := sanitize.ParseRules("f", fmt.Appendf(nil, "version: 1\ntables: {s.t: {a: %q}}\n", info.Name))
			if err != nil || info.Name == "null" || info.Name == "keep" {
				continue
			}
			plan, err := rules.Plan(db, mustKey(t, hexKey))
			if err != nil {
				refused++
				continue
			}
			taken++
			masked := maskAll(t, plan.Table("s", "t").Row(), good)
			for j, met := range judged(t, conn, condition, masked) {
				if !met {
					t.Errorf("CHECK (%s): %s makes %q of %q", condition, info.Name, masked[j], good[j])
				}
			}
		}
	}
	if t.Logf("%d masks taken, %d refused", taken, refused); taken < len(conditions) || refused < len(conditions) {
		t.Errorf("%d masks taken and %d refused: the planner does not decide", taken, refused)
	}
}

// judged asks the server which values meet a condition.
func judged(t *testing.T, conn *pgx.Conn, condition string, values []string) (met []bool) {
	t.Helper()
	query := fmt.Sprintf("SELECT array_agg(coalesce((%s), true) ORDER BY nth) FROM unnest($1::text[]) WITH ORDINALITY v (a, nth)", condition)
	if err := conn.QueryRow(t.Context(), query, values).Scan(&met); err != nil {
		t.Fatalf("%s: %v", condition, err)
	}
	return met
}

// maskAll masks values as a copy does. One that the mask does not take is left as it is.
func maskAll(t *testing.T, row *sanitize.Row, values []string) []string {
	t.Helper()
	masked := make([]string, len(values))
	for i, value := range values {
		line, err := row.Append(nil, []byte(strings.NewReplacer("\\", `\\`, "\t", `\t`).Replace(value)))
		fields, ok := sanitize.Fields(line)
		if err != nil || !ok || len(fields) != 1 {
			fields = [][]byte{[]byte(value)}
		}
		masked[i] = string(fields[0])
	}
	return masked
}
