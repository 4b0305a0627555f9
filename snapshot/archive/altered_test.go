package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"
)

// check opens and verifies, and returns the error.
func check(path string, keys ...age.Identity) error {
	r, err := Open(path, keys...)
	if err != nil {
		return err
	}
	defer r.Close()
	return r.Verify(context.Background(), 1, nil)
}

func small(t testing.TB, recipients ...age.Recipient) []byte {
	t.Helper()
	var out bytes.Buffer
	w := Stream("standard output", &out, WriteOptions{ChunkSize: 300, Recipients: recipients})
	fill(t, w, 4)
	return out.Bytes()
}

// TestEveryByteCounts alters each byte of an archive in turn, in its lowest and its highest bit, and cuts it off after each: all of it
// is noticed, as an error that names the archive.
func TestEveryByteCounts(t *testing.T) {
	t.Parallel()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"plain": small(t), "encrypted": small(t, key.Recipient())} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "a")
			try := func(what string, b []byte) {
				if err := os.WriteFile(path, b, 0o600); err != nil {
					t.Fatal(err)
				}
				var ours *Error
				if err := check(path, key); !errors.As(err, &ours) || ours.Archive != path {
					t.Fatalf("%s: %v", what, err)
				}
			}
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := check(path, key); err != nil {
				t.Fatal(err)
			}
			for i := range b {
				for _, flip := range []byte{1, 128} {
					altered := bytes.Clone(b)
					altered[i] ^= flip
					try(fmt.Sprintf("byte %d ^ %d", i, flip), altered)
				}
				try(fmt.Sprintf("cut after %d", i), b[:i])
			}
			try("a byte more", append(bytes.Clone(b), 0))
			try("a byte before", append([]byte{0}, b...))
		})
	}
}

// FuzzAltered changes an archive in several places at once.
func FuzzAltered(f *testing.F) {
	b := small(f)
	f.Add(100, []byte{1})
	f.Add(len(b)-70, []byte{0, 0, 0, 0, 0, 0, 0, 255, 255})
	f.Fuzz(func(t *testing.T, at int, with []byte) {
		altered := bytes.Clone(b)
		if at < 0 || at >= len(b) {
			return
		}
		copy(altered[at:], with)
		path := filepath.Join(t.TempDir(), "a")
		if err := os.WriteFile(path, altered, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := check(path); (err == nil) != bytes.Equal(b, altered) {
			t.Errorf("altered at %d: %v", at, err)
		}
	})
}

// FuzzBinaryRows cuts what may be COPY data into chunks: each must hold as many whole rows as were counted, or all is refused.
func FuzzBinaryRows(f *testing.F) {
	f.Add(binaryRows(9), uint8(3))
	f.Add([]byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00"), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, step uint8) {
		var out bytes.Buffer
		w := Stream("x", &out, WriteOptions{ChunkSize: 64})
		table, rest := w.Table("a", "b", []string{"c"}, true), data
		for len(rest) > 0 {
			n := min(len(rest), int(step)+1)
			if _, err := table.Write(rest[:n]); err != nil {
				return
			}
			rest = rest[n:]
		}
		if _, err := table.Close(); err != nil {
			return
		}
		if _, err := w.Finish(Manifest{}); err != nil {
			t.Fatal(err)
		}
		file, err := Spool(&out)
		if err != nil {
			t.Fatal(err)
		}
		r, err := OpenFile("x", file)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := r.Verify(context.Background(), 1, nil); err != nil {
			t.Errorf("%v of %q", err, data)
		}
		if all := whole(t, r, 0); len(all) > 0 && !bytes.Contains(data, all) {
			t.Errorf("%q became %q", data, all)
		}
	})
}

// TestRefusals names what is wrong, and where.
func TestRefusals(t *testing.T) {
	t.Parallel()
	key, _ := age.GenerateX25519Identity()
	other, _ := age.GenerateX25519Identity()
	plain, sealed, dir := made(t, false), made(t, false, key.Recipient()), made(t, true)
	b, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(plain)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	put := func(b []byte) string {
		path := filepath.Join(t.TempDir(), "b")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	newer := bytes.Clone(b)
	newer[13] = Format + 1
	chunk := bytes.Clone(b)
	third := r.manifest.Tables[2].Chunks[2]
	chunk[third.Offset+5] ^= 1
	gone := filepath.Join(dir, partName(r.manifest.Tables[0].Chunks[0].Number))
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path string
		keys []age.Identity
		kind Kind
		part string
	}{
		"missing":         {path: plain + "x", kind: Missing},
		"no archive":      {path: put([]byte("SELECT 1; -- a file that is something else, and longer than a footer or a head")), kind: Foreign},
		"empty":           {path: put(nil), kind: Foreign},
		"a directory":     {path: t.TempDir(), kind: Foreign},
		"newer":           {path: put(newer), kind: Newer},
		"cut":             {path: put(b[:len(b)-1]), kind: Torn},
		"chunk":           {path: put(chunk), kind: Altered, part: "chunk 3 of shop.orders"},
		"part gone":       {path: dir, kind: Torn},
		"no identity":     {path: sealed, kind: Locked},
		"wrong identity":  {path: sealed, keys: []age.Identity{other}, kind: Locked, part: "manifest"},
		"right among two": {path: sealed, keys: []age.Identity{other, key}},
	} {
		t.Run(name, func(t *testing.T) {
			err := check(c.path, c.keys...)
			var ours *Error
			switch {
			case c.kind == "" && err != nil:
				t.Error(err)
			case c.kind == "":
			case !errors.As(err, &ours) || ours.Kind != c.kind || ours.Archive != c.path || c.part != "" && ours.Part != c.part:
				t.Errorf("got %v, want %s %s", err, c.kind, c.part)
			}
		})
	}
}
