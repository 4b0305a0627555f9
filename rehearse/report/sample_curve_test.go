package report_test

import "github.com/rehearse-db/rehearse/rehearse/report"

// curved is a release timed on a copy of a tenth of the orders, and on copies of that: an index that grows with them, a column that is too quick to
// tell, a backfill whose times are on no line, and one of two statements where a smaller copy failed.
func curved() *report.Result {
	r := part()
	inferred := func(rows int64, least, most report.Duration) *report.Inferred {
		return &report.Inferred{Rows: rows, RowsMethod: report.Estimated, Beyond: true, Least: least, Most: most, Method: report.Estimated}
	}
	points := func(times ...[]report.Duration) (all []report.GrowthPoint) {
		for i, rows := range []int64{120_000, 60_114, 29_873}[:len(times)] {
			all = append(all, report.GrowthPoint{Rows: rows, Took: times[i]})
		}
		return all
	}
	took := func(all ...report.Duration) []report.Duration { return all }
	grown := func(version int64, name string, g report.Growth) report.Migration {
		m := applied(version, name, g.Points[0].Took[0])
		if g.Tables == nil {
			g.Tables = []string{"shop.orders"}
		}
		m.Curve = &report.Curve{Whole: g}
		return m
	}
	index := grown(41, "00041_index.sql", report.Growth{
		Points: points(took(ms(812), ms(830)), took(ms(421), ms(430), ms(418)), took(ms(226), ms(230), ms(221))), Form: report.GrowsLinear,
		Fixed: ms(28), Million: ms(6_602), Source: inferred(1_200_000, ms(7_700), ms(9_900)), Twice: inferred(2_400_000, ms(15_300), ms(20_700)),
	})
	column := grown(42, "00042_note.sql", report.Growth{
		Points: points(took(ms(1.2), ms(1.3)), took(ms(1.1), ms(1.4), ms(1)), took(ms(1), ms(3), ms(1.1))), Form: report.GrowsQuick,
		Source: inferred(1_200_000, 0, ms(30)), Twice: inferred(2_400_000, 0, ms(60)),
	})
	backfill := grown(43, "00043_prices.sql", report.Growth{
		Points: points(took(ms(9_100), ms(9_300)), took(ms(600), ms(610), ms(640)), took(ms(290), ms(300), ms(310))), Form: report.GrowsUnknown,
		Why: "it grows faster than the rows: 4.0 times the rows took 30.7 times as long",
	})
	two := grown(44, "00044_two.sql", report.Growth{
		Points: points(took(ms(900), ms(910)), took(ms(880), ms(900), ms(905))), Form: report.GrowsConstant, Source: inferred(1_200_000, ms(780), ms(1_270)), Twice: inferred(2_400_000, ms(690), ms(1_610)),
	})
	first, second := two.Curve.Whole, two.Curve.Whole
	first.Statement, first.Line, second.Statement = 1, 3, 2
	second.Form, second.Source, second.Twice = report.GrowsUndecided, inferred(1_200_000, 0, ms(4_100)), inferred(2_400_000, 0, ms(8_100))
	two.Statements = append(two.Statements, report.Statement{SQL: "SELECT 1", Tag: "SELECT"}, report.Statement{SQL: "SELECT 2", Tag: "SELECT"})
	two.Curve.Statements = []report.Growth{first, second}
	r.Migrations = []report.Migration{index, column, backfill, two}
	rows := func(n int64) []report.ScaledRows {
		return []report.ScaledRows{{Table: "shop.countries", Rows: 200}, {Table: "shop.orders", Rows: n}}
	}
	r.Scaling = &report.Scaling{Sizes: []report.ScaledCopy{
		{Share: 1, Runs: 2, Tables: rows(120_000)},
		{Share: 0.5, Runs: 3, Tables: rows(60_114)},
		{Share: 0.25, Tables: rows(29_873), Failed: "00044_two.sql was applied to the whole copy and failed with fewer rows: division by zero"},
	}}
	return r
}
