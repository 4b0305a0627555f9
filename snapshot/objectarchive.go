package snapshot

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/snapshot/archive"
)

// An archive keeps the contents of large objects as COPY data in the binary format, as if they were a table: OID, place, bytes. Of a blank one
// the place is its size, and the bytes are NULL. Which objects there are, and whose, is in the description.
var (
	pieceSignature = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	errPiece       = errors.New("its pieces of large objects cannot be read")
)

// objectKeeper hands contents of large objects to the archive, if there is one.
type objectKeeper struct {
	to   *archive.TableWriter // nil without an archive
	sent bool                 // the signature
}

// put keeps a piece; nil is that of a blank object, which ends at the place.
func (k *objectKeeper) put(oid uint32, at int64, data []byte) error {
	if k.to == nil {
		return nil
	}
	var row []byte
	if !k.sent {
		row, k.sent = append(row, pieceSignature...), true
	}
	row = binary.BigEndian.AppendUint16(row, 3)
	row = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(row, 4), oid)
	row = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(row, 8), uint64(at)) //nolint:gosec // places are not negative
	size := uint32(len(data))                                                              //nolint:gosec // a piece is a megabyte at most
	if data == nil {
		size = 1<<32 - 1
	}
	if _, err := k.to.Write(binary.BigEndian.AppendUint32(row, size)); err != nil {
		return err
	}
	_, err := k.to.Write(data)
	return err
}

func (k *objectKeeper) close() error {
	if k.to == nil {
		return nil
	}
	_, err := k.to.Close()
	return err
}

// pieces are what one chunk of an archive holds of large objects: of whole ones, and the sizes of blank ones.
type pieces struct {
	objects, blank []uint32
	places, sizes  []int64
	data           [][]byte
}

// readPieces reads a chunk.
func readPieces(chunk io.Reader) (p pieces, err error) {
	in := bufio.NewReader(chunk)
	head := make([]byte, len(pieceSignature))
	if _, err := io.ReadFull(in, head); err != nil {
		return p, err
	}
	if !bytes.Equal(head, pieceSignature) {
		return p, errPiece
	}
	var row struct {
		Fields  uint16
		OIDSize uint32
		OID     uint32
		AtSize  uint32
		At      int64
		Size    int32
	}
	for {
		next, err := in.Peek(2)
		if err != nil {
			return p, err
		}
		if binary.BigEndian.Uint16(next) == 1<<16-1 { // the end of COPY data
			_, err := io.Copy(io.Discard, in)
			return p, err
		}
		if err := binary.Read(in, binary.BigEndian, &row); err != nil {
			return p, err
		}
		switch {
		case row.Fields != 3 || row.OIDSize != 4 || row.AtSize != 8 || row.Size < -1 || row.Size > objectPiece:
			return p, errPiece
		case row.Size == -1:
			p.blank, p.sizes = append(p.blank, row.OID), append(p.sizes, row.At)
			continue
		}
		data := make([]byte, row.Size)
		if _, err := io.ReadFull(in, data); err != nil {
			return p, err
		}
		p.objects, p.places, p.data = append(p.objects, row.OID), append(p.places, row.At), append(p.data, data)
	}
}

// restoreObjects makes the large objects that an archive holds.
func (c *copier) restoreObjects(ctx context.Context, from *Archived) error {
	if len(c.desc.LargeObjects) == 0 {
		return nil
	}
	return c.onTarget(ctx, "load large objects", func(target *pgx.Conn) error {
		for some := range slices.Chunk(c.desc.LargeObjects, 1000) {
			if _, err := target.Exec(ctx, "SELECT lo_create(o) FROM unnest($1::oid[]) o", oids(some)); err != nil {
				return err
			}
			if _, err := target.PgConn().Exec(ctx, objectProperties(some)).ReadAll(); err != nil {
				return err
			}
			c.res.LargeObjects += len(some)
		}
		kept := from.reader.Manifest().LargeObjects
		if kept == nil {
			return nil // all of them are empty
		}
		for i := range kept.Chunks {
			if err := c.restorePieces(ctx, from.reader, kept, i, target); err != nil {
				return err
			}
		}
		return nil
	})
}

// restorePieces writes what a chunk holds, in one transaction.
func (c *copier) restorePieces(ctx context.Context, from *archive.Reader, kept *archive.Table, i int, target *pgx.Conn) error {
	chunk, err := from.Chunk(kept, i)
	if err != nil {
		return err
	}
	defer chunk.Close()
	p, err := readPieces(chunk)
	if ours := (*archive.Error)(nil); err != nil && !errors.As(err, &ours) {
		err = &archive.Error{Kind: archive.Altered, Archive: from.Name(), Part: kept.Name, Err: errPiece}
	}
	if err != nil {
		return err
	}
	c.tally.grow(int(kept.Chunks[i].Raw), c.opts.Progress)
	return pgx.BeginFunc(ctx, target, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT lo_put(o, place, data) FROM unnest($1::oid[], $2::int8[], $3::bytea[]) p(o, place, data)", p.objects, p.places, p.data); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `SELECT lo_truncate64(fd, size), lo_close(fd)
  FROM (SELECT lo_open(o, 131072) AS fd, size FROM unnest($1::oid[], $2::int8[]) p(o, size) OFFSET 0) opened`, p.blank, p.sizes)
		return err
	})
}
