package staging_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// stateDir is a directory that the server's user may enter, which t.TempDir is not.
func stateDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "staging-test-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// localSpec is a server of this machine's binaries, with a database whose name must be quoted everywhere.
func localSpec(t *testing.T) staging.Spec {
	t.Helper()
	bin := pgtest.BinDir(t)
	return staging.Spec{
		RunID: runID(), Major: majorOf(t, bin), TTL: 10 * time.Minute, Database: `Odd "näme' 1.2`,
		Locale: staging.Locale{Encoding: "UTF8", Provider: "libc", Collate: "C.UTF-8", CType: "C.UTF-8"}, BinDir: bin, StateDir: stateDir(t),
	}
}

func runID() string { return "test-" + strings.ToLower(rand.Text()[:10]) }

func majorOf(t *testing.T, bin string) int {
	t.Helper()
	for part := range strings.SplitSeq(filepath.ToSlash(bin), "/") {
		if n, err := strconv.Atoi(part); err == nil {
			return n
		}
	}
	return 15
}

// start starts a server that ends with the test.
func start(t *testing.T, provider string, spec staging.Spec) staging.Server {
	t.Helper()
	s, err := staging.Start(t.Context(), provider, spec)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return s
}

func text(t *testing.T, s staging.Server, query string) string {
	t.Helper()
	return pgtest.Value(t, s.Config(), query)
}

// settings reads what is in force in the server, from the server.
func settings(t *testing.T, s staging.Server, names ...string) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, name := range names {
		got[name] = text(t, s, "SELECT current_setting('"+name+"')")
	}
	return got
}

// exercise is what every provider's server must do, from load mode to its end.
func exercise(t *testing.T, s staging.Server, spec staging.Spec) {
	t.Helper()
	if got := text(t, s, "SELECT current_database()"); got != spec.Database {
		t.Errorf("the database is %q, want %q", got, spec.Database)
	}
	if got := text(t, s, "SELECT version()"); !strings.HasPrefix(got, fmt.Sprintf("PostgreSQL %d", spec.Major)) {
		t.Errorf("the server is %s, want major version %d", got, spec.Major)
	}
	for name, want := range map[string]string{"fsync": "off", "wal_level": "minimal", "full_page_writes": "off", "autovacuum": "off", "max_wal_senders": "0"} {
		if got := settings(t, s, name)[name]; got != want {
			t.Errorf("load mode: %s = %s, want %s", name, got, want)
		}
	}
	if mode := s.Info().Mode; mode != "load" {
		t.Errorf("Info.Mode = %q before Measure", mode)
	}
	pgtest.Exec(t, s.Config(), `CREATE TABLE t (id int); INSERT INTO t SELECT generate_series(1, 1000)`)
	execPrograms(t, s)
	if err := s.Measure(t.Context()); err != nil {
		t.Fatalf("measure: %v", err)
	}
	for name, want := range map[string]string{"fsync": "on", "wal_level": "replica", "full_page_writes": "on", "autovacuum": "on", "work_mem": "7MB", "TimeZone": "Asia/Tokyo"} {
		if got := settings(t, s, name)[name]; got != want {
			t.Errorf("measure mode: %s = %s, want %s", name, got, want)
		}
	}
	if mode := s.Info().Mode; mode != "measure" {
		t.Errorf("Info.Mode = %q after Measure", mode)
	}
	if got := text(t, s, "SELECT count(*) FROM t"); got != "1000" {
		t.Errorf("the restart left %s rows, want 1000", got)
	}
}

