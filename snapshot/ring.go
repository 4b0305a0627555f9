package snapshot

import (
	"context"
	"errors"
	"io"
	"sync"
)

const (
	bufferSize  = 128 << 10 // what is handed over at once
	bufferCount = 4         // buffers a worker has
	keepSize    = 4 << 20   // a buffer that a row has grown beyond this is not used again
)

// errReceiverGone is what a writer gets when the reading side has given up.
var errReceiverGone = errors.New("the receiving side has ended")

// ring carries bytes from the goroutine that receives COPY data to the one that sends them, in a few large buffers that circulate, so
// that neither waits for the other at every row and nothing is allocated per row. It is used for one table after another.
type ring struct {
	free chan []byte
}

func newRing() *ring {
	r := &ring{free: make(chan []byte, bufferCount)}
	for range bufferCount {
		r.free <- nil
	}
	return r
}

// stream is the passage of one table through a ring: one goroutine calls append, flush and finish, one calls Read, and either calls hangUp.
type stream struct {
	ring *ring
	ctx  context.Context //nolint:containedctx // a stream lives within one call and io.Reader has no parameter for it
	full chan []byte
	gone chan struct{}
	once sync.Once
	err  error // why the writer ended; set before full is closed

	current []byte // of the writer
	reading []byte // of the reader: what is left
	whole   []byte // the buffer that reading is part of
}

func (r *ring) stream(ctx context.Context) *stream {
	return &stream{ring: r, ctx: ctx, full: make(chan []byte, bufferCount), gone: make(chan struct{})}
}

// buffer is where the writer appends its next row; it is given back with put.
func (s *stream) buffer() ([]byte, error) {
	if s.current != nil {
		return s.current, nil
	}
	select {
	case b := <-s.ring.free:
		if cap(b) == 0 || cap(b) > keepSize {
			b = make([]byte, 0, bufferSize+bufferSize/8)
		}
		s.current = b[:0]
		return s.current, nil
	case <-s.gone:
		return nil, errReceiverGone
	case <-s.ctx.Done():
		return nil, context.Cause(s.ctx)
	}
}

// put takes the buffer back and hands it over when it is full.
func (s *stream) put(b []byte) {
	s.current = b
	if len(b) >= bufferSize {
		s.flush()
	}
}

// flush hands over what there is. It does not block: there are no more buffers than full has room for.
func (s *stream) flush() {
	if s.current != nil {
		s.full <- s.current
		s.current = nil
	}
}

// finish ends the writing side. With an error, what was not yet handed over is dropped and the reader gets the error.
func (s *stream) finish(err error) {
	if err == nil {
		s.flush()
	}
	s.err = err
	close(s.full)
}

// hangUp ends the reading side.
func (s *stream) hangUp() { s.once.Do(func() { close(s.gone) }) }

// Read implements io.Reader for the receiving server.
func (s *stream) Read(p []byte) (int, error) {
	for len(s.reading) == 0 {
		if s.whole != nil {
			s.ring.free <- s.whole[:0]
			s.whole = nil
		}
		select {
		case b, ok := <-s.full:
			if !ok {
				return 0, s.end()
			}
			s.whole, s.reading = b, b
		case <-s.gone:
			return 0, errReceiverGone
		case <-s.ctx.Done():
			return 0, context.Cause(s.ctx)
		}
	}
	n := copy(p, s.reading)
	s.reading = s.reading[n:]
	return n, nil
}

func (s *stream) end() error {
	if s.err != nil {
		return s.err
	}
	return io.EOF
}
