package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// reporter shows progress on stderr. Events come from several goroutines.
type reporter interface {
	event(rehearse.Event)
	close()
}

// newReporter chooses: bars on a terminal, whole lines elsewhere, JSON lines for programs, or nothing.
func newReporter(mode string, quiet bool, w io.Writer) reporter {
	if mode == "auto" {
		mode = "plain"
		if isTerminal(w) && os.Getenv("TERM") != "dumb" && os.Getenv("CI") == "" {
			mode = "tty"
		}
	}
	switch {
	case quiet || mode == "none":
		return silent{}
	case mode == "json":
		return &jsonLines{encoder: json.NewEncoder(w)}
	case mode == "tty":
		return newBars(w)
	default:
		return &plain{w: w, now: time.Now}
	}
}

type silent struct{}

func (silent) event(rehearse.Event) {}
func (silent) close()               {}

// jsonLines writes an event a line.
type jsonLines struct {
	mu      sync.Mutex
	encoder *json.Encoder
}

func (j *jsonLines) event(e rehearse.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	_ = j.encoder.Encode(e) // stderr is gone: nobody to tell
}

func (j *jsonLines) close() {}

// plain writes whole lines without escapes: one when a phase ends, and while it runs at most one per 10 s or per 10 %.
type plain struct {
	mu      sync.Mutex
	w       io.Writer
	now     func() time.Time
	last    time.Time
	percent int64
}

func (p *plain) event(e rehearse.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e.State {
	case rehearse.PhaseStarted:
		p.last, p.percent = p.now(), 0
	case rehearse.PhaseDone:
		fmt.Fprintf(p.w, "rehearse: %s\n", doneLine(e))
	case rehearse.PhaseFailed:
		fmt.Fprintf(p.w, "rehearse: %s failed after %s\n", e.Phase, report.Duration(e.Elapsed))
	case rehearse.PhaseRunning:
		now := p.now()
		percent := share(e)
		if now.Sub(p.last) < 10*time.Second && percent-p.percent < 10 {
			return
		}
		if now.Sub(p.last) < time.Second {
			return
		}
		p.last, p.percent = now, percent
		fmt.Fprintf(p.w, "rehearse: %s\n", runningLine(e))
	}
}

func (p *plain) close() {}

func share(e rehearse.Event) int64 {
	if e.Total <= 0 {
		return 0
	}
	return min(99, 100*e.Done/e.Total)
}

func doneLine(e rehearse.Event) string {
	line := fmt.Sprintf("%-14s %8s", e.Phase, report.Duration(e.Elapsed))
	if e.Note != "" {
		line += "  " + e.Note
	}
	return line
}

// runningLine is a line such as "copy 43% 92/214 tables, 16.4 GB/38.2 GB, 55 MB/s, 6 m 35 s left".
func runningLine(e rehearse.Event) string {
	line := e.Phase
	if e.Total > 0 {
		line += fmt.Sprintf(" %d%%", share(e))
	}
	if e.TablesTotal > 0 {
		line += fmt.Sprintf(" %d/%d tables", e.Tables, e.TablesTotal)
	}
	if e.Total > 0 && e.Unit == rehearse.UnitBytes {
		line += fmt.Sprintf(", %s of about %s", report.Bytes(e.Done), report.Bytes(e.Total))
	}
	if seconds := e.Elapsed.Seconds(); seconds >= 1 && e.Done > 0 && e.Unit == rehearse.UnitBytes {
		line += fmt.Sprintf(", %s/s", report.Bytes(int64(float64(e.Done)/seconds)))
		if left := e.Total - e.Done; left > 0 {
			line += fmt.Sprintf(", about %s left", report.Duration(time.Duration(float64(left)/float64(e.Done)*float64(e.Elapsed))))
		}
	}
	if e.Note != "" {
		line += ", " + e.Note
	}
	return line
}

// bars draws one bar a phase and one for each table being copied.
type bars struct {
	mu       sync.Mutex
	writer   progress.Writer
	trackers map[string]*progress.Tracker
	done     chan struct{}
}

func newBars(w io.Writer) *bars {
	pw := progress.NewWriter()
	pw.SetOutputWriter(w)
	pw.SetAutoStop(false)
	pw.SetTrackerLength(24)
	pw.SetMessageLength(32)
	pw.SetUpdateFrequency(100 * time.Millisecond)
	pw.SetSortBy(progress.SortByNone)
	pw.SetStyle(progress.StyleBlocks)
	pw.Style().Visibility.ETA = true
	pw.Style().Visibility.Speed = true
	pw.Style().Visibility.TrackerOverall = false
	b := &bars{writer: pw, trackers: map[string]*progress.Tracker{}, done: make(chan struct{})}
	go func() { pw.Render(); close(b.done) }()
	return b
}

func (b *bars) event(e rehearse.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.trackers[e.Phase]
	if t == nil {
		t = &progress.Tracker{Message: e.Phase, Total: e.Total}
		if e.Unit == rehearse.UnitBytes {
			t.Units = progress.UnitsBytes
		}
		b.trackers[e.Phase] = t
		b.writer.AppendTracker(t)
	}
	switch e.State {
	case rehearse.PhaseRunning:
		t.UpdateTotal(e.Total)
		t.SetValue(min(e.Done, max(e.Total-1, 0)))
		if e.TablesTotal > 0 {
			t.UpdateMessage(fmt.Sprintf("%s %d/%d tables", e.Phase, e.Tables, e.TablesTotal))
		} else if e.Note != "" {
			t.UpdateMessage(e.Phase + " " + e.Note)
		}
	case rehearse.PhaseDone:
		if e.Note != "" {
			t.UpdateMessage(e.Phase + ": " + e.Note)
		}
		t.MarkAsDone()
	case rehearse.PhaseFailed:
		t.MarkAsErrored()
	}
}

func (b *bars) close() {
	b.writer.Stop()
	<-b.done
}
