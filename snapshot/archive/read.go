package archive

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"filippo.io/age"
)

// Reader is an archive whose manifest was read and found whole. Several goroutines may read parts at the same time.
type Reader struct {
	name      string
	from      source
	open      opener
	manifest  Manifest
	size      int64
	encrypted bool
	buffers   sync.Pool // *[]byte: where a part was read to, another one is
}

// source is where the bytes are.
type source interface {
	head() ([]byte, error)
	// tail is the manifest and the footer as they stand there, and the size of all the parts as far as it can be told without the
	// manifest, -1 otherwise.
	tail() (tail []byte, parts int64, err error)
	// part reads into a buffer, which may be too small.
	part(p Part, buffer []byte) ([]byte, error)
	close() error
}

// Open reads the manifest of an archive, be it a file or a directory. The error is an *[Error].
func Open(path string, identities ...age.Identity) (*Reader, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, readFailed(path, "", err)
	}
	if info.IsDir() {
		return read(path, directory{path}, identities)
	}
	if !info.Mode().IsRegular() { // to open a named pipe would wait for somebody who writes
		return nil, notAFile(path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, readFailed(path, "", err)
	}
	return OpenFile(path, f, identities...)
}

// OpenFile reads the manifest of an archive in an open file, which the reader then owns.
func OpenFile(name string, f *os.File, identities ...age.Identity) (*Reader, error) {
	return read(name, file{f}, identities)
}

func read(name string, from source, identities []age.Identity) (*Reader, error) {
	r := &Reader{name: name, from: from}
	if err := r.begin(identities); err != nil {
		return nil, errors.Join(err, from.close())
	}
	return r, nil
}

func (r *Reader) begin(identities []age.Identity) error {
	first, err := r.from.head()
	if err != nil {
		return r.failed(readKind(err), "", err)
	}
	encrypted, kind, err := readHead(first)
	if kind != "" {
		return r.failed(kind, "", err)
	}
	r.encrypted, r.open.encrypted, r.open.identities = encrypted, encrypted, identities
	tail, before, err := r.from.tail()
	if err != nil {
		return r.failed(readKind(err), "", err)
	}
	if len(tail) < footerSize {
		return r.failed(Torn, "", errors.New("its end is missing"))
	}
	f, ok := readFooter(tail[len(tail)-footerSize:])
	if !ok {
		return r.failed(Torn, "", errors.New("its end is missing"))
	}
	sealed := tail[:len(tail)-footerSize]
	found := f
	found.seal(first, sealed)
	switch {
	case f.manifest != int64(len(sealed)), before >= 0 && f.parts != before, found.sum != f.sum:
		return r.failed(Altered, "manifest", nil)
	}
	r.size = headSize + f.parts + int64(len(tail))
	return r.readManifest(sealed, f.parts)
}

func (r *Reader) readManifest(sealed []byte, size int64) error {
	if r.encrypted && len(r.open.identities) == 0 {
		return r.failed(Locked, "", nil)
	}
	in, err := r.open.content(sealed)
	if err != nil {
		return r.failed(contentKind(err), "manifest", err)
	}
	defer in.Close()
	decoder := json.NewDecoder(in)
	if err := decoder.Decode(&r.manifest); err != nil {
		return r.failed(Altered, "manifest", err)
	}
	if r.manifest.Format > Format {
		return r.failed(Newer, "manifest", nil)
	}
	next := int64(headSize)
	for i, p := range r.manifest.parts() {
		if p.Number != i || p.Offset != next || p.Size < 0 {
			return r.failed(Altered, "manifest", fmt.Errorf("part %d is not where it must be", i))
		}
		next += p.Size
	}
	if next != headSize+size {
		return r.failed(Altered, "manifest", errors.New("the parts are not all there is"))
	}
	return nil
}

// contentKind tells a wrong key from wrong bytes.
func contentKind(err error) Kind {
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) {
		return Locked
	}
	return Altered
}

func readKind(err error) Kind {
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Torn
	}
	return Unreadable
}

func (r *Reader) failed(kind Kind, part string, err error) error {
	switch {
	case kind == Locked:
		err = nil
	case kind == Torn && errors.Is(err, os.ErrNotExist):
		err = errors.New("a file of it is missing")
	}
	return &Error{Kind: kind, Archive: r.name, Part: part, Err: bare(err)}
}

// Name is what the archive was opened as.
func (r *Reader) Name() string { return r.name }

// Manifest says what the archive holds. It must not be changed.
func (r *Reader) Manifest() *Manifest { return &r.manifest }

// Size is that of the archive in bytes.
func (r *Reader) Size() int64 { return r.size }

// Encrypted says whether an identity was needed.
func (r *Reader) Encrypted() bool { return r.encrypted }

// Close lets go of the files.
func (r *Reader) Close() error { return r.from.close() }

// Has says whether the archive has a document of that name.
func (r *Reader) Has(name string) bool {
	return slices.ContainsFunc(r.manifest.Documents, func(d Document) bool { return d.Name == name })
}

