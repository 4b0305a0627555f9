package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// errRow says that COPY data are not what PostgreSQL writes.
var errRow = errors.New("the data are not COPY's")

// rows finds the borders of rows in COPY data, whatever pieces they come in. It hands the rows' own bytes to put, and calls border after
// each run of whole rows with how many they were; the frame of the binary format is left out.
type rows interface {
	scan(p []byte, to *TableWriter) error
	// frame is what each chunk must begin and end with.
	frame() (header, trailer []byte)
	// whole says whether the data may end here.
	whole() bool
}

// lines are the rows of the text format: a line feed ends a row and stands nowhere else.
type lines struct{ within bool }

func (l *lines) frame() (header, trailer []byte) { return nil, nil }

func (l *lines) whole() bool { return !l.within }

func (l *lines) scan(p []byte, to *TableWriter) error {
	for len(p) > 0 {
		n := len(p)
		if room := max(0, to.room()-1); n > room { // the chunk ends with the row that fills it
			if end := bytes.IndexByte(p[room:], '\n'); end >= 0 {
				n = room + end + 1
			}
		}
		if err := to.put(p[:n]); err != nil {
			return err
		}
		l.within = p[n-1] != '\n'
		to.rows += int64(bytes.Count(p[:n], []byte{'\n'}))
		if !l.within {
			if err := to.border(); err != nil {
				return err
			}
		}
		p = p[n:]
	}
	return nil
}

// signature begins the binary format; the flags that follow, and the length of an extension, are 0 (PostgreSQL's documentation, COPY).
var signature = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")

// tuples are the rows of the binary format: a count of fields, then each with its length.
type tuples struct {
	header int     // bytes of the header seen
	number [4]byte // a count or a length of which not all has come
	have   int     // bytes of it
	fields int     // still to come in this tuple; 0: a count is next
	skip   int64   // bytes still to come of a field
	ended  bool    // the trailer was seen
}

func (t *tuples) frame() (header, trailer []byte) { return signature, []byte{0xff, 0xff} }

func (t *tuples) whole() bool {
	return t.header == 0 || t.header == len(signature) && t.fields == 0 && t.skip == 0 && t.have == 0
}

func (t *tuples) scan(p []byte, to *TableWriter) error {
	p, err := t.passHeader(p)
	if err != nil {
		return err
	}
	from := 0 // what comes before has been handed on
	for i := 0; i < len(p); {
		if t.ended {
			return errRow
		}
		if t.skip > 0 {
			n := min(t.skip, int64(len(p)-i))
			i, t.skip = i+int(n), t.skip-n
			if t.skip > 0 {
				break
			}
			t.fields--
		} else if t.fields == 0 {
			began := i
			if i = t.gather(p, i, 2); t.have < 2 { // perhaps the trailer, which is not handed on
				return to.put(p[from:began])
			}
			if err := t.begin(p[from:began], to); err != nil || t.ended && i == len(p) {
				return err
			}
			from = i
		} else if i = t.gather(p, i, 4); t.have == 4 {
			if err := t.length(); err != nil {
				return err
			}
		}
		if t.fields == 0 && t.skip == 0 && t.have == 0 && !t.ended {
			if err := to.put(p[from:i]); err != nil {
				return err
			}
			from = i
			to.rows++
			if err := to.border(); err != nil {
				return err
			}
		}
	}
	return to.put(p[from:])
}

// gather takes bytes of p from i until want of a number are there, and returns where it stopped.
func (t *tuples) gather(p []byte, i, want int) int {
	for ; i < len(p) && t.have < want; i++ {
		t.number[t.have] = p[i]
		t.have++
	}
	return i
}

// begin reads the count of fields, which is -1 for the end of the data, and hands it on after what came before.
func (t *tuples) begin(before []byte, to *TableWriter) error {
	count := int16(binary.BigEndian.Uint16(t.number[:]))
	t.have = 0
	if err := to.put(before); err != nil {
		return err
	}
	if count == -1 {
		t.ended = true
		return nil
	}
	if count < 0 {
		return errRow
	}
	t.fields = int(count)
	return to.put(t.number[:2])
}

// length reads the length of a field, which is -1 for NULL.
func (t *tuples) length() error {
	n := int32(binary.BigEndian.Uint32(t.number[:]))
	t.have = 0
	switch {
	case n < -1:
		return errRow
	case n <= 0:
		t.fields--
	default:
		t.skip = int64(n)
	}
	return nil
}

func (t *tuples) passHeader(p []byte) ([]byte, error) {
	n := min(len(signature)-t.header, len(p))
	if !bytes.Equal(p[:n], signature[t.header:t.header+n]) {
		return nil, errRow
	}
	t.header += n
	return p[n:], nil
}
