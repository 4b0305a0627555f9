package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/rehearse"
)

func copying(tables int, done, elapsed int64, note string) rehearse.Event {
	return rehearse.Event{
		Phase: "copy", State: rehearse.PhaseRunning, Unit: rehearse.UnitBytes, Done: done << 20, Total: 100 << 20, Tables: tables, TablesTotal: 4,
		Elapsed: time.Duration(elapsed) * time.Second, Note: note,
	}
}

func TestRunningLine(t *testing.T) {
	t.Parallel()
	keys := copying(4, 60, 10, "indexes")
	keys.Steps, keys.StepsTotal = 3, 40
	for want, e := range map[string]rehearse.Event{
		"migrate":              {Phase: "migrate"},
		"migrate, 00002_b.sql": {Phase: "migrate", Note: "00002_b.sql"},
		"copy 0% 0/4 tables, 0 bytes of about 100 MB, schema":                         copying(0, 0, 0, "schema"),
		"copy 25% 1/4 tables, 25 MB of about 100 MB, 2.5 MB/s, about 30 s left, data": copying(1, 25, 10, "data"),
		"copy 99% 3/4 tables, 250 MB of about 100 MB, 25 MB/s, data":                  copying(3, 250, 10, "data"), // the estimate was too low
		"copy 4/4 tables, 60 MB; indexes":                                             copying(4, 60, 10, "indexes"),
		"copy 4/4 tables, 60 MB; indexes, 3/40 indexes, keys and statistics":          keys,
		"copy 4/4 tables, 60 MB; data":                                                copying(4, 60, 10, ""),
	} {
		if got := runningLine(e); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestPlainIsSparse: a line a phase, and while it runs one per second at most, when ten per cent or ten seconds have gone by.
func TestPlainIsSparse(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	now := time.Unix(0, 0)
	p := &plain{w: &out, now: func() time.Time { return now }}
	p.event(rehearse.Event{Phase: "copy", State: rehearse.PhaseStarted})
	for i := int64(1); i <= 40; i++ { // 0.5 s each: 1 % for twenty of them, then 4 %
		now = now.Add(500 * time.Millisecond)
		done := i
		if i > 20 {
			done = 20 + 4*(i-20)
		}
		p.event(copying(int(i/14), done, i/2, "data"))
	}
	p.event(rehearse.Event{Phase: "copy", State: rehearse.PhaseDone, Elapsed: 20 * time.Second, Note: "4 tables"})
	p.event(rehearse.Event{Phase: "migrate", State: rehearse.PhaseFailed, Elapsed: time.Second})
	var got []string
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		fields := strings.Fields(line)
		got = append(got, strings.Join(fields[:min(3, len(fields))], " "))
	}
	want := []string{
		"rehearse: copy 10%", "rehearse: copy 20%", "rehearse: copy 32%", "rehearse: copy 44%", "rehearse: copy 56%", "rehearse: copy 68%",
		"rehearse: copy 80%", "rehearse: copy 92%", "rehearse: copy 20", "rehearse: migrate failed",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
