package archive

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
)

// textRows are rows of COPY's text format, as PostgreSQL writes them.
func textRows(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "%d\tname %d\t\\N\ta\\nb\t%s\n", i, i, strings.Repeat("x", i%97))
	}
	return b.Bytes()
}

// binaryRows are rows of COPY's binary format, with NULLs, empty fields and tuples without fields.
func binaryRows(n int) []byte {
	b := bytes.Clone(signature)
	for i := range n {
		fields := i % 4
		b = binary.BigEndian.AppendUint16(b, uint16(fields))
		for f := range fields {
			switch size := (i * 7 % 301); {
			case f == 1:
				b = binary.BigEndian.AppendUint32(b, 0xffffffff)
			default:
				b = binary.BigEndian.AppendUint32(b, uint32(size))
				b = append(b, bytes.Repeat([]byte{0xff}, size)...)
			}
		}
	}
	return append(b, 0xff, 0xff)
}

// feed writes data in pieces of any size.
func feed(t testing.TB, w *TableWriter, data []byte, random *rand.Rand) int64 {
	t.Helper()
	for len(data) > 0 {
		n := min(len(data), 1+random.IntN(700))
		if random.IntN(3) == 0 {
			n = 1
		}
		if _, err := w.Write(data[:n]); err != nil {
			t.Fatal(err)
		}
		data = data[n:]
	}
	rows, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

var manifest = Manifest{
	ID: "20260101-000000-abcd", Tool: "1", CreatedAt: time.Unix(1e9, 0).UTC(), Database: "shop", ServerVersion: "15.4",
	ServerVersionNum: 150004, TakenAt: time.Unix(1e9, 0).UTC(), LSN: "0/1", Masking: Masking{RulesSHA256: "ab", KeyID: "cd", Columns: 3, Masked: 1},
}

// fill writes two tables, of which one in two pieces at the same time, an empty one and a document.
func fill(t testing.TB, w *Writer, rows int) *Manifest {
	t.Helper()
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			if n := feed(t, w.Table("shop", "orders", []string{"id", "b"}, true), binaryRows(rows), rand.New(rand.NewPCG(1, uint64(i)))); n != int64(rows) {
				t.Errorf("%d rows of %d were counted", n, rows)
			}
		})
	}
	wg.Wait()
	feed(t, w.Table("shop", "customers", []string{"id"}, false), textRows(rows), rand.New(rand.NewPCG(2, 2)))
	feed(t, w.Table("shop", "none", []string{"id"}, true), binaryRows(0), rand.New(rand.NewPCG(2, 2)))
	if err := w.Add("schema", []byte("CREATE TABLE ...")); err != nil {
		t.Fatal(err)
	}
	m, err := w.Finish(manifest)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// made is an archive with chunks of 1,000 bytes.
func made(t testing.TB, directory bool, recipients ...age.Recipient) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.snapshot")
	w, err := Create(path, CreateOptions{Directory: directory, RunID: "1", WriteOptions: WriteOptions{ChunkSize: 1000, Recipients: recipients}})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, w, 50)
	return path
}

// whole is the COPY stream that the chunks of a table make together.
func whole(t testing.TB, r *Reader, i int) []byte {
	t.Helper()
	var all []byte
	table := &r.manifest.Tables[i]
	for k := range table.Chunks {
		in, err := r.Chunk(table, k)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		in.Close()
		if table.Binary {
			b = bytes.TrimSuffix(bytes.TrimPrefix(b, signature), []byte{0xff, 0xff})
		}
		all = append(all, b...)
	}
	return all
}

