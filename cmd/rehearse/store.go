package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/snapshot/archive"
)

// push hands a finished snapshot to the store.
func push(c *cli.Context, path string) error {
	command := c.String("store-push")
	if command == "" {
		return nil
	}
	return transport(c, command, "push", path, path, nil)
}

// fetch has the store bring the snapshot of that name where it is not at path, or where --store-fetch has the store asked each time.
func fetch(c *cli.Context, name, path string, there bool, keys []age.Identity) (asked bool, err error) {
	always := choiceOf(c, "store-fetch") == "always"
	if !stored(c, name) || there && !always {
		return false, nil
	}
	at := snapshotPath(c, name)
	return true, pull(c, at, there && path == at, keys)
}

// stored says that there is a store to be asked for a snapshot of that name.
func stored(c *cli.Context, name string) bool { return c.String("store-pull") != "" && !isPath(name) }

// pull has the store bring a snapshot. It gets its name only when it is one. A store that brings nothing says that the one there is current.
func pull(c *cli.Context, path string, there bool, keys []age.Identity) (err error) {
	at, accept, drop, err := archive.Incoming(path, token(), keys...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drop()) }()
	var current []string
	if there {
		absolute, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		current = []string{"REHEARSE_SNAPSHOT_CURRENT=" + absolute}
	}
	if err := transport(c, c.String("store-pull"), "pull", path, at, current); err != nil {
		return err
	}
	if _, err := os.Lstat(at); err != nil {
		if there {
			return nil
		}
		return &archive.Error{Kind: archive.Store, Archive: path, Err: errors.New("pull: it brought nothing")}
	}
	return accept()
}

// transport runs a command of the store with the shell, as it would be typed: sh -c, the snapshot in REHEARSE_SNAPSHOT, with more of an
// environment. What it writes goes to stderr; the last line of its own stderr is in the error.
func transport(c *cli.Context, command, doing, name, path string, more []string) error {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	last := &lastLine{}
	cmd := exec.CommandContext(c.Context, "sh", "-c", command) //nolint:gosec // the user's own command
	cmd.Env = append(withoutSecrets(os.Environ()), "REHEARSE_SNAPSHOT="+absolute, "REHEARSE_SNAPSHOT_NAME="+filepath.Base(name))
	cmd.Env = append(cmd.Env, more...)
	cmd.Stdout, cmd.Stderr = c.App.ErrWriter, last
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	err = cmd.Run()
	if err == nil {
		return nil
	}
	if c.Context.Err() != nil {
		return context.Cause(c.Context)
	}
	reason := doing + ": " + err.Error()
	if last.text() != "" {
		reason += ": " + last.text()
	}
	return &archive.Error{Kind: archive.Store, Archive: name, Err: errors.New(reason)}
}

// withoutSecrets leaves out what a command of the store has no need of: the keys to the source, to the masks and to snapshots.
func withoutSecrets(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		for _, name := range []string{"REHEARSE_SOURCE_URL", "REHEARSE_MASK_KEY", "REHEARSE_SIGNING_KEY", "REHEARSE_IDENTITY", "PGPASSWORD"} {
			if strings.HasPrefix(entry, name) {
				return true
			}
		}
		return false
	})
}

// lastLine keeps the last line written to it that is not empty, if it is not too long.
type lastLine struct{ current, last []byte }

const longestLine = 500

func (l *lastLine) Write(p []byte) (int, error) {
	for _, b := range p {
		switch {
		case b != '\n' && b != '\r':
			if len(l.current) < longestLine {
				l.current = append(l.current, b)
			}
		case len(strings.TrimSpace(string(l.current))) > 0:
			l.last, l.current = append(l.last[:0], l.current...), l.current[:0]
		default:
			l.current = l.current[:0]
		}
	}
	return len(p), nil
}

func (l *lastLine) text() string {
	if line := strings.TrimSpace(string(l.current)); line != "" {
		return line
	}
	return strings.TrimSpace(string(l.last))
}
