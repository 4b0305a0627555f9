package staging

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	tclog "github.com/testcontainers/testcontainers-go/log"
)

//go:embed supervise.sh
var superviseScript string

// Labels of a staging container. They cannot change while it runs: that it is kept, and until when, is in its name.
const (
	labelRun      = "dev.rehearse.run"
	labelOwner    = "dev.rehearse.owner" // the user's name
	labelHost     = "dev.rehearse.host"  // hostID: whose process table labelPID speaks of
	labelPID      = "dev.rehearse.pid"
	labelExpires  = "dev.rehearse.expires" // RFC 3339
	labelDatabase = "dev.rehearse.database"
)

const (
	controlDir = "/rehearse" // root's, in the container; see supervise.sh
	socketDir  = "/var/run/postgresql"
	shmSize    = 1 << 30 // a limit, not a reservation; Docker's 64 MB ends parallel index builds
)

var postgresPort = network.MustParsePort("5432/tcp")

// container is a server in a container of a Docker engine.
//
// The image is the official one, or behaves like it: docker-entrypoint.sh makes the cluster and starts it. Our shell script runs that, as
// the container's first process, so that the server can be restarted inside a container that is removed when it ends.
type container struct {
	*cluster
	engine   *daemon
	image    string
	dataDir  string
	password string
	expires  time.Time

	mu      sync.Mutex // guards what follows
	id      string     // "" until created
	conf    string     // what the first start reads
	address []endpoint // where the server may answer; one, once it has
	own     []netip.Addr
	gateway []netip.Addr
	kept    bool
	stopped bool
	relays  []func() error
	execs   int
}

// endpoint is an address to reach the server at.
type endpoint struct {
	host string
	port uint16
}

func startContainer(ctx context.Context, spec Spec) (_ Server, err error) {
	if err := withoutReaper(); err != nil {
		return nil, err
	}
	tclog.SetDefault(debugLog{spec.logger()}) // pulling an image speaks too
	engine, err := openDaemon(ctx, spec.DockerHost)
	if err != nil {
		return nil, err
	}
	c := &container{engine: engine, image: spec.Image, password: rand.Text(), expires: time.Now().Add(spec.TTL)}
	if c.image == "" {
		c.image = fmt.Sprintf("postgres:%d", spec.Major)
	}
	c.image = mirrored(c.image)
	c.cluster = &cluster{machine: c, spec: spec}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Stop(context.WithoutCancel(ctx)))
		}
	}()
	if c.dataDir, err = engine.ensureImage(ctx, c.image, spec.Pull); err != nil {
		return nil, err
	}
	if err := c.load(ctx); err != nil {
		return nil, c.explain(ctx, err)
	}
	got, err := c.serverMajor(ctx)
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	if got != spec.Major {
		return nil, &ProviderError{Provider: ProviderContainer, Reason: ReasonImage, Err: &MajorError{Image: c.image, Major: got, Wanted: spec.Major}}
	}
	if engine.remoteName() != "" {
		c.note("the server's port is open on all interfaces of the Docker host, behind a random password: a remote engine is not reached otherwise")
	}
	return c, nil
}

// explain tells a server that runs but cannot be reached from one that does not run.
func (c *container) explain(ctx context.Context, err error) error {
	p := (*ProviderError)(nil)
	if ctx.Err() != nil || !errors.As(err, &p) || p.Reason != ReasonStart {
		return err
	}
	if c.run(ctx, "pg_isready", []string{"-q", "-h", socketDir}, nil, io.Discard, io.Discard) == nil {
		p.Reason, p.Log = ReasonPort, nil
	}
	return err
}

// serverMajor asks the server for its version.
func (c *container) serverMajor(ctx context.Context) (int, error) {
	var num int
	err := withConn(ctx, c.Config(), func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int").Scan(&num)
	})
	if err != nil {
		return 0, fmt.Errorf("asking the server for its version: %w", err)
	}
	return num / 10000, nil
}

// provider, memory, data, confPath and place are what a cluster asks of its machine.
func (c *container) provider() string { return ProviderContainer }
func (c *container) memory() int64    { return c.engine.memory }
func (c *container) data() string     { return c.dataDir }
func (c *container) confPath() string { return path.Join(controlDir, "postgresql.conf") }
func (c *container) place() map[string]string {
	return map[string]string{
		"listen_addresses": "*", "unix_socket_directories": socketDir,
		"hba_file": path.Join(c.dataDir, "pg_hba.conf"), "ident_file": path.Join(c.dataDir, "pg_ident.conf"),
	}
}

func (c *container) configure(ctx context.Context, conf string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conf = conf; c.id == "" {
		return nil
	}
	return c.engine.put(ctx, c.id, "postgresql.conf", conf)
}

// launch creates the container, or has the server in it started again.
func (c *container) launch(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return errors.New("the server was stopped")
	}
	if c.id == "" {
		return c.create(ctx)
	}
	if err := c.engine.put(ctx, c.id, "again", ""); err != nil {
		return err
	}
	return c.waitForDown(ctx, false)
}

