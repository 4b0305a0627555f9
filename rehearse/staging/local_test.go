package staging_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

func TestMain(m *testing.M) {
	if os.Getenv(ownerSpec) != "" {
		owner() // this binary again, as a program that is about to be killed
	}
	pgtest.Main(m)
}

func TestLocalFromLoadToStop(t *testing.T) {
	t.Parallel()
	spec := localSpec(t)
	spec.Settings = map[string]string{"work_mem": "7168", "TimeZone": "Asia/Tokyo", "listen_addresses": "*", "port": "1"}
	s := start(t, "local", spec)
	exercise(t, s, spec)
	reach(t, s)
	if got := text(t, s, "SHOW listen_addresses"); got != "" {
		t.Errorf("listen_addresses = %q: the server must have its socket only", got)
	}
	old := s.Config()
	for range 2 {
		if err := s.Stop(context.Background()); err != nil {
			t.Errorf("stop: %v", err)
		}
	}
	if !refuses(t, old) {
		t.Error("the server still answers after Stop")
	}
	nothingIn(t, spec.StateDir)
	if left := processesNaming(t, spec.RunID); len(left) > 0 {
		t.Errorf("processes left: %q", left)
	}
	if err := s.Measure(t.Context()); err == nil {
		t.Error("a stopped server could be measured")
	}
}

// TestLocalLeavesNothingInTablespaces that a migration has created: the location stays as it was.
func TestLocalLeavesNothingInTablespaces(t *testing.T) {
	t.Parallel()
	spec := localSpec(t)
	s := start(t, "local", spec)
	location := filepath.Join(spec.StateDir, "a [table] space")
	if err := os.Mkdir(location, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(location, "other"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(s.Info().ID)
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	if err := os.Chown(location, int(owner.Uid), int(owner.Gid)); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, s.Config(), "CREATE TABLESPACE elsewhere LOCATION '"+location+"'")
	pgtest.Exec(t, s.Config(), "CREATE TABLE big TABLESPACE elsewhere AS SELECT 'secret' FROM generate_series(1, 10)")
	if err := s.Stop(context.Background()); err != nil {
		t.Errorf("stop: %v", err)
	}
	entries, err := os.ReadDir(location)
	if err != nil || len(entries) != 1 || entries[0].Name() != "other" {
		t.Errorf("left in the tablespace: %v, %v", entries, err)
	}
}

func TestLocalSocketIsBehindALock(t *testing.T) {
	t.Parallel()
	spec := localSpec(t)
	s := start(t, "local", spec)
	info, err := os.Stat(s.Config().Host)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o700 {
		t.Errorf("the socket's directory has mode %o, want 700", mode)
	}
	if got := text(t, s, "SHOW data_directory"); got != filepath.Join(spec.StateDir, "rehearse-"+spec.RunID, "data") {
		t.Errorf("the data are in %s", got)
	}
	out, err := exec.Command("/bin/sh", "-c", strings.Replace(s.Info().PSQL, " -h ", " -XAtc 'SELECT current_database()' -h ", 1)).Output()
	if err != nil || strings.TrimSpace(string(out)) != spec.Database {
		t.Errorf("Info.PSQL gave %q, %v", out, err)
	}
}

func TestLocalInALongDirectory(t *testing.T) {
	t.Parallel()
	spec := localSpec(t)
	top := spec.StateDir
	spec.StateDir = filepath.Join(top, strings.Repeat("long[1]* ", 15))
	s := start(t, "local", spec)
	sockets := s.Config().Host
	if got := text(t, s, "SELECT 1"); got != "1" {
		t.Errorf("got %q", got)
	}
	if list, err := staging.List(t.Context(), staging.Options{StateDir: spec.StateDir}); err != nil || find(list, spec.RunID) == nil {
		t.Errorf("List gave %+v, %v", list, err)
	}
	if err := s.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	nothingIn(t, spec.StateDir)
	if _, err := os.Stat(sockets); err == nil {
		t.Errorf("left behind: %s", sockets)
	}
}

func TestLocalInARelativeDirectory(t *testing.T) {
	spec := localSpec(t)
	t.Chdir(spec.StateDir)
	spec.StateDir = "below"
	s := start(t, "local", spec)
	if got := text(t, s, "SELECT current_database()"); got != spec.Database {
		t.Errorf("the server says %q", got)
	}
	found, err := staging.List(t.Context(), staging.Options{StateDir: "below", DockerHost: "unix:///no/such/docker.sock"})
	if len(found) != 1 || found[0].RunID != spec.RunID {
		t.Errorf("List gives %v, %v", found, err)
	}
}

func TestLocalLocaleThatTheMachineLacks(t *testing.T) {
	t.Parallel()
	spec := localSpec(t)
	spec.Database = "postgres" // the name that initdb has taken already
	spec.Locale = staging.Locale{Encoding: "UTF8", Provider: "libc", Collate: "tlh_QO.UTF-8", CType: "tlh_QO.UTF-8"}
	s := start(t, "local", spec)
	if got := text(t, s, "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()"); got != "UTF8" {
		t.Errorf("encoding = %s", got)
	}
	if left := s.Info().LeftOut; !contains(left, "tlh_QO.UTF-8") {
		t.Errorf("nothing is said of the locale: %q", left)
	}
}

func TestLocalWithoutBinaries(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*staging.Spec){
		"version": func(s *staging.Spec) { s.Major, s.BinDir = 99, "" },
		"bindir":  func(s *staging.Spec) { s.BinDir = t.TempDir() },
		"other":   func(s *staging.Spec) { s.Major++ },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := localSpec(t)
			change(&spec)
			_, err := staging.Start(t.Context(), "local", spec)
			p := reason(t, err, staging.ReasonBinaries)
			if len(p.Looked) == 0 {
				t.Error("it does not say where it looked")
			}
			nothingIn(t, spec.StateDir)
		})
	}
}

