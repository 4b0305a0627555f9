package snapshot

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/archive"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// Archived is a source as an archive keeps it: what a rehearsal asks a [Source], it answers without one.
type Archived struct {
	reader *archive.Reader
	source archivedSource
	desc   *Description
}

// OpenArchived reads from an archive what there is to know before anything is restored. The error is an *archive.Error.
func OpenArchived(reader *archive.Reader) (*Archived, error) {
	a := &Archived{reader: reader}
	text, err := reader.Document(sourceDocument)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &a.source); err != nil || a.source.Description == nil {
		return nil, &archive.Error{Kind: archive.Foreign, Archive: reader.Name(), Part: "document " + sourceDocument, Err: err}
	}
	a.desc = a.source.Description
	a.desc.schemas = map[string]schema{}
	for name, at := range a.source.Schemas {
		a.desc.schemas[name] = schema{oid: at.OID, owner: at.Owner}
	}
	return a, nil
}

// Reader is the archive itself.
func (a *Archived) Reader() *archive.Reader { return a.reader }

// Server says what the source was. Where it is is not known.
func (a *Archived) Server() Server {
	s := a.source.Server
	return Server{
		VersionNum: s.VersionNum, Version: s.Version, Database: s.Database, User: s.User, Standby: s.Standby, SizeBytes: s.SizeBytes,
		Encoding: s.Encoding, SearchPath: s.SearchPath, RuntimeParams: s.RuntimeParams,
	}
}

// Describe says what the source held.
func (a *Archived) Describe(context.Context) (*Description, error) { return a.desc, nil }

// Applied is the history of whichever tool keeps it in the table, as it was; the table is named as [catalog.Table.String] names it. Without such a table it is [ErrNoVersionTable].
func (a *Archived) Applied(_ context.Context, _, table string) ([]AppliedVersion, error) {
	if versions, ok := a.source.Versions[table]; ok {
		return versions, nil
	}
	return nil, fmt.Errorf("read %s: %w", table, ErrNoVersionTable)
}

// Close lets go of the archive.
func (a *Archived) Close(context.Context) error { return a.reader.Close() }

// Restore loads an archive into the empty database of target, as [Copy] would have loaded the source. No source is asked.
//
// Everything is checked before it is handed to the target: an archive that is not as it was written is an *archive.Error that names the
// chunk. The other errors are Copy's. Of the options those that protect a source have no meaning.
func Restore(ctx context.Context, from *Archived, target Target, opts CopyOptions) (*Result, error) {
	c := newCopier(&Source{server: from.Server()}, nil, target, opts)
	c.desc, c.res.LeftOut = from.desc, slices.Clone(from.source.LeftOut)
	c.sel, c.objects = &sanitize.Selection{Breaks: from.source.Breaks}, from.source.Objects
	m := from.reader.Manifest()
	c.res.TakenAt, c.res.LSN = m.TakenAt, m.LSN
	if err := c.witnessed(ctx, func(ctx context.Context) error { return c.restoreAll(ctx, from) }); err != nil {
		return nil, err
	}
	return &c.res, nil
}

func (c *copier) restoreAll(ctx context.Context, from *Archived) error {
	err := c.phase(ctx, "guard", func(ctx context.Context) error { return errors.Join(c.guard(ctx), c.sameMajor(ctx, from)) })
	if err != nil {
		return err
	}
	queue, err := c.restoreQueue(from)
	if err != nil {
		return err
	}
	return c.fill(ctx, func(ctx context.Context) error {
		if err := c.phase(ctx, "prepare", c.makeReady); err != nil {
			return err
		}
		if err := c.phase(ctx, "schema", func(ctx context.Context) error { return c.restoreSchema(ctx, from) }); err != nil {
			return err
		}
		c.startTasks(ctx)
		for _, s := range from.source.Sequences {
			c.seqs = append(c.seqs, sequenceState{sequence: s.Sequence, last: s.Last, called: s.Called})
		}
		return c.phase(ctx, "data", func(ctx context.Context) error {
			if err := c.restoreRows(ctx, from, queue); err != nil {
				return err
			}
			return c.restoreObjects(ctx, from)
		})
	})
}

// sameMajor refuses a server of another major version than the source's: what a binary form or a definition means could differ.
func (c *copier) sameMajor(ctx context.Context, from *Archived) error {
	return c.onTarget(ctx, "look at the version", func(conn *pgx.Conn) error {
		var version int
		if err := conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version); err != nil {
			return err
		}
		if ours := from.Server().Major(); version/10000 != ours {
			return &archive.Error{
				Kind: archive.OtherMajor, Archive: from.reader.Name(), Err: fmt.Errorf("the snapshot is of %d, staging is %d", ours, version/10000),
			}
		}
		return nil
	})
}

// stock is a table to restore.
type stock struct {
	*load
	table *archive.Table
}

// shelf is what one worker restores at a time: chunks from up to before to.
type shelf struct {
	stock
	from, to int
}