// halt shuts the server down cleanly and leaves the container up.
func (c *container) halt(ctx context.Context) error {
	var said strings.Builder
	err := c.run(ctx, "pg_ctl", []string{"stop", "-s", "-m", "fast", "-w", "-t", "86400", "-D", c.dataDir}, nil, &said, &said)
	if down, downErr := c.ended(ctx); err != nil && (downErr != nil || !down) {
		return fmt.Errorf("%w: %s", err, strings.Join(lastLines(said.String(), 2), " | "))
	}
	return c.waitForDown(ctx, true)
}

// waitForDown waits until the supervisor has seen the server end, or has begun to start it.
func (c *container) waitForDown(ctx context.Context, want bool) error {
	for {
		down, err := c.ended(ctx)
		if err != nil {
			return err
		}
		if down == want {
			return nil
		}
		if c.gone(ctx) {
			return errors.New("the container has ended")
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (c *container) ended(ctx context.Context) (bool, error) {
	_, err := c.engine.ContainerStatPath(ctx, c.id, client.ContainerStatPathOptions{Path: path.Join(controlDir, "down")})
	if err == nil {
		return true, nil
	}
	if !errdefs.IsNotFound(err) {
		return false, err
	}
	return c.gone(ctx), nil
}

// gone reports whether the container itself has ended, and so removed itself.
func (c *container) gone(ctx context.Context) bool {
	_, err := c.engine.ContainerInspect(ctx, c.id, client.ContainerInspectOptions{})
	return errdefs.IsNotFound(err)
}

func (c *container) log(ctx context.Context) string {
	if c.id == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	stream, err := c.engine.ContainerLogs(ctx, c.id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: "200"})
	if err != nil {
		return ""
	}
	defer stream.Close()
	var b strings.Builder
	if _, err := stdcopy.StdCopy(&b, &b, stream); err != nil {
		return ""
	}
	text := b.String()
	if at := strings.LastIndex(text, "rehearse: starting the server\n"); at >= 0 {
		text = text[at:]
	}
	return text
}

// connect gives the first address, with the others to fall back to until the server has answered at one of them.
func (c *container) connect(database string) (*pgx.ConnConfig, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.address) == 0 {
		return nil, errors.New("the container has no address")
	}
	cfg, err := connection(c.address[0].host, c.address[0].port, c.password, database)
	if err != nil {
		return nil, err
	}
	for _, e := range c.address[1:] {
		cfg.Fallbacks = append(cfg.Fallbacks, &pgconn.FallbackConfig{Host: e.host, Port: e.port})
	}
	return cfg, nil
}

// answered keeps the address at which the server was reached.
func (c *container) answered(at net.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	tcp, ok := at.(*net.TCPAddr)
	if !ok || len(c.address) < 2 {
		return
	}
	keep := slices.IndexFunc(c.address, func(e endpoint) bool { return e.host == tcp.IP.String() && int(e.port) == tcp.Port })
	c.address = c.address[max(0, keep):][:1]
}

// TempPath is a path in the container.
func (c *container) TempPath(name string) string { return path.Join("/tmp", name) }

// Self is libpq's environment for programs run by Exec.
func (c *container) Self() []string {
	return []string{"PGHOST=" + socketDir, "PGPORT=5432", "PGUSER=" + superuser, "PGDATABASE=" + c.spec.Database, "PGPASSWORD=" + c.password}
}

// Info says what and where the server is.
func (c *container) Info() Info {
	c.mu.Lock()
	defer c.mu.Unlock()
	info := Info{RunID: c.spec.RunID, Provider: ProviderContainer, Image: c.image, ID: c.id, Database: c.spec.Database, Expires: c.expires, Kept: c.kept}
	info.Mode, info.LeftOut = c.told()
	if len(c.address) > 0 {
		info.URL = tcpURL(c.address[0], c.password, c.spec.Database)
	}
	info.PSQL = execPSQL(c.id, c.spec.Database)
	return info
}

// Keep gives the container a new expiry, and a name that says that it is kept and until when.
func (c *container) Keep(ctx context.Context, until time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return errors.New("keep staging server: it was stopped")
	}
	if err := c.engine.put(ctx, c.id, "expires", seconds(until)); err != nil {
		return fmt.Errorf("keep staging server: %w", err)
	}
	if _, err := c.engine.ContainerRename(ctx, c.id, client.ContainerRenameOptions{NewName: keptContainer(c.spec.RunID, until)}); err != nil {
		return fmt.Errorf("keep staging server: %w", err)
	}
	c.kept, c.expires = true, until
	return nil
}

// Stop removes the container.
func (c *container) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return nil
	}
	var errs []error
	for _, end := range c.relays {
		errs = append(errs, end())
	}
	if err := c.removeContainer(ctx); err != nil {
		return errors.Join(append(errs, fmt.Errorf("remove staging container: %w", err))...)
	}
	c.stopped = true
	return errors.Join(append(errs, c.engine.Close())...)
}

// removeContainer removes it by its id, or, when creating it failed half way, by our label on it.
func (c *container) removeContainer(ctx context.Context) error {
	if c.id != "" {
		return c.engine.remove(ctx, c.id)
	}
	found, err := c.engine.containers(ctx, c.spec.RunID)
	if err != nil {
		return err
	}
	for _, item := range found {
		if item.Labels[labelHost] == hostID() && item.Labels[labelPID] == strconv.Itoa(os.Getpid()) {
			err = errors.Join(err, c.engine.remove(ctx, item.ID))
		}
	}
	return err
}
