//go:build unix

package staging

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is another user to run PostgreSQL as: it refuses to run as root. nil means ourselves.
type account struct {
	name     string
	uid, gid uint32
}

// serverAccount is the user the local provider becomes: none unless we are root, then the wanted one, else postgres, else nobody.
func serverAccount(wanted string) (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // nil is the answer: ourselves
	}
	names := []string{"postgres", "nobody"}
	if wanted != "" {
		names = []string{wanted}
	}
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		if uid == 0 {
			return nil, fmt.Errorf("PostgreSQL does not run as %s, who is root", name)
		}
		return &account{name: name, uid: uint32(uid), gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no user %s", names[0])
}

func (a *account) userID() int { return int(a.uid) }

// own hands a path to the account.
func (a *account) own(path string) error {
	if a == nil {
		return nil
	}
	return os.Chown(path, int(a.uid), int(a.gid))
}

// detach makes cmd run as the account and in a session of its own, where a terminal's Ctrl-C does not reach it.
func (a *account) detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if a != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
}

// mayEnter says which directory above path the account cannot pass, "" when there is none. It reads the mode bits only.
func (a *account) mayEnter(path string) string {
	if a == nil {
		return ""
	}
	for dir := path; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return dir
		}
		bit := os.FileMode(0o001)
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid == a.uid {
			bit = 0o100
		} else if ok && st.Gid == a.gid {
			bit = 0o010
		}
		if info.Mode()&bit == 0 {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// ours reports whether a path belongs to the user we are: what another user planted in a shared directory is not believed.
func ours(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}

// alive reports whether a process exists. One that we may not signal exists.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// signals to a postmaster. Fast ends sessions and writes a checkpoint; immediate does neither.
const (
	signalFast      = syscall.SIGINT
	signalImmediate = syscall.SIGQUIT
)

// killGroup ends a detached process and its children.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }
