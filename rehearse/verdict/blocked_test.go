package verdict_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// probed is a migration that locked shop.t for as long as held says, and what probes of it waited.
func probed(mode, blocks string, held, reads, writes report.Duration) *report.Result {
	m := locking("ALTER TABLE shop.t ADD c int", mode, blocks, held)
	m.Statements[0].Scans = nil
	m.Probed = true
	if reads+writes > 0 {
		m.Blocked = []report.Blocked{{Table: "shop.t", Reads: wait(reads), Writes: wait(writes)}}
	}
	r := with(m)
	r.Probing = &report.Probing{Tables: []string{"shop.t"}}
	return r
}

func wait(d report.Duration) report.Wait {
	if d == 0 {
		return report.Wait{}
	}
	return report.Wait{Total: d, Longest: d, Count: 1}
}

func budget(reads, writes time.Duration, tables map[string]time.Duration) verdict.Policy {
	return verdict.Policy{
		AllowRewriteBelow: -1, MaxReadsBlocked: verdict.BlockedBudget{Any: reads, Tables: tables}, MaxWritesBlocked: verdict.BlockedBudget{Any: writes, Tables: tables},
	}
}

func TestBlockedBudgets(t *testing.T) {
	t.Parallel()
	const all, writes = "reads and writes", "writes"
	unprobed := func(r *report.Result) *report.Result {
		r.Migrations[0].Probed, r.Probing = false, nil
		return r
	}
	quick := up("CREATE INDEX CONCURRENTLY i ON shop.t (a)")
	quick.Transaction, quick.Statements[0].Transaction, quick.Statements[0].Duration = false, false, sec(0.002)
	slow := quick
	slow.Statements = []report.Statement{quick.Statements[0]}
	slow.Statements[0].Duration = sec(3)
	unseen := up("ALTER TABLE shop.t ADD c int")
	unseen.Duration = sec(4)
	missed := with(unseen)
	missed.NotMeasured = []report.NotMeasured{{What: "locks, scans, rewrites and rows changed of m/00007_x.sql:1", Why: "no answer in time"}}
	made := probed("ACCESS EXCLUSIVE", all, sec(9), sec(9), sec(9))
	made.Schema = []report.Change{{Action: "added", Kind: "table", Name: "shop.t"}}
	index := probed("ACCESS EXCLUSIVE", all, sec(9), 0, 0)
	index.Migrations[0].Locks[0].Object = "shop.i"
	both := probed("ACCESS EXCLUSIVE", all, sec(0.2), sec(0.2), sec(7))
	both.Migrations[0].Locks = append(both.Migrations[0].Locks, report.Exposure{Table: "shop.t", Mode: "SHARE", Held: sec(7), Blocks: writes, Line: 1, Method: report.Exact})
	found := probed("SHARE UPDATE EXCLUSIVE", "schema changes", sec(1), 0, sec(4))

	for name, c := range map[string]struct {
		p     verdict.Policy
		r     *report.Result
		codes []string
		says  string
		exit  int
	}{
		"over, for writes":               {budget(0, 2*time.Second, nil), probed("SHARE", writes, sec(7.4), 0, sec(7.2)), []string{"blocked-over-budget fail shop.t"}, "blocked writes to shop.t for 7.2 s (probed), over the budget of 2.0 s; its SHARE lock was held for 7.4 s", 11},
		"over, for reads":                {budget(2*time.Second, 9*time.Second, nil), probed("ACCESS EXCLUSIVE", all, sec(3.5), sec(3.3), sec(3.2)), []string{"blocked-over-budget fail shop.t"}, "blocked reads of shop.t for 3.3 s (probed), over the budget of 2.0 s; its ACCESS", 11},
		"over, for both":                 {budget(time.Second, time.Second, nil), probed("ACCESS EXCLUSIVE", all, sec(3.5), sec(3.3), sec(3.2)), []string{"blocked-over-budget fail shop.t"}, "blocked reads and writes of shop.t for 3.3 s (probed), over the budget of 1.0 s for reads and 1.0 s for writes", 11},
		"just within":                    {budget(0, 7200*time.Millisecond, nil), probed("SHARE", writes, sec(7.4), 0, sec(7.2)), []string{"blocks-writes warn shop.t"}, "blocked writes to shop.t for 7.2 s (probed); its SHARE", 0},
		"probes decide, not the lock":    {budget(0, 2*time.Second, nil), probed("SHARE", writes, sec(7.4), 0, 0), nil, "", 0},
		"by table":                       {budget(0, time.Minute, map[string]time.Duration{"shop.t": time.Second}), probed("SHARE", writes, sec(7), 0, sec(7)), []string{"blocked-over-budget fail shop.t"}, "budget of 1.0 s", 11},
		"by bare name":                   {budget(0, 0, map[string]time.Duration{"T": time.Second}), probed("SHARE", writes, sec(7), 0, sec(7)), []string{"blocked-over-budget fail shop.t"}, "budget of 1.0 s", 11},
		"no limit for this one":          {budget(time.Second, time.Second, map[string]time.Duration{"shop.t": 0}), probed("SHARE", writes, sec(7), 0, sec(7)), []string{"blocks-writes warn shop.t"}, "", 0},
		"another of that name":           {budget(0, 0, map[string]time.Duration{`shop."T"`: time.Second, "x.t": time.Second}), probed("SHARE", writes, sec(7), 0, sec(7)), []string{"blocks-writes warn shop.t"}, "", 0},
		"a small budget":                 {budget(0, 20*time.Millisecond, nil), probed("SHARE", writes, sec(0.05), 0, sec(0.04)), []string{"blocked-over-budget fail shop.t"}, "for 40 ms (probed)", 11},
		"nobody probed":                  {budget(0, 2*time.Second, nil), unprobed(probed("SHARE", writes, sec(7.4), 0, 0)), []string{"blocked-over-budget fail shop.t"}, "judged by how long the lock was held, since nobody probed", 11},
		"an index is not probed":         {budget(2*time.Second, 0, nil), index, []string{"blocked-over-budget fail shop.t"}, "(index shop.i)", 11},
		"of the release itself":          {budget(time.Second, time.Second, nil), made, nil, "", 0},
		"two locks, each its own":        {budget(time.Second, time.Second, nil), both, []string{"blocked-over-budget fail shop.t", "blocks-reads info shop.t"}, "blocked writes to shop.t for 7.0 s", 11},
		"seen by probes only":            {budget(0, time.Second, nil), found, []string{"blocked-over-budget fail shop.t"}, "blocked writes to shop.t for 4.0 s (probed), over", 11},
		"unseen, and over at once":       {budget(0, 2*time.Second, nil), with(quick), nil, "", 0},
		"unseen for longer":              {budget(0, 2*time.Second, nil), with(slow), []string{"not-measured unknown"}, "its locks were not seen for 3.0 s, and the strictest budget is 2.0 s", 14},
		"unseen, and no budget":          {lenient, with(slow), nil, "", 0},
		"the question was not answered":  {budget(0, 2*time.Second, nil), missed, []string{"not-measured unknown"}, "not seen for 4.0 s", 14},
		"no budget, nothing worth words": {lenient, probed("ACCESS EXCLUSIVE", all, sec(0.09), sec(0.09), sec(0.09)), nil, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verdict.Judge(c.p, c.r)
			if d := cmp.Diff(c.codes, codes(c.r)); d != "" {
				t.Fatalf("findings (-want +got):\n%s", d)
			}
			if c.r.ExitCode != c.exit || len(c.codes) > 0 && !strings.Contains(c.r.Findings[0].Text, c.says) {
				t.Errorf("exit %d, %q", c.r.ExitCode, c.r.Findings[0].Text)
			}
		})
	}
}

