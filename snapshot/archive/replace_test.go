package archive_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/rehearse-db/rehearse/snapshot/archive"
)

func mkfile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestReplaceTakesArchivesOnly: whatever else has the name stays, and so do strangers' files that look like ours.
func TestReplaceTakesArchivesOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mkfile(t, filepath.Join(dir, "notes"), "mine")
	mkfile(t, filepath.Join(dir, "tree", "sub", "file"), "mine")
	mkfile(t, filepath.Join(dir, ".mydata.partial-2024", "f"), "mine")
	mkfile(t, filepath.Join(dir, ".movie.partial-dl"), "mine")
	mkfile(t, filepath.Join(dir, ".ci.partial-01234567-old", "f"), "mine")
	for _, name := range []string{"notes", "tree"} {
		_, err := archive.Create(filepath.Join(dir, name), archive.CreateOptions{Replace: true, RunID: "1"})
		var refused *archive.Error
		if !errors.As(err, &refused) || refused.Kind != archive.Foreign {
			t.Errorf("%s: got %v, want Foreign", name, err)
		}
	}
	if gone, err := archive.Sweep(dir); err != nil || len(gone) > 0 {
		t.Errorf("swept %q, %v", gone, err)
	}
	for _, name := range []string{"notes", "tree/sub/file", ".mydata.partial-2024/f", ".movie.partial-dl", ".ci.partial-01234567-old/f"} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(text) != "mine" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

// TestSweepPutsBack ends a replacement that was cut short between its two steps: the archive that stepped aside has its name again; where the
// new one has it, the old one goes.
func TestSweepPutsBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	made := func(name string) {
		w, err := archive.Create(filepath.Join(dir, name), archive.CreateOptions{Directory: true, RunID: "1"})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Add("document", []byte(name)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Finish(archive.Manifest{ID: name}); err != nil {
			t.Fatal(err)
		}
	}
	made("ci")
	aside := filepath.Join(dir, ".ci.partial-1-old")
	if err := os.Rename(filepath.Join(dir, "ci"), aside); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Sweep(dir); err != nil {
		t.Fatal(err)
	}
	r, err := archive.Open(filepath.Join(dir, "ci"))
	if err != nil || r.Manifest().ID != "ci" {
		t.Fatalf("it has not its name again: %v", err)
	}
	_ = r.Close()
	made("other")
	if err := os.Rename(filepath.Join(dir, "other"), aside); err != nil {
		t.Fatal(err)
	}
	if gone, err := archive.Sweep(dir); err != nil || len(gone) != 1 {
		t.Errorf("swept %q, %v", gone, err)
	}
	if r, err = archive.Open(filepath.Join(dir, "ci")); err != nil || r.Manifest().ID != "ci" {
		t.Errorf("the one that has the name is gone: %v", err)
	}
	_ = r.Close()
}

// TestBroughtIsItsOwners: what a command brings has the modes that Create gives, whatever it had, and is no link to elsewhere.
func TestBroughtIsItsOwners(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, err := archive.Create(filepath.Join(dir, "there"), archive.CreateOptions{RunID: "1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Finish(archive.Manifest{}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "there"))
	if err != nil {
		t.Fatal(err)
	}
	at, accept, drop, err := archive.Incoming(filepath.Join(dir, "here"), "2")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = drop() }()
	if err := os.Symlink(filepath.Join(dir, "there"), at); err != nil {
		t.Fatal(err)
	}
	var refused *archive.Error
	if err := accept(); !errors.As(err, &refused) || refused.Kind != archive.Foreign || refused.Archive != filepath.Join(dir, "here") {
		t.Errorf("a link for a snapshot: %v", err)
	}
	if err := errors.Join(os.Remove(at), os.WriteFile(at, text, 0o644), os.Chmod(at, 0o644)); err != nil {
		t.Fatal(err)
	}
	if err := accept(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "here")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
