package staging

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/pkg/stdcopy"
	dockercontainer "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// Exec runs a program inside the container as the user postgres. A cancelled ctx ends it.
func (c *container) Exec(ctx context.Context, program string, args, env []string, stdout, stderr io.Writer) error {
	if strings.Contains(program, "/") {
		return fmt.Errorf("run %s: the name of a program is wanted, not a path", program)
	}
	return c.run(ctx, program, args, env, stdout, stderr)
}

// The engine has no way to end an exec: so the program's process id is noted first, for a second exec to signal.
const noteAndExec = `echo $$ >"$1"; shift; exec "$@"`

func (c *container) run(ctx context.Context, program string, args, env []string, stdout, stderr io.Writer) error {
	c.mu.Lock()
	c.execs++
	pidFile := c.TempPath(".rehearse-exec-" + strconv.Itoa(c.execs))
	c.mu.Unlock()
	cmd := append([]string{"/bin/sh", "-c", noteAndExec, "rehearse-exec", pidFile, program}, args...)
	code, err := c.engine.exec(ctx, c.id, cmd, append([]string{"LC_ALL=C"}, env...), stdout, stderr)
	if ctx.Err() != nil {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		kill := []string{"/bin/sh", "-c", `kill -INT "$(cat "$1")"`, "rehearse-kill", pidFile}
		_, _ = c.engine.exec(end, c.id, kill, nil, io.Discard, io.Discard) // it may have ended by itself
		return fmt.Errorf("run %s: %w", program, context.Cause(ctx))
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", program, err)
	}
	if code != 0 {
		return &ExitError{Program: program, Code: code}
	}
	return nil
}

// exec runs a command in a container as the user postgres and gives its exit status.
func (d *daemon) exec(ctx context.Context, id string, cmd, env []string, stdout, stderr io.Writer) (code int, err error) {
	made, err := d.ExecCreate(ctx, id, client.ExecCreateOptions{
		User: superuser, Env: env, Cmd: cmd, WorkingDir: "/tmp", AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return 0, err
	}
	stream, err := d.ExecAttach(ctx, made.ID, client.ExecAttachOptions{})
	if err != nil {
		return 0, err
	}
	defer stream.Close()
	stop := context.AfterFunc(ctx, stream.Close)
	defer stop()
	if _, err := stdcopy.StdCopy(orDiscard(stdout), orDiscard(stderr), stream.Reader); err != nil {
		return 0, err
	}
	for {
		got, err := d.ExecInspect(ctx, made.ID, client.ExecInspectOptions{})
		if err != nil || !got.Running {
			return got.ExitCode, err
		}
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// put writes a file of the control directory.
func (d *daemon) put(ctx context.Context, id, name, text string) error {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), ModTime: time.Now()})
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return err
	}
	if _, err := d.CopyToContainer(ctx, id, client.CopyToContainerOptions{DestinationPath: controlDir, Content: &b}); err != nil {
		return fmt.Errorf("write %s in the container: %w", path.Join(controlDir, name), err)
	}
	return nil
}

// pull fetches an image once, with the credentials of the docker command. testcontainers' own pull tries for minutes.
func (d *daemon) pull(ctx context.Context, image string) error {
	var options client.ImagePullOptions
	if _, auth, err := testcontainers.DockerImageAuth(ctx, image); err == nil {
		if options.RegistryAuth, err = authconfig.Encode(auth); err != nil {
			return err
		}
	}
	stream, err := d.ImagePull(ctx, image, options)
	if err != nil {
		return err
	}
	defer stream.Close()
	return stream.Wait(ctx)
}

// remove removes a container with its volumes and waits until it is gone. One that is gone, or going, is no error.
func (d *daemon) remove(ctx context.Context, id string) error {
	_, err := d.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !errdefs.IsNotFound(err) && !errdefs.IsConflict(err) {
		return err
	}
	for {
		_, err := d.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
		if errdefs.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// containers is the staging containers of a run, or of every run.
func (d *daemon) containers(ctx context.Context, runID string) ([]dockercontainer.Summary, error) {
	label := labelRun
	if runID != "" {
		label += "=" + runID
	}
	got, err := d.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", label)})
	if err != nil {
		return nil, fmt.Errorf("list staging containers: %w", err)
	}
	return got.Items, nil
}