// besieged is an instant migration among transactions that went on for 4 s.
func besieged(h report.Hostile) *report.Result {
	r := probed("ACCESS EXCLUSIVE", "reads and writes", sec(0.002), 0, 0)
	r.Hostility = &report.Hostility{Hold: sec(4), HoldFrom: "x", WriterHold: sec(3), WriterHoldFrom: "y", LockTimeout: sec(2)}
	h.Tables = []string{"shop.t"}
	r.Migrations[0].Hostile = &h
	return r
}

func TestAmongTransactions(t *testing.T) {
	t.Parallel()
	reader, snapshot, writer := []string{"a reader of the table"}, []string{"an old snapshot"}, []string{report.AWriter}
	stalled := func(reads, writes float64) report.HostileRun {
		return report.HostileRun{Outcome: report.Applied, Duration: sec(4), Blocked: []report.Blocked{{Table: "shop.t", Reads: wait(sec(reads)), Writes: wait(sec(writes))}}}
	}
	refused := func(leftovers ...report.Leftover) *report.HostileRun {
		return &report.HostileRun{Outcome: report.Failed, Duration: sec(2), Leftovers: leftovers, Failure: &report.Failure{SQLState: "55P03", Line: 3}}
	}
	invalid := report.Leftover{Kind: "invalid index", Object: "shop.i", Table: "shop.t", SQL: "DROP INDEX CONCURRENTLY shop.i;"}
	half := refused()
	half.Failure.StaysApplied = "1 of the 2 statements sent"
	longer := func(r *report.Result, longest float64, transaction bool) *report.Result {
		d := sec(longest)
		r.Hostility.Longest, r.Hostility.Clients, r.Migrations[0].Transaction = &d, 1, transaction
		return r
	}
	quiet := besieged(report.Hostile{WaitedFor: reader, Plain: stalled(6, 6), Limited: refused()})
	quiet.Migrations[0].Blocked = []report.Blocked{{Table: "shop.t", Reads: wait(sec(5)), Writes: wait(sec(5))}}
	for name, c := range map[string]struct {
		r     *report.Result
		codes []string
		says  []string // by text and advice of the first
	}{
		"stalls everybody": {
			besieged(report.Hostile{WaitedFor: reader, Plain: stalled(3.9, 3.8), Limited: refused()}),
			[]string{"stalls-behind-readers condition shop.t"},
			[]string{"stalled reads and writes of shop.t for 3.9 s (probed) behind a transaction of 4.0 s", "as long as your longest transaction", "\n    SET LOCAL lock_timeout = '2s';", "up to 3 times (inferred: so many waits of 2.0 s outlast a transaction as long as those of this rehearsal, 4.0 s)", "line 3 was refused, leaving nothing behind"},
		},
		"stalls writers only": {
			besieged(report.Hostile{WaitedFor: reader, Plain: stalled(0, 3.8)}), []string{"stalls-behind-readers condition shop.t"}, []string{"stalled writes to shop.t for 3.8 s"},
		},
		"stalls behind a writer": {
			longer(besieged(report.Hostile{WaitedFor: writer, Plain: stalled(0, 2.9), Limited: refused()}), 14, true),
			[]string{"stalls-behind-writers condition shop.t"},
			[]string{"stalled writes to shop.t for 2.9 s (probed) behind a transaction of 3.0 s that had written;", "your longest transaction that writes the table", "up to 3 times (inferred: so many waits of 2.0 s outlast a transaction as long as those of this rehearsal, 3.0 s)"},
		},
		"stalls behind a reader too": {
			besieged(report.Hostile{WaitedFor: append(reader, writer...), Plain: stalled(1, 3.9), Limited: refused()}), []string{"stalls-behind-readers condition shop.t"}, nil,
		},
		"stalls for less than a writer lasts": {
			besieged(report.Hostile{WaitedFor: writer, Plain: stalled(0, 1.4), Limited: refused()}), []string{"fails-by-lock-timeout info"}, []string{"when a writer of the table lasts longer"},
		},
		"the source has longer ones": {
			longer(besieged(report.Hostile{WaitedFor: reader, Plain: stalled(3.9, 3.8), Limited: half}), 14, false),
			[]string{"stalls-behind-readers condition shop.t"},
			[]string{"the oldest open when the source was copied was 14 s old", "up to 8 times", "\n    SET lock_timeout = '2s';", "RESET lock_timeout", "leaving 1 of the 2 statements sent"},
		},
		"the source has far longer ones": {
			longer(besieged(report.Hostile{WaitedFor: reader, Plain: stalled(3.9, 3.8), Limited: refused()}), 7200, true), []string{"stalls-behind-readers condition shop.t"}, []string{"end such transactions first"},
		},
		"waits, and keeps nobody waiting": {
			besieged(report.Hostile{WaitedFor: snapshot, Plain: report.HostileRun{Outcome: report.Applied}, Limited: refused(invalid)}),
			[]string{"left-by-lock-timeout info"},
			[]string{"fails under a lock_timeout of 2.0 s (55P03) when an old snapshot lasts longer, leaving invalid index shop.i; without one it waited, and kept nobody waiting (probed)", "SET lock_timeout = 0;", "    DROP INDEX CONCURRENTLY shop.i;"},
		},
		"its own limit leaves an index": {
			besieged(report.Hostile{WaitedFor: snapshot, OwnTimeout: true, Plain: *refused(invalid)}), []string{"left-by-lock-timeout condition"}, []string{"under its own lock_timeout"},
		},
		"its own limit leaves half of it": {besieged(report.Hostile{WaitedFor: reader, OwnTimeout: true, Plain: *half}), []string{"left-by-lock-timeout condition"}, nil},
		"its own limit is kept":           {besieged(report.Hostile{WaitedFor: reader, OwnTimeout: true, Plain: *refused()}), []string{"fails-by-lock-timeout info"}, []string{"leaving nothing behind", "try again"}},
		"a long limit of its own":         {besieged(report.Hostile{WaitedFor: reader, OwnTimeout: true, Plain: stalled(3.9, 3.9)}), nil, nil},
		"waited for none":                 {besieged(report.Hostile{Plain: stalled(3.9, 3.9)}), nil, nil},
		"no longer than by itself": {
			quiet, []string{"blocks-reads warn shop.t", "fails-by-lock-timeout info"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verdict.Judge(lenient, c.r)
			if d := cmp.Diff(c.codes, codes(c.r)); d != "" {
				t.Fatalf("findings (-want +got):\n%s", d)
			}
			for _, words := range c.says {
				if f := c.r.Findings[0]; !strings.Contains(f.Text+"\n"+f.Do, words) {
					t.Errorf("lacks %q:\n%s\n%s", words, f.Text, f.Do)
				}
			}
		})
	}
}