// Document is the content of a document. One that is not in the archive is an *[Error] too.
func (r *Reader) Document(name string) ([]byte, error) {
	for _, d := range r.manifest.Documents {
		if d.Name != name {
			continue
		}
		in, err := r.content("document "+name, d.Part)
		if err != nil {
			return nil, err
		}
		defer in.Close()
		return io.ReadAll(in)
	}
	return nil, r.failed(Foreign, "document "+name, errors.New("it has none of that name"))
}

// Chunk gives the COPY data of a table's i-th chunk. Their digest has been compared before the first byte is handed out; what is left to
// go wrong, such as a disk that fails, comes as an *[Error] from Read.
func (r *Reader) Chunk(t *Table, i int) (io.ReadCloser, error) {
	return r.content(chunkName(t, i), t.Chunks[i].Part)
}

func chunkName(t *Table, i int) string {
	name := t.Name
	if t.Schema != "" {
		name = t.Schema + "." + name
	}
	return fmt.Sprintf("chunk %d of %s", i+1, name)
}

// content reads and checks a part, and begins to open it.
func (r *Reader) content(name string, p Part) (io.ReadCloser, error) {
	buffer, ok := r.buffers.Get().(*[]byte)
	if !ok {
		buffer = new([]byte)
	}
	sealed, err := r.sealed(name, p, *buffer)
	if err != nil {
		return nil, err
	}
	in, err := r.open.content(sealed)
	if err != nil {
		return nil, r.failed(contentKind(err), name, err)
	}
	*buffer = sealed
	return &checked{
		in: in, left: p.Raw, failed: func(err error) error { return r.failed(Altered, name, err) },
		release: func() {
			if cap(sealed) <= largestChunk { // unless a row has made it very large
				r.buffers.Put(buffer)
			}
		},
	}, nil
}

// sealed reads and checks a part.
func (r *Reader) sealed(name string, p Part, buffer []byte) ([]byte, error) {
	sealed, err := r.from.part(p, buffer)
	switch {
	case err != nil:
		return nil, r.failed(readKind(err), name, err)
	case int64(len(sealed)) != p.Size:
		return nil, r.failed(Torn, name, fmt.Errorf("%d bytes of %d", len(sealed), p.Size))
	case digest(sealed) != p.SHA256:
		return nil, r.failed(Altered, name, errors.New("its SHA-256 is another one"))
	}
	return sealed, nil
}

// checked makes sure that a part has as much content as the manifest says.
type checked struct {
	in      io.ReadCloser
	left    int64
	failed  func(error) error
	release func() // the bytes that are read from
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.left -= int64(n)
	switch {
	case c.left < 0, errors.Is(err, io.EOF) && c.left > 0:
		return 0, c.failed(errors.New("its content has another size"))
	case err != nil && !errors.Is(err, io.EOF):
		return 0, c.failed(err)
	}
	return n, err
}

// Close ends the reading, once.
func (c *checked) Close() error {
	if c.release == nil {
		return nil
	}
	err := c.in.Close()
	c.release()
	c.release = nil
	return err
}

// file is an archive in one file.
type file struct{ *os.File }

func (f file) head() ([]byte, error) {
	b := make([]byte, headSize)
	n, err := f.ReadAt(b, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:n], err
}

func (f file) tail() ([]byte, int64, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, -1, err
	}
	size := info.Size()
	if size < headSize+footerSize {
		return nil, -1, nil
	}
	last := make([]byte, footerSize)
	if _, err := f.ReadAt(last, size-footerSize); err != nil {
		return nil, -1, err
	}
	end, ok := readFooter(last)
	if !ok || end.manifest < 0 || end.manifest > size-headSize-footerSize {
		return last, size - headSize - footerSize, nil
	}
	b := make([]byte, end.manifest+footerSize)
	_, err = f.ReadAt(b, size-int64(len(b)))
	return b, size - headSize - int64(len(b)), err
}

func (f file) part(p Part, b []byte) ([]byte, error) {
	b = slices.Grow(b[:0], int(p.Size))[:p.Size]
	n, err := f.ReadAt(b, p.Offset)
	return b[:n], err
}

func (f file) close() error { return f.File.Close() }

// directory is an archive in files of its own.
type directory struct{ path string }

func (d directory) head() ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(d.path, headName))
	if errors.Is(err, os.ErrNotExist) {
		return []byte("none"), nil // so that it is told as no archive at all
	}
	if len(b) > headSize {
		return bytes.Repeat([]byte{0}, headSize), nil
	}
	return b, err
}

func (d directory) tail() ([]byte, int64, error) {
	b, err := os.ReadFile(filepath.Join(d.path, tailName))
	return b, -1, err
}

func (d directory) part(p Part, b []byte) ([]byte, error) {
	f, err := os.Open(filepath.Join(d.path, partName(p.Number)))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() != p.Size {
		return nil, cmp.Or(err, io.ErrUnexpectedEOF)
	}
	b = slices.Grow(b[:0], int(p.Size))[:p.Size]
	_, err = io.ReadFull(f, b)
	return b, err
}

func (d directory) close() error { return nil }
