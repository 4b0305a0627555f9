package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Standby makes a hot standby of the server, which has replayed all that is committed by now; it ends with the test.
func (s *Server) Standby(t testing.TB) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgtest-")
	if err != nil {
		t.Fatal(err)
	}
	standby := &Server{Bin: s.Bin, Dir: dir}
	t.Cleanup(standby.stop)
	if c := credential(); c != nil {
		if err := os.Chown(dir, int(c.Uid), int(c.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	if standby.Port, err = freePort(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(s.Bin, "pg_basebackup"), "-D", filepath.Join(dir, "data"), "-R", "-c", "fast",
		"-h", s.Dir, "-p", fmt.Sprint(s.Port), "-U", "postgres")
	cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Credential: credential()}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	// Of two values for a setting the last one counts.
	conf := fmt.Sprintf("port = %d\nunix_socket_directories = '%s'\n", standby.Port, dir)
	f, err := os.OpenFile(filepath.Join(dir, "data", "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(conf)
	if cerr := f.Close(); err != nil || cerr != nil {
		t.Fatal(err, cerr)
	}
	if err := standby.launch(); err != nil {
		t.Fatalf("start a standby: %v", err)
	}
	lsn := Value(t, s.Config("postgres"), "SELECT pg_current_wal_lsn()")
	for range 300 {
		if Value(t, standby.Config("postgres"), "SELECT pg_last_wal_replay_lsn() >= '"+lsn+"'") == "t" {
			return standby
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the standby does not catch up")
	return nil
}
