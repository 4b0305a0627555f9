package staging

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

//go:embed watchdog.sh
var watchdogScript string

// A unix socket's path has at most 107 bytes on Linux and 103 on macOS, PostgreSQL's own lock file beside it included.
const longestSocket = 103 - len("/.s.PGSQL.5432.lock")

// local is a server from this machine's binaries.
//
//	<state>/rehearse-<run>/        ours, 0711 when the server is another user's, else 0700
//	    server.json expires kept   for other processes and the watchdog
//	    log postgresql.conf
//	    data/ tmp/ s/              the server user's, 0700: the cluster, scratch files, the socket
//
// There is no TCP listener and no password: the directory of the socket is the lock. Only root and the user the server runs as pass it.
type local struct {
	*cluster
	dir, bin string
	as       *account

	mu      sync.Mutex // guards what follows
	rec     record
	server  *process // nil until the first launch
	watcher *process
	logFrom int64 // where the log of the present launch begins
	stopped bool
	relays  []func() error
}

// process is a detached child that is waited for.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

func startLocal(ctx context.Context, spec Spec) (_ Server, err error) {
	bin, err := findBinaries(ctx, spec.Major, spec.BinDir)
	if err != nil {
		return nil, err
	}
	as, err := serverAccount(spec.runAs())
	if err != nil {
		return nil, &ProviderError{Provider: "local", Reason: ReasonUser, Err: err}
	}
	l := &local{bin: bin, as: as, dir: filepath.Join(spec.stateDir(), dirPrefix+spec.RunID)}
	l.cluster = &cluster{machine: l, spec: spec}
	if err := l.makeDirs(ctx, spec); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Stop(context.WithoutCancel(ctx)))
		}
	}()
	if err := l.initdb(ctx); err != nil {
		return nil, err
	}
	if err := l.load(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

// makeDirs makes the directory and its record before anything else, so that Prune finds all that a killed process leaves.
func (l *local) makeDirs(ctx context.Context, spec Spec) error {
	broken := func(err error) error { return startFailed("local", "", err) }
	if err := os.MkdirAll(spec.stateDir(), 0o755); err != nil {
		return broken(err)
	}
	mode := os.FileMode(0o700)
	if l.as != nil {
		mode = 0o711
		if dir := l.as.mayEnter(spec.stateDir()); dir != "" {
			return &ProviderError{
				Provider: "local", Reason: ReasonUser,
				Err: fmt.Errorf("user %s, who runs the server, may not enter %s; another state directory is needed", l.as.name, dir),
			}
		}
	}
	if err := os.Mkdir(l.dir, 0o700); err != nil {
		return broken(err)
	}
	l.rec = record{Run: spec.RunID, Host: hostID(), Owner: os.Getpid(), Bin: l.bin, Database: spec.Database, Expires: time.Now().Add(spec.TTL)}
	if l.as != nil {
		l.rec.Account = l.as.name
	}
	err := errors.Join(os.Chmod(l.dir, mode), l.makeSockets())
	for _, sub := range []string{"data", "tmp", l.rec.Sockets} {
		if err == nil {
			err = l.makeOwn(sub)
		}
	}
	if err == nil {
		err = l.rec.write(l.dir)
	}
	if err != nil {
		return errors.Join(broken(err), removeAll(context.WithoutCancel(ctx), l.dir, l.rec.Sockets))
	}
	return nil
}

// makeSockets chooses the socket's directory: the server's own, or a short one when that is too long for a socket.
func (l *local) makeSockets() (err error) {
	l.rec.Sockets = filepath.Join(l.dir, "s")
	if len(l.rec.Sockets) > longestSocket {
		l.rec.Sockets, err = os.MkdirTemp("/tmp", "rehearse-s-")
	}
	return err
}

// makeOwn makes a directory that only the server's user and root may enter.
func (l *local) makeOwn(sub string) error {
	path := sub
	if !filepath.IsAbs(sub) {
		path = filepath.Join(l.dir, sub)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return l.as.own(path)
}

// initdb makes the cluster in the C locale, which every machine has; the database gets its own.
func (l *local) initdb(ctx context.Context) error {
	var said bytes.Buffer
	err := l.run(ctx, "initdb", []string{
		"-D", l.data(), "-U", superuser, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync",
	}, nil, &said, &said)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("staging: local: initdb: %w", context.Cause(ctx))
	}
	return startFailed("local", said.String(), fmt.Errorf("initdb: %w", err))
}

// provider, memory, data, confPath and place are what a cluster asks of its machine.
func (l *local) provider() string { return "local" }
func (l *local) memory() int64    { return machineMemory() }
func (l *local) data() string     { return filepath.Join(l.dir, "data") }
func (l *local) confPath() string { return filepath.Join(l.dir, "postgresql.conf") }
func (l *local) place() map[string]string {
	return map[string]string{
		"listen_addresses": "", "unix_socket_directories": l.rec.Sockets, "unix_socket_permissions": "0700",
		"hba_file": filepath.Join(l.data(), "pg_hba.conf"), "ident_file": filepath.Join(l.data(), "pg_ident.conf"),
	}
}

func (l *local) configure(_ context.Context, conf string) error {
	if err := replaceFile(l.confPath(), conf); err != nil {
		return err
	}
	return l.as.own(l.confPath())
}

// launch starts the postmaster and the watchdog that ends it should this process be killed.
func (l *local) launch(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return errors.New("the server was stopped")
	}
	log, err := os.OpenFile(filepath.Join(l.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	if l.logFrom, err = log.Seek(0, io.SeekEnd); err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(l.bin, "postgres"), "-D", l.data(), "-c", "config_file="+l.confPath())
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = l.data(), l.environment(nil), log, log
	l.as.detach(cmd)
	if l.server, err = start(cmd); err != nil {
		return err
	}
	watch := exec.Command("/bin/sh", "-c", watchdogScript, "rehearse-watchdog",
		fmt.Sprint(cmd.Process.Pid), fmt.Sprint(l.rec.Owner), l.dir, l.rec.Sockets)
	watch.Dir, watch.Env = "/", []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	(*account)(nil).detach(watch)
	if l.watcher, err = start(watch); err != nil {
		return fmt.Errorf("start the watchdog: %w", err)
	}
	l.rec.Server, l.rec.Watchdog = cmd.Process.Pid, watch.Process.Pid
	return l.rec.write(l.dir)
}

// start starts a child and waits for it in the background.
func start(cmd *exec.Cmd) (*process, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // how it ended is in its log
	}()
	return p, nil
}

