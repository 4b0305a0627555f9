package staging

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/user"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	dockercontainer "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// mirrored puts testcontainers' prefix for a mirror of Docker Hub before an image that names no registry, so that we look for and pull
// what it will run.
func mirrored(image string) string {
	prefix := testcontainers.ReadConfig().Config.HubImageNamePrefix
	first, _, named := strings.Cut(image, "/")
	if prefix == "" || named && (strings.ContainsAny(first, ".:") || first == "localhost") {
		return image
	}
	return path.Join(prefix, image)
}

// ensureImage has the image at the engine, and gives the data directory that the image declares.
func (d *daemon) ensureImage(ctx context.Context, image, pull string) (dataDir string, err error) {
	missing := func(err error) error {
		if ctx.Err() != nil {
			return fmt.Errorf("staging: container: pull image %s: %w", image, context.Cause(ctx))
		}
		return &ProviderError{Provider: ProviderContainer, Reason: ReasonImage, Err: err}
	}
	found, err := d.ImageInspect(ctx, image)
	if err != nil && !errdefs.IsNotFound(err) {
		return "", missing(fmt.Errorf("look for image %s: %w", image, err))
	}
	if err != nil && pull == "never" {
		return "", missing(fmt.Errorf("image %s is not on this Docker engine, and pulling is switched off", image))
	}
	if err != nil || pull == "always" {
		if err := d.pull(ctx, image); err != nil {
			return "", missing(fmt.Errorf("pull image %s: %w", image, err))
		}
		if found, err = d.ImageInspect(ctx, image); err != nil {
			return "", missing(fmt.Errorf("look for image %s: %w", image, err))
		}
	}
	if found.Config != nil {
		for _, env := range found.Config.Env {
			if dir, ok := strings.CutPrefix(env, "PGDATA="); ok {
				return path.Clean(dir), nil
			}
		}
	}
	return "/var/lib/postgresql/data", nil
}

// create makes and starts the container. The requests are not cancelled half way: the engine would make it without our knowing its id.
func (c *container) create(ctx context.Context) error {
	provider, err := c.engine.testcontainers(c.spec.logger())
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startLimit)
	defer cancel()
	made, err := provider.CreateContainer(ctx, c.request())
	if made != nil {
		c.id = made.GetContainerID()
	}
	if err == nil {
		err = made.Start(ctx)
	}
	if err != nil {
		return fmt.Errorf("start container %s: %w", dirPrefix+c.spec.RunID, err)
	}
	return c.locate(ctx)
}

// request is the container wanted. AutoRemove, and no restart: when its first process ends it is gone.
func (c *container) request() testcontainers.ContainerRequest {
	file := func(name, text string) testcontainers.ContainerFile {
		return testcontainers.ContainerFile{Reader: strings.NewReader(text), ContainerFilePath: path.Join(controlDir, name), FileMode: 0o644}
	}
	return testcontainers.ContainerRequest{
		Image:        c.image,
		Name:         dirPrefix + c.spec.RunID,
		Labels:       c.labels(),
		ExposedPorts: []string{postgresPort.String()},
		Entrypoint:   []string{"/bin/sh", "-c", superviseScript, "rehearse-supervise"},
		Files:        []testcontainers.ContainerFile{file("postgresql.conf", c.conf), file("expires", seconds(c.expires))},
		Env: map[string]string{
			"POSTGRES_USER": superuser, "POSTGRES_PASSWORD": c.password, "POSTGRES_DB": superuser, "LC_ALL": "C",
			"POSTGRES_INITDB_ARGS": "--encoding=UTF8 --locale=C --no-sync",
		},
		HostConfigModifier: func(h *dockercontainer.HostConfig) {
			h.AutoRemove, h.ShmSize = true, shmSize
			h.PortBindings = network.PortMap{postgresPort: {{HostIP: c.publishOn()}}}
		},
	}
}

func seconds(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) + "\n" }

func (c *container) labels() map[string]string {
	owner := "unknown"
	if u, err := user.Current(); err == nil {
		owner = u.Username
	}
	return map[string]string{
		labelRun: c.spec.RunID, labelOwner: owner, labelHost: hostID(), labelPID: strconv.Itoa(os.Getpid()),
		labelExpires: c.expires.UTC().Format(time.RFC3339), labelDatabase: c.spec.Database,
	}
}

// publishOn is the address of the Docker host that the port is bound to: the loopback interface, unless the engine is elsewhere.
func (c *container) publishOn() netip.Addr {
	if c.engine.remoteName() != "" {
		return netip.IPv4Unspecified()
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// locate reads the container's addresses. Over a unix socket 127.0.0.1 comes first; where we run in a container beside it, that is not the
// Docker host's, and the container's own address serves.
func (c *container) locate(ctx context.Context) error {
	got, err := c.engine.ContainerInspect(ctx, c.id, client.ContainerInspectOptions{})
	if err != nil {
		return err
	}
	if got.Container.NetworkSettings == nil {
		return errors.New("the engine gives the container no network")
	}
	host := c.engine.remoteName()
	if host == "" {
		host = "127.0.0.1"
	}
	c.address, c.own, c.gateway = nil, nil, nil
	for _, b := range got.Container.NetworkSettings.Ports[postgresPort] {
		if port, err := strconv.ParseUint(b.HostPort, 10, 16); err == nil {
			c.address = append(c.address, endpoint{host, uint16(port)})
			if other := os.Getenv("TESTCONTAINERS_HOST_OVERRIDE"); other != "" && other != host {
				c.address = append(c.address, endpoint{other, uint16(port)})
			}
			break // a second one is IPv6's
		}
	}
	for _, n := range got.Container.NetworkSettings.Networks {
		if n.IPAddress.IsValid() {
			c.own = append(c.own, n.IPAddress)
			c.address = append(c.address, endpoint{n.IPAddress.String(), postgresPort.Num()})
		}
		if n.Gateway.IsValid() {
			c.gateway = append(c.gateway, n.Gateway)
		}
	}
	if len(c.address) == 0 {
		return &ProviderError{Provider: ProviderContainer, Reason: ReasonPort, Err: errors.New("the engine published no port and gave no address")}
	}
	return nil
}
