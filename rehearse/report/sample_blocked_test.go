package report_test

import "github.com/rehearse-db/rehearse/rehearse/report"

func waited(total, longest report.Duration, count int) report.Wait {
	return report.Wait{Total: total, Longest: longest, Count: count}
}

// blocked is a release that was probed, and met long transactions of others: an index that blocks writes, an instant column that waits in
// front of everybody, an index built CONCURRENTLY that a lock_timeout ends, a backfill, an index rebuilt.
func blocked() *report.Result {
	r := base()
	index, column, backfill := shopIndex(), calm().Migrations[0], shopBackfill()
	index.Probed, index.Blocked = true, []report.Blocked{{Table: "shop.orders", Writes: waited(ms(7_157), ms(7_157), 1)}}
	column.Probed, column.Blocked = true, []report.Blocked{{Table: "shop.orders", Reads: waited(ms(4), ms(4), 1), Writes: waited(ms(3), ms(2), 2)}}
	column.Hostile = &report.Hostile{
		Tables: []string{"shop.orders"}, WaitedFor: []string{"a reader of the table", "a dump"},
		Plain:   report.HostileRun{Outcome: report.Applied, Duration: ms(5_012), Blocked: []report.Blocked{{Table: "shop.orders", Reads: waited(ms(4_990), ms(4_990), 1), Writes: waited(ms(4_980), ms(4_980), 1)}}},
		Limited: &report.HostileRun{Outcome: report.Failed, Duration: ms(2_004), Blocked: []report.Blocked{{Table: "shop.orders", Reads: waited(ms(1_990), ms(1_990), 1)}}, Failure: refused(column, 3)},
	}
	cic := applied(45, "00045_orders_ref_concurrently.sql", ms(900))
	cic.Transaction, cic.Probed = false, true
	cic.Locks = []report.Exposure{{Table: "shop.orders", Mode: "SHARE UPDATE EXCLUSIVE", Held: ms(890), Blocks: "schema changes", Method: report.Sampled}}
	cic.Hostile = &report.Hostile{
		Tables: []string{"shop.orders"}, WaitedFor: []string{report.AWriter, "an old snapshot"},
		Plain: report.HostileRun{Outcome: report.Applied, Duration: ms(8_700), HeldUp: []report.HeldUp{
			{By: report.AWriter, Time: ms(3_010)}, {By: "an old snapshot", Time: ms(4_990)},
		}},
		Limited: &report.HostileRun{Outcome: report.Failed, Duration: ms(2_700), Failure: refused(cic, 2), HeldUp: []report.HeldUp{{By: report.AWriter, Time: ms(1_990)}}, Leftovers: []report.Leftover{
			{Kind: "invalid index", Object: "shop.orders_ref", Table: "shop.orders", SQL: "DROP INDEX CONCURRENTLY shop.orders_ref;"},
		}},
	}
	backfill.Probed = true
	reindex := applied(46, "00046_reindex.sql", ms(1_200))
	reindex.Probed, reindex.Hostile = true, &report.Hostile{Tables: []string{"shop.audit"}, Plain: report.HostileRun{Outcome: report.Applied, Duration: ms(1_210)}}
	reindex.Locks = []report.Exposure{{Table: "shop.audit", Object: "shop.audit_pkey", Mode: "ACCESS EXCLUSIVE", Held: ms(1_100), Blocks: "reads and writes", Line: 1, Method: report.Exact}}
	r.Migrations = []report.Migration{column, index, backfill, cic, reindex}
	r.Probing = &report.Probing{
		Tables: []string{"shop.customers", "shop.orders"}, Every: ms(5), Probes: 41_207, NoiseMedian: ms(0.2), NoiseMax: ms(54), NotProbed: []string{"shop.orders_by_day"},
	}
	longest, writer := ms(5_000), ms(1_200)
	r.Hostility = &report.Hostility{
		Hold: ms(5_000), HoldFrom: "as the oldest transaction at the source", WriterHold: ms(3_000),
		WriterHoldFrom: "a second more than the lock_timeout, since no transaction that writes at the source was seen to last longer", LongestWriter: &writer,
		LockTimeout: ms(2_000), Longest: &longest, Clients: 3, Hidden: 2,
	}
	return r
}

func refused(m report.Migration, line int) *report.Failure {
	return &report.Failure{SQLState: "55P03", Message: "canceling statement due to lock timeout", File: m.File, Line: line}
}
