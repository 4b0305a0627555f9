package staging

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	dockercontainer "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// Options says where List, Destroy and Prune look.
type Options struct {
	DockerHost string // as Spec.DockerHost; an engine that was not asked for and does not answer is passed over
	StateDir   string // as Spec.StateDir
	Log        *slog.Logger
}

// server is one found by its marks: what List tells, and how to end it.
type server struct {
	info   Info
	due    string // why it should be ended, "" when it should not
	remove func(context.Context) error
}

// List gives the throwaway servers of every run, of both providers, the oldest first: a run's id begins with its time. URL is set for
// those that this user can reach.
func List(ctx context.Context, opts Options) ([]Info, error) {
	var infos []Info
	err := each(ctx, opts, func(s server) error {
		infos = append(infos, s.info)
		return nil
	})
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.RunID, b.RunID) })
	return infos, err
}

// Destroy ends the server of a run, kept or not, and removes all of it. The error is ErrUnknownRun when there is none.
func Destroy(ctx context.Context, runID string, opts Options) error {
	found := false
	err := each(ctx, opts, func(s server) error {
		if s.info.RunID != runID {
			return nil
		}
		found = true
		return s.end(ctx)
	})
	if err == nil && !found {
		return fmt.Errorf("%w: %s", ErrUnknownRun, runID)
	}
	return err
}

// Prune ends every server that has expired, and every one not kept whose program on this machine is gone. It gives those it ended.
func Prune(ctx context.Context, opts Options) ([]Info, error) {
	log := Spec{Log: opts.Log}.logger()
	var ended []Info
	err := each(ctx, opts, func(s server) error {
		if s.due == "" {
			return nil
		}
		log.Info("ending a staging server left behind", "run", s.info.RunID, "provider", s.info.Provider, "because", s.due)
		if err := s.end(ctx); err != nil {
			return err
		}
		ended = append(ended, s.info)
		return nil
	})
	return ended, err
}

// end removes a server within the time that a stop may take.
func (s server) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	if err := s.remove(ctx); err != nil {
		return fmt.Errorf("staging server %s: %w", s.info.RunID, err)
	}
	return nil
}

// each calls do with every server of both providers, and joins the errors.
func each(ctx context.Context, opts Options, do func(server) error) error {
	var errs []error
	dirs, err := records(Spec{StateDir: opts.StateDir}.stateDir())
	errs = append(errs, err)
	now := time.Now()
	for dir, rec := range dirs {
		errs = append(errs, do(server{
			info: rec.info(dir), due: rec.due(now), remove: func(ctx context.Context) error { return rec.remove(ctx, dir) },
		}))
	}
	return errors.Join(append(errs, eachContainer(ctx, opts, do))...)
}

func eachContainer(ctx context.Context, opts Options, do func(server) error) error {
	engine, err := openDaemon(ctx, opts.DockerHost)
	if noEngine(err) && opts.DockerHost == "" {
		return nil
	}
	if err != nil {
		return err
	}
	defer engine.Close()
	items, err := engine.containers(ctx, "")
	if err != nil {
		return err
	}
	var errs []error
	for _, item := range items {
		rec := containerRecord(item)
		info := engine.describe(ctx, item, rec)
		errs = append(errs, do(server{
			info: info, due: rec.due(time.Now()), remove: func(ctx context.Context) error { return engine.remove(ctx, item.ID) },
		}))
	}
	return errors.Join(errs...)
}

// keptMark stands in a container's name between the run and the second at which a kept one ends.
const keptMark = "-kept-until-"

func keptContainer(runID string, until time.Time) string {
	return fmt.Sprintf("%s%s%s%d", dirPrefix, runID, keptMark, until.Unix())
}

// containerRecord reads a container's labels and its name. Labels that do not parse make it expired: it is ours, and broken.
func containerRecord(item dockercontainer.Summary) record {
	rec := record{Run: item.Labels[labelRun], Host: item.Labels[labelHost], Database: item.Labels[labelDatabase]}
	rec.Owner, _ = strconv.Atoi(item.Labels[labelPID])
	rec.Expires, _ = time.Parse(time.RFC3339, item.Labels[labelExpires])
	for _, name := range item.Names {
		at := strings.LastIndex(name, keptMark)
		if at < 0 {
			continue
		}
		if until, err := strconv.ParseInt(name[at+len(keptMark):], 10, 64); err == nil {
			rec.Kept, rec.Expires = true, time.Unix(until, 0)
		}
	}
	return rec
}

// describe is what List says of a container. Its password is in its environment, which who may talk to the engine may read.
func (d *daemon) describe(ctx context.Context, item dockercontainer.Summary, rec record) Info {
	info := Info{
		RunID: rec.Run, Provider: ProviderContainer, Image: item.Image, ID: item.ID, Database: rec.Database, Expires: rec.Expires, Kept: rec.Kept,
		PSQL: execPSQL(item.ID, rec.Database),
	}
	got, err := d.ContainerInspect(ctx, item.ID, client.ContainerInspectOptions{})
	if err != nil || got.Container.Config == nil || got.Container.NetworkSettings == nil {
		return info
	}
	host := d.remoteName()
	if host == "" {
		host = "127.0.0.1"
	}
	for _, env := range got.Container.Config.Env {
		password, ok := strings.CutPrefix(env, "POSTGRES_PASSWORD=")
		for _, b := range got.Container.NetworkSettings.Ports[postgresPort] {
			if port, err := strconv.ParseUint(b.HostPort, 10, 16); ok && err == nil {
				info.URL = tcpURL(endpoint{host, uint16(port)}, password, rec.Database)
			}
		}
	}
	return info
}
