package archive

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"filippo.io/age"
)

// chunkSize is how much COPY data a chunk holds at first: large enough to compress well, small enough that many restore a table at once and
// that the memory of each is little. After every chunksASize parts it doubles, up to largestChunk: the manifest names each of them.
const (
	chunkSize    = 2 << 20
	largestChunk = 8 << 20
	chunksASize  = 4096
)

// WriteOptions says how an archive is written. The zero value is usable.
type WriteOptions struct {
	Recipients []age.Recipient // who can open it; none: everybody can
	ChunkSize  int64           // of COPY data, before compression; 0 means 2 MiB, and more in a large archive
}

// Writer makes one archive. Several goroutines may write tables at the same time; what they hold in memory is one chunk each, compressed.
type Writer struct {
	name   string
	to     sink
	press  press
	opts   WriteOptions
	mu     sync.Mutex
	err    error // the first failure: nothing is written after it
	offset int64
	tables map[[2]string]*Table
	docs   []Document
	parts  []Part // all that were written
}

// sink is where the bytes go. Parts come in order, each in one call.
type sink interface {
	part(number int, b blocks) error
	// finish writes the end and makes the archive durable and visible.
	finish(b []byte) error
	// abort removes all that was written.
	abort() error
}

func newWriter(name string, to sink, opts WriteOptions) *Writer {
	return &Writer{
		name: name, to: to, opts: opts, press: press{recipients: opts.Recipients},
		offset: headSize, tables: map[[2]string]*Table{},
	}
}

// Stream writes an archive to a pipe. There is no name for it to get in the end: a reader knows by the footer that it is complete.
func Stream(name string, out io.Writer, opts WriteOptions) *Writer {
	return newWriter(name, &stream{to: out, head: head(len(opts.Recipients) > 0)}, opts)
}

type stream struct {
	to   io.Writer
	head []byte // not written yet, so that what fails before there are rows writes nothing
}

func (s *stream) part(_ int, b blocks) error {
	if _, err := s.to.Write(s.head); err != nil {
		return err
	}
	s.head = nil
	return b.writeTo(s.to)
}

func (s *stream) finish(b []byte) error { return s.part(0, blocks{b}) }
func (s *stream) abort() error          { return nil }

// Name is what the archive is created as.
func (w *Writer) Name() string { return w.name }

// Add writes a document.
func (w *Writer) Add(name string, content []byte) error {
	s, err := w.press.begin()
	if err != nil {
		return writeFailed(w.name, err)
	}
	if _, err := s.Write(content); err != nil {
		return writeFailed(w.name, err)
	}
	p, err := w.append(s)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.docs = append(w.docs, Document{Part: p, Name: name})
	return nil
}

// append ends a part and writes it.
func (w *Writer) append(s *sealer) (Part, error) {
	defer s.release()
	sealed, err := s.end()
	if err != nil {
		return Part{}, writeFailed(w.name, err)
	}
	p := Part{Size: sealed.size(), Raw: s.raw, SHA256: digest(sealed...)}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return p, w.err
	}
	p.Number, p.Offset = len(w.parts), w.offset
	if err := w.to.part(p.Number, sealed); err != nil {
		w.err = writeFailed(w.name, err)
		return p, w.err
	}
	w.parts = append(w.parts, p)
	w.offset += p.Size
	return p, nil
}

// chunkSize is that of the next chunk.
func (w *Writer) chunkSize() int64 {
	if w.opts.ChunkSize > 0 {
		return w.opts.ChunkSize
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return min(int64(chunkSize)<<min(len(w.parts)/chunksASize, 8), largestChunk)
}

// Restart forgets what was written so far: the copy begins anew. The bytes stay, as parts that nobody uses. No table may be written to meanwhile.
func (w *Writer) Restart() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.docs, w.tables = nil, map[[2]string]*Table{}
}

// Finish writes the manifest, whose tables, documents and format are the writer's, and gives the archive its name.
func (w *Writer) Finish(m Manifest) (*Manifest, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return nil, w.err
	}
	m.Format, m.Documents, m.Void, m.Tables = Format, w.docs, nil, []Table{}
	m.LargeObjects = nil
	for _, t := range w.tables {
		slices.SortFunc(t.Chunks, func(a, b Chunk) int { return a.Number - b.Number })
		if t.Schema == "" {
			m.LargeObjects = t
			continue
		}
		m.Tables = append(m.Tables, *t)
	}
	slices.SortFunc(m.Tables, func(a, b Table) int {
		return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
	})
	used := map[int]bool{}
	for _, p := range m.parts() {
		used[p.Number] = true
	}
	m.Void = slices.DeleteFunc(slices.Clone(w.parts), func(p Part) bool { return used[p.Number] })
	text, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("snapshot %s: manifest: %w", w.name, err)
	}
	s, err := w.press.begin()
	if err != nil {
		return nil, writeFailed(w.name, err)
	}
	_, err = s.Write(text)
	parts, err2 := s.end()
	if err := errors.Join(err, err2); err != nil {
		return nil, writeFailed(w.name, err)
	}
	sealed := bytes.Join(parts, nil)
	f := footer{manifest: int64(len(sealed)), parts: w.offset - headSize}
	f.seal(head(len(w.opts.Recipients) > 0), sealed)
	if err := w.to.finish(append(sealed, f.bytes()...)); err != nil {
		w.err = writeFailed(w.name, err)
		return nil, w.err
	}
	w.err = errFinished
	return &m, nil
}

var errFinished = errors.New("the snapshot is finished")

// Abort removes what was written of an archive that is not finished; of a finished one nothing. It may be called after any error.
func (w *Writer) Abort() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == errFinished { //nolint:errorlint // a mark of our own
		return nil
	}
	w.err = cmp.Or(w.err, error(&Error{Kind: Unwritable, Archive: w.name, Err: errors.New("given up")}))
	return writeFailed(w.name, w.to.abort())
}
