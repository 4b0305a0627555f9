package pgtest

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Crash ends the server as `pg_ctl stop -m immediate` does: its sessions break off, and it will have to recover. Restart starts it again.
func (s *Server) Crash(t testing.TB) {
	t.Helper()
	pid := s.postmaster(t)
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
		t.Fatalf("end the test server: %v", err)
	}
	for range 300 {
		if _, err := os.Stat(filepath.Join(s.Dir, "data", "postmaster.pid")); err != nil { // it goes last
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the test server does not end")
}

// Restart starts a server that has crashed, on its old port.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	// The shell that supervised it would remove the directory when told to end.
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	if err := s.launch(); err != nil {
		t.Fatalf("restart the test server: %v", err)
	}
}

func (s *Server) postmaster(t testing.TB) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.Dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
