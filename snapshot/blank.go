package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// blankDump overwrites, in an archive of pg_dump in the custom format, the definitions of the entries that must not come along. They are
// never restored, but an archive that is kept must not hold them either: a user mapping's is a password. The same goes for those of the
// database itself, among which are its settings. Nothing moves by it.
//
// The format is that of PostgreSQL's pg_backup_archiver.c (WriteHead, WriteToc) in the versions 1.14 (PostgreSQL 12) to 1.16 (17 and 18).
func blankDump(dump []byte) error {
	r := &dumpReader{b: dump}
	if !bytes.HasPrefix(dump, []byte("PGDMP")) || len(dump) < 11 || dump[5] != 1 || dump[6] < 14 || dump[6] > 16 || dump[10] != 1 {
		if len(dump) > 10 {
			return fmt.Errorf("a dump of version %d.%d and format %d is not understood", dump[5], dump[6], dump[10])
		}
		return errDump
	}
	minor := dump[6]
	r.intSize, r.offSize, r.at = int(dump[8]), int(dump[9]), 11
	if minor >= 15 {
		r.skip(1) // compression
	} else {
		r.int()
	}
	for range 7 { // date
		r.int()
	}
	for range 3 { // database, version of the server, version of pg_dump
		r.str()
	}
	for range r.int() {
		r.entry(minor)
	}
	return r.err
}

var errDump = errors.New("the dump is not in the custom format")

// dumpReader walks through a dump.
type dumpReader struct {
	b                []byte
	at               int
	intSize, offSize int
	err              error
}

// entry is one of the table of contents.
func (r *dumpReader) entry(minor byte) {
	r.int() // number
	r.int() // has data
	r.str() // catalog
	r.str() // oid
	r.str() // tag
	description := r.str()
	r.int() // section
	definition := r.str()
	if kind := string(description) + " "; strings.HasPrefix(kind, "DATABASE ") || (tocEntry{text: kind}).unwanted() {
		for i := range definition {
			definition[i] = ' '
		}
	}
	for range 5 { // DROP, COPY, schema, tablespace, access method
		r.str()
	}
	if minor >= 16 {
		r.int() // kind of relation
	}
	r.str() // owner
	r.str() // "false"
	for r.err == nil && r.str() != nil {
	}
	r.skip(1 + r.offSize) // where the data are
}

// int is a sign and the bytes of the number, the lowest first.
func (r *dumpReader) int() int {
	b := r.skip(1 + r.intSize)
	if b == nil {
		return 0
	}
	n := 0
	for i := r.intSize; i > 0; i-- {
		n = n<<8 | int(b[i])
	}
	if b[0] != 0 {
		return -n
	}
	return n
}

// str is nil for a null pointer.
func (r *dumpReader) str() []byte {
	n := r.int()
	if n < 0 || r.err != nil {
		return nil
	}
	return r.skip(n)
}

func (r *dumpReader) skip(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.b)-r.at {
		r.err = errDump
		return nil
	}
	b := r.b[r.at : r.at+n : r.at+n]
	r.at += n
	return b
}
