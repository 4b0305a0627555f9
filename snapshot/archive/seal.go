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

// How far back compression looks, and how far an archive may ask to look back: the memory of each encoder and decoder. The fastest level knows
// some ten thousand places to look back to; a larger window does not make it find more.
const (
	window        = 256 << 10
	largestWindow = 1 << 20
)

// press compresses and encrypts parts. Each is by itself, so that they can be read in any order and at the same time.
type press struct {
	recipients []age.Recipient
	encoders   sync.Pool
	blocks     sync.Pool // *block: what a part was written from is written to again
}

// sealer takes the content of one part.
type sealer struct {
	press   *press
	encoder *zstd.Encoder
	secret  io.WriteCloser // nil without encryption
	sealed  blocks
	raw     int64
}

// blocks are bytes in pieces: what grows by pieces is never copied, nor larger than it must be.
type blocks [][]byte

type block [64 << 10]byte

func (b blocks) size() (n int64) {
	for _, piece := range b {
		n += int64(len(piece))
	}
	return n
}

func (b blocks) writeTo(w io.Writer) error {
	for _, piece := range b {
		if _, err := w.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// sealing takes the bytes of the part as they are to stand in the archive.
type sealing sealer

func (s *sealing) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if last := len(s.sealed) - 1; last >= 0 && len(s.sealed[last]) < len(block{}) {
			some := min(len(p), len(block{})-len(s.sealed[last]))
			s.sealed[last], p = append(s.sealed[last], p[:some]...), p[some:]
			continue
		}
		b, ok := s.press.blocks.Get().(*block)
		if !ok {
			b = &block{}
		}
		s.sealed = append(s.sealed, b[:0])
	}
	return n, nil
}

func (p *press) begin() (*sealer, error) {
	s := &sealer{press: p}
	var out io.Writer = (*sealing)(s)
	if len(p.recipients) > 0 {
		var err error
		if s.secret, err = age.Encrypt(out, p.recipients...); err != nil {
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
func (s *sealer) end() (blocks, error) {
	err := s.encoder.Close()
	if s.secret != nil {
		err = errors.Join(err, s.secret.Close())
	}
	s.press.encoders.Put(s.encoder)
	s.encoder = nil
	return s.sealed, err
}

// release gives the blocks back, but for many that a row has made.
func (s *sealer) release() {
	for _, b := range s.sealed[:min(len(s.sealed), chunkSize/len(block{}))] {
		s.press.blocks.Put((*block)(b[:len(block{})]))
	}
	s.sealed = nil
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
		if d, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(largestWindow)); err != nil {
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
