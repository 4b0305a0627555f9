package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// cost is what a copy took.
type cost struct {
	wall, cpu time.Duration // cpu: of the whole machine, all processes

	analyze time.Duration // afterwards, of those that do not gather statistics themselves; wall

	// of rehearse only
	toolCPU time.Duration // while it copies
	audit   time.Duration // after the copy; wall
	peak    int64         // bytes resident
	phases  []phase
	staging string
}

func (c cost) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%6.1f s wall %6.1f s CPU", c.wall.Seconds(), c.cpu.Seconds())
	if c.analyze > 0 {
		fmt.Fprintf(&b, "   statistics %.1f s more", c.analyze.Seconds())
	}
	if c.peak > 0 {
		fmt.Fprintf(&b, "   tool %.1f s CPU, peak %d MB  ", c.toolCPU.Seconds(), c.peak>>20)
	}
	if c.audit > 0 {
		fmt.Fprintf(&b, " audit %.1f s more, %.2f of the copy", c.audit.Seconds(), c.audit.Seconds()/c.wall.Seconds())
	}
	for _, p := range c.phases {
		if p.took >= 50*time.Millisecond {
			fmt.Fprintf(&b, " %s %.1f", p.name, p.took.Seconds())
		}
	}
	return b.String()
}

type phase struct {
	name string
	took time.Duration
}

type meter struct {
	started time.Time
	cpu     time.Duration
}

func begin() meter { return meter{time.Now(), machineCPU()} }

func (m meter) end() cost { return cost{wall: time.Since(m.started), cpu: machineCPU() - m.cpu} }

const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux in use

// machineCPU is the time all processors were busy, from /proc/stat: user, nice, system, irq, softirq.
func machineCPU() time.Duration {
	b, _ := os.ReadFile("/proc/stat")
	fields := strings.Fields(strings.SplitN(string(b), "\n", 2)[0])
	var busy int64
	for i, f := range fields {
		if i == 1 || i == 2 || i == 3 || i == 6 || i == 7 {
			n, _ := strconv.ParseInt(f, 10, 64)
			busy += n
		}
	}
	return time.Duration(busy) * tick
}

// watch runs rehearse and reads its progress: the phase "copy" is measured from its first to its last event.
func watch(cmd *exec.Cmd) (c cost, err error) {
	var out bytes.Buffer
	cmd.Stdout = &out
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return c, err
	}
	if err := cmd.Start(); err != nil {
		return c, err
	}
	used := sample(cmd.Process.Pid)
	var m meter
	steps := map[string]time.Time{}
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		var e struct {
			Phase, State, Note string
			Elapsed            time.Duration `json:"elapsed_ns"`
		}
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(os.Stderr, lines.Text())
			continue
		}
		if e.Phase == "audit" && e.State == "done" {
			c.audit = e.Elapsed
		}
		if e.Phase != "copy" {
			continue
		}
		switch e.State {
		case "started":
			m = begin()
		case "running":
			if steps[e.Note].IsZero() {
				steps[e.Note] = time.Now()
				c.phases = append(c.phases, phase{name: e.Note})
			}
		case "done":
			total := m.end()
			c.wall, c.cpu, c.toolCPU = total.wall, total.cpu, processCPU(cmd.Process.Pid)
		}
	}
	err = cmd.Wait()
	c.peak = used()
	c.last(m.started.Add(c.wall), steps)
	var record struct{ ID string }
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &record)
	}
	c.staging = record.ID
	return c, err
}

// sample looks at a process until the function it gives is called, which tells its peak memory. That only grows: the last look is
// the answer.
func sample(pid int) func() (peak int64) {
	var peak int64
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				peak = max(peak, highWater(pid))
			}
		}
	}()
	return func() int64 {
		close(stop)
		<-ended
		return peak
	}
}

// last sets how long each phase lasted: until the next began.
func (c *cost) last(end time.Time, began map[string]time.Time) {
	for i := len(c.phases) - 1; i >= 0; i-- {
		p := &c.phases[i]
		p.took, end = end.Sub(began[p.name]), began[p.name]
	}
}

func highWater(pid int) int64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n << 10
		}
	}
	return 0
}

func processCPU(pid int) time.Duration {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, ok := strings.Cut(string(b), ") ")
	if !ok {
		return 0
	}
	fields := strings.Fields(rest)
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick
}
