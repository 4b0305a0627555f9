package rehearse_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/testdata/shop"
)

// shopSubset takes half of the shop's customers with what belongs to them, by their addresses in the audit trail too.
const shopSubset = `
data: {shop.tickets: none, shop.subscribers: {rows: "email LIKE 'marker-000%'"}}
subset:
  roots: {shop.customers: {percent: 50}}
  keys: [{from: shop.audit(actor_email), to: shop.customers(email)}]
  break: [shop.orders(address_id)]
`

func subsetConfig(t testing.TB, base rehearse.Config) rehearse.Config {
	t.Helper()
	text, err := shop.Files.ReadFile("rehearse.masks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return configured(t, base.Source, base.Staging, string(text)+shopSubset)
}

// TestSubsetOnlyReads makes a subset as a role that may only SELECT, and from a standby, and asks the source's counters and its log what was
// done there.
func TestSubsetOnlyReads(t *testing.T) {
	t.Parallel()
	server := watchedServer(t)
	db := server.New(t)
	if err := shop.History(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, db, fmt.Sprintf(plantSQL, planted))
	pgtest.Exec(t, db, reader+`; GRANT USAGE ON SCHEMA shop TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA shop, public TO reader;
		GRANT SELECT ON ALL SEQUENCES IN SCHEMA shop, public TO reader`)
	where := rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}
	before, logged := writes(t, server, db.Database), logSize(t, server)
	s, copied := staged(t, subsetConfig(t, rehearse.Config{Source: readerOf(db), Staging: where}))
	if after := writes(t, server, db.Database); after != before {
		t.Errorf("pg_stat_database of the source counts inserted, updated, deleted %s, before it was %s", after, before)
	}
	allowed(t, statementsOf(t, server, logged, db.Database), 11) // nothing is read where no row was chosen
	half(t, s.Snapshot)
	if n := pgtest.Value(t, copied, "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND NOT convalidated"); n != "0" {
		t.Errorf("%s foreign keys are not valid", n)
	}
	standby := server.Standby(t).Config(db.Database)
	again, _ := staged(t, subsetConfig(t, rehearse.Config{Source: standby, Staging: where}))
	for i, table := range s.Snapshot.Tables {
		if there := again.Snapshot.Tables[i]; there.Table != table.Table || there.Rows != table.Rows {
			t.Errorf("from the standby %s has %d rows, from the primary %d", there.Table, there.Rows, table.Rows)
		}
	}
}

// half looks at what is told of the tables.
func half(t testing.TB, s report.Snapshot) {
	t.Helper()
	parts := map[string]string{}
	for _, table := range s.Tables {
		if table.Part != "" {
			parts[strings.TrimPrefix(table.Table, "shop.")] = table.Part
		}
		switch table.Table {
		case "shop.customers", "shop.orders", "shop.payments", "shop.audit_2025":
			if table.Rows == 0 || table.Rows == table.SourceRows || table.SourceRows != planted {
				t.Errorf("%s has %d rows of %d", table.Table, table.Rows, table.SourceRows)
			}
		}
	}
	for name, want := range map[string]string{
		"customers": report.PartRoot, "orders": report.PartReached, "audit_2025": report.PartReached, "tickets": report.PartNone,
		"subscribers": report.PartRows, "countries": report.PartReferenced, "goose_db_version": "", "public.goose_db_version": "",
	} {
		if parts[name] != want {
			t.Errorf("part of %s is %q, want %q", name, parts[name], want)
		}
	}
}