// restoreQueue lists the tables of the archive, largest first, in as many shelves as it pays to load at the same time.
func (c *copier) restoreQueue(from *Archived) ([]shelf, error) {
	at, tables := map[string]*catalog.Table{}, from.reader.Manifest().Tables
	roots := map[uint32]*catalog.Table{}
	for i := range c.desc.Tables {
		t := &c.desc.Tables[i]
		at[t.String()], roots[t.OID] = t, t
	}
	queue := make([]stock, 0, len(tables))
	for i := range tables {
		t := &tables[i]
		known := at[show(t.Schema, t.Name)]
		if known == nil {
			return nil, &archive.Error{
				Kind: archive.Foreign, Archive: from.reader.Name(), Part: "table " + show(t.Schema, t.Name), Err: errors.New("it is not described"),
			}
		}
		l := &load{table: *known, columns: t.Columns, size: t.Bytes, result: Table{Schema: t.Schema, Name: t.Name, Binary: t.Binary}}
		if part, ok := from.source.Parts[known.String()]; ok {
			l.result.Part.Share, l.result.SourceRows, l.result.SourceRowsExact = part.Share, part.SourceRows, part.SourceRowsExact
		}
		if slices.Contains(from.source.ViaRoot, known.String()) {
			l.via, l.result.Rerouted = roots[known.Root], true
		}
		queue = append(queue, stock{l, t})
		c.loads = append(c.loads, l)
		c.tally.TotalTables++
		c.tally.TotalBytes += l.size
	}
	slices.SortStableFunc(queue, func(a, b stock) int { return cmp.Compare(b.size, a.size) })
	var shelves []shelf
	for _, s := range queue {
		shelves = append(shelves, s.divide(c.tally.TotalBytes/int64(c.opts.Jobs), c.opts.splitFrom)...)
	}
	return shelves, nil
}

// divide is [load.split] for a table whose rows are in chunks.
func (s stock) divide(share, from int64) []shelf {
	chunks := len(s.table.Chunks)
	n := min((2*s.size+share-1)/max(share, 1), 64, int64(chunks))
	if s.size < from || s.size <= share || s.via != nil || s.load.table.Extension != "" {
		n = 1
	}
	n = max(n, 1)
	s.pieces, s.left = make([]string, n), int(n)
	var shelves []shelf
	for i := range int(n) {
		shelves = append(shelves, shelf{stock: s, from: chunks * i / int(n), to: chunks * (i + 1) / int(n)})
	}
	return shelves
}

// restoreSchema hands the dump over and restores what comes before the rows.
func (c *copier) restoreSchema(ctx context.Context, from *Archived) error {
	dump, err := from.reader.Document(schemaDocument)
	if err != nil {
		return err
	}
	c.archive = c.target.Tools.TempPath("schema.dump")
	if err := c.handOver(ctx, dump, c.archive); err != nil {
		return err
	}
	return c.restorePreData(ctx)
}

// restoreRows loads the tables, a worker each for as many as there are jobs.
func (c *copier) restoreRows(ctx context.Context, from *Archived, queue []shelf) error {
	err := inTurns(ctx, c.opts.Jobs, queue, func(s shelf) bool { return s.late }, func(ctx context.Context, todo <-chan shelf) error {
		return c.onTarget(ctx, "load", func(target *pgx.Conn) error {
			for s := range todo {
				if err := c.restoreShelf(ctx, from.reader, s, target); err != nil {
					return err
				}
			}
			return nil
		})
	})
	c.tellTables()
	return err
}

// restoreShelf loads a table, or a part of it, in one transaction, a COPY for each chunk.
func (c *copier) restoreShelf(ctx context.Context, from *archive.Reader, s shelf, target *pgx.Conn) error {
	doing := "load " + s.load.table.String()
	c.mu.Lock()
	if s.began.IsZero() {
		s.began = time.Now()
	}
	c.mu.Unlock()
	ready, in := s.into()
	if _, err := target.PgConn().Exec(ctx, ready).ReadAll(); err != nil {
		return targetError(doing, err)
	}
	var rows, bytes int64
	for i := s.from; i < s.to; i++ {
		chunk := s.table.Chunks[i]
		n, err := c.restoreChunk(ctx, from, s.stock, i, target, in)
		if err != nil {
			return err
		}
		if n != chunk.Rows {
			return targetError(doing, fmt.Errorf("chunk %d of the snapshot has %d rows, %d arrived", i+1, chunk.Rows, n))
		}
		rows, bytes = rows+n, bytes+chunk.Raw
		c.tally.grow(int(chunk.Raw), c.opts.Progress)
	}
	if _, err := target.PgConn().Exec(ctx, "COMMIT").ReadAll(); err != nil {
		return targetError(doing, err)
	}
	last, err := c.loaded(s.load, rows, bytes)
	if last {
		c.tally.finished(s.load, c.opts.Progress)
	}
	return err
}

func (c *copier) restoreChunk(ctx context.Context, from *archive.Reader, s stock, i int, target *pgx.Conn, in string) (int64, error) {
	data, err := from.Chunk(s.table, i)
	if err != nil {
		return 0, err
	}
	defer data.Close()
	reading := &failing{Reader: data}
	tag, err := target.PgConn().CopyFrom(ctx, reading, in)
	switch {
	case reading.err != nil:
		return 0, reading.err
	case err != nil:
		return 0, targetError("load "+s.load.table.String(), err)
	}
	return tag.RowsAffected(), nil
}

// failing remembers why it could not be read: a server that was told only says that the COPY failed.
type failing struct {
	io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}

// handOver writes a file where the staging server is, through the server.
func (c *copier) handOver(ctx context.Context, content []byte, path string) error {
	return c.onTarget(ctx, "hand over the schema", func(conn *pgx.Conn) error {
		// A large object is the one way to hand a server a file that SQL has; each step must see the one before.
		var object uint32
		if err := conn.QueryRow(ctx, "SELECT lo_from_bytea(0, $1)", content).Scan(&object); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, "SELECT lo_export($1, $2)", object, path)
		_, unlinkErr := conn.Exec(ctx, "SELECT lo_unlink($1)", object)
		return errors.Join(err, unlinkErr)
	})
}
