package report_test

import "github.com/rehearse-db/rehearse/rehearse/report"

// wayBack is a release whose downs restore all, less, nothing, and fail.
func wayBack() *report.Result {
	r := calm()
	r.Migrations[0].Back = &report.Back{
		Verdict: report.BackReversible, Duration: ms(4_100),
		Locks: []report.Exposure{{Table: "shop.orders", Mode: "ACCESS EXCLUSIVE", Held: ms(4_080), Blocks: "reads and writes", Line: 6, Method: report.Exact}},
		Again: &report.Again{Outcome: report.Applied, Duration: ms(11)},
	}
	slow := applied(40, "00040_note_index.sql", ms(90))
	slow.Back = &report.Back{
		Verdict: report.BackReversible, Duration: ms(610), Locks: []report.Exposure{{Table: "shop.notes", Mode: "ACCESS EXCLUSIVE", Held: ms(600), Blocks: "reads and writes", Method: report.Exact}},
		Blocked: []report.Blocked{{Table: "shop.notes", Reads: waited(ms(580), ms(580), 1), Writes: waited(ms(590), ms(590), 1)}},
		Again:   &report.Again{Outcome: report.Applied, Duration: ms(80)},
	}
	r.Migrations = append(r.Migrations, slow)
	r.Migrations = append(r.Migrations, lossy(), noOp(), downFails(), leaves(), incomplete())
	none := applied(47, "00047_seen.sql", ms(3))
	none.HasDown, none.Back = false, &report.Back{Verdict: report.BackNone}
	r.Migrations = append(r.Migrations, none)
	return r
}

func lossy() report.Migration {
	m := applied(42, "00042_backfill_currency.sql", ms(94_300))
	m.Statements = []report.Statement{{SQL: "UPDATE shop.orders SET currency = 'EUR'", File: m.File, Line: 2, Tag: "UPDATE", Rows: num(260_412), Duration: ms(84_000), Transaction: true}}
	m.Contents = []report.TableContents{{
		Table: "shop.orders", Key: []string{"id"}, Columns: []report.ColumnContents{{Column: "currency", Rows: 260_412, Filled: 412}, {Column: "changed_at", Rows: 260_412}},
	}}
	data := m.Contents
	m.Back = &report.Back{Verdict: report.BackLossy, Duration: ms(61_000), Data: data, Lost: report.Losses(data), Again: &report.Again{Outcome: report.Applied, Duration: ms(90_000)}}
	return m
}

func noOp() report.Migration {
	m := applied(43, "00043_vouchers.sql", ms(20))
	m.HasDown = false
	m.Back = &report.Back{
		Verdict: report.BackNoOp, NotRestored: []report.Change{{Action: "added", Kind: "table", Name: "shop.vouchers"}},
		Again: &report.Again{Outcome: report.Failed, Failure: &report.Failure{SQLState: "42P07", Message: `relation "vouchers" already exists`, File: m.File, Line: 2}},
	}
	return m
}

func downFails() report.Migration {
	m := applied(44, "00044_index.sql", ms(210))
	m.Transaction = false
	m.Back = &report.Back{Verdict: report.BackFails, Duration: ms(4), Failure: &report.Failure{
		SQLState: "42704", Message: `index "orders_by_day" does not exist`, File: m.File, Line: 9, StaysApplied: "1 of the 2 statements sent (line 8); the version is still recorded as applied",
	}}
	return m
}

func leaves() report.Migration {
	m := applied(45, "00045_seed.sql", ms(8))
	m.Contents = []report.TableContents{{Table: "shop.countries", Key: []string{"code"}, OnlyAfter: 3}, {Table: "shop.log", OnlyBefore: 2, OnlyAfter: 2}}
	m.Back = &report.Back{
		Verdict: report.BackSchemaOnly, Duration: ms(3), Data: m.Contents[:1],
		Again: &report.Again{Outcome: report.Applied, Duration: ms(8), Differences: []report.Change{{Action: "added", Kind: "index", Name: "shop.countries_code_idx1"}}},
	}
	return m
}

func incomplete() report.Migration {
	m := applied(46, "00046_state_lost.sql", ms(2))
	m.Back = &report.Back{
		Verdict: report.BackIncomplete, Duration: ms(2), Moved: []string{"shop.orders"},
		NotRestored: []report.Change{
			{Action: "changed", Kind: "enum", Name: "shop.state", Attributes: []report.AttributeChange{{Name: "labels", Before: "'new'", After: "'new', 'lost'"}}},
			{Action: "dropped", Kind: "index", Name: "shop.orders_state_idx"},
		},
		Again: &report.Again{Outcome: report.Applied, Duration: ms(2)},
	}
	return m
}
