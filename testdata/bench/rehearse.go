package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// keptCopy is the same masked copy twice: as rehearse keeps it, and as pg_dump -Fd does.
type keptCopy struct{ archive, dump string }

// state is a state directory of a run's own, gone when drop is called.
func state() (dir string, drop func(), err error) {
	dir, err = os.MkdirTemp("", "bench-")
	return dir, func() { _ = os.RemoveAll(dir) }, err
}

// rehearse is a command of the program to measure.
func rehearse(ctx context.Context, source staging.Server, o options, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, o.binary, args...)
	cmd.Env = append(os.Environ(), "REHEARSE_SOURCE_URL="+source.Info().URL)
	return cmd
}

// loud runs a command, whose own words of a failure are said.
func loud(cmd *exec.Cmd) error {
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// making are the flags of the commands that make a copy.
func making(o options, state string) []string {
	return []string{"--provider", "local", "--jobs", fmt.Sprint(o.jobs), "--progress", "json", "--state-dir", state, "--format", "json"}
}

// stage is `rehearse stage` with more flags; its phase "copy" is what is measured. Staging is removed when then, which may be nil, has returned.
func stage(ctx context.Context, source staging.Server, o options, then func(staging string) error, more ...string) (cost, error) {
	dir, drop, err := state()
	if err != nil {
		return cost{}, err
	}
	defer drop()
	c, err := watch(rehearse(ctx, source, o, append(append([]string{"stage"}, making(o, dir)...), more...)...))
	if err != nil {
		return c, err
	}
	if then != nil {
		err = then(c.staging)
	}
	destroy := rehearse(context.WithoutCancel(ctx), source, o, "staging", "destroy", "--staging", c.staging, "--state-dir", dir)
	if ended := loud(destroy); err == nil { // its data would be in the way of the next round
		err = ended
	}
	return c, err
}

// copied is a copy of the source.
func copied(ctx context.Context, source staging.Server, o options, masks string) (cost, error) {
	return stage(ctx, source, o, nil, "--masks", masks)
}

// clone is a second database of a copy, made by the whole of `rehearse staging clone`; the first is not measured here.
func clone(ctx context.Context, s sources, o options) (c cost, err error) {
	_, err = stage(ctx, s.full, o, func(staging string) error {
		m := begin()
		err := loud(rehearse(ctx, s.full, o, "staging", "clone", "--staging", staging, "--format", "json"))
		c = m.end()
		return err
	}, "--masks", o.masks, "--pristine")
	return c, err
}

// archive is a copy of the source that is kept as a file.
func archive(ctx context.Context, s sources, o options) (cost, error) {
	dir, drop, err := state()
	if err != nil {
		return cost{}, err
	}
	defer drop()
	return create(ctx, s.full, o, dir, filepath.Join(dir, "bench.snapshot"))
}

func create(ctx context.Context, source staging.Server, o options, state, path string) (cost, error) {
	args := append([]string{"snapshot", "create", "--snapshot", path, "--masks", o.masks}, making(o, state)...)
	return watch(rehearse(ctx, source, o, args...))
}

// keep makes a snapshot of the source, and a dump of what it restores to.
func keep(ctx context.Context, source staging.Server, o options, dir string) (keptCopy, error) {
	k := keptCopy{archive: filepath.Join(dir, "bench.snapshot"), dump: filepath.Join(dir, "dump")}
	if _, err := create(ctx, source, o, dir, k.archive); err != nil {
		return k, fmt.Errorf("make a snapshot: %w", err)
	}
	_, err := stage(ctx, source, o, func(staging string) error {
		url, err := rehearse(ctx, source, o, "staging", "url", "--staging", staging).Output()
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, fmt.Sprintf("/usr/lib/postgresql/%d/bin/pg_dump", o.major), "-Fd", jobs(o), "-f", k.dump, "-d", strings.TrimSpace(string(url)))
		return loud(cmd)
	}, "--snapshot", k.archive)
	if err != nil {
		return k, fmt.Errorf("dump the masked copy: %w", err)
	}
	return k, exec.CommandContext(ctx, "chmod", "-R", "a+rX", dir).Run() // the user of a server of root's reads the dump
}

func restore(ctx context.Context, s sources, o options) (cost, error) {
	return stage(ctx, s.full, o, nil, "--snapshot", s.kept.archive)
}

func pgRestore(ctx context.Context, s sources, o options) (cost, error) {
	return restored(ctx, o, func(staging.Server) (string, error) { return s.kept.dump, nil })
}
