package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// How an archive begins and ends.
const (
	headSize   = 16
	footerSize = 64

	flagEncrypted = 1
)

var (
	headMagic   = []byte("rehearse-snap")
	footerMagic = []byte("rehearse-snap-e\n")
)

// head is magic, format version, flags, line feed.
func head(encrypted bool) []byte {
	flags := byte(0)
	if encrypted {
		flags = flagEncrypted
	}
	return append(bytes.Clone(headMagic), Format, flags, '\n')
}

// readHead returns the flags. The errors are those of the whole archive.
func readHead(b []byte) (encrypted bool, kind Kind, err error) {
	switch {
	case len(b) > 0 && len(b) < headSize && bytes.HasPrefix(headMagic, b[:min(len(b), len(headMagic))]):
		return false, Torn, errors.New("it ends within its first bytes")
	case len(b) < headSize || !bytes.HasPrefix(b, headMagic):
		return false, Foreign, nil
	case b[13] > Format:
		return false, Newer, nil
	case b[13] < 1 || b[14] > flagEncrypted || b[15] != '\n':
		return false, Altered, errors.New("its first bytes")
	}
	return b[14] == flagEncrypted, "", nil
}

// footer is where the manifest is: its size, the size of all that comes between head and manifest, and a digest over what no other covers.
type footer struct {
	manifest, parts int64
	sum             [sha256.Size]byte
}

func (f *footer) sizes() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(f.manifest))
	return binary.BigEndian.AppendUint64(b, uint64(f.parts))
}

// seal computes the digest.
func (f *footer) seal(head, manifest []byte) {
	h := sha256.New()
	h.Write(head)
	h.Write(manifest)
	h.Write(f.sizes())
	f.sum = [sha256.Size]byte(h.Sum(nil))
}

func (f *footer) bytes() []byte {
	b := append(f.sizes(), f.sum[:]...)
	return append(b, footerMagic...)
}

// readFooter takes the last bytes of an archive; false when they are none.
func readFooter(b []byte) (f footer, ok bool) {
	if len(b) != footerSize || !bytes.HasSuffix(b, footerMagic) {
		return f, false
	}
	f.manifest = int64(binary.BigEndian.Uint64(b))
	f.parts = int64(binary.BigEndian.Uint64(b[8:]))
	copy(f.sum[:], b[16:])
	return f, true
}
