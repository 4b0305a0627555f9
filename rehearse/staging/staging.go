// Package staging starts throwaway PostgreSQL servers and is sure to end them.
//
// There are two providers: "container" (a Docker engine) and "local" (initdb and postgres of this machine). Both start a server in load
// mode, where durability is off and nothing but loading is quick, and restart it into measure mode, where it has production's settings:
// timings taken in load mode are fiction. What production has and the server cannot have is left out and told, in Info.LeftOut.
//
//	server, err := staging.Start(ctx, "auto", spec)
//	if err != nil { ... }
//	defer server.Stop(context.WithoutCancel(ctx))
//	... copy into server.Config() ...
//	err = server.Measure(ctx)
//
// A server ends in four ways, each of which needs nothing of the others: Stop; its expiry, which a shell beside the server watches, so that
// it holds when this program and this package are gone; the death of the program that started it, unless Keep was called (a local server
// notices by itself, a container is found by Prune); Destroy and Prune from another process, by marks that only we can have made.
//
// A local server listens on a unix socket in a directory that only its user and root may enter. A container's port is bound to the loopback
// interface and wants a random password; an engine on another machine publishes it there, which is told. Neither reads libpq's PG*
// variables: those are the source's.
package staging

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

// Spec is the server wanted: as close to the source as a provider can make it.
type Spec struct {
	RunID    string        // label, directory and container name: rehearse-<RunID>
	Major    int           // PostgreSQL's major version
	TTL      time.Duration // expiry; a container ends by itself then
	Database string        // name of the database to create, as in the source
	Locale   Locale        // of that database
	// Settings of measure mode by name: production's planner, memory and WAL settings. Load mode's are the provider's own.
	Settings map[string]string
	Preload  []string // shared_preload_libraries wanted; those not available are left out and told
	Jobs     int      // parallel loaders, for sizing load mode

	Image      string // container: image; "" means postgres:<Major>
	Pull       string // container: "missing" (default), "never", "always"
	DockerHost string // container: the daemon asked for; "" means DOCKER_HOST or the default socket
	BinDir     string // local: directory of initdb and postgres; "" means search
	StateDir   string // local: where data directories go; "" means os.TempDir. A server run as another user must be able to enter it
	RunAs      string // local, when we are root: the user to run PostgreSQL as; "" means REHEARSE_PG_USER, else postgres, else nobody
	Log        *slog.Logger
}

// Locale is how a database is created.
type Locale struct {
	Encoding string // "UTF8"
	Provider string // "libc", "icu" or "builtin"
	Collate  string
	CType    string
	Locale   string // ICU or builtin locale; "" for libc
	ICURules string
}

// Server is a running throwaway server. It has two implementations: a container and local binaries.
type Server interface {
	// Config connects to the database as the superuser postgres. Each call gives a fresh copy. It is valid until the next restart.
	Config() *pgx.ConnConfig
	// Measure restarts the server with the settings of measure mode and checkpoints it.
	Measure(ctx context.Context) error
	// Exec runs a client program of the server's own major version where the server is: "pg_dump", "pg_restore".
	// env entries are KEY=VALUE and never reach a command line. A non-zero exit is an *ExitError.
	Exec(ctx context.Context, program string, args, env []string, stdout, stderr io.Writer) error
	// Reach makes host:port, dialled from this process, reachable for programs run by Exec. It gives the address to use there as
	// hostaddr and port, beside the true host name so that TLS verification holds, or a directory for a unix socket as host.
	Reach(ctx context.Context, dial func(ctx context.Context) (io.ReadWriteCloser, error)) (Route, error)
	// TempPath is a path for a scratch file where Exec runs. The file goes with the server.
	TempPath(name string) string
	// Self is the connection Exec's programs use to reach the server itself: PGHOST, PGPORT, PGUSER, PGDATABASE (and PGPASSWORD) as env.
	Self() []string
	// Empty drops the database and makes it anew, empty, as at the start. Roles stay.
	Empty(ctx context.Context) error
	// Info says what and where the server is.
	Info() Info
	// Keep lets the server outlive this process, until a time at which it ends by itself. Without Keep it ends with its process.
	Keep(ctx context.Context, until time.Time) error
	// Down is why the server is down: a *ProviderError that tells what it said at last, nil when it is up, or nothing is known after a second.
	Down(ctx context.Context) error
	// Stop ends the server and removes all of it. It is idempotent.
	Stop(ctx context.Context) error
}

// Route is how Exec's programs reach something through this process.
type Route struct {
	HostAddr string // IP address to dial
	Port     uint16
	Close    func() error
}

// Info describes a running server.
type Info struct {
	RunID    string
	Provider string // "container" or "local"
	Image    string // image, or the directory of the binaries
	ID       string // container id, or data directory
	Database string // that of the copy
	URL      string // connection URL with password: printed only when the server is kept
	PSQL     string // a psql command that connects, without password where that is possible
	Expires  time.Time
	Kept     bool     // it was told to outlive the process that started it
	LeftOut  []string // wanted but not available, in words: "shared_preload_libraries timescaledb"
	Mode     string   // "load" or "measure"
}