// TestRoundTrip writes each form of an archive, with and without encryption, and reads back what was written.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		directory bool
		to        []age.Recipient
		with      []age.Identity
	}{
		"file": {}, "directory": {directory: true},
		"encrypted file": {to: []age.Recipient{key.Recipient()}, with: []age.Identity{key}},
		"encrypted directory": {
			directory: true, to: []age.Recipient{key.Recipient()}, with: []age.Identity{key},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := Open(made(t, c.directory, c.to...), c.with...)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if err := r.Verify(context.Background(), 3, nil); err != nil {
				t.Error(err)
			}
			if !bytes.Equal(whole(t, r, 0), textRows(50)) {
				t.Error("the text rows are others")
			}
			if n := len(whole(t, r, 2)); n != 2*(len(binaryRows(50))-len(signature)-2) {
				t.Errorf("the binary rows are others: %d bytes", n)
			}
			if r.manifest.Rows() != 150 || len(r.manifest.Tables[2].Chunks) < 4 || len(r.manifest.Tables[1].Chunks) != 0 {
				t.Errorf("the manifest is wrong: %d rows, %+v", r.manifest.Rows(), r.manifest.Tables)
			}
			if text, err := r.Document("schema"); err != nil || string(text) != "CREATE TABLE ..." {
				t.Errorf("document: %q, %v", text, err)
			}
			for _, table := range r.manifest.Tables {
				for _, chunk := range table.Chunks {
					if chunk.Raw > 1000+700+int64(len(signature))+2 {
						t.Errorf("%s: a chunk of %d bytes", table.Name, chunk.Raw)
					}
				}
			}
		})
	}
}

// TestDirectoryIsTheFile has the files of a directory, one after another, be the single file.
func TestDirectoryIsTheFile(t *testing.T) {
	t.Parallel()
	dir := made(t, true)
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	path := filepath.Join(t.TempDir(), "one")
	if err := os.WriteFile(path, all, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Verify(context.Background(), 1, nil); err != nil {
		t.Error(err)
	}
}

// TestStreamIsTheFile has stdout get the same form.
func TestStreamIsTheFile(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := Stream("standard output", &out, WriteOptions{ChunkSize: 1000})
	fill(t, w, 20)
	f, err := Spool(&out)
	if err != nil {
		t.Fatal(err)
	}
	r, err := OpenFile(StandardInput, f)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Verify(context.Background(), 1, nil); err != nil {
		t.Error(err)
	}
	if info, err := f.Stat(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := os.Stat(f.Name()); err == nil {
		t.Error("the spooled file has a name still")
	}
}

// TestVoid keeps what was begun anew out of the tables, and checks it all the same.
func TestVoid(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a")
	w, err := Create(path, CreateOptions{RunID: "1", WriteOptions: WriteOptions{ChunkSize: 500}})
	if err != nil {
		t.Fatal(err)
	}
	feed(t, w.Table("a", "b", nil, false), textRows(99), rand.New(rand.NewPCG(1, 1)))
	given := w.Table("a", "c", nil, false) // up, and never closed
	if _, err := given.Write(textRows(99)); err != nil {
		t.Fatal(err)
	}
	w.Restart()
	m := fill(t, w, 5)
	if m.Rows() != 15 || len(m.Void) < 2 {
		t.Errorf("%d rows, %d unused parts", m.Rows(), len(m.Void))
	}
	if err := check(path); err != nil {
		t.Error(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[m.Void[0].Offset] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := check(path); err == nil {
		t.Error("an altered unused part was not noticed")
	}
}

// TestNotCopyData refuses what cannot be cut into rows.
func TestNotCopyData(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{
		"header":   []byte("PGCOPY\n\xff\r\n\x01"),
		"within":   binaryRows(3)[:len(binaryRows(3))-9],
		"length":   append(bytes.Clone(signature), 0, 1, 0xff, 0xff, 0xff, 0xf0),
		"count":    append(bytes.Clone(signature), 0xff, 0xf0),
		"trailing": append(binaryRows(3), 0),
	} {
		var out bytes.Buffer
		w := Stream("x", &out, WriteOptions{})
		table := w.Table("a", "b", nil, true)
		_, err := table.Write(data)
		if err == nil {
			_, err = table.Close()
		}
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
