package report_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// interrupted is a release of which one migration resumes, one needs a clean-up, one is applied twice and one is stuck.
func interrupted() *report.Result {
	r := base()
	kill := func(version int64, name string, k report.Kill) {
		m := applied(version, name, ms(40))
		for range k.Statements {
			m.Statements = append(m.Statements, report.Statement{SQL: "SELECT 1", Tag: "SELECT"})
		}
		k.Outcome = k.Worst().Outcome
		m.Kill = &k
		m.Repeat = report.Repeated([]report.Duration{ms(38), ms(41), ms(44), ms(902)})
		r.Migrations = append(r.Migrations, m)
	}
	kill(41, "00041_note.sql", report.Kill{Statements: 1, Points: []report.KillPoint{{Statement: 1, Line: 2, Outcome: report.KillResumes}}})
	kill(42, "00042_index.sql", report.Kill{Statements: 1, Points: []report.KillPoint{
		{
			Statement: 1, Line: 3, Inside: true, Stayed: []string{"index shop.orders_b (invalid)"}, Outcome: report.KillNeedsCleanup,
			Failure: &report.Failure{SQLState: "42P07", Message: `relation "orders_b" already exists`}, Cleanup: "DROP INDEX CONCURRENTLY shop.orders_b;",
		},
		{Statement: 1, Line: 3, Stayed: []string{"index shop.orders_b"}, Outcome: report.KillResumes},
	}})
	kill(43, "00043_prices.sql", report.Kill{
		Statements: 30, LeftOut: "killed after 2 of its 30 statements, the first, the last and others evenly spread",
		NotCompared: []string{"shop.orders.changed_at"}, Points: []report.KillPoint{
			{
				Statement: 1, Line: 3, Stayed: []string{"values of shop.orders.total"}, Outcome: report.KillDiffers, Differs: []string{"values of shop.orders.total"}, DataDiffers: true,
				Cleanup: "UPDATE shop.orders SET x = 1;\nINSERT INTO shop.goose_db_version (version_id, is_applied) VALUES (43, true);", ByHand: true,
			},
			{Statement: 30, Line: 40, Outcome: report.KillResumes},
		},
	})
	kill(44, "00044_stuck.sql", report.Kill{Statements: 2, Points: []report.KillPoint{
		{Statement: 1, Outcome: report.KillWedged, Failure: &report.Failure{Message: "it left a transaction open"}},
	}})
	return r
}

// TestKilledIsTold reads a report as somebody would whose deployment was cut off.
func TestKilledIsTold(t *testing.T) {
	t.Parallel()
	r := judged(verdict.Policy{MaxMigrationTime: 1, AllowRewriteBelow: -1}, interrupted())
	var text, md bytes.Buffer
	if err := report.Text(&text, r, report.TextOptions{Width: 4000}); err != nil {
		t.Fatal(err)
	}
	if err := report.Markdown(&md, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Killed half way\n",
		"- 00041_note was killed after each statement (1 point); goose up resumed each time, to the same end",
		"  00042_index:\n  - killed in the middle of line 3: stays: index shop.orders_b (invalid); goose up fails: relation \"orders_b\" already exists (42P07)\n",
		"Killed in the middle of line 3: clean up, then run goose again",
		"          DROP INDEX CONCURRENTLY shop.orders_b;\n",
		"00043_prices: killed after 2 of its 30 statements",
		"goose up succeeds and leaves something else: values of shop.orders.total",
		"do not run goose again, but finish by hand",
		"not compared, since two undisturbed runs differ there too: values of shop.orders.changed_at",
		"condition: 00044_stuck, killed after statement 1: goose up fails: it left a transaction open (db/migrations/00044_stuck.sql) [kill-wedged]",
		"condition: 00043_prices, killed after line 3: goose up succeeds and leaves something else",
		"warning: 00042_index, killed in the middle of line 3",
		"warning: 00041_note took from 38 ms to 902 ms in 4 runs on clones of one copy (median 42 ms)",
		"00041_note took 42 ms (median of 4 runs), over the budget",
		"Times, repeated\n",
		"4 runs on clones of one copy on this machine",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text does not say %q", want)
		}
	}
	if t.Failed() {
		t.Log(text.String())
	}
	if !strings.Contains(md.String(), "<summary>Killed half way</summary>") || !strings.Contains(md.String(), "DROP INDEX CONCURRENTLY shop.orders_b;") {
		t.Error("the Markdown form lacks the section")
	}
}
