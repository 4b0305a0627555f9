package archive

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
)

// TestNames has an archive get its name at the very end, keep it, and lose all of it when it is given up.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, directory := range []bool{false, true} {
		dir := t.TempDir()
		path := filepath.Join(dir, "a.snapshot")
		opts := CreateOptions{Directory: directory, RunID: "1"}
		w, err := Create(path, opts)
		if err != nil {
			t.Fatal(err)
		}
		feed(t, w.Table("a", "b", nil, false), textRows(3), rand.New(rand.NewPCG(1, 1)))
		if _, err := os.Lstat(path); err == nil {
			t.Error("it has its name already")
		}
		if gone, err := Sweep(dir); err != nil || len(gone) > 0 {
			t.Errorf("what is being written was swept: %v, %v", gone, err)
		}
		if err := w.Abort(); err != nil {
			t.Error(err)
		}
		if got := names(t, dir); len(got) > 0 {
			t.Errorf("left behind: %v", got)
		}
		if _, err := w.Finish(Manifest{}); err == nil {
			t.Error("it was given up, and finished")
		}
		for i, c := range []struct {
			replace bool
			kind    Kind
		}{{false, ""}, {false, Exists}, {true, ""}} {
			opts.Replace = c.replace
			w, err := Create(path, opts)
			if c.kind != "" {
				if ours := (*Error)(nil); !errors.As(err, &ours) || ours.Kind != c.kind {
					t.Errorf("%d: %v", i, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			fill(t, w, i+1)
			if err := w.Abort(); err != nil {
				t.Errorf("give up a finished one: %v", err)
			}
		}
		r, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if r.Manifest().Rows() != 9 {
			t.Errorf("%d rows: it was not replaced", r.Manifest().Rows())
		}
		r.Close()
		if got := names(t, dir); !cmp.Equal(got, []string{"a.snapshot"}) {
			t.Errorf("there are %v", got)
		}
	}
}

func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// TestSweep removes what nobody writes any more.
func TestSweep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, directory := range []bool{false, true} {
		f := &folder{path: filepath.Join(dir, "a"), directory: directory, partial: partialOf(filepath.Join(dir, "a"), fmt.Sprint(directory))}
		if err := f.begin(head(false)); err != nil {
			t.Fatal(err)
		}
		f.file.Close() // as the end of the process does
	}
	if err := os.WriteFile(filepath.Join(dir, ".other"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if gone, err := Sweep(dir); err != nil || len(gone) != 2 {
		t.Errorf("swept %v, %v", gone, err)
	}
	if got := names(t, dir); !cmp.Equal(got, []string{".other"}) {
		t.Errorf("there are %v", got)
	}
	if gone, err := Sweep(filepath.Join(dir, "none")); err != nil || len(gone) > 0 {
		t.Errorf("swept %v, %v", gone, err)
	}
}

// TestListAndRemove finds archives, broken ones too, and removes nothing else.
func TestListAndRemove(t *testing.T) {
	t.Parallel()
	key, _ := age.GenerateX25519Identity()
	dir := t.TempDir()
	for name, path := range map[string]string{"plain": made(t, false), "sealed": made(t, false, key.Recipient()), "dir": made(t, true)} {
		if err := os.Rename(path, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "plain"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"torn": b[:100], "notes.txt": []byte("nothing")} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := List(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range list {
		got[e.Name] = fmt.Sprintf("%t %t %t", e.Manifest != nil, e.Encrypted, e.Size > 0)
	}
	want := map[string]string{"plain": "true false true", "dir": "true false true", "sealed": "false true true", "torn": "false false true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	if err := os.WriteFile(filepath.Join(dir, "dir", "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, kind := range map[string]Kind{"notes.txt": Foreign, "none": Missing, "dir": Foreign, "plain": "", "sealed": "", "torn": ""} {
		err := Remove(filepath.Join(dir, name))
		if ours := (*Error)(nil); kind == "" && err != nil || kind != "" && (!errors.As(err, &ours) || ours.Kind != kind) {
			t.Errorf("remove %s: %v", name, err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "dir", "mine")); err != nil {
		t.Fatal(err)
	}
	if err := Remove(filepath.Join(dir, "dir")); err != nil {
		t.Error(err)
	}
	if got := names(t, dir); !cmp.Equal(got, []string{"notes.txt"}) {
		t.Errorf("there are %v", got)
	}
}
