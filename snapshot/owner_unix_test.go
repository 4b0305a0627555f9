//go:build unix

package snapshot

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

// ownerOf makes a program run as the owner of dir, when we are root.
func ownerOf(t *testing.T, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stat.Uid, Gid: stat.Gid}}
}

// chownAll gives the files of dir to the owner of the server.
func chownAll(t *testing.T, s *pgtest.Server, dir string) {
	t.Helper()
	attr := ownerOf(t, s.Dir)
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, f := range files {
		if attr == nil {
			return
		}
		if err := os.Chown(f, int(attr.Credential.Uid), int(attr.Credential.Gid)); err != nil {
			t.Fatal(err)
		}
	}
}
