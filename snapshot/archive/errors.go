package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// Kind says why an archive could not be used or made.
type Kind string

// Why an archive could not be used or made.
const (
	Missing    Kind = "missing"    // there is nothing of that name
	Exists     Kind = "exists"     // there is something of that name already
	Foreign    Kind = "foreign"    // it is no archive
	Torn       Kind = "torn"       // its end, or a part, is not there
	Altered    Kind = "altered"    // it is not as it was written
	Newer      Kind = "newer"      // a later version of the program wrote it
	Locked     Kind = "locked"     // it is encrypted, and no identity was given that opens it
	Unreadable Kind = "unreadable" // the system refuses to read it
	Unwritable Kind = "unwritable" // the system refuses to write it
	Full       Kind = "full"       // no space is left on the disk that it is written to
	OtherMajor Kind = "major"      // staging is of another major version of PostgreSQL
	TooOld     Kind = "too old"    // it was taken longer ago than is allowed
	Store      Kind = "store"      // a command that moves archives failed
)

// Error is a failure of an archive. Its text holds no value of a row.
type Error struct {
	Kind    Kind
	Archive string // as it was asked for: a path, "standard input"
	Part    string // "chunk 3 of shop.orders", "document schema", "manifest"; "" when it is the whole
	Err     error  // what was seen
}

// Error names archive and part.
func (e *Error) Error() string {
	text := "snapshot " + e.Archive + ": "
	if e.Part != "" {
		text += e.Part + ": "
	}
	text += e.reason()
	if e.Err != nil {
		text += fmt.Sprintf(" (%v)", e.Err)
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

func (e *Error) reason() string {
	switch e.Kind {
	case Missing:
		return "not found"
	case Exists:
		return "there is something of that name already"
	case Foreign:
		return "not a snapshot of rehearse"
	case Torn:
		return "torn: it is not complete"
	case Altered:
		return "altered: it is not as it was written"
	case Newer:
		return "written by a later version of rehearse"
	case Locked:
		return "encrypted, and no identity given opens it"
	case Unreadable:
		return "cannot be read"
	case Unwritable:
		return "cannot be written"
	case Full:
		return "no space left on the disk it is written to"
	case OtherMajor:
		return "of another major version of PostgreSQL than staging"
	case TooOld:
		return "too old"
	case Store:
		return "the store's command failed"
	}
	return string(e.Kind)
}

// readFailed sorts what the system says of a file that is read.
func readFailed(archive, part string, err error) error {
	e := &Error{Kind: Unreadable, Archive: archive, Part: part, Err: bare(err)}
	if errors.Is(err, fs.ErrNotExist) {
		e.Kind, e.Err = Missing, nil
		if part != "" {
			e.Kind, e.Err = Torn, errors.New("its file is not there")
		}
	}
	return e
}

// writeFailed sorts what the system says of a file that is written.
func writeFailed(archive string, err error) error {
	var ours *Error
	if err == nil || errors.As(err, &ours) {
		return err
	}
	e := &Error{Kind: Unwritable, Archive: archive, Err: bare(err)}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e.Kind = Full
	case errors.Is(err, fs.ErrExist):
		e.Kind, e.Err = Exists, nil
	}
	return e
}

// bare is the system's own reason, without the path of a temporary file.
func bare(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
