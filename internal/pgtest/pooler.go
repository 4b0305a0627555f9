package pgtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Pooler starts a pgbouncer before the server, which ends with the test, and returns its port. Mode is "session", "transaction" or
// "statement". It takes every password. Where there is no pgbouncer the test is skipped, see Require.
func (s *Server) Pooler(t testing.TB, mode string) uint16 {
	t.Helper()
	dir := s.Mkdir(t, "pgbouncer "+mode)
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf("[databases]\n* = host=127.0.0.1 port=%d user=postgres password='%s'\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port=%d\n"+
		"unix_socket_dir=\nauth_type=any\npool_mode=%s\nlogfile=%s/log\n", s.Port, password, port, mode, dir)
	if err := os.WriteFile(filepath.Join(dir, "ini"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(poolerPath(t), "-q", filepath.Join(dir, "ini"))
	cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Credential: credential()}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for range 200 {
		if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			conn.Close()
			return port
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the pooler does not listen")
	return 0
}

// poolerPath is PATH's pgbouncer, or Debian's, which lies where only root's PATH leads.
func poolerPath(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	Require(t, "pgbouncer", "pgbouncer is not in PATH (Debian: apt-get install pgbouncer, or scripts/setup-test-host.sh pgbouncer)")
	return ""
}