func TestLocalDirectoryThatTheServersUserMayNotEnter(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root: another user runs the server then")
	}
	spec := localSpec(t)
	closed := filepath.Join(spec.StateDir, "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	spec.StateDir = closed
	_, err := staging.Start(t.Context(), "local", spec)
	if p := reason(t, err, staging.ReasonUser); !strings.Contains(p.Error(), closed) {
		t.Errorf("it does not name the directory: %v", p)
	}
	nothingIn(t, closed)
	spec.RunAs = "root"
	_, err = staging.Start(t.Context(), "local", spec)
	reason(t, err, staging.ReasonUser)
}

func TestLocalDiskFull(t *testing.T) {
	t.Parallel()
	spec := localSpec(t)
	small := filepath.Join(spec.StateDir, "small")
	if err := os.Mkdir(small, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=24m,mode=755", "tmpfs", small).CombinedOutput(); err != nil {
		t.Skipf("needs the right to mount a small file system: %s", out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", small).Run() })
	spec.StateDir = small
	_, err := staging.Start(t.Context(), "local", spec)
	if reason(t, err, staging.ReasonDiskFull); !staging.DiskFull(err) {
		t.Errorf("DiskFull(%v) = false", err)
	}
	p := reason(t, err, staging.ReasonDiskFull)
	if len(p.Log) != 1 || !strings.Contains(p.Log[0], "No space left on device") {
		t.Errorf("it says more than the one thing: %q", p.Log)
	}
	nothingIn(t, small)

	noEngine := &staging.ProviderError{Provider: "container", Reason: staging.ReasonNoEngine}
	both := fmt.Errorf("start: %w", errors.Join(noEngine, err))
	if !staging.DiskFull(both) {
		t.Errorf("DiskFull(%v) = false", both)
	}
	if all := staging.ProviderErrors(both); len(all) != 2 || all[0] != noEngine || all[1] != p {
		t.Errorf("ProviderErrors gives %v", all)
	}
}

// TestLocalDown asks why a server is down: one that runs, one that lost its sessions when a process of it was killed, as the kernel
// does where memory is short, and one that is gone.
func TestLocalDown(t *testing.T) {
	t.Parallel()
	s := start(t, "local", localSpec(t))
	if err := s.Down(t.Context()); err != nil {
		t.Errorf("a server that is up: %v", err)
	}
	kill := func(who string) {
		conn, err := pgx.ConnectConfig(t.Context(), s.Config())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		_, err = conn.Exec(t.Context(), "COPY (SELECT 'a secret') TO PROGRAM 'cat >&2; kill -9 "+who+"'")
		for i := 0; err == nil && i < 100; i++ { // the server takes a moment to notice
			time.Sleep(50 * time.Millisecond)
			err = conn.Ping(t.Context())
		}
		if err == nil {
			t.Fatal("the session lives on")
		}
	}
	kill("$PPID")
	p := reason(t, s.Down(t.Context()), staging.ReasonDown)
	if said := p.Error(); !strings.Contains(said, "crashed") || !strings.Contains(said, "was terminated by signal 9") || strings.Contains(said, "secret") {
		t.Errorf("Down() = %s", said)
	}
	s = start(t, "local", localSpec(t))
	kill("$(head -1 postmaster.pid)")
	if p := reason(t, s.Down(t.Context()), staging.ReasonDown); !strings.Contains(p.Error(), "ended") {
		t.Errorf("Down() = %v", p)
	}
}

func TestLocalRelayRefusesAStranger(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become a stranger")
	}
	s := start(t, "local", localSpec(t))
	var dialled atomic.Int32
	route, err := s.Reach(t.Context(), func(context.Context) (io.ReadWriteCloser, error) {
		dialled.Add(1)
		a, b := net.Pipe()
		_ = b.Close()
		return a, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	knock := func(uid uint32) {
		cmd := exec.Command("bash", "-c", fmt.Sprintf("exec 3<>/dev/tcp/127.0.0.1/%d; cat <&3", route.Port))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		if out, err := cmd.CombinedOutput(); err != nil && !strings.Contains(string(out), "reset") {
			t.Errorf("knock: %v: %s", err, out)
		}
	}
	knock(54321)
	if got := dialled.Load(); got != 0 {
		t.Errorf("a stranger's connection was passed on %d times", got)
	}
	knock(0)
	if got := dialled.Load(); got != 1 {
		t.Errorf("our own connection was passed on %d times, want 1", got)
	}
}

func TestLocalCancelledAtAnyMoment(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, 5 * time.Millisecond, 100 * time.Millisecond, 400 * time.Millisecond, 900 * time.Millisecond, 1500 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			cancelled(t, "local", localSpec(t), after)
		})
	}
}

// cancelled starts a server and cancels that after a while; nothing may be left, or all must work.
func cancelled(t *testing.T, provider string, spec staging.Spec, after time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), after)
	defer cancel()
	s, err := staging.Start(ctx, provider, spec)
	switch {
	case err == nil:
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	case !errors.Is(err, context.DeadlineExceeded):
		t.Errorf("start gave %v, want a deadline exceeded", err)
	}
	nothingIn(t, spec.StateDir)
	if left := processesNaming(t, spec.RunID); len(left) > 0 {
		t.Errorf("processes left: %q", left)
	}
}

func TestLocalICU(t *testing.T) {
	t.Parallel()
	spec := localSpec(t)
	spec.Locale = staging.Locale{Encoding: "UTF8", Provider: "icu", Collate: "C.UTF-8", CType: "C.UTF-8", Locale: "de-AT-u-kn-true"}
	s := start(t, "local", spec)
	if got := text(t, s, "SELECT string_agg(v, ' ' ORDER BY v) FROM (VALUES ('a10'), ('a9'), ('B')) AS x(v)"); got != "a9 a10 B" {
		t.Errorf("sorted: %s (left out: %q)", got, s.Info().LeftOut)
	}
}
