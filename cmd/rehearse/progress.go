package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

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
	if e.Total <= 0 || copied(e) {
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

// copied tells that all rows are there: the estimate of their bytes, from the size of tables on disk, says nothing about what is left.
func copied(e rehearse.Event) bool { return e.TablesTotal > 0 && e.Tables == e.TablesTotal }

// runningLine is a line such as "copy 43% 92/214 tables, 16.4 GB/38.2 GB, 55 MB/s, 6 m 35 s left".
func runningLine(e rehearse.Event) string {
	line := e.Phase
	if e.Total > 0 && !copied(e) {
		line += fmt.Sprintf(" %d%%", share(e))
	}
	if e.TablesTotal > 0 {
		line += fmt.Sprintf(" %d/%d tables", e.Tables, e.TablesTotal)
	}
	if copied(e) {
		line += ", " + report.Bytes(e.Done) + "; " + cmp.Or(e.Note, "data")
		if e.Steps < e.StepsTotal {
			line += fmt.Sprintf(", %d/%d indexes, keys and statistics", e.Steps, e.StepsTotal)
		}
		return line
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

// bars draws one line that changes in place while a phase runs, and leaves one line for each finished phase. The phases follow one another,
// so one bar at a time is all there is to show; a library's multi-line bars wrap and repeat in narrow terminals.
type bars struct {
	mu    sync.Mutex
	w     io.Writer
	width func() int
	last  rehearse.Event
	began time.Time
	stop  chan struct{}
	done  chan struct{}
}

// eraseLine returns to the first column and clears the line.
const eraseLine = "\r\x1b[K"

func newBars(w io.Writer) *bars {
	b := &bars{w: w, width: func() int { return width(w) }, stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(b.done)
		ticker := time.NewTicker(200 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				b.draw()
			case <-b.stop:
				return
			}
		}
	}()
	return b
}

func (b *bars) event(e rehearse.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e.State {
	case rehearse.PhaseStarted:
		b.last, b.began = e, time.Now()
	case rehearse.PhaseRunning:
		b.last = e
	case rehearse.PhaseDone:
		fmt.Fprintf(b.w, "%srehearse: %s\n", eraseLine, doneLine(e))
		b.last = rehearse.Event{}
	case rehearse.PhaseFailed:
		fmt.Fprintf(b.w, "%srehearse: %s failed after %s\n", eraseLine, e.Phase, report.Duration(e.Elapsed))
		b.last = rehearse.Event{}
	}
}

// draw shows how far the running phase is, with the time that has gone by.
func (b *bars) draw() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last.Phase == "" {
		return
	}
	e := b.last
	e.Elapsed = time.Since(b.began)
	line := bar(e) + " " + runningLine(e)
	if e.Total <= 0 || copied(e) {
		line = fmt.Sprintf("%s %s", runningLine(e), report.Duration(e.Elapsed.Truncate(time.Second)))
	}
	if r := []rune(line); len(r) > b.width()-1 {
		line = string(r[:max(b.width()-1, 0)])
	}
	fmt.Fprint(b.w, eraseLine+line)
}

// bar is a bar of 24 cells, in ASCII where the locale has no more.
func bar(e rehearse.Event) string {
	const cells = 24
	full, empty := "█", "░"
	if ascii() {
		full, empty = "#", "."
	}
	n := int(share(e)) * cells / 100
	return strings.Repeat(full, n) + strings.Repeat(empty, cells-n)
}

func (b *bars) close() {
	close(b.stop)
	<-b.done
	b.mu.Lock()
	defer b.mu.Unlock()
	fmt.Fprint(b.w, eraseLine)
}