// execPrograms runs client programs where the server is.
func execPrograms(t *testing.T, s staging.Server) {
	t.Helper()
	ctx := t.Context()
	var out, said bytes.Buffer
	dump := s.TempPath("dump file")
	if err := s.Exec(ctx, "pg_dump", []string{"-Fc", "-f", dump}, s.Self(), &out, &said); err != nil {
		t.Fatalf("pg_dump: %v: %s", err, &said)
	}
	if err := s.Exec(ctx, "pg_restore", []string{"-l", dump}, nil, &out, &said); err != nil {
		t.Fatalf("pg_restore: %v: %s", err, &said)
	}
	if !strings.Contains(out.String(), "TABLE public t postgres") {
		t.Errorf("the dump's list lacks the table:\n%s", &out)
	}
	said.Reset()
	err := s.Exec(ctx, "psql", []string{"-X", "-c", "SELECT nonsense"}, s.Self(), io.Discard, &said)
	exit := (*staging.ExitError)(nil)
	if !errors.As(err, &exit) || exit.Code != 1 || exit.Program != "psql" {
		t.Errorf("psql with an error gave %v, want an *ExitError of status 1", err)
	}
	if !strings.Contains(said.String(), `column "nonsense" does not exist`) {
		t.Errorf("psql's stderr was not forwarded: %q", &said)
	}
	out.Reset()
	if err := s.Exec(ctx, "psql", []string{"-XAtc", `\getenv secret SECRET`, "-c", `\echo :secret`}, append(s.Self(), "SECRET=a b'c$d"), &out, &said); err != nil {
		t.Errorf("psql: %v: %s", err, &said)
	}
	short, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := s.Exec(short, "psql", []string{"-Xc", "SELECT pg_sleep(60)"}, s.Self(), io.Discard, io.Discard); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a cancelled program gave %v", err)
	}
	eventually(t, "the cancelled program's query ends", 20*time.Second, func() bool {
		return text(t, s, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()") == "0"
	})
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("cancelling a program took %v", took)
	}
}

// reach lets a program at the staging server talk to the test's own server through this process, by TCP and by unix socket.
func reach(t *testing.T, s staging.Server) {
	t.Helper()
	source := pgtest.New(t, "CREATE TABLE far (id int); INSERT INTO far VALUES (42)")
	var dialled atomic.Int32
	route, err := s.Reach(t.Context(), func(ctx context.Context) (io.ReadWriteCloser, error) {
		dialled.Add(1)
		var d net.Dialer
		return d.DialContext(ctx, "tcp", fmt.Sprintf("%s:%d", source.Host, source.Port))
	})
	if err != nil {
		t.Fatalf("reach: %v", err)
	}
	env := append(pgtest.Env(source), "PGHOST=a.name.that.does.not.resolve.invalid", "PGHOSTADDR="+route.HostAddr, fmt.Sprintf("PGPORT=%d", route.Port))
	var out, said bytes.Buffer
	if err := s.Exec(t.Context(), "psql", []string{"-XAtc", "SELECT id FROM far"}, env, &out, &said); err != nil {
		t.Fatalf("psql through the relay: %v: %s", err, &said)
	}
	if got := strings.TrimSpace(out.String()); got != "42" || dialled.Load() != 1 {
		t.Errorf("through the relay came %q in %d connections, want 42 in 1", got, dialled.Load())
	}
	if err := route.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Exec(t.Context(), "psql", []string{"-XAtc", "SELECT 1"}, append(env, "PGCONNECT_TIMEOUT=3"), io.Discard, io.Discard); err == nil {
		t.Error("the relay still works after Close")
	}
}

// nothingIn asserts that a state directory is empty.
func nothingIn(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("left behind: %s", filepath.Join(dir, e.Name()))
	}
}

// processesNaming is the command lines of processes that mention a text.
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

func refuses(t *testing.T, cfg *pgx.ConnConfig) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return true
	}
	_ = conn.Close(ctx)
	return false
}

func contains(list []string, part string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, part) })
}

// eventually waits for something that happens by itself.
func eventually(t *testing.T, what string, limit time.Duration, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("not within %v: %s", limit, what)
			return
		}
	}
}

// reason asserts why a provider failed.
func reason(t *testing.T, err error, want staging.Reason) *staging.ProviderError {
	t.Helper()
	p := (*staging.ProviderError)(nil)
	if !errors.As(err, &p) || p.Reason != want {
		t.Fatalf("the error is %v, want a *ProviderError for %q", err, want)
	}
	return p
}

func find(list []staging.Info, run string) *staging.Info {
	for i := range list {
		if list[i].RunID == run {
			return &list[i]
		}
	}
	return nil
}
