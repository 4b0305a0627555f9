package archive

// TableWriter cuts the COPY data of a table, or of a range of its rows, into chunks. It belongs to one goroutine.
type TableWriter struct {
	w       *Writer
	table   Table
	borders rows
	size    int64   // that a chunk is to have
	chunk   *sealer // nil between chunks
	rows    int64   // of the chunk
	discard bool    // count only
}

// Table begins a table, or a range of its rows: several may be written of one table, also at the same time. Nothing of it is in the
// manifest before Close.
func (w *Writer) Table(schema, name string, columns []string, binary bool) *TableWriter {
	t := &TableWriter{w: w, table: Table{Schema: schema, Name: name, Columns: columns, Binary: binary}, borders: &lines{}, size: w.chunkSize()}
	if binary {
		t.borders = &tuples{}
	}
	return t
}

// LargeObjects begins what is kept of the contents of large objects: rows of COPY's binary format, of OID, place and bytes.
func (w *Writer) LargeObjects() *TableWriter {
	return w.Table("", "large objects", []string{"oid", "place", "bytes"}, true)
}

// Write takes COPY data as they come, in pieces of any size.
func (t *TableWriter) Write(p []byte) (int, error) {
	if err := t.borders.scan(p, t); err != nil {
		return 0, t.failed(err)
	}
	return len(p), nil
}

// room is how much is left of the chunk.
func (t *TableWriter) room() int {
	if t.chunk == nil {
		return int(t.size)
	}
	return int(max(0, t.size-t.chunk.raw))
}

// put adds bytes of rows to the chunk, beginning one where there is none.
func (t *TableWriter) put(p []byte) (err error) {
	if len(p) == 0 || t.discard {
		return nil
	}
	if t.chunk == nil {
		if t.chunk, err = t.w.press.begin(); err != nil {
			return err
		}
		header, _ := t.borders.frame()
		if _, err := t.chunk.Write(header); err != nil {
			return err
		}
	}
	_, err = t.chunk.Write(p)
	return err
}

// border ends the chunk when it is full: a row has just ended.
func (t *TableWriter) border() error {
	if t.room() > 0 {
		return nil
	}
	return t.cut()
}

// cut writes the chunk.
func (t *TableWriter) cut() error {
	if t.chunk == nil {
		return nil
	}
	_, trailer := t.borders.frame()
	if _, err := t.chunk.Write(trailer); err != nil {
		return err
	}
	p, err := t.w.append(t.chunk)
	if err != nil {
		return err
	}
	t.table.Chunks = append(t.table.Chunks, Chunk{Part: p, Rows: t.rows})
	t.table.Rows, t.table.Bytes = t.table.Rows+t.rows, t.table.Bytes+p.Raw
	t.chunk, t.rows, t.size = nil, 0, t.w.chunkSize()
	return nil
}

// Close writes the last chunk, adds what was written to the manifest, and returns how many rows it was. Without Close, it is as if the
// rows had never been.
func (t *TableWriter) Close() (rows int64, err error) {
	if !t.borders.whole() {
		return 0, t.failed(errRow)
	}
	if err := t.cut(); err != nil {
		return 0, t.failed(err)
	}
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	key := [2]string{t.table.Schema, t.table.Name}
	whole := t.w.tables[key]
	if whole == nil {
		whole = &Table{Schema: t.table.Schema, Name: t.table.Name, Columns: t.table.Columns, Binary: t.table.Binary, Chunks: []Chunk{}}
		t.w.tables[key] = whole
	}
	whole.Chunks = append(whole.Chunks, t.table.Chunks...)
	whole.Rows, whole.Bytes = whole.Rows+t.table.Rows, whole.Bytes+t.table.Bytes
	rows = t.table.Rows
	t.table.Chunks = nil
	return rows, nil
}

func (t *TableWriter) failed(err error) error {
	e := writeFailed(t.w.name, err)
	if err == errRow { //nolint:errorlint // a mark of our own
		e = &Error{Kind: Unwritable, Archive: t.w.name, Part: "table " + t.table.Schema + "." + t.table.Name, Err: err}
	}
	return e
}
