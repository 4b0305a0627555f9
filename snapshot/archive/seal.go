package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

// window is how far back compression looks: it bounds the memory of each encoder and decoder.
const window = 1 << 20

// press compresses and encrypts parts. Each is by itself, so that they can be read in any order and at the same time.
type press struct {
	recipients []age.Recipient
	encoders   sync.Pool
	buffers    sync.Pool // what a part was written from is written to again
}

// sealer takes the content of one part.
type sealer struct {
	press   *press
	encoder *zstd.Encoder
	secret  io.WriteCloser // nil without encryption
	sealed  *bytes.Buffer
	raw     int64
}

func (p *press) begin() (*sealer, error) {
	s := &sealer{press: p}
	var ok bool
	if s.sealed, ok = p.buffers.Get().(*bytes.Buffer); !ok {
		s.sealed = &bytes.Buffer{}
	}
	s.sealed.Reset()
	var out io.Writer = s.sealed
	if len(p.recipients) > 0 {
		var err error
		if s.secret, err = age.Encrypt(s.sealed, p.recipients...); err != nil {
			return nil, fmt.Errorf("encrypt: %w", err)
		}
		out = s.secret
	}
	if e, ok := p.encoders.Get().(*zstd.Encoder); ok {
		s.encoder = e
		e.Reset(out)
		return s, nil
	}
	var err error
	s.encoder, err = zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	return s, err
}

func (s *sealer) Write(p []byte) (int, error) {
	s.raw += int64(len(p))
	return s.encoder.Write(p)
}

// end gives the part as it is to stand in the archive. The bytes are the sealer's until it is released.
func (s *sealer) end() ([]byte, error) {
	err := s.encoder.Close()
	if s.secret != nil {
		err = errors.Join(err, s.secret.Close())
	}
	s.press.encoders.Put(s.encoder)
	s.encoder = nil
	return s.sealed.Bytes(), err
}

// release gives the buffer back, unless a row has made it very large.
func (s *sealer) release() {
	if s.sealed.Cap() <= 2*chunkSize {
		s.press.buffers.Put(s.sealed)
	}
}

// opener undoes what a press did.
type opener struct {
	identities []age.Identity
	encrypted  bool
	decoders   sync.Pool
}

// content is what a part holds, to be read to its end and closed.
func (o *opener) content(sealed []byte) (io.ReadCloser, error) {
	var in io.Reader = bytes.NewReader(sealed)
	if o.encrypted {
		var err error
		if in, err = age.Decrypt(in, o.identities...); err != nil {
			return nil, err
		}
	}
	d, ok := o.decoders.Get().(*zstd.Decoder)
	if !ok {
		var err error
		if d, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(window)); err != nil {
			return nil, err
		}
	}
	if err := d.Reset(in); err != nil {
		return nil, err
	}
	return &content{d, o}, nil
}

type content struct {
	*zstd.Decoder
	opener *opener
}

func (c *content) Close() error {
	if c.Decoder != nil {
		_ = c.Reset(nil)
		c.opener.decoders.Put(c.Decoder)
		c.Decoder = nil
	}
	return nil
}

func digest(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
