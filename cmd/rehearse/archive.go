package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/snapshot/archive"
)

// standardStream is the snapshot that comes from stdin, or goes to stdout.
const standardStream = "-"

// standardOutput is the name of a snapshot that goes to a pipe.
const standardOutput = "standard output"

// snapshotDir is where snapshots are that are named without a path.
func snapshotDir(c *cli.Context) string {
	if dir := c.String("snapshot-dir"); dir != "" {
		return dir
	}
	return filepath.Join(c.String("state-dir"), "snapshots")
}

// isPath tells a path from the name of a snapshot in the directory of snapshots.
func isPath(name string) bool { return name != filepath.Base(name) }

// snapshotPath is where a new snapshot goes, or where one that is named is to be looked for.
func snapshotPath(c *cli.Context, name string) string {
	if isPath(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(snapshotDir(c), name)
}

// existing is where a snapshot is: under its path; else in the directory of snapshots; else, if it is there, in the working directory.
func existing(c *cli.Context, name string) (path string, there bool) {
	path = snapshotPath(c, name)
	if _, err := os.Stat(path); err == nil {
		return path, true
	}
	if _, err := os.Stat(name); err == nil {
		return name, true
	}
	return path, false
}

// named is the snapshot that a command needs to be told.
func named(c *cli.Context) (string, error) {
	if name := c.String("snapshot"); name != "" {
		return name, nil
	}
	return "", &usageProblem{text: "no snapshot is named", hint: "--snapshot NAME; rehearse snapshot list shows them"}
}

// openSnapshot opens the snapshot that --snapshot names: from stdin, from a disk, or from the store.
func openSnapshot(c *cli.Context) (*archive.Reader, error) {
	name, err := named(c)
	if err != nil {
		return nil, err
	}
	keys, err := identities(c)
	if err != nil {
		return nil, err
	}
	if name == standardStream {
		f, err := archive.Spool(os.Stdin)
		if err != nil {
			return nil, err
		}
		return archive.OpenFile(archive.StandardInput, f, keys...)
	}
	path, there := existing(c, name)
	asked, err := fetch(c, name, path, there, keys)
	if err != nil {
		return nil, err
	}
	path, _ = existing(c, name)
	r, err := archive.Open(path, keys...)
	if err != nil || asked || !tooOld(c, r.Manifest()) || !stored(c, name) {
		return r, err
	}
	at := snapshotPath(c, name)
	if err := errors.Join(r.Close(), pull(c, at, path == at, keys)); err != nil {
		return nil, err
	}
	path, _ = existing(c, name)
	return archive.Open(path, keys...)
}

// tooOld says that a snapshot would be refused for its age.
func tooOld(c *cli.Context, m *archive.Manifest) bool {
	most := c.Duration("max-archive-age")
	return most > 0 && time.Since(m.TakenAt) > most
}

// identities are the keys that --identity, or the environment, gives; none for a snapshot that is not encrypted.
func identities(c *cli.Context) ([]age.Identity, error) {
	from, text := "REHEARSE_IDENTITY", ""
	var err error
	if path := c.String("identity"); path != "" {
		var b []byte
		if b, err = os.ReadFile(path); err != nil {
			return nil, &usageProblem{text: "--identity: " + unwrapPath(err).Error(), hint: identityHint}
		}
		from, text = "--identity", string(b)
	} else if text, err = secret("REHEARSE_IDENTITY"); err != nil || text == "" {
		return nil, err
	}
	keys, err := age.ParseIdentities(strings.NewReader(text))
	if err != nil { // whose text may quote the key
		return nil, &usageProblem{text: from + ": it holds no age identity, or one that cannot be read", hint: identityHint}
	}
	return keys, nil
}

const identityHint = "age-keygen makes one: a line that begins with AGE-SECRET-KEY-1"

// encryptTo is the variable of --encrypt-to.
const encryptTo = "REHEARSE_ENCRYPT_TO"

// recipients are who can open a new snapshot.
func recipients(c *cli.Context) ([]age.Recipient, error) {
	var all []age.Recipient
	given := c.StringSlice("encrypt-to")
	if v, set := os.LookupEnv(encryptTo); set && v == "" && strings.Join(given, "") == "" { // a secret that CI does not have
		return nil, &usageProblem{text: encryptTo + ": it is set, but empty", hint: recipientHint + "; unset, the snapshot is not encrypted"}
	}
	for _, r := range given {
		text := r
		if strings.TrimSpace(r) == "" {
			return nil, &usageProblem{text: "--encrypt-to: it is empty", hint: recipientHint}
		}
		if strings.HasPrefix(strings.ToUpper(strings.TrimSpace(r)), "AGE-SECRET-KEY-") { // it must not be quoted
			return nil, &usageProblem{text: "--encrypt-to: it is an identity, which is secret: give its recipient", hint: recipientHint}
		}
		if !strings.HasPrefix(r, "age1") {
			b, err := os.ReadFile(r)
			if err != nil {
				return nil, &usageProblem{text: "--encrypt-to: " + unwrapPath(err).Error(), hint: recipientHint}
			}
			text = string(b)
		}
		some, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil {
			return nil, &usageProblem{text: fmt.Sprintf("--encrypt-to %s: it is no recipient of age: %v", discreet(r), err), hint: recipientHint}
		}
		all = append(all, some...)
	}
	return all, nil
}

const recipientHint = "a recipient is age1..., the public key that age-keygen prints, or a file with one on each line"

// createSnapshot begins the snapshot that --snapshot names, before anything else is done: what is in its way is told first.
func createSnapshot(c *cli.Context, cfg rehearse.Config) (w *archive.Writer, path string, err error) {
	to, err := recipients(c)
	if err != nil {
		return nil, "", err
	}
	name := c.String("snapshot")
	if name == standardStream {
		w, err = toStdout(c, to)
		return w, standardStream, err
	}
	if name == "" {
		name = fileName(cfg.Source.Database) + "-" + time.Now().UTC().Format("20060102-150405") + ".snapshot"
	}
	if base := filepath.Base(filepath.Clean(name)); strings.HasPrefix(base, ".") || base == string(filepath.Separator) {
		return nil, "", &usageProblem{text: fmt.Sprintf("--snapshot %s: a snapshot cannot have that name", oneLine(name)), hint: "give it one that does not begin with a dot"}
	}
	path = snapshotPath(c, name)
	if gone, err := archive.Sweep(filepath.Dir(path)); err == nil && len(gone) > 0 {
		cfg.Log.Info("removed what a killed run left of a snapshot", "files", gone)
	}
	w, err = archive.Create(path, archive.CreateOptions{
		WriteOptions: archive.WriteOptions{Recipients: to}, Directory: choiceOf(c, "form") == "directory", Replace: c.Bool("replace"), RunID: token(),
	})
	return w, path, err
}

// toStdout writes to stdout itself: a snapshot that cannot be written must end the copy, as a report that nobody reads does not.
func toStdout(c *cli.Context, to []age.Recipient) (*archive.Writer, error) {
	var out io.Writer = c.App.Writer
	if b, ok := out.(*brokenPipe); ok {
		out = b.w
	}
	switch {
	case choiceOf(c, "form") == "directory":
		return nil, &usageProblem{text: "stdout takes a snapshot in the form of a file only", hint: "--snapshot names the directory"}
	case isTerminal(out):
		return nil, &usageProblem{text: "a snapshot is nothing for a terminal", hint: "redirect stdout, or name a file with --snapshot"}
	}
	return archive.Stream(standardOutput, out, archive.WriteOptions{Recipients: to}), nil
}

func token() string {
	b := make([]byte, 4)
	_, _ = rand.Read(b) // never fails, says its documentation
	return hex.EncodeToString(b)
}

var oddInFiles = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// fileName makes a name of a file of a database's.
func fileName(database string) string {
	return strings.TrimLeft(oddInFiles.ReplaceAllString(database, "_"), ".-")
}

// archiveError is the failure of a snapshot in err, nil when there is none.
func archiveError(err error) *archive.Error {
	var e *archive.Error
	errors.As(err, &e)
	return e
}
