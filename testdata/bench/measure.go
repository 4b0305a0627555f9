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

	// of rehearse only
	analyze, toolCPU time.Duration
	peak             int64 // bytes resident
	phases           []phase
	staging          string
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
	done := make(chan struct{})
	go func() { // the high-water mark only grows: the last look is the answer
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
				c.peak, c.toolCPU = max(c.peak, highWater(cmd.Process.Pid)), max(c.toolCPU, processCPU(cmd.Process.Pid))
			}
		}
	}()
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
			c.wall, c.cpu = total.wall, total.cpu
		}
	}
	err = cmd.Wait()
	close(done)
	end := m.started.Add(c.wall)
	for i := len(c.phases) - 1; i >= 0; i-- {
		c.phases[i].took = end.Sub(steps[c.phases[i].name])
		end = steps[c.phases[i].name]
		if c.phases[i].name == "analyze" {
			c.analyze = c.phases[i].took
		}
	}
	var record struct{ ID string }
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &record)
	}
	c.staging = record.ID
	return c, err
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
