//go:build !unix

package staging

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// account has no meaning here: the local provider is for Unix systems.
type account struct{ name string }

func serverAccount(string) (*account, error) {
	return nil, errors.New("the local provider needs a Unix system")
}

func (a *account) userID() int            { return -1 }
func (a *account) own(string) error       { return nil }
func (a *account) detach(*exec.Cmd)       {}
func (a *account) mayEnter(string) string { return "" }

func ours(os.FileInfo) bool { return true }

func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err == nil {
		_ = p.Release()
	}
	return err == nil
}

const (
	signalFast      = syscall.SIGINT
	signalImmediate = syscall.SIGQUIT
)

func killGroup(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}
