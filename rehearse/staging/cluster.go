package staging

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	startLimit = 90 * time.Second // for a server to accept connections, initdb of a container included
	stopLimit  = 15 * time.Second // for everything that ends a server
	maxBlamed  = 8                // rounds of leaving out settings that the server does not accept
)

// machine is where a server's processes run: in a container or here.
type machine interface {
	provider() string
	memory() int64            // bytes, 0 when unknown
	data() string             // path, at the machine, of the cluster's data directory
	confPath() string         // path, at the machine, of the configuration file that configure writes
	place() map[string]string // settings of this machine: sockets and addresses
	configure(ctx context.Context, conf string) error
	run(ctx context.Context, program string, args, env []string, stdout, stderr io.Writer) error // as Server.Exec
	launch(ctx context.Context) error
	halt(ctx context.Context) error // ends the server cleanly, keeps its data
	ended(ctx context.Context) (bool, error)
	log(ctx context.Context) string // what the server has said since launch, at least its last lines
	connect(database string) (*pgx.ConnConfig, error)
	answered(at net.Addr) // where a connection made by connect led
}

// cluster is a server on a machine: its modes, and what had to be left out. Both providers have one.
type cluster struct {
	machine
	spec    Spec
	preload []string // of spec.Preload, what the server has

	mu      sync.Mutex
	leftOut []string
	mode    string
}

// logger is the caller's, or none.
func (s Spec) logger() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

// Config connects to the database as the superuser postgres, without the limits that production has for its own sessions; what a caller
// puts into the RuntimeParams holds. Without its AfterConnect a session is as production's are.
func (c *cluster) Config() *pgx.ConnConfig {
	cfg, err := c.connect(c.spec.Database)
	if err != nil {
		panic(err) // it has succeeded before: without a configuration the server was never seen to start
	}
	cfg.AfterConnect = unlimited
	return cfg
}

// load starts the server in load mode and creates the database.
func (c *cluster) load(ctx context.Context) error {
	settings := loadSettings(c.memory(), runtime.NumCPU(), c.spec.Jobs)
	if err := c.up(ctx, ModeLoad, settings, nil); err != nil {
		return err
	}
	if len(c.spec.Preload) > 0 {
		if err := c.reloadWithLibraries(ctx, settings); err != nil {
			return err
		}
	}
	return c.createDatabase(ctx)
}

func (c *cluster) createDatabase(ctx context.Context) error {
	admin, err := c.connect("template1")
	if err != nil {
		return err
	}
	leftOut, err := createDatabase(ctx, adminOf(admin), c.spec)
	if err != nil {
		return c.failed(ctx, err)
	}
	c.note(leftOut...)
	return nil
}

// Empty drops the database and makes it anew.
func (c *cluster) Empty(ctx context.Context) error {
	drop := Databases{server: func() (*pgx.ConnConfig, error) { return c.connect(c.spec.Database) }}
	if err := drop.Drop(ctx, c.spec.Database); err != nil {
		return c.failed(ctx, err)
	}
	return c.createDatabase(ctx)
}

// reloadWithLibraries finds which of the wanted libraries the server has, and starts it again with them: an extension may need its
// library already when its objects are created.
func (c *cluster) reloadWithLibraries(ctx context.Context, settings map[string]string) error {
	admin, err := c.connect("template1")
	if err != nil {
		return err
	}
	present, missing, err := missingLibraries(ctx, admin, c.spec.Preload)
	if err != nil {
		return c.failed(ctx, fmt.Errorf("look for shared libraries: %w", err))
	}
	for _, lib := range missing {
		c.note("shared_preload_libraries " + lib + ": not on the staging server")
	}
	if c.preload = present; len(present) == 0 {
		return nil
	}
	if err := c.halt(ctx); err != nil {
		return c.failed(ctx, err)
	}
	return c.up(ctx, ModeLoad, settings, nil)
}

// Measure restarts the server with production's settings on durable storage, and checkpoints it.
func (c *cluster) Measure(ctx context.Context) error {
	if err := c.halt(ctx); err != nil {
		return c.failed(ctx, fmt.Errorf("shut down: %w", err))
	}
	if err := c.lossless(ctx); err != nil {
		return err
	}
	// What was loaded without fsync is still on its way to the disk: the first checkpoint of a migration would pay for it.
	if err := c.run(ctx, "initdb", []string{"--sync-only", "-D", c.data()}, nil, io.Discard, io.Discard); err != nil {
		return c.failed(ctx, fmt.Errorf("sync: %w", err))
	}
	settings, leftOut := measureSettings(c.spec.Settings, c.memory())
	c.note(leftOut...)
	own := map[string]string{}
	for name, value := range settings {
		if _, theirs := c.spec.Settings[name]; !theirs {
			own[name] = value
			delete(settings, name)
		}
	}
	if err := c.up(ctx, ModeMeasure, own, settings); err != nil {
		return err
	}
	cfg, err := c.connect(c.spec.Database)
	if err != nil {
		return err
	}
	err = withConn(ctx, adminOf(cfg), func(conn *pgx.Conn) error { // a timeout that production gives the role or the database is not for this
		_, err := conn.Exec(ctx, "CHECKPOINT")
		return err
	})
	if err != nil {
		return c.failed(ctx, fmt.Errorf("checkpoint: %w", err))
	}
	return nil
}

// lossless makes sure that a server that was shut down has not crashed since its start: it would have recovered without the rows of tables
// that are not logged, and without the last commits. What it says goes by; that it was not shut down cleanly stays in its control file.
func (c *cluster) lossless(ctx context.Context) error {
	var state bytes.Buffer
	if err := c.run(ctx, "pg_controldata", []string{"-D", c.data()}, nil, &state, io.Discard); err != nil {
		return c.failed(ctx, fmt.Errorf("look whether it was shut down: %w", err))
	}
	words := lastWords(c.log(ctx))
	if len(words) == 0 && cleanShutdown.Match(state.Bytes()) {
		return nil
	}
	return &ProviderError{Provider: c.provider(), Reason: ReasonDown, Log: words, Err: errors.New("the server crashed, and may have lost rows")}
}

// cleanShutdown is what pg_controldata says, in the C locale, of a cluster that nothing runs on and that need not recover.
var cleanShutdown = regexp.MustCompile(`(?m)^Database cluster state: +shut down$`)

// up starts the server with own and asked-for settings. Of the latter it leaves out, and notes, those which the server refuses; the
// server itself says which, first when asked to read its configuration, and again when it starts.
func (c *cluster) up(ctx context.Context, mode string, own, asked map[string]string) error {
	asked = maps.Clone(asked)
	for range maxBlamed {
		if err := c.configure(ctx, c.conf(own, asked)); err != nil {
			return c.failed(ctx, err)
		}
		if len(asked) > 0 { // our own settings need no check, and the first time there may be nothing yet to check with
			said, err := c.complaints(ctx)
			if err != nil {
				return c.failed(ctx, err)
			}
			if said != "" && c.leaveOut(asked, said) {
				continue
			}
		}
		err := c.launch(ctx)
		if err == nil {
			err = c.ready(ctx)
		}
		if err == nil {
			c.setMode(mode)
			return nil
		}
		if ctx.Err() != nil || !c.leaveOut(asked, c.log(ctx)) {
			return c.failed(ctx, err)
		}
	}
	return c.failed(ctx, errors.New("it keeps refusing settings"))
}

// complaints is what PostgreSQL says of the configuration file, "" when it is content. It reads all of it, and starts nothing.
func (c *cluster) complaints(ctx context.Context) (string, error) {
	var said bytes.Buffer
	err := c.run(ctx, "postgres", []string{"-C", "fsync", "-D", c.data(), "-c", "config_file=" + c.confPath()}, nil, io.Discard, &said)
	switch exit := (*ExitError)(nil); {
	case err == nil:
		return "", nil
	case errors.As(err, &exit):
		return said.String(), nil
	}
	return "", err
}

// conf is the whole configuration file.
func (c *cluster) conf(own, asked map[string]string) string {
	libraries := map[string]string{}
	if len(c.preload) > 0 {
		libraries["shared_preload_libraries"] = strings.Join(c.preload, ",")
	}
	return renderConf(path.Join(c.data(), "postgresql.conf"), own, asked, libraries, fixedSettings(), c.place())
}

// leaveOut takes what the server complains of out of asked, and reports whether there was anything. Values are not told.
func (c *cluster) leaveOut(asked map[string]string, said string) bool {
	found := false
	for _, name := range blame(said) {
		for key := range asked {
			if strings.EqualFold(key, name) {
				delete(asked, key)
				c.note(fmt.Sprintf("setting %s: the staging server does not accept production's value", key))
				found = true
			}
		}
		if name == "shared_preload_libraries" && len(c.preload) > 0 {
			c.note("shared_preload_libraries " + strings.Join(c.preload, ", ") + ": the staging server does not start with them")
			c.preload, found = nil, true
		}
	}
	return found
}

// ready waits until the server accepts a connection, or has ended.
func (c *cluster) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("it accepted no connection in %v", startLimit))
	defer cancel()
	for {
		cfg, err := c.connect("template1")
		if err != nil {
			return err
		}
		cfg.ConnectTimeout = 5 * time.Second
		err = withConn(ctx, cfg, func(conn *pgx.Conn) error {
			c.answered(conn.PgConn().Conn().RemoteAddr())
			return conn.Ping(ctx)
		})
		if err == nil {
			return nil
		}
		if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) && pg.Code == "28P01" {
			return err // another server answers on our port, or another password was set: waiting does not help
		}
		if over, endErr := c.ended(ctx); endErr == nil && over {
			return errors.New("the server ended")
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// failed makes a ProviderError with the server's last words, unless err is one already or the work was cancelled.
func (c *cluster) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("staging: %s: %w", c.provider(), context.Cause(ctx))
	}
	if p := (*ProviderError)(nil); errors.As(err, &p) {
		return err
	}
	return startFailed(c.provider(), c.log(ctx), err)
}

// Down is why the server ended, or lost its sessions, by what it said since its last start; nil while there is nothing to say.
func (c *cluster) Down(ctx context.Context) error {
	var log string
	var over bool
	var words []string
	for tries := 0; !over && len(words) == 0; tries++ {
		if tries > 0 { // a session notices before the server says so
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
		if tries > 10 || ctx.Err() != nil {
			return nil
		}
		log = c.log(ctx)
		words = lastWords(log)
		ended, err := c.ended(ctx)
		over = ended && err == nil
	}
	e := startFailed(c.provider(), log, errors.New("the server crashed"))
	if over {
		e.Err = errors.New("the server ended")
	}
	if e.Reason == ReasonStart {
		e.Reason, e.Log = ReasonDown, words
	}
	return e
}

func (c *cluster) note(leftOut ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, text := range leftOut {
		if !slices.Contains(c.leftOut, text) {
			c.leftOut = append(c.leftOut, text)
		}
	}
}

func (c *cluster) setMode(mode string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mode = mode
}

// told is what Info says of mode and omissions.
func (c *cluster) told() (mode string, leftOut []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mode, slices.Clone(c.leftOut)
}
