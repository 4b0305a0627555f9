package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const password = "pgtest secret" // with a space, so that quoting is tested wherever it goes

// Server is a PostgreSQL server of the tests' own.
type Server struct {
	Bin  string // directory of the binaries
	Dir  string // everything of the server: Dir/data, Dir/log, its socket
	Port uint16

	cmd   *exec.Cmd
	stdin io.Closer
}

// Start starts a server of its own for one test, with settings such as "wal_level=logical"; it ends with the test.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := start(BinDir(t), settings)
	if err != nil {
		t.Fatalf("start a test server: %v", err)
	}
	t.Cleanup(s.stop)
	return s
}

// Config connects to a database of the server as the superuser postgres, over TCP and with a password.
func (s *Server) Config(database string) *pgx.ConnConfig {
	cfg, err := pgx.ParseConfig(fmt.Sprintf("host=127.0.0.1 port=%d user=postgres sslmode=disable connect_timeout=10", s.Port))
	if err != nil {
		panic(err) // the string above is a constant but for the port
	}
	cfg.Password, cfg.Database, cfg.Fallbacks = password, database, nil
	return cfg
}

// Mkdir makes a directory that the server's user owns, for tablespaces.
func (s *Server) Mkdir(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join(s.Dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if c := credential(); c != nil {
		if err := os.Chown(dir, int(c.Uid), int(c.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Command is a PostgreSQL client program from the directory of the server's binaries.
func Command(t testing.TB, program string, args ...string) *exec.Cmd {
	t.Helper()
	return exec.Command(filepath.Join(BinDir(t), program), args...)
}

// BinDir is the directory of the PostgreSQL binaries: REHEARSE_TEST_PG_BINDIR, or else the newest that is installed.
// Without any the test is skipped (see Require).
func BinDir(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("REHEARSE_TEST_PG_BINDIR"); dir != "" {
		return dir
	}
	var dirs []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin"} {
		found, _ := filepath.Glob(pattern)
		dirs = append(dirs, found...)
	}
	if initdb, err := exec.LookPath("initdb"); err == nil {
		dirs = append(dirs, filepath.Dir(initdb))
	}
	sort.Slice(dirs, func(i, j int) bool { return major(dirs[i]) > major(dirs[j]) })
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			return dir
		}
	}
	Require(t, "postgres", "initdb was not found in PATH nor in /usr/lib/postgresql/*/bin (Debian: apt-get install postgresql)")
	return ""
}

func major(dir string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
	return n
}

// supervise ends the server and removes its directory when standard input closes, that is, when the test binary asks for it or is gone.
const supervise = `"$1/postgres" -D "$2/data" >>"$2/log" 2>&1 & read -r _; kill -QUIT $!; wait $!; rm -rf "$2"`

func start(bin string, settings []string) (*Server, error) {
	dir, err := os.MkdirTemp("", "pgtest-")
	if err != nil {
		return nil, err
	}
	s := &Server{Bin: bin, Dir: dir}
	if err := s.initdb(settings); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	if err := s.launch(); err != nil {
		return nil, err
	}
	return s, nil
}

// launch starts the server in its directory and returns when it answers.
func (s *Server) launch() (err error) {
	s.cmd = exec.Command("/bin/sh", "-c", supervise, "pgtest", s.Bin, s.Dir)
	s.cmd.Dir, s.cmd.SysProcAttr = s.Dir, &syscall.SysProcAttr{Credential: credential(), Setpgid: true}
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	if err := s.wait(); err != nil {
		log, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
		s.stop()
		return fmt.Errorf("%w\n%s", err, log)
	}
	return nil
}

func (s *Server) initdb(settings []string) error {
	pwfile := filepath.Join(s.Dir, "password")
	if err := os.WriteFile(pwfile, []byte(password+"\n"), 0o600); err != nil {
		return err
	}
	if c := credential(); c != nil {
		for _, path := range []string{s.Dir, pwfile} {
			if err := os.Chown(path, int(c.Uid), int(c.Gid)); err != nil {
				return err
			}
		}
	}
	cmd := exec.Command(filepath.Join(s.Bin, "initdb"), "-D", filepath.Join(s.Dir, "data"), "-U", "postgres", "-E", "UTF8",
		"--locale=C.UTF-8", "--no-sync", "--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile="+pwfile)
	cmd.Dir, cmd.SysProcAttr = s.Dir, &syscall.SysProcAttr{Credential: credential()}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	s.Port = port
	conf := fmt.Sprintf("\nlisten_addresses = '127.0.0.1'\nport = %d\nunix_socket_directories = '%s'\nfsync = off\n"+
		"full_page_writes = off\nmax_connections = 200\nshared_buffers = 64MB\n", port, s.Dir)
	for _, setting := range settings {
		conf += setting + "\n"
	}
	f, err := os.OpenFile(filepath.Join(s.Dir, "data", "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(conf)
	return errors.Join(err, f.Close())
}

func (s *Server) wait() error {
	var err error
	for range 300 {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		var conn *pgx.Conn
		if conn, err = pgx.ConnectConfig(ctx, s.Config("postgres")); err == nil {
			err = conn.Close(ctx)
			cancel()
			return err
		}
		cancel()
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("the server did not answer within 30 s: %w", err)
}

func (s *Server) stop() {
	if s.stdin != nil {
		s.stdin.Close()
		_ = s.cmd.Wait()
	}
	os.RemoveAll(s.Dir)
}

// credential is the user servers run as: nil for ourselves; postgres (or nobody) when we are root, since PostgreSQL refuses root.
func credential() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.Atoi(u.Uid)
			gid, _ := strconv.Atoi(u.Gid)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	return nil
}

func freePort() (uint16, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return uint16(l.Addr().(*net.TCPAddr).Port), nil
}

func describe(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Sprintf("%v: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	return err.Error()
}
