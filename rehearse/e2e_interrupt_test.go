package rehearse_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// moment is a point of a rehearsal that its progress tells.
type moment struct {
	phase string
	state rehearse.State
	note  string
	wait  time.Duration // after that event
}

func (m moment) String() string { return strings.TrimSpace(m.phase + " " + m.note) }

var (
	inConnect = moment{phase: "connect", state: rehearse.PhaseStarted}
	inPlan    = moment{phase: "plan", state: rehearse.PhaseStarted}
	inStaging = moment{phase: "staging", state: rehearse.PhaseStarted, wait: 400 * time.Millisecond}
	inSchema  = moment{phase: "copy", state: rehearse.PhaseRunning, note: "schema"}
	inData    = moment{phase: "copy", state: rehearse.PhaseRunning, note: "data", wait: 200 * time.Millisecond}
	inIndexes = moment{phase: "copy", state: rehearse.PhaseRunning, note: "indexes"}
	inMeasure = moment{phase: "measure mode", state: rehearse.PhaseStarted, wait: 100 * time.Millisecond}
	inMigrate = moment{phase: "migrate", state: rehearse.PhaseRunning, wait: 500 * time.Millisecond}
)

// TestInterrupted sends signals in every phase: the command ends soon, with the signal's exit code, and leaves nothing.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	source := fresh(t, "shop", loadShop)
	type interruption struct {
		at     moment
		signal syscall.Signal
	}
	all := []interruption{
		{inConnect, syscall.SIGINT},
		{inPlan, syscall.SIGTERM},
		{inStaging, syscall.SIGINT},
		{inSchema, syscall.SIGTERM},
		{inData, syscall.SIGINT},
		{inIndexes, syscall.SIGTERM},
		{inMeasure, syscall.SIGTERM},
		{inMigrate, syscall.SIGINT},
	}
	eachProvider(t, func(t *testing.T, where rehearse.Staging) {
		for _, i := range all {
			if where.Provider == staging.ProviderContainer && i.at != inStaging && i.at != inData && i.at != inMeasure && i.at != inMigrate {
				continue // nothing of the provider's own
			}
			t.Run(fmt.Sprintf("%s %s", i.at, i.signal), func(t *testing.T) {
				p := longRun(t, source, where)
				p.until(t, i.at)
				began := time.Now()
				if err := p.Process.Signal(i.signal); err != nil {
					t.Fatal(err)
				}
				if !p.ends(20 * time.Second) {
					_ = p.Process.Kill()
					t.Fatalf("the command still runs %v after %s", time.Since(began), i.signal)
				}
				if code, want := p.ProcessState.ExitCode(), 128+int(i.signal); code != want {
					t.Errorf("exit %d, want %d:\n%s", code, want, tail(p.stderr.String()))
				}
				if got := p.stdout.String(); got != "" {
					t.Errorf("an interrupted run has printed %.300s", got)
				}
				p.leavesNothing(t, source, 5*time.Second)
			})
		}
	})
}

// TestKilled ends the command as the kernel would: what it started ends by itself, or by the next prune.
func TestKilled(t *testing.T) {
	t.Parallel()
	source := fresh(t, "shop", loadShop)
	eachProvider(t, func(t *testing.T, where rehearse.Staging) {
		for _, at := range []moment{inData, inMigrate} {
			if at == inData && where.Provider == staging.ProviderContainer {
				continue // the same container
			}
			t.Run(at.String(), func(t *testing.T) {
				p := longRun(t, source, where)
				p.until(t, at)
				if err := p.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				p.ends(5 * time.Second)
				if at == inMigrate || where.Provider == staging.ProviderContainer {
					prune := exec.Command(commandPath(t), "staging", "prune")
					prune.Env = p.Env
					if out, err := prune.CombinedOutput(); err != nil {
						t.Errorf("prune: %v: %s", err, out)
					}
				}
				p.leavesNothing(t, source, time.Minute)
			})
		}
	})
}

// longProcess is a run that shows its progress while it lasts.
type longProcess struct {
	*process
	events *bufio.Scanner
	ended  chan struct{}
}

// longRun starts a rehearsal whose migration never ends.
func longRun(t *testing.T, source *pgx.ConnConfig, where rehearse.Staging) *longProcess {
	t.Helper()
	p := &longProcess{process: command(t, source, "run", "--progress", "json", "--provider", where.Provider, "--image", where.Image, "--jobs", "2",
		"--migrations", migrationsWith(t, "SELECT pg_sleep(600);"), "--masks", shopFile(t, "rehearse.masks.yaml")), ended: make(chan struct{})}
	p.Env = append(p.Env, "TMPDIR="+p.state)
	p.starts(t)
	return p
}

// starts starts the command and reads what it says.
func (p *longProcess) starts(t *testing.T) {
	t.Helper()
	p.Stderr = nil
	out, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	p.events = bufio.NewScanner(io.TeeReader(out, &p.stderr))
	t.Cleanup(func() {
		if p.ProcessState == nil {
			_ = p.Process.Kill()
			_ = p.Wait()
		}
	})
}

// until returns at a moment of the run.
func (p *longProcess) until(t *testing.T, m moment) {
	t.Helper()
	for p.events.Scan() {
		var e rehearse.Event
		if json.Unmarshal(p.events.Bytes(), &e) == nil && e.Phase == m.phase && e.State == m.state && (m.note == "" || e.Note == m.note) {
			time.Sleep(m.wait)
			return
		}
	}
	_ = p.Wait()
	t.Fatalf("the run ended before %s:\n%s", m, tail(p.stderr.String()))
}

// ends waits for the command, reading what it says.
func (p *longProcess) ends(limit time.Duration) bool {
	go func() {
		for p.events.Scan() {
		}
		_ = p.Wait()
		close(p.ended)
	}()
	select {
	case <-p.ended:
		return true
	case <-time.After(limit):
		return false
	}
}

// leavesNothing looks for processes, files, containers and sessions of a run.
func (p *longProcess) leavesNothing(t *testing.T, source *pgx.ConnConfig, limit time.Duration) {
	t.Helper()
	eventually(t, "no file is left below "+p.state, limit, func() bool {
		left, err := filepath.Glob(filepath.Join(p.state, "*"))
		return err == nil && len(left) == 0
	})
	eventually(t, "no process is left that names "+p.state, limit, func() bool { return len(processesNaming(t, p.state)) == 0 })
	eventually(t, "no session is left at the source", limit, func() bool {
		return pgtest.Value(t, source, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'rehearse'") == "0"
	})
	if _, err := exec.LookPath("docker"); err == nil {
		eventually(t, "no container is left", limit, func() bool {
			out, err := exec.Command("docker", "ps", "-aq", "--filter", fmt.Sprintf("label=dev.rehearse.pid=%d", p.Process.Pid)).Output()
			return err != nil || len(bytes.TrimSpace(out)) == 0
		})
	}
	if t.Failed() {
		left, _ := filepath.Glob(filepath.Join(p.state, "*", "*"))
		t.Logf("left: %q, %q\n%s", left, processesNaming(t, p.state), tail(p.stderr.String()))
	}
}

// processesNaming is the command lines of processes that mention a text, where the system tells them.
func processesNaming(t *testing.T, what string) []string {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, p := range paths {
		if b, err := os.ReadFile(p); err == nil && bytes.Contains(b, []byte(what)) {
			found = append(found, string(bytes.ReplaceAll(b, []byte{0}, []byte{' '})))
		}
	}
	return found
}

func tail(s string) string {
	if len(s) > 2000 {
		return "..." + s[len(s)-2000:]
	}
	return s
}
