//go:build unix

package archive

import (
	"errors"
	"os"
	"syscall"
)

// lock takes a file for this process until it is closed, also by the end of the process; false when another one has it.
func lock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return false, nil
	case errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.ENOLCK): // a file system without locks
		return old(f), nil
	}
	return err == nil, err
}
