// Package pgtest gives a test a real PostgreSQL database of its own. It is imported by tests only.
//
// A test binary starts one server the first time a test asks for a database, from the PostgreSQL binaries of this machine, on a
// free port of the loopback interface and with a password; [Main] ends it. Nothing on the machine is reused or reconfigured. If the
// binary is killed, the server ends by itself and its directory goes: a shell in between notices that its standard input closed.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
//	func TestRows(t *testing.T) {
//		db := pgtest.New(t, "CREATE TABLE a (b int); INSERT INTO a VALUES (1)")
//		...
//	}
//
// A database is dropped when its test passes; when the test fails it stays until the binary ends, and its URL is logged.
// Where there are no binaries a test is skipped with the reason, unless REHEARSE_TEST_REQUIRE lists "postgres".
package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

var (
	sharedOnce   sync.Once
	sharedServer *Server
	sharedErr    error
	databases    atomic.Int64
)

// Main runs the tests of a package and ends the shared server afterwards. It does not return.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is Main for a package whose TestMain has more to do: it runs the tests, ends the shared server and returns the exit code.
func Run(m *testing.M) int {
	code := m.Run()
	if sharedServer != nil {
		sharedServer.stop()
	}
	return code
}

// Require skips the test because a part is not there, or fails it when REHEARSE_TEST_REQUIRE (a comma-separated list such as
// "postgres,docker") says that it must be.
func Require(t testing.TB, part, reason string) {
	t.Helper()
	for _, p := range strings.Split(os.Getenv("REHEARSE_TEST_REQUIRE"), ",") {
		if strings.TrimSpace(p) == part {
			t.Fatalf("%s is required by REHEARSE_TEST_REQUIRE, but %s", part, reason)
		}
	}
	t.Skipf("needs %s: %s", part, reason)
}

// Shared is the directory of sample databases and measurements beside the repository (../shared, or REHEARSE_SHARED).
// It is not part of the project: where it is absent the test is skipped.
func Shared(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("REHEARSE_SHARED")
	if dir == "" {
		dir = filepath.Join(Root(t), "..", "shared")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("sample data are not here: %v", err)
	}
	return dir
}

// Root is the root directory of the repository.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
	t.Fatal("no go.mod above the working directory")
	return ""
}

// Default is the server shared by the tests of this binary, started at the first call.
func Default(t testing.TB) *Server {
	t.Helper()
	bin := BinDir(t)
	sharedOnce.Do(func() { sharedServer, sharedErr = start(bin, nil) })
	if sharedErr != nil {
		t.Fatalf("start the test server: %v", sharedErr)
	}
	return sharedServer
}

// New makes an empty database on the shared server, runs the given scripts in it and returns how to connect to it as a superuser.
func New(t testing.TB, scripts ...string) *pgx.ConnConfig {
	t.Helper()
	return Default(t).New(t, scripts...)
}

// Clone makes a copy of a database made by New. Nothing may be connected to the original.
func Clone(t testing.TB, original *pgx.ConnConfig) *pgx.ConnConfig {
	t.Helper()
	return Default(t).create(t, "TEMPLATE "+ident(original.Database))
}

// New is like the package's New, on this server.
func (s *Server) New(t testing.TB, scripts ...string) *pgx.ConnConfig {
	t.Helper()
	cfg := s.create(t, "TEMPLATE template0")
	for _, script := range scripts {
		Exec(t, cfg, script)
	}
	return cfg
}

func (s *Server) create(t testing.TB, options string) *pgx.ConnConfig {
	t.Helper()
	name := fmt.Sprintf("t%d_%s", databases.Add(1), strings.ToLower(filepath.Base(t.Name())))
	if len(name) > 40 {
		name = strings.ToValidUTF8(name[:40], "")
	}
	Exec(t, s.Config("postgres"), "CREATE DATABASE "+ident(name)+" "+options)
	cfg := s.Config(name)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("kept for you until this test binary ends: %s", URL(cfg))
			return
		}
		Exec(t, s.Config("postgres"), "DROP DATABASE IF EXISTS "+ident(name)+" WITH (FORCE)")
	})
	return cfg
}

// Exec runs a script of any number of statements.
func Exec(t testing.TB, cfg *pgx.ConnConfig, script string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, cfg.Copy())
	if err != nil {
		t.Fatalf("connect to %s: %v", cfg.Database, err)
	}
	defer conn.Close(ctx)
	if _, err := conn.PgConn().Exec(ctx, script).ReadAll(); err != nil {
		t.Fatalf("run %.200s: %v", script, err)
	}
}

// Value runs a query and returns the first column of its first row as text, "" for NULL and for no row.
func Value(t testing.TB, cfg *pgx.ConnConfig, query string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, cfg.Copy())
	if err != nil {
		t.Fatalf("connect to %s: %v", cfg.Database, err)
	}
	defer conn.Close(ctx)
	results, err := conn.PgConn().Exec(ctx, query).ReadAll()
	if err != nil {
		t.Fatalf("query %.200s: %v", query, err)
	}
	for _, r := range results {
		if len(r.Rows) > 0 {
			return string(r.Rows[0][0])
		}
	}
	return ""
}

// Dump is pg_dump's output for the database, without the random \restrict lines. Typical args: "--schema-only".
func Dump(t testing.TB, cfg *pgx.ConnConfig, args ...string) string {
	t.Helper()
	cmd := Command(t, "pg_dump", append(args, "--dbname", cfg.Database)...)
	cmd.Env = append(os.Environ(), Env(cfg)...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("pg_dump %s: %v", cfg.Database, describe(err))
	}
	var b strings.Builder
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, `\restrict `) && !strings.HasPrefix(line, `\unrestrict `) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// Env is cfg as libpq's environment, for client programs.
func Env(cfg *pgx.ConnConfig) []string {
	return []string{
		"PGHOST=" + cfg.Host, fmt.Sprintf("PGPORT=%d", cfg.Port), "PGUSER=" + cfg.User,
		"PGPASSWORD=" + cfg.Password, "PGDATABASE=" + cfg.Database, "PGSSLMODE=disable",
	}
}

// URL is the connection URL of cfg, password and all: for tests' logs and for --source.
func URL(cfg *pgx.ConnConfig) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(cfg.User, cfg.Password), Path: "/" + cfg.Database,
		Host: fmt.Sprintf("%s:%d", cfg.Host, cfg.Port), RawQuery: "sslmode=disable",
	}
	return u.String()
}

func ident(name string) string { return pgx.Identifier{name}.Sanitize() }
