package archive

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"
)

// Verify reads all of the archive and checks it: every digest, every size, and that each chunk has as many whole rows as the manifest says.
// The first part that is wrong ends it, as an *[Error]. Told, which may be nil, is called with the bytes of the archive that each part read
// had, by several goroutines.
func (r *Reader) Verify(ctx context.Context, jobs int, told func(bytes int64)) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, jobs))
	check := func(f func() error, p Part) {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := f()
			if told != nil && err == nil {
				told(p.Size)
			}
			return err
		})
	}
	for _, p := range r.manifest.Void {
		check(func() error {
			_, err := r.sealed(fmt.Sprintf("unused part %d", p.Number), p, nil)
			return err
		}, p)
	}
	for _, d := range r.manifest.Documents {
		check(func() error {
			_, err := r.Document(d.Name)
			return err
		}, d.Part)
	}
	for _, t := range r.manifest.all() {
		for k := range t.Chunks {
			check(func() error { return r.verifyChunk(t, k) }, t.Chunks[k].Part)
		}
	}
	return group.Wait()
}

// verifyChunk counts the rows of a chunk.
func (r *Reader) verifyChunk(t *Table, i int) error {
	in, err := r.Chunk(t, i)
	if err != nil {
		return err
	}
	defer in.Close()
	counter := (&Writer{opts: WriteOptions{ChunkSize: 1 << 62}}).Table(t.Schema, t.Name, t.Columns, t.Binary)
	counter.discard = true
	if _, err := io.Copy(counter, in); err != nil {
		if ours := (*Error)(nil); errors.As(err, &ours) && ours.Archive == r.name {
			return err
		}
		return r.failed(Altered, chunkName(t, i), errRow)
	}
	if !counter.borders.whole() || counter.rows != t.Chunks[i].Rows {
		return r.failed(Altered, chunkName(t, i), fmt.Errorf("it has %d rows, not %d", counter.rows, t.Chunks[i].Rows))
	}
	return nil
}
