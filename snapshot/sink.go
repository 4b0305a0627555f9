package snapshot

import (
	"bytes"
	"errors"
	"slices"

	"github.com/rehearse-db/rehearse/sanitize"
)

// sink receives COPY data from the source. Rows pass the masks one by one, if there are any; data without masks are handed on as they come.
type sink struct {
	stream *stream
	row    *sanitize.Row // masks rows of the text format
	tuples *tupleReader  // masks rows of the binary format; both are nil without masks
	grown  func(n int)
	limit  *limiter

	part   []byte // beginning of a row whose end has not come yet
	held   []byte // rows that the masks know of and that are still to be masked
	rows   int    // of these
	bytes  int64
	untold int // bytes not yet given to grown
}

// Write takes the body of one CopyData message, which PostgreSQL fills with one row, though the protocol does not promise it.
func (s *sink) Write(p []byte) (int, error) {
	if err := s.count(len(p)); err != nil {
		return 0, err
	}
	buffer, err := s.stream.buffer()
	if err != nil {
		return 0, err
	}
	switch {
	case s.tuples != nil:
		buffer, err = s.tuples.mask(buffer, p)
	case s.row != nil:
		buffer, err = s.mask(buffer, p)
	default:
		buffer = append(buffer, p...)
	}
	if err != nil {
		return 0, err
	}
	s.stream.put(buffer)
	return len(p), nil
}

func (s *sink) count(n int) error {
	s.bytes += int64(n)
	if s.untold += n; s.untold < bufferSize {
		return nil
	}
	n, s.untold = s.untold, 0
	s.grown(n)
	return s.limit.wait(s.stream.ctx, n)
}

// mask appends every row that ends in p. In COPY's text format a line feed ends a row and stands nowhere else.
func (s *sink) mask(buffer, p []byte) ([]byte, error) {
	for rest := p; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			s.part = append(s.part, rest...)
			break
		}
		line := rest[:end]
		if len(s.part) > 0 {
			s.part = append(s.part, line...)
			line = s.part
		}
		var err error
		if buffer, err = s.add(buffer, line); err != nil {
			return nil, err
		}
		s.part, rest = s.part[:0], rest[end:]
	}
	return buffer, nil
}

// add appends a row, masked, or keeps it until there are as many as its masks take at once.
func (s *sink) add(buffer, line []byte) ([]byte, error) {
	batch := s.row.Batch()
	if batch == 1 {
		return s.row.Append(slices.Grow(buffer, len(line)), line) // a large row at once, not by doubling
	}
	if err := s.row.Expect(line); err != nil {
		return nil, err
	}
	s.held = append(s.held, line...)
	if s.rows++; s.rows < batch && len(s.held) < bufferSize {
		return buffer, nil
	}
	return s.release(buffer)
}

// release appends the rows that were kept.
func (s *sink) release(buffer []byte) (_ []byte, err error) {
	for line := range bytes.Lines(s.held) {
		if buffer, err = s.row.Append(slices.Grow(buffer, len(line)), line); err != nil {
			return nil, err
		}
	}
	s.held, s.rows = s.held[:0], 0
	return buffer, nil
}

// end masks what was kept, and checks that no row was left without its end.
func (s *sink) end() error {
	s.grown(s.untold)
	if s.rows > 0 {
		buffer, err := s.stream.buffer()
		if err != nil {
			return err
		}
		if buffer, err = s.release(buffer); err != nil {
			return err
		}
		s.stream.put(buffer)
	}
	if len(s.part) > 0 || s.tuples != nil && len(s.tuples.part) > 0 {
		return errors.New("the data ended within a row")
	}
	return nil
}
