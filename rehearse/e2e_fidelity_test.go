package rehearse_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
)

// benchMasks are the columns that the sample production's description calls personal.
var benchMasks = map[string]string{
	"shop.customers.email": "email", "shop.customers.given_name": "first_name", "shop.customers.family_name": "last_name",
	"shop.customers.full_name": "full_name", "shop.customers.phone": "phone", "shop.customers.street": "shape",
	"shop.customers.national_id": "shape", "shop.customers.birth_date": "{mask: date_shift, days: 30}", "shop.customers.last_ip": "'null'",
	"shop.customers.profile":   `{mask: json, default: keep, paths: {"$.email": email, "$.name.first": first_name, "$.name.last": last_name, "$.phones[*]": phone}}`,
	"shop.addresses.recipient": "full_name", "shop.addresses.line1": "shape", "shop.orders.contact_email": "email",
	"shop.orders.contact_phone": "phone", "shop.payments.card_number": "{mask: digits}", "shop.payments.card_holder": "full_name",
	"shop.payments.iban": "shape", "shop.messages.sender": "email", "shop.messages.body": "redact_text",
	"audit.events.actor_email": "email", "audit.events.payload": `{mask: json, default: keep, paths: {"$.user.email": email, "$.user.name": full_name}}`,
}

// fidelityCase is a source, and what of it may differ in staging.
type fidelityCase struct {
	name    string
	source  func(t testing.TB) *pgx.ConnConfig
	rules   func(t testing.TB, source *pgx.ConnConfig) string
	derived []string // generated columns and views that show masked columns
	whole   bool     // nothing is masked: the dumps with data must be equal too
}

func fidelityCases() []fidelityCase {
	keepAll := func(t testing.TB, source *pgx.ConnConfig) string { return rulesFor(t, source, nil) }
	return []fidelityCase{
		{
			name: "shop", source: func(t testing.TB) *pgx.ConnConfig { return fresh(t, "shop", loadShop) }, rules: shopRules,
			derived: []string{"shop.customers.email_domain"},
		},
		{
			name: "pagila", source: func(t testing.TB) *pgx.ConnConfig { return fresh(t, "pagila", loadPagila) },
			rules: keepAll, whole: true,
		},
		{
			name: "bench", source: func(t testing.TB) *pgx.ConnConfig { return fresh(t, "bench", loadBench) },
			rules:   func(t testing.TB, source *pgx.ConnConfig) string { return rulesFor(t, source, benchMasks) },
			derived: []string{"shop.customers.email_lower"},
		},
		{
			name: "odd", source: func(t testing.TB) *pgx.ConnConfig { return fresh(t, "odd", loadOdd) },
			rules: keepAll, whole: true,
		},
	}
}

// shopRules are the shop's own.
func shopRules(t testing.TB, _ *pgx.ConnConfig) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(pgtest.Root(t), "testdata", "shop", "rehearse.masks.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// loadOdd makes one of nearly everything a schema can hold, with rows, under names that must be quoted.
func loadOdd(t testing.TB, cfg *pgx.ConnConfig) {
	t.Helper()
	server := pgtest.Default(t)
	pgtest.Exec(t, cfg, "CREATE ROLE app_reader; CREATE ROLE app_owner; CREATE ROLE \"Röle \"\"q\"\" x\"")
	pgtest.Exec(t, cfg, "CREATE TABLESPACE ts1 LOCATION '"+server.Mkdir(t, "ts1")+"'")
	for _, file := range []string{filepath.Join("..", "testdata", "everything.sql"), filepath.Join("testdata", "odd.sql")} {
		script, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pgtest.Exec(t, cfg, string(script))
	}
}

// TestStagingEqualsSource holds a copy against its source with pg_dump, and with sums that the servers compute.
func TestStagingEqualsSource(t *testing.T) {
	t.Parallel()
	for _, tc := range fidelityCases() {
		t.Run(tc.name, func(t *testing.T) {
			source := tc.source(t)
			rules := tc.rules(t, source)
			eachProvider(t, func(t *testing.T, where rehearse.Staging) {
				s, copied := staged(t, configured(t, source, where, rules))
				masked := map[string]bool{}
				for _, c := range s.Masking.ColumnMasks {
					masked[c.Table+"."+c.Column] = true
				}
				for _, c := range tc.derived {
					masked[c] = true
				}
				equal(t, "pg_dump --schema-only", pgtest.Dump(t, source, "--schema-only"), pgtest.Dump(t, copied, "--schema-only"))
				equal(t, "rows", contents(t, source, masked), contents(t, copied, masked))
				equal(t, "sequences", sequences(t, source), sequences(t, copied))
				if tc.whole {
					equal(t, "pg_dump", pgtest.Dump(t, source), pgtest.Dump(t, copied))
				}
			})
		})
	}
}

// equal compares texts exactly and shows where they differ.
func equal(t testing.TB, what, source, copied string) {
	t.Helper()
	if source == copied {
		return
	}
	diff := udiff.Unified("source", "staging", source, copied)
	t.Errorf("%s of source and staging differ:\n%.4000s", what, diff)
}

// contents is, for every table and materialised view, the number of rows and a sum over the columns that are not masked. A partition
// is masked as its root, and so known by it.
func contents(t testing.TB, cfg *pgx.ConnConfig, masked map[string]bool) string {
	t.Helper()
	tables := map[string][]string{}
	for _, line := range strings.Split(pgtest.Value(t, cfg, `SELECT string_agg(format(E'%I.%I\t%s\t%I\t%s', nspname, relname, attname, attname, root), E'\n' ORDER BY nspname, relname, attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped,
LATERAL (SELECT format('%I.%I', n.nspname, c.relname) AS root FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.oid = coalesce(pg_partition_root(a.attrelid), a.attrelid)) r
WHERE relkind IN ('r','m') AND relispopulated AND nspname !~ '^pg_' AND nspname <> 'information_schema'`), "\n") {
		part := strings.Split(line, "\t")
		columns := tables[part[0]]
		if !masked[part[3]+"."+part[1]] {
			columns = append(columns, part[2])
		}
		tables[part[0]] = columns
	}
	var b strings.Builder
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		fmt.Fprintf(&b, "%s (%s): %s\n", table, strings.Join(tables[table], ", "), pgtest.Value(t, cfg, fmt.Sprintf(
			`SELECT count(*) || ' rows, ' || coalesce(md5(string_agg(r, E'\n' ORDER BY r COLLATE "C")), '') FROM (SELECT ROW(%s)::text AS r FROM ONLY %s) q`,
			strings.Join(tables[table], ", "), table)))
	}
	return b.String()
}

// sequences is where each of them stands.
func sequences(t testing.TB, cfg *pgx.ConnConfig) string {
	t.Helper()
	var b strings.Builder
	names := pgtest.Value(t, cfg, `SELECT coalesce(string_agg(format('%I.%I', schemaname, sequencename), E'\n' ORDER BY schemaname, sequencename), '') FROM pg_sequences`)
	for _, name := range strings.Split(names, "\n") {
		if name != "" {
			fmt.Fprintf(&b, "%s %s\n", name, pgtest.Value(t, cfg, "SELECT last_value || ' ' || is_called FROM "+name))
		}
	}
	return b.String()
}
