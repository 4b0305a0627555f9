package report_test

import (
	"fmt"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// samples are the results that the golden files show, judged as a run would judge them.
func samples() map[string]*report.Result {
	budget := verdict.Policy{MaxTotalTime: 2 * time.Minute, MaxMigrationTime: time.Minute, AllowRewriteBelow: 1 << 30}
	return map[string]*report.Result{
		"no-go":        judged(budget, shop()),
		"go":           judged(budget, calm()),
		"conditions":   judged(budget, invalidIndex()),
		"no-pending":   judged(budget, base()),
		"drift":        judged(budget, drifted()),
		"stopped":      judged(budget, stopped()),
		"half-applied": judged(budget, halfApplied()),
		"odd-names":    judged(verdict.Policy{}, oddNames()),
		"part":         judged(budget, part()),
		"masked":       judged(budget, masked()),
		"policy":       judged(verdict.Policy{MaxMigrationTime: time.Minute, AllowRewriteBelow: 1 << 20, Deny: []string{verdict.BlocksWrites}}, allowed()),
		"blocked":      judged(verdict.Policy{AllowRewriteBelow: -1, MaxWritesBlocked: verdict.BlockedBudget{Any: 2 * time.Second, Tables: map[string]time.Duration{"shop.audit": 0}}}, blocked()),
		"way-back":     judged(verdict.Policy{AllowRewriteBelow: -1, RequireDown: "schema", UnexpectedRowChanges: "warn"}, wayBack()),
		"queries":      judged(budget, asked()),
		"curve":        judged(verdict.Policy{AllowRewriteBelow: -1, MaxMigrationTime: 5 * time.Second, MaxTotalTime: time.Minute}, curved()),
	}
}

func judged(p verdict.Policy, r *report.Result) *report.Result {
	verdict.Judge(p, r)
	return r
}

// allowed is the shop's release with overrides in its files, one of them expired, checks of the user's own, and all rows that it fails on.
func allowed() *report.Result {
	r := shop()
	first, third := r.Migrations[0], r.Migrations[2]
	override := func(m report.Migration, line int, budget, value, until, reason string) report.Override {
		allows := budget
		if value != "" {
			allows += "=" + value
		}
		return report.Override{Migration: m.Version, File: m.File, Line: line, Allows: allows, Budget: budget, Value: value, Until: until, Reason: reason}
	}
	r.Overrides = []report.Override{
		override(first, 1, verdict.BlocksWrites, "", "2026-09-13", "maintenance window, OPS-122"),
		override(third, 1, "max_migration_time", "5m", "2026-12-31", "batches of the backfill, OPS-123"),
		override(third, 2, "allow_rewrite_below", "1GB", "2026-12-31", "to be sure"),
	}
	yes, no := true, false
	r.Checks = []report.Assertion{
		{Name: "no orphan orders", Expect: report.ExpectNoRows, Before: report.Answer{Rows: num(3)}, After: report.Answer{Rows: num(3)}, Took: ms(12)},
		{Name: "revenue unchanged", Expect: report.ExpectUnchanged, After: report.Answer{Same: &no}, Took: ms(40)},
		{Name: "customers have names", Expect: report.ExpectTrue, Before: report.Answer{True: &yes}, After: report.Answer{True: &yes}, Took: ms(7)},
	}
	for i := range r.Checks {
		r.Checks[i].Conclude()
	}
	r.CheckCommand = &report.CheckCommand{Status: 2, Took: ms(8_000)}
	for i := range r.Migrations {
		if f := r.Migrations[i].Failure; f != nil {
			f.Offenders = []report.Offenders{{
				What: "unique index on (email)", Table: "shop.customers", Kind: "unique", Rows: num(80), Groups: num(40),
				SQL: `SELECT "email", count(*) FROM ONLY shop.customers WHERE ("email") IS NOT NULL GROUP BY "email" HAVING count(*) > 1 ORDER BY count(*) DESC;`,
			}}
		}
	}
	r.Subject = &report.Subject{
		Files:    []report.File{{Version: first.Version, Name: first.Name, SHA256: "9f2c", State: report.FilePending, Sent: "1b7e"}},
		Versions: report.Versions{Table: "shop.goose_db_version", Head: 41, Count: 41, SHA256: "4d3a"},
		Schema:   &report.Fingerprint{SHA256: "55aa", Objects: map[string]map[string]string{"table": {"shop.orders": "0c9f2c1b7e4d3a55"}}},
	}
	return r
}

func ms(n float64) report.Duration { return report.Duration(n * float64(time.Millisecond)) }

func num(n int64) *int64 { return &n }

// base is a masked copy of a shop with nothing pending.
func base() *report.Result {
	at := time.Date(2026, 9, 14, 2, 10, 0, 0, time.UTC)
	return &report.Result{
		SchemaVersion: report.SchemaVersion, ID: "7f3a91c2",
		Tool:      report.Tool{Version: "0.1.0", Commit: "abc1234", Go: "go1.26.8"},
		StartedAt: at, Duration: ms(21_400),
		Source:  report.Server{Database: "shop", Version: "15.18", VersionNum: 150018, SizeBytes: 212 << 20, Encoding: "UTF8", Collate: "C.UTF-8", CType: "C.UTF-8"},
		Staging: report.Server{Database: "shop", Version: "15.18", VersionNum: 150018, Provider: "local", Image: "/usr/lib/postgresql/15/bin", Settings: map[string]string{"fsync": "on", "work_mem": "4MB"}},
		Session: report.Session{
			Role: "shop_owner", RoleReason: "owner of shop.goose_db_version", TimeZone: "UTC",
			Boundaries: "one session for all migrations", VersionTable: "shop.goose_db_version",
		},
		Snapshot: report.Snapshot{
			TakenAt: at, LSN: "5F/2C0001A8", HeldFor: ms(9_200), Rows: 300_412, Bytes: 88 << 20,
			Tables: []report.TableCopy{
				{Table: "shop.customers", Rows: 40_000, Bytes: 12 << 20, Masked: []string{"email", "full_name"}, Duration: ms(800)},
				{Table: "shop.orders", Rows: 260_412, Bytes: 76 << 20, Duration: ms(2_600)},
			},
		},
		Masking: report.Masking{
			RulesFile: "rehearse.masks.yaml", RulesHash: "9f2c1b7e4d3a55aa0c", Ephemeral: true, Columns: 14, Masked: 2, Kept: 12,
			ByMask: map[string]int{"email": 1, "full_name": 1},
			ColumnMasks: []report.ColumnMask{
				{Table: "shop.customers", Column: "email", Mask: "email", Distinct: true},
				{Table: "shop.customers", Column: "full_name", Mask: "full_name"},
			},
		},
		Audit: report.Audit{
			Done: true, Tables: 2, Columns: 9, Texts: 61, Values: 2_403_118, Bytes: 61 << 20, Opaque: 12, Watched: 2, Fingerprints: 79_204, Sample: 1,
			Memory: 18 << 20, Lookups: 9_120_417, FalsePositives: 2.4e-9, Duration: ms(1_900),
			Accepted:   []report.Leak{{Code: "personal-form", Where: "shop.orders.note", What: "an e-mail address", Values: 3, Reason: "our own support desk"}},
			NotScanned: []string{"5 columns of numbers, dates, enums and the like, or that a mask fills with one value"},
		},
		Phases: []report.Phase{{Name: "connect", Duration: ms(31)}, {Name: "copy", Duration: ms(9_400), Note: "88 MB"}, {Name: "migrate", Duration: ms(8_800)}},
		Differences: []report.Difference{
			{What: "setting shared_buffers", Source: "16 GB", Staging: "128 MB", Effect: "scans may be slower here than there"},
		},
		NotMeasured: []report.NotMeasured{{What: "bloat", Why: "the copy has none"}},
	}
}

func applied(version int64, name string, took report.Duration) report.Migration {
	return report.Migration{
		Version: version, Name: name, File: "db/migrations/" + name, Transaction: true, HasDown: true,
		Outcome: report.Applied, Duration: took, Commit: ms(2), Observing: ms(6), WAL: 12_400,
	}
}

// calm is a release without any trouble.
func calm() *report.Result {
	r := base()
	note := applied(41, "00041_orders_note.sql", ms(12))
	note.Locks = []report.Exposure{{Table: "shop.orders", Mode: "ACCESS EXCLUSIVE", Held: ms(9), Blocks: "reads and writes", Line: 3, Method: report.Exact}}
	r.Migrations = []report.Migration{note}
	r.Schema = []report.Change{{Action: "changed", Kind: "table", Name: "shop.orders", Children: []report.Change{
		{Action: "added", Kind: "column", Name: "shop.orders.note", Attributes: []report.AttributeChange{{Name: "type", After: "text"}}},
	}}}
	return r
}

// part is a release rehearsed on a part of the rows.
func part() *report.Result {
	r := calm()
	r.Snapshot.Rows = 3_417
	r.Snapshot.Tables = []report.TableCopy{
		{Table: "audit.events_2026", Root: "audit.events", Part: report.PartNone, SourceRows: 9_100_000, SourceRowsMethod: report.Estimated},
		{Table: "shop.countries", Rows: 249, Bytes: 4 << 10, Duration: ms(3)},
		{Table: "shop.customers", Rows: 201, Bytes: 60 << 10, Masked: []string{"email", "full_name"}, Duration: ms(9), Part: report.PartRoot, SourceRows: 40_000, SourceRowsMethod: report.Exact},
		{Table: "shop.orders", Rows: 2_967, Bytes: 700 << 10, Duration: ms(30), Part: report.PartReached, SourceRows: 260_412, SourceRowsMethod: report.Exact},
	}
	r.Snapshot.BrokenKeys = []report.BrokenKey{{Table: "shop.customers", Columns: []string{"referred_by"}, Rows: 31}}
	check := applied(42, "00042_orders_total_positive.sql", ms(40))
	check.Statements = []report.Statement{{SQL: "ALTER TABLE shop.orders ADD CHECK (total > 0)", File: check.File, Line: 2, Tag: "ALTER TABLE", Duration: ms(35), Scans: []report.Scan{{Table: "shop.orders", Count: 1, Rows: 2_967}}}}
	r.Migrations = append(r.Migrations, check)
	return r
}

// shop is the release of the demo: an index, a rewrite, a backfill, and a unique key that production's rows do not allow.
func shop() *report.Result {
	r := calm()
	r.Migrations = append(r.Migrations, shopIndex(), shopType(), shopBackfill(), shopUnique(), report.Migration{
		Version: 46, Name: "00046_drop_legacy.sql", File: "db/migrations/00046_drop_legacy.sql", Transaction: true, Outcome: report.NotRun,
	})
	r.Schema = append(r.Schema,
		report.Change{Action: "dropped", Kind: "table", Name: "shop.legacy", Children: []report.Change{
			{Action: "dropped", Kind: "column", Name: "shop.legacy.a"},
			{Action: "dropped", Kind: "column", Name: "shop.legacy.b"},
			{Action: "dropped", Kind: "index", Name: "shop.legacy_a_idx"},
			{Action: "dropped", Kind: "index", Name: "shop.legacy_b_idx"},
			{Action: "dropped", Kind: "constraint", Name: "legacy_pkey on shop.legacy"},
		}},
		report.Change{Action: "added", Kind: "table", Name: "shop.vouchers", Children: []report.Change{
			{Action: "added", Kind: "column", Name: "shop.vouchers.id", Attributes: []report.AttributeChange{{Name: "not null", After: "yes"}, {Name: "type", After: "bigint"}}},
			{Action: "added", Kind: "constraint", Name: "vouchers_pkey on shop.vouchers", Attributes: []report.AttributeChange{{Name: "definition", After: "PRIMARY KEY (id)"}}},
		}},
		report.Change{Action: "renamed", Kind: "table", Name: "shop.order_lines", OldName: "shop.order_items"},
		report.Change{Action: "changed", Kind: "function", Name: "shop.total(bigint)", Attributes: []report.AttributeChange{{
			Name:   "definition",
			Before: "CREATE FUNCTION shop.total(bigint)\n RETURNS integer\nAS $$\n  SELECT 1\n$$",
			After:  "CREATE FUNCTION shop.total(bigint)\n RETURNS bigint\nAS $$\n  SELECT 1\n$$",
		}}},
	)
	r.Schema[0].Children = append(r.Schema[0].Children,
		report.Change{Action: "changed", Kind: "column", Name: "shop.orders.total", Attributes: []report.AttributeChange{{Name: "type", Before: "integer", After: "bigint"}}},
		report.Change{Action: "added", Kind: "index", Name: "shop.orders_placed_at_idx", Attributes: []report.AttributeChange{{Name: "definition", After: "CREATE INDEX orders_placed_at_idx ON shop.orders USING btree (placed_at)"}}},
	)
	rows := r.Migrations[3].Rows
	r.Rows = rows
	r.Sizes = []report.Size{
		{Relation: "shop.orders", Kind: "table", Table: "shop.orders", Before: 102 << 20, After: 204 << 20},
		{Relation: "shop.orders_placed_at_idx", Kind: "index", Table: "shop.orders", After: 96 << 20},
	}
	return r
}

func shopIndex() report.Migration {
	m := applied(42, "00042_orders_placed_at.sql", ms(7_400))
	m.WAL = 96 << 20
	m.Locks = []report.Exposure{{Table: "shop.orders", Mode: "SHARE", Held: ms(7_180), Blocks: "writes", Line: 2, Method: report.Exact}}
	m.Statements = []report.Statement{{
		SQL: "CREATE INDEX orders_placed_at_idx ON shop.orders (placed_at);", File: m.File, Line: 2, Tag: "CREATE INDEX", Duration: ms(7_180), Transaction: true,
		Locks: []report.Lock{{Table: "shop.orders", Mode: "SHARE", Method: report.Exact}},
		Scans: []report.Scan{{Table: "shop.orders", Count: 1, Rows: 260_412}},
	}}
	return m
}

func shopType() report.Migration {
	m := applied(43, "00043_total_to_bigint.sql", ms(3_600))
	m.WAL = 38 << 20
	m.Locks = []report.Exposure{{Table: "shop.orders", Mode: "ACCESS EXCLUSIVE", Held: ms(3_550), Blocks: "reads and writes", Line: 2, Method: report.Exact}}
	m.Rewrites = []report.Rewrite{{Table: "shop.orders", Reason: "column type", Bytes: 102 << 20}}
	m.Statements = []report.Statement{{
		SQL: "ALTER TABLE shop.orders ALTER COLUMN total TYPE bigint", File: m.File, Line: 2, Tag: "ALTER TABLE", Duration: ms(3_550), Transaction: true,
		Locks: []report.Lock{{Table: "shop.orders", Mode: "ACCESS EXCLUSIVE", Method: report.Exact}}, Rewrites: m.Rewrites,
	}}
	return m
}

func shopBackfill() report.Migration {
	m := applied(44, "00044_backfill_currency.sql", ms(94_300))
	m.Slept = ms(10_000)
	m.Rows = []report.TableRows{
		{Table: "shop.audit", Before: num(120_000), After: num(380_412), Inserted: 260_412, Method: report.Exact},
		{Table: "shop.orders", Before: num(260_412), After: num(260_412), Updated: 260_412, Method: report.Exact},
	}
	m.Statements = []report.Statement{{SQL: "UPDATE shop.orders SET currency = 'EUR'", File: m.File, Line: 2, Tag: "UPDATE", Rows: num(260_412), Duration: ms(84_000), Transaction: true}}
	return m
}

func shopUnique() report.Migration {
	m := applied(45, "00045_customers_email_unique.sql", ms(310))
	m.Outcome = report.Failed
	m.Failure = &report.Failure{
		SQLState: "23505", Message: `could not create unique index "customers_email_key": key (email) is duplicated`,
		Table: "shop.customers", Columns: []string{"email"}, Constraint: "customers_email_key", File: m.File, Line: 3,
	}
	m.Statements = []report.Statement{{
		SQL: "ALTER TABLE shop.customers ADD CONSTRAINT customers_email_key UNIQUE (email);", File: m.File, Line: 3, Tag: "ALTER TABLE",
		Duration: ms(301), Transaction: true, Failure: m.Failure,
	}}
	return m
}

func invalidIndex() *report.Result {
	r := calm()
	m := applied(42, "00042_orders_ref.sql", ms(1_400))
	m.Transaction, m.HasDown = false, false
	m.Leftovers = []report.Leftover{
		{Kind: "invalid index", Object: "shop.orders_ref_ccnew", Table: "shop.orders", SQL: "DROP INDEX CONCURRENTLY shop.orders_ref_ccnew;"},
		{Kind: "constraint not valid", Object: "orders_total_check", Table: "shop.orders", SQL: "ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_total_check;"},
	}
	m.Locks = []report.Exposure{{Table: "shop.orders", Mode: "SHARE UPDATE EXCLUSIVE", Held: ms(1_300), Blocks: "schema changes", Method: report.Sampled}}
	r.Migrations = append(r.Migrations, m)
	r.Leftovers = m.Leftovers
	return r
}

func drifted() *report.Result {
	r := base()
	r.Drift = &report.Drift{MissingFiles: []int64{38, 39}, OutOfOrder: []string{"00037_late.sql"}}
	late := applied(37, "00037_late.sql", 0)
	late.Outcome = report.NotRun
	r.Migrations = []report.Migration{late}
	return r
}

func stopped() *report.Result {
	r := base()
	return &report.Result{
		SchemaVersion: report.SchemaVersion, ID: r.ID, Tool: r.Tool, StartedAt: r.StartedAt, Duration: ms(420), Source: r.Source,
		Stopped: &report.Stop{Phase: "plan masks", Reason: "2 columns have no rule: shop.customers.phone, shop.customers.notes", ExitCode: 12},
		Phases:  r.Phases[:1],
	}
}

// halfApplied is a migration without a transaction that fails, and one that never ends.
func halfApplied() *report.Result {
	r := base()
	m := applied(50, "00050_index_twice.sql", ms(2_300))
	m.Transaction, m.Outcome = false, report.Failed
	m.Failure = &report.Failure{
		SQLState: "23505", Message: `could not create unique index "customers_name_key": key (full_name) is duplicated`, Table: "shop.customers",
		Columns: []string{"full_name"}, Constraint: "customers_name_key", File: m.File, Line: 4, StaysApplied: "1 of the 2 statements sent (line 3); the version is not recorded as applied",
	}
	m.Statements = []report.Statement{
		{SQL: "ALTER TABLE shop.customers ADD COLUMN seen timestamptz", File: m.File, Line: 3, Tag: "ALTER TABLE", Duration: ms(8)},
		{SQL: "CREATE UNIQUE INDEX CONCURRENTLY customers_name_key ON shop.customers (full_name)", File: m.File, Line: 4, Tag: "CREATE INDEX", Duration: ms(2_280), Failure: m.Failure},
	}
	m.Leftovers = []report.Leftover{{Kind: "invalid index", Object: "shop.customers_name_key", Table: "shop.customers", SQL: "DROP INDEX CONCURRENTLY shop.customers_name_key;"}}
	r.Migrations = []report.Migration{m}
	r.Leftovers = m.Leftovers
	return r
}

func oddNames() *report.Result {
	r := base()
	r.Source.Database = "Ünï --> |db|"
	m := applied(20260914021000, "20260914021000_@team_*bold*_#12.sql", ms(0.02))
	m.HasDown = false
	m.Rows = []report.TableRows{
		{Table: `"My Schema"."T.1|x"`, Before: num(200), After: num(0), Replaced: true, Method: report.Exact},
		{Table: `"My Schema"."顧客"`, Before: num(3), After: num(2), Deleted: 1, Method: report.Sampled},
	}
	m.Statements = []report.Statement{
		{SQL: `DROP TABLE "My Schema"."T.1|x"`, Tag: "DROP TABLE", Transaction: true},
		{SQL: `CREATE TABLE "My Schema"."T.1|x" ()`, Tag: "CREATE TABLE", Transaction: true},
	}
	m.Rewrites = []report.Rewrite{{Table: "\"My Schema\".\"<!-- \x1b[2J -->\"", Reason: "column type", Bytes: 3 << 30}}
	r.Migrations = []report.Migration{m}
	r.Rows = m.Rows
	r.Schema = []report.Change{{
		Action: "replaced", Kind: "table", Name: `"My Schema"."T.1|x"`,
		Children: []report.Change{{Action: "dropped", Kind: "column", Name: `"My Schema"."T.1|x"."a` + "```" + `b"`}},
	}}
	r.Snapshot.SchemaErrors = []report.SchemaError{{Object: `VIEW "My Schema".loop`, Reason: "infinite recursion (42P17)"}}
	return r
}

// many is a release too large to be shown whole.
func many(migrations, tables int) *report.Result {
	r := base()
	for i := range migrations {
		m := applied(int64(i+1), fmt.Sprintf("%05d_step.sql", i+1), ms(float64(i%97)+1))
		if i%10 == 0 {
			m.Rewrites = []report.Rewrite{{Table: fmt.Sprintf("shop.t%04d", i), Reason: "column type", Bytes: int64(i+2) << 20}}
		}
		r.Migrations = append(r.Migrations, m)
	}
	for i := range tables {
		name := fmt.Sprintf("shop.t%04d", i)
		r.Rows = append(r.Rows, report.TableRows{Table: name, Before: num(10), After: num(int64(10 + i)), Inserted: int64(i), Method: report.Exact})
		r.Sizes = append(r.Sizes, report.Size{Relation: name, Kind: "table", Table: name, Before: 8192, After: int64(8192 * (i + 2))})
		r.Schema = append(r.Schema, report.Change{Action: "changed", Kind: "table", Name: name, Children: []report.Change{{Action: "added", Kind: "column", Name: name + ".note"}}})
	}
	return judged(verdict.Policy{AllowRewriteBelow: -1}, r)
}

// masked is a release whose outcome masked values decide: one statement passes because masks hide what production has, one failed on what
// they make up.
func masked() *report.Result {
	r := calm()
	index := applied(42, "00042_customers_email_lower.sql", ms(30))
	index.Statements = []report.Statement{{SQL: "CREATE UNIQUE INDEX customers_email_lower ON shop.customers (lower(email))", File: index.File, Line: 2, Tag: "CREATE INDEX", Duration: ms(25)}}
	check := applied(43, "00043_customers_check_name.sql", ms(4))
	failure := &report.Failure{SQLState: "23514", Message: `check constraint "two_names" of relation "customers" is violated by some row`, Table: "shop.customers", Constraint: "two_names", File: check.File, Line: 3}
	check.Outcome, check.Failure = report.Failed, failure
	check.Statements = []report.Statement{{SQL: "ALTER TABLE shop.customers ADD CONSTRAINT two_names CHECK (full_name LIKE '% %')", File: check.File, Line: 3, Tag: "ALTER TABLE", Duration: ms(3), Failure: failure}}
	r.Migrations = append(r.Migrations, index, check)
	before := report.Profile{
		Rows: 40_000, Nulls: 12, Empty: 3, Spaced: 41, NonASCII: 310, Chars: report.Lengths{Max: 61, Mean: 22.4}, Bytes: report.Lengths{Max: 64, Mean: 22.5},
		Buckets: []int64{3, 0, 0, 1_000, 9_000, 29_985}, Distinct: 39_800, Folded: 36_500, Method: report.Estimated, Shapes: []report.Shape{{Shape: "a.a@a.a", Count: 24_100}, {Shape: "a9@a.a", Count: 9_000}},
	}
	after := before
	after.Empty, after.Spaced, after.NonASCII, after.Folded = 0, 0, 0, 39_800
	after.Chars, after.Shapes = report.Lengths{Min: 30, Max: 30, Mean: 30}, []report.Shape{{Shape: "a@a.a", Count: 39_988}}
	r.Fidelity = &report.Fidelity{Took: ms(84)}
	r.Fidelity.Columns = []report.ColumnFidelity{
		{
			Table: "shop.customers", Column: "email", Mask: "email", Before: &before, After: &after, Differs: report.Compare(before, after),
			Touches: []report.Touch{{Migration: 42, File: index.File, Line: 2, What: "unique index on (lower(email))"}},
		},
		{Table: "shop.customers", Column: "full_name", Mask: "constant", Touches: []report.Touch{{Migration: 43, File: check.File, Line: 3, What: "CHECK (full_name LIKE '% %')"}}},
		{Table: "shop.orders", Column: "note", Mask: "shape", Before: &before, After: &before},
	}
	r.Fidelity.Checks = []report.SourceCheck{
		{Migration: 42, File: index.File, Line: 2, Kind: "unique", What: "unique index on (lower(email))", Table: "shop.customers", Columns: []string{"email"}, Source: num(31), Staging: num(0), SQL: "SELECT count(*) FROM (SELECT FROM ONLY shop.customers WHERE (lower(email)) IS NOT NULL GROUP BY lower(email) HAVING count(*) > 1) broken", Took: ms(80)},
		{Migration: 43, File: check.File, Line: 3, Kind: "check", What: "CHECK (full_name LIKE '% %')", Table: "shop.customers", Columns: []string{"full_name"}, Source: num(0), Staging: num(1), SQL: "SELECT count(*) FROM (SELECT FROM shop.customers WHERE NOT (full_name LIKE '% %')) broken", Took: ms(4)},
		{Migration: 43, File: check.File, Line: 4, Kind: "cast", What: "cast of email to date using email::date", Table: "shop.customers", Columns: []string{"email"}, Why: "the source had not counted after 5 min"},
	}
	for i := range r.Fidelity.Checks {
		r.Fidelity.Checks[i].Conclude()
	}
	return r
}
