package staging

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// daemon is the one Docker engine that we talk to.
//
// testcontainers-go looks for an engine in six places and takes the first that answers, so that a DOCKER_HOST which does not answer
// silently becomes another machine. Here the engine is chosen first, its client is made for it alone, and testcontainers is given that client.
type daemon struct {
	*client.Client
	host   string // unix:///var/run/docker.sock
	why    string // who named it
	memory int64  // of the machine, bytes
	system string // "Docker Desktop", "Debian GNU/Linux 12 (bookworm)"
}

// openDaemon connects to the engine asked for, else to that of DOCKER_HOST, of the current docker context, or of the usual sockets.
func openDaemon(ctx context.Context, asked string) (*daemon, error) {
	d, err := chooseDaemon(asked)
	if err != nil {
		return nil, &ProviderError{Provider: ProviderContainer, Reason: ReasonNoEngine, Err: err}
	}
	if d.Client, err = client.New(client.FromEnv, client.WithHost(d.host)); err != nil {
		return nil, &ProviderError{Provider: ProviderContainer, Reason: ReasonNoEngine, Err: fmt.Errorf("%s (%s): %w", d.host, d.why, err)}
	}
	short, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	info, err := d.Client.Info(short, client.InfoOptions{})
	if err != nil {
		_ = d.Close()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("ask the Docker engine at %s: %w", d.host, context.Cause(ctx))
		}
		return nil, &ProviderError{Provider: ProviderContainer, Reason: ReasonNoEngine, Err: fmt.Errorf("%s (%s) does not answer: %w", d.host, d.why, err)}
	}
	d.memory, d.system = info.Info.MemTotal, info.Info.OperatingSystem
	return d, nil
}

// chooseDaemon names the engine without talking to it.
func chooseDaemon(asked string) (*daemon, error) {
	if asked != "" {
		return &daemon{host: asked, why: "asked for"}, nil
	}
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		return &daemon{host: host, why: "DOCKER_HOST"}, nil
	}
	host, name, err := contextHost()
	if err != nil || host != "" {
		return &daemon{host: host, why: "docker context " + name}, err
	}
	var looked []string
	for _, path := range usualSockets() {
		if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
			return &daemon{host: "unix://" + path, why: "the usual place"}, nil
		}
		looked = append(looked, path)
	}
	return nil, fmt.Errorf("DOCKER_HOST is not set and there is no socket at %s", strings.Join(looked, ", "))
}

// usualSockets is where engines listen: as a system service, rootless, and Docker Desktop.
func usualSockets() []string {
	paths := []string{"/var/run/docker.sock"}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		paths = append(paths, filepath.Join(dir, "docker.sock"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		paths = append(paths, filepath.Join(home, ".docker/run/docker.sock"), filepath.Join(home, ".docker/desktop/docker.sock"))
	}
	return paths
}

// contextHost is the engine of the docker command's current context, "" for its default one. The command keeps a context in
// contexts/meta/<SHA-256 of its name>/meta.json of its configuration directory.
func contextHost() (host, name string, err error) {
	dir := os.Getenv("DOCKER_CONFIG")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", "", nil //nolint:nilerr // no home, no contexts
		}
		dir = filepath.Join(home, ".docker")
	}
	if name = os.Getenv("DOCKER_CONTEXT"); name == "" {
		var config struct{ CurrentContext string }
		text, err := os.ReadFile(filepath.Join(dir, "config.json"))
		if err != nil || json.Unmarshal(text, &config) != nil {
			return "", "", nil //nolint:nilerr // no configuration, no contexts
		}
		name = config.CurrentContext
	}
	if name == "" || name == "default" {
		return "", "", nil
	}
	sum := sha256.Sum256([]byte(name))
	text, err := os.ReadFile(filepath.Join(dir, "contexts", "meta", hex.EncodeToString(sum[:]), "meta.json"))
	if err != nil {
		return "", name, fmt.Errorf("docker context %s: %w", name, err)
	}
	var meta struct {
		Endpoints map[string]struct{ Host string }
	}
	if err := json.Unmarshal(text, &meta); err != nil {
		return "", name, fmt.Errorf("docker context %s: %w", name, err)
	}
	host = meta.Endpoints["docker"].Host
	if host == "" || strings.HasPrefix(host, "ssh://") {
		return "", name, fmt.Errorf("docker context %s: engine %q cannot be reached from here; a unix or tcp address is needed", name, host)
	}
	return host, name, nil
}

// remoteName is the host of an engine reached over the network, "" for one behind a socket.
func (d *daemon) remoteName() string {
	u, err := url.Parse(d.host)
	if err != nil || u.Scheme == "unix" || u.Scheme == "npipe" {
		return ""
	}
	return u.Hostname()
}

// withoutReaper switches off testcontainers' reaper, which ends containers soon after their program: labels, an expiry inside the
// container and Prune do that here, and a kept server must live. It comes before any other call, because the setting is read once.
func withoutReaper() error { return os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true") }

// testcontainers gives a provider that talks to this engine only.
func (d *daemon) testcontainers(log *slog.Logger) (*testcontainers.DockerProvider, error) {
	if !testcontainers.ReadConfig().Config.RyukDisabled {
		return nil, &ProviderError{
			Provider: ProviderContainer, Reason: ReasonSpec,
			Err: errors.New("this program has used testcontainers before, with its reaper, which would end the server"),
		}
	}
	restore, err := setEnv("DOCKER_HOST", d.host) // else it asks other engines, and gives up when none of them answers
	if err != nil {
		return nil, err
	}
	defer restore()
	p, err := testcontainers.NewDockerProvider(testcontainers.WithLogger(debugLog{log}), testcontainers.WithDefaultBridgeNetwork(testcontainers.Bridge))
	if err != nil {
		return nil, &ProviderError{Provider: ProviderContainer, Reason: ReasonNoEngine, Err: err}
	}
	_ = p.Close()
	p.SetClient(d.Client)
	if got := p.Client().DaemonHost(); got != d.host {
		return nil, &ProviderError{Provider: ProviderContainer, Reason: ReasonWrongDaemon, Err: fmt.Errorf("%s was asked for (%s), %s answers", d.host, d.why, got)}
	}
	return p, nil
}

// setEnv sets a variable of the environment for a while.
func setEnv(name, value string) (restore func(), err error) {
	old, was := os.LookupEnv(name)
	if err := os.Setenv(name, value); err != nil {
		return nil, err
	}
	return func() {
		if was {
			_ = os.Setenv(name, old)
		} else {
			_ = os.Unsetenv(name)
		}
	}, nil
}

// debugLog is a logger of testcontainers' kind. What it says is for debugging.
type debugLog struct{ log *slog.Logger }

// Printf logs at debug level.
func (l debugLog) Printf(format string, args ...any) {
	l.log.Debug(strings.TrimSpace(fmt.Sprintf(format, args...)))
}

// noEngine reports whether err says that no engine answered.
func noEngine(err error) bool {
	p := (*ProviderError)(nil)
	return errors.As(err, &p) && p.Reason == ReasonNoEngine
}
