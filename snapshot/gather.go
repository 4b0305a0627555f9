package snapshot

import (
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

const (
	gatherSize = 64 << 10
	// sendSize is what a server sends at once (pqcomm.c: PQ_SEND_BUFFER_SIZE).
	sendSize = 8 << 10
	// gatherFor is how long data are let come together. The sockets in between hold what a server sends meanwhile, so it need not wait.
	gatherFor = time.Millisecond
)

// gatherer reads what a server streams in larger portions than it is sent in. A server sends 8 kB at a time; a reader that takes each as it
// comes is woken, and has the server's process interrupted, for every one of them, which costs more than copying the data.
type gatherer struct {
	r         io.Reader
	buf       []byte
	data      []byte // what is left of buf
	err       error
	streaming bool // the last portion was one of many, but not all that there is room for
}

// gathering is a pgconn.BuildFrontendFunc for sessions that tables are read over.
func gathering(r io.Reader, w io.Writer) *pgproto3.Frontend {
	return pgproto3.NewFrontend(&gatherer{r: r, buf: make([]byte, gatherSize)}, w)
}

// Read implements io.Reader. What comes with an error is given first.
func (g *gatherer) Read(p []byte) (int, error) {
	if len(g.data) == 0 && g.err == nil {
		if g.streaming {
			time.Sleep(gatherFor)
		}
		var n int
		n, g.err = g.r.Read(g.buf)
		g.data, g.streaming = g.buf[:n], n >= sendSize && n < len(g.buf)
	}
	n := copy(p, g.data)
	g.data = g.data[n:]
	if len(g.data) > 0 || g.err == nil {
		return n, nil
	}
	err := g.err
	g.err = nil
	return n, err
}
