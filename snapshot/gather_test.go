package snapshot

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func TestGathererGivesAllAndTheErrorLast(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	data := bytes.Repeat([]byte("0123456789abcdef"), 40<<10/16)
	for name, r := range map[string]io.Reader{
		"as sent":         &portions{data, sendSize, nil},
		"at once":         &portions{data, len(data), nil},
		"byte by byte":    iotest.OneByteReader(bytes.NewReader(data)),
		"error by itself": io.MultiReader(bytes.NewReader(data), iotest.ErrReader(broken)),
		"error with data": &portions{data, sendSize, broken},
	} {
		got, err := io.ReadAll(iotest.HalfReader(&gatherer{r: r, buf: make([]byte, gatherSize)}))
		if !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes of %d, or others", name, len(got), len(data))
		}
		if want := name[:5] == "error"; errors.Is(err, broken) != want {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

// portions gives data in portions of size, the last of them with err.
type portions struct {
	data []byte
	size int
	err  error
}

func (p *portions) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.data[:min(p.size, len(p.data))])
	p.data = p.data[n:]
	if len(p.data) == 0 {
		return n, p.err
	}
	return n, nil
}
