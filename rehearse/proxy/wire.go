package proxy

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

const (
	bufferSize  = 64 << 10
	longestHeld = 64 << 20 // of a message, or of an exchange, kept in memory before it goes on
	longestText = 1 << 20  // of a statement, kept for who hears of it
)

// head is the type and the whole length of the next message, which stays unread.
func head(r *bufio.Reader) (typ byte, size int, err error) {
	b, err := r.Peek(5)
	if err != nil {
		return 0, 0, err
	}
	n := int32(binary.BigEndian.Uint32(b[1:])) //nolint:gosec // the protocol's lengths are signed
	if n < 4 {
		return 0, 0, fmt.Errorf("message %q has a length of %d", b[0], n)
	}
	return b[0], int(n) + 1, nil
}

// run is how many of the bytes that are there are whole messages of types that nobody looks at.
func run(b []byte, plain string) int {
	n := 0
	for len(b)-n >= 5 && strings.IndexByte(plain, b[n]) >= 0 {
		size := int(binary.BigEndian.Uint32(b[n+1:])) + 1
		if size < 5 || size > len(b)-n {
			break
		}
		n += size
	}
	return n
}

// passRun hands whole messages that nobody looks at on, as many as are there.
func passRun(w *bufio.Writer, r *bufio.Reader, plain string) (bool, error) {
	b, _ := r.Peek(r.Buffered())
	n := run(b, plain)
	if n == 0 {
		return false, nil
	}
	if _, err := w.Write(b[:n]); err != nil {
		return true, err
	}
	_, err := r.Discard(n)
	return true, err
}

// pass hands on the next size bytes.
func pass(w *bufio.Writer, r *bufio.Reader, size int) error {
	if size == 0 {
		return nil
	}
	_, err := io.CopyN(w, r, int64(size))
	return err
}

// take reads a message of that size, or as much of its beginning as is kept; rest is what is not read yet.
func take(r *bufio.Reader, size int) (message []byte, rest int, err error) {
	message = make([]byte, min(size, longestHeld))
	_, err = io.ReadFull(r, message)
	return message, size - len(message), err
}

// cut splits b after its first string, which ends in a zero byte.
func cut(b []byte) (text string, rest []byte) {
	i := bytes.IndexByte(b, 0)
	if i < 0 {
		return string(b), nil
	}
	return string(b[:i]), b[i+1:]
}

// shorten keeps of a statement what is heard of it.
func shorten(sql string) string { return sql[:min(len(sql), longestText)] }
