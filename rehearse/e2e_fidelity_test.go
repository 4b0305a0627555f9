package rehearse_test

import (
	"encoding/json"
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
	"github.com/rehearse-db/rehearse/rehearse/staging"
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
	local   bool     // on local binaries alone
}

func fidelityCases() []fidelityCase {
	keepAll := func(t testing.TB, source *pgx.ConnConfig) string { return rulesFor(t, source, nil) }
	return []fidelityCase{
		{
			name: "shop", source: func(t testing.TB) *pgx.ConnConfig { return fresh(t, "shop", loadShop) }, rules: shopRules,
			derived: []string{"shop.customers.email_domain"},
		},
		{name: "pagila", source: sample("pagila-tables"), rules: keepAll, whole: true},
		{name: "chinook", source: sample("chinook"), rules: keepAll, whole: true, local: true},
		{name: "netflix", source: sample("netflix"), rules: keepAll, whole: true, local: true},
		{name: "periodic-table", source: sample("periodic-table"), rules: keepAll, whole: true, local: true},
		{
			name: "bench kept", source: func(t testing.TB) *pgx.ConnConfig { return fresh(t, "bench", loadBench) },
			rules: keepAll, whole: true, local: true,
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

// sample is a database of the shared cases.
func sample(name string) func(t testing.TB) *pgx.ConnConfig {
	return func(t testing.TB) *pgx.ConnConfig {
		return fresh(t, strings.ReplaceAll(name, "-", "_"), func(t testing.TB, cfg *pgx.ConnConfig) { loadSample(t, cfg, name) })
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
				if tc.local && where.Provider != staging.ProviderLocal {
					return
				}
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
				for _, d := range s.Differences {
					if tc.name != "odd" && d.What != "rows of materialized views" {
						t.Errorf("told to differ: %+v", d)
					}
				}
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
	var all [][3]string // table, column as the masks have it, column
	err := json.Unmarshal([]byte(pgtest.Value(t, cfg, `SELECT coalesce(json_agg(json_build_array(format('%I.%I', nspname, relname), root || '.' || quote_ident(attname), quote_ident(attname))
  ORDER BY nspname, relname, attname COLLATE "C"), '[]')
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace LEFT JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped,
LATERAL (SELECT format('%I.%I', n.nspname, top.relname) AS root FROM pg_class top JOIN pg_namespace n ON n.oid = top.relnamespace
         WHERE top.oid = coalesce(pg_partition_root(c.oid), c.oid)) r
WHERE relkind IN ('r','m') AND relispopulated AND relpersistence <> 't' AND nspname !~ '^pg_' AND nspname <> 'information_schema'`)), &all)
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string][]string{}
	for _, part := range all {
		columns := tables[part[0]]
		if part[2] != "" && !masked[part[1]] {
			columns = append(columns, part[2])
		}
		tables[part[0]] = columns
	}
	queries := []string{"SELECT ''"}
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		columns := strings.Join(tables[table], ", ")
		head := strings.ReplaceAll(fmt.Sprintf("%s (%s): ", table, columns), "'", "''")
		queries = append(queries, fmt.Sprintf(
			`SELECT '%s' || count(*) || ' rows, ' || coalesce(md5(string_agg(r, E'\n' ORDER BY r COLLATE "C")), '') FROM (SELECT ROW(%s)::text AS r FROM ONLY %s) q`,
			head, columns, table))
	}
	return pgtest.Value(t, cfg, "SELECT string_agg(line, E'\n' ORDER BY line COLLATE \"C\") FROM ("+strings.Join(queries, " UNION ALL\n")+") all_of_them (line)")
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
