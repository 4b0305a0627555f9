package rehearse_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/testdata/shop"
)

// smallDisk mounts a file system of its own that ends with the test.
func smallDisk(t *testing.T, megabytes int) string {
	t.Helper()
	dir := publicDir(t)
	if err := syscall.Mount("rehearse-test", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=0755", megabytes)); err != nil {
		t.Skipf("needs the right to mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestDiskFills has staging's disk run full in each part of a run: one sentence and a hint, or a report without a judgement; nothing left.
func TestDiskFills(t *testing.T) {
	t.Parallel()
	source := pgtest.New(t)
	if err := shop.History(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, source, fmt.Sprintf(plantSQL, planted))
	pgtest.Exec(t, source, `INSERT INTO shop.products (category_id, sku, name, price) SELECT 1, 's' || i, repeat(md5(i::text), 20), 1 FROM generate_series(1, 100000) i`)
	tests := map[string]struct {
		megabytes, code int
		pending, says   string
	}{
		"start":   {megabytes: 20, code: 21, pending: "SELECT 1;", says: "space"},
		"copy":    {megabytes: 110, code: 21, pending: "SELECT 1;", says: "space"},
		"migrate": {megabytes: 420, code: 21, pending: "CREATE TABLE big AS SELECT repeat(md5(i::text), 60) AS x FROM generate_series(1, 1000000) i;", says: "the disk of the staging server is full"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			disk := smallDisk(t, tc.megabytes)
			p := command(t, source, "run", "--provider", "local", "--migrations", migrationsWith(t, tc.pending), "--masks", shopFile(t, "rehearse.masks.yaml"))
			p.Env = append(p.Env, "TMPDIR="+disk, "REHEARSE_PASSES=none")
			code := p.exitCode(t)
			said := p.stderr.String() + p.stdout.String()
			if code != tc.code || !strings.Contains(said, tc.says) {
				t.Errorf("exit %d, want %d and %q:\n%s", code, tc.code, tc.says, tail(said))
			}
			if name != "migrate" && (strings.Count(said, "rehearse: error: ") != 1 || !strings.Contains(said, "rehearse: hint: staging needs about as much room")) {
				t.Errorf("no clear sentence and hint:\n%s", tail(said))
			}
			if left, err := filepath.Glob(filepath.Join(disk, "*")); err != nil || len(left) > 0 {
				t.Errorf("left on the disk: %q, %v", left, err)
			}
			if left := processesNaming(t, disk); len(left) > 0 {
				t.Errorf("processes left: %q", left)
			}
		})
	}
}

// TestSnapshotDiskFills has the disk run full that a snapshot is written to: told as that, and nothing of it is left.
func TestSnapshotDiskFills(t *testing.T) {
	t.Parallel()
	source := fresh(t, "shop", loadShop)
	for _, form := range []string{"file", "directory"} {
		t.Run(form, func(t *testing.T) {
			disk := smallDisk(t, 3)
			p := creating(t, source, disk, "--form", form)
			code := p.exitCode(t)
			said := p.stderr.String()
			if code != 22 || !strings.Contains(said, "snapshot "+filepath.Join(disk, "a")+": no space left on the disk it is written to") {
				t.Errorf("exit %d:\n%s", code, tail(said))
			}
			if got := filesIn(t, disk); len(got) > 0 {
				t.Errorf("left on the disk: %q", got)
			}
			if got, err := filepath.Glob(filepath.Join(p.state, "*")); err != nil || len(got) > 0 {
				t.Errorf("left of staging: %q, %v", got, err)
			}
		})
	}
}
