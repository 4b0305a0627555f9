package audit

import (
	"bytes"
	"hash/maphash"
)

// keys looks for forms in the keys of a document or an hstore, up to the first that has one: what is in quotes, before a colon or an arrow.
func (s *Scanner) keys(c *Column, value []byte) bool {
	for at := 0; at < len(value); {
		from := bytes.IndexByte(value[at:], '"')
		if from < 0 {
			break
		}
		from += at + 1
		to := from
		for to < len(value) && value[to] != '"' {
			if value[to] == '\\' {
				to++
			}
			to++
		}
		if at = to + 1; at > len(value) {
			break
		}
		for at < len(value) && (value[at] == ' ' || value[at] == '\n' || value[at] == '\t' || value[at] == '\r') {
			at++
		}
		if at < len(value) && (value[at] == ':' || value[at] == '=') && s.key(c, value[from:to]) {
			return true
		}
	}
	return false
}

// key looks for forms in one key. Most keys come again in every document.
func (s *Scanner) key(c *Column, key []byte) bool {
	if len(key) < leastCommon {
		return false
	}
	sum := maphash.Bytes(s.prints.confirm, key) | 1
	if c.clean[sum>>56] == sum {
		return false
	}
	s.words.split(key, true)
	if s.detect(c, key, true) {
		return true
	}
	c.clean[sum>>56] = sum
	return false
}