// over reports whether the process has ended, or never began.
func (p *process) over() bool {
	if p == nil {
		return true
	}
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (l *local) ended(context.Context) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.server.over(), nil
}

// halt shuts the server down cleanly, keeping its data.
func (l *local) halt(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropWatcher()
	if l.server.over() {
		return nil
	}
	if err := l.server.cmd.Process.Signal(signalFast); err != nil && !l.server.over() {
		return err
	}
	select {
	case <-l.server.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// dropWatcher ends the watchdog. The caller holds the lock.
func (l *local) dropWatcher() {
	if !l.watcher.over() {
		killGroup(l.watcher.cmd.Process.Pid)
		<-l.watcher.done
	}
	l.watcher = nil
}

func (l *local) log(context.Context) string {
	l.mu.Lock()
	from := l.logFrom
	l.mu.Unlock()
	f, err := os.Open(filepath.Join(l.dir, "log"))
	if err != nil {
		return ""
	}
	defer f.Close()
	const most = 64 << 10
	if info, err := f.Stat(); err == nil && info.Size()-from > most {
		from = info.Size() - most
	}
	text, err := io.ReadAll(io.NewSectionReader(f, from, most))
	if err != nil {
		return ""
	}
	return string(text)
}

func (l *local) connect(database string) (*pgx.ConnConfig, error) {
	return connection(l.rec.Sockets, 5432, "", database)
}

func (l *local) answered(net.Addr) {}

// TempPath is a path in a directory of the server's user.
func (l *local) TempPath(name string) string { return filepath.Join(l.dir, "tmp", name) }

// Self is libpq's environment for programs run by Exec.
func (l *local) Self() []string {
	return []string{"PGHOST=" + l.rec.Sockets, "PGPORT=5432", "PGUSER=" + superuser, "PGDATABASE=" + l.spec.Database}
}

// Exec runs a program of the server's own binaries, as the user the server runs as. A cancelled ctx ends it.
func (l *local) Exec(ctx context.Context, program string, args, env []string, stdout, stderr io.Writer) error {
	if strings.ContainsRune(program, filepath.Separator) {
		return fmt.Errorf("run %s: the name of a program is wanted, not a path", program)
	}
	return l.run(ctx, program, args, env, stdout, stderr)
}

func (l *local) run(ctx context.Context, program string, args, env []string, stdout, stderr io.Writer) error {
	cmd := exec.CommandContext(ctx, filepath.Join(l.bin, program), args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = filepath.Join(l.dir, "tmp"), l.environment(env), stdout, stderr
	l.as.detach(cmd)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 3 * time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		if cmd.Process != nil {
			killGroup(cmd.Process.Pid)
		}
		return fmt.Errorf("run %s: %w", program, context.Cause(ctx))
	}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return &ExitError{Program: program, Code: exit.ExitCode()}
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", program, err)
	}
	return nil
}

// environment is what programs see: nothing of ours but PATH, messages in English, no libpq files of the user's, and what is given.
func (l *local) environment(env []string) []string {
	base := []string{
		"PATH=" + l.bin + ":/usr/bin:/bin", "LC_ALL=C", "HOME=" + filepath.Join(l.dir, "tmp"), "TMPDIR=" + filepath.Join(l.dir, "tmp"),
	}
	return append(base, env...)
}

// Reach listens on the loopback interface.
func (l *local) Reach(ctx context.Context, dial func(context.Context) (io.ReadWriteCloser, error)) (Route, error) {
	r, err := listen(ctx, "127.0.0.1:0", dial, l.spec.logger(), l.admits)
	if err != nil {
		return Route{}, &ProviderError{Provider: "local", Reason: ReasonPort, Err: err}
	}
	l.mu.Lock()
	l.relays = append(l.relays, r.Close)
	l.mu.Unlock()
	return Route{HostAddr: "127.0.0.1", Port: r.port(), Close: r.Close}, nil
}

// Keep lets the server outlive this process, until a time.
func (l *local) Keep(_ context.Context, until time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return errors.New("keep staging server: it was stopped")
	}
	l.rec.Kept, l.rec.Expires = true, until
	return l.rec.write(l.dir)
}

// Info says what and where the server is.
func (l *local) Info() Info {
	l.mu.Lock()
	rec := l.rec
	l.mu.Unlock()
	info := rec.info(l.dir)
	info.Mode, info.LeftOut = l.told()
	return info
}

// Stop ends the server and removes its directory.
func (l *local) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return nil
	}
	var errs []error
	for _, end := range l.relays {
		errs = append(errs, end())
	}
	l.dropWatcher()
	if !l.server.over() {
		errs = append(errs, endProcess(ctx, l.server.cmd.Process.Pid, l.server.over))
	}
	if err := removeAll(ctx, l.dir, l.rec.Sockets); err != nil {
		errs = append(errs, fmt.Errorf("remove staging server: %w", err))
	} else {
		l.stopped = true
	}
	return errors.Join(errs...)
}
