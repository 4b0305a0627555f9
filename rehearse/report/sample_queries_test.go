package report_test

import (
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// asked is a release that bears on queries of the application, and leaves things behind.
func asked() *report.Result {
	r := base()
	drop := applied(43, "00043_users_name.sql", ms(9))
	drop.Queries = &report.Affected{BrokenCount: 3, CallsADay: 2_140_112, Broken: []report.BrokenQuery{
		{Query: "SELECT name FROM users WHERE id = $1", Role: "shop_app", SQLState: "42703", Message: `column "name" does not exist`, Calls: 25_681_344, CallsADay: 2_140_112},
		{Query: "UPDATE users SET name = $1 WHERE id = $2", Role: "shop_app", SQLState: "42703", Message: `column "name" of relation "users" does not exist`},
		{Query: "SELECT mail FROM users", SQLState: "42703", Message: `column "mail" does not exist`, Calls: 12, CallsADay: 1, MendedBy: 44},
	}}
	kind := applied(44, "00044_total_bigint.sql", ms(3_600))
	kind.WAL, kind.Disk = 134<<20, &report.Disk{Before: 212 << 20, Peak: 314 << 20, After: 230 << 20, Every: ms(100), Looks: 39, Method: report.Sampled}
	kind.Queries = &report.Affected{PlansCount: 2, Plans: []report.PlanChange{
		{
			Query: "SELECT * FROM orders WHERE total = $1", Role: "shop_app", Kind: report.PlanUntilAnalyze, Why: "costs 512 times as much by the planner's reckoning",
			Before: report.PlanFacts{Cost: 8.45, Form: "Index Scan using orders_total on shop.orders"}, Analyzed: report.PlanFacts{Cost: 8.45, Form: "Index Scan using orders_total on shop.orders"},
			After:   report.PlanFacts{Cost: 4_327.5, Form: "Bitmap Heap Scan on shop.orders (Bitmap Index Scan using orders_total)"},
			Analyze: []string{"ANALYZE shop.orders (total);"}, Calls: 43_210, CallsADay: 3_600,
		},
		{
			Query: "SELECT id FROM orders WHERE state = $1", Kind: report.PlanBetter, Why: "uses index orders_state, where it read all of shop.orders",
			Before: report.PlanFacts{Cost: 9_000, Form: "Seq Scan on shop.orders"}, After: report.PlanFacts{Cost: 80, Form: "Index Scan using orders_state on shop.orders"},
			Analyzed: report.PlanFacts{Cost: 80, Form: "Index Scan using orders_state on shop.orders"},
		},
	}}
	kind.Left.Statistics = []report.LostStatistics{{Table: "shop.orders", Rows: 260_412, Lost: []string{"total"}, Analyze: "ANALYZE shop.orders (total);"}}
	fill := applied(45, "00045_backfill.sql", ms(4_100))
	fill.Left.Dead = []report.DeadRows{{Table: "shop.orders", Dead: 260_412, Rows: 260_412, Before: 76 << 20, After: 152 << 20, Method: report.Exact}}
	fill.Left.Sequences = []report.LeftSequence{
		{Sequence: "shop.orders_id_seq", Table: "shop.orders", Column: "id", Kind: report.SequenceBehind, Behind: 50, SQL: "SELECT setval('shop.orders_id_seq', (SELECT max(id) FROM shop.orders));"},
		{Sequence: "shop.old_seq", Table: "shop.customers", Kind: report.SequenceOrphaned, SQL: "DROP SEQUENCE shop.old_seq;"},
		{Sequence: "shop.events_id_seq", Table: "shop.events", Column: "id", Kind: report.SequenceNearEnd, Used: 0.913},
	}
	r.Migrations = []report.Migration{drop, kind, fill}
	r.Queries = &report.Queries{
		From: []string{"pg_stat_statements", "queries.sql"}, Shapes: 4_352, Tried: 4_310, Refused: map[string]int{"42P01": 40, "42P18": 2}, Window: ms(12 * 24 * 3_600_000),
		Hidden: 3, LeftOut: 690, Method: "EXPLAIN (GENERIC_PLAN)",
	}
	return r
}
