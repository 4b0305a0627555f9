package staging

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// record is what the local provider writes beside a server, for List, Destroy and Prune of another process. It holds no secret: who may
// reach the socket's directory may connect.
type record struct {
	Run      string    `json:"run"`
	Host     string    `json:"host"`   // as hostID gives it: process ids mean nothing elsewhere
	Owner    int       `json:"owner"`  // process id of the program that started the server
	Server   int       `json:"server"` // process id of the postmaster; 0 before the first start
	Watchdog int       `json:"watchdog"`
	Bin      string    `json:"bin"`
	Sockets  string    `json:"sockets"` // directory of the unix socket
	Database string    `json:"database"`
	Account  string    `json:"account,omitempty"` // the user the server runs as, when not its owner's
	Kept     bool      `json:"kept"`
	Expires  time.Time `json:"expires"`
}

const (
	dirPrefix   = "rehearse-"
	recordName  = "server.json"
	expiresName = "expires"
	keptName    = "kept"
)

// hostID tells process tables apart: two containers may share a host name and a Docker engine, but not a boot and a process namespace.
func hostID() string {
	name, err := os.Hostname()
	if err != nil {
		name = "localhost"
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return name
	}
	namespace, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return name
	}
	return fmt.Sprintf("%s/%s/%s", name, strings.TrimSpace(string(boot)), namespace)
}

// write stores the record, and what the watchdog reads, beside the server.
func (r record) write(dir string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(dir, expiresName), strconv.FormatInt(r.Expires.Unix(), 10)+"\n"); err != nil {
		return err
	}
	if r.Kept {
		if err := replaceFile(filepath.Join(dir, keptName), ""); err != nil {
			return err
		}
	}
	return replaceFile(filepath.Join(dir, recordName), string(text))
}

// replaceFile writes a file in one step, so that a reader sees the old one or the new one.
func replaceFile(path, text string) error {
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// readRecord reads the record of a server's directory. A directory of another user's is refused: its record would have us end processes.
func readRecord(dir string) (record, error) {
	var r record
	info, err := os.Lstat(dir)
	if err != nil {
		return r, err
	}
	if !info.IsDir() || !ours(info) {
		return r, fmt.Errorf("%s belongs to another user", dir)
	}
	text, err := os.ReadFile(filepath.Join(dir, recordName))
	if errors.Is(err, os.ErrNotExist) { // its writer was killed before it gave the first one its name
		text, err = os.ReadFile(filepath.Join(dir, recordName+".new"))
	}
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("read %s: %w", filepath.Join(dir, recordName), err)
	}
	return r, nil
}

// records finds the servers under a state directory, by directory.
func records(stateDir string) (map[string]record, error) {
	dirs, err := filepath.Glob(filepath.Join(globEscape(stateDir), dirPrefix+"*"))
	if err != nil {
		return nil, err
	}
	found := map[string]record{}
	for _, dir := range dirs {
		if r, err := readRecord(dir); err == nil && r.Run != "" && filepath.Base(dir) == dirPrefix+r.Run {
			found[dir] = r
		}
	}
	return found, nil
}

// globEscape makes a path mean itself in a pattern.
func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// serves reports whether pid is the postmaster of dir: a process id alone may by now be another's.
func serves(ctx context.Context, pid int, dir string) bool {
	if pid <= 0 || !alive(pid) {
		return false
	}
	return strings.Contains(commandLine(ctx, pid), filepath.Join(dir, "data"))
}

// commandLine is the arguments of a process, from /proc or from ps.
func commandLine(ctx context.Context, pid int) string {
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil {
		return strings.ReplaceAll(string(text), "\x00", " ")
	}
	out, err := exec.CommandContext(ctx, "ps", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// due says why a server should be ended, "" when it should not.
func (r record) due(now time.Time) string {
	switch {
	case !now.Before(r.Expires):
		return "expired"
	case !r.Kept && r.Host == hostID() && !alive(r.Owner):
		return "its owner has ended"
	}
	return ""
}

// remove ends the server of a record and removes its directory.
func (r record) remove(ctx context.Context, dir string) error {
	if r.Host != hostID() {
		return fmt.Errorf("staging server %s runs on another machine: %s", r.Run, r.Host)
	}
	if r.Watchdog > 0 && strings.Contains(commandLine(ctx, r.Watchdog), dir) {
		killGroup(r.Watchdog)
	}
	if serves(ctx, r.Server, dir) {
		if err := endProcess(ctx, r.Server, func() bool { return !serves(ctx, r.Server, dir) }); err != nil {
			return fmt.Errorf("end staging server %s: %w", r.Run, err)
		}
	}
	return removeAll(ctx, dir, r.Sockets)
}

// endProcess ends a postmaster whose data nobody needs, and kills it when it takes its time.
func endProcess(ctx context.Context, pid int, ended func() bool) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	defer func() { _ = p.Release() }()
	if err := p.Signal(signalImmediate); err != nil && !ended() {
		return err
	}
	for tries := 0; !ended(); tries++ {
		if tries == 80 {
			_ = p.Kill()
		}
		select {
		case <-ctx.Done():
			_ = p.Kill()
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// removeAll removes directories, with what a cluster in them keeps elsewhere, again for as long as a dying process writes into them.
func removeAll(ctx context.Context, dirs ...string) error {
	for _, dir := range dirs {
		if dir == "" {
			continue
		}
		for _, remove := range []func() error{ // in this order: the directory knows the tablespaces
			func() error { return removeTablespaces(filepath.Join(dir, "data")) },
			func() error { return os.RemoveAll(dir) },
		} {
			err := remove()
			for tries := 0; err != nil && tries < 20 && ctx.Err() == nil; tries++ {
				time.Sleep(50 * time.Millisecond)
				err = remove()
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// removeTablespaces removes what a cluster keeps in tablespaces that migrations created on this machine: in each, the directory of its
// major version, which a second server of that version would have been refused. The location itself was there before.
func removeTablespaces(data string) error {
	links, _ := filepath.Glob(filepath.Join(data, "pg_tblspc", "*"))
	version, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if len(links) == 0 || err != nil {
		return nil //nolint:nilerr // not the directory of a cluster
	}
	var errs error
	for _, link := range links {
		location, err := os.Readlink(link)
		if err != nil {
			continue // in place: it goes with the directory
		}
		entries, _ := os.ReadDir(location)
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), "PG_"+strings.TrimSpace(string(version))+"_") {
				errs = errors.Join(errs, os.RemoveAll(filepath.Join(location, e.Name())))
			}
		}
	}
	return errs
}
