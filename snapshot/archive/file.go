package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
)

// How the files of an archive that is a directory are named: in order of their names they are the single file.
const (
	headName = "head"
	tailName = "tail"
)

func partName(number int) string { return fmt.Sprintf("part-%08d", number) }

// CreateOptions says where an archive goes.
type CreateOptions struct {
	WriteOptions
	Directory bool   // a directory of files rather than one file
	Replace   bool   // take the place of an archive of that name
	RunID     string // part of the name until it is finished
}

// Create begins an archive under a path. Until it is finished it has another name in the same directory, ".NAME.partial-RUNID", which is
// locked while this process lives; see [Sweep]. Only its owner can read it: it holds production's rows, if masked. It takes the place of
// another archive only, never of anything else.
func Create(path string, opts CreateOptions) (*Writer, error) {
	if err := takeable(path, opts.Replace); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, writeFailed(path, err)
	}
	f := &folder{path: path, partial: partialOf(path, opts.RunID), directory: opts.Directory, replace: opts.Replace}
	if err := f.begin(head(len(opts.Recipients) > 0)); err != nil {
		return nil, writeFailed(path, errors.Join(err, f.abort()))
	}
	return newWriter(path, f, opts.WriteOptions), nil
}

// takeable says why a path cannot be given to a new archive, nil when it can.
func takeable(path string, replace bool) error {
	_, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return readFailed(path, "", err)
	case !replace:
		return &Error{Kind: Exists, Archive: path}
	}
	_, err = removable(path)
	return err
}

const (
	partialMark = ".partial-"
	asideMark   = "-old" // behind the name of a partial: what it takes the place of
)

// partial is how unfinished archives are called, and what one takes the place of.
var partial = regexp.MustCompile(`^\.(.+)\.partial-[0-9a-z]+(-old)?$`)

func partialOf(path, run string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+partialMark+run)
}

// folder is an archive on a disk.
type folder struct {
	path, partial string
	directory     bool
	replace       bool
	file          *os.File // the single file, or the head of a directory; locked
}

func (f *folder) begin(head []byte) (err error) {
	name := f.partial
	if f.directory {
		if err := os.Mkdir(f.partial, 0o700); err != nil {
			return err
		}
		name = filepath.Join(f.partial, headName)
	}
	if f.file, err = os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600); err != nil {
		return err
	}
	if _, err := lock(f.file); err != nil {
		return err
	}
	if info, err := os.Stat(name); err != nil || !isFile(info, f.file) {
		return errors.New("it was removed while it was begun")
	}
	_, err = f.file.Write(head)
	return err
}

func isFile(info os.FileInfo, f *os.File) bool {
	own, err := f.Stat()
	return err == nil && os.SameFile(own, info)
}

func (f *folder) part(number int, b blocks) error {
	if f.directory {
		return writeDurably(filepath.Join(f.partial, partName(number)), b)
	}
	return b.writeTo(f.file)
}

func (f *folder) finish(b []byte) error {
	var err error
	if f.directory {
		err = writeDurably(filepath.Join(f.partial, tailName), blocks{b})
	} else {
		_, err = f.file.Write(b)
	}
	if err := errors.Join(err, f.file.Sync()); err != nil {
		return err
	}
	if f.directory {
		if err := syncDirectory(f.partial); err != nil {
			return err
		}
	}
	if err := f.name(f.partial); err != nil {
		return err
	}
	return errors.Join(f.file.Close(), syncDirectory(filepath.Dir(f.path)))
}

// name gives the archive at a path its own. A file takes the place of another in one step; a directory cannot, so the other one steps aside first:
// should that be the last there is of both, Sweep gives it its name back.
func (f *folder) name(from string) error {
	if err := takeable(f.path, f.replace); err != nil {
		return err
	}
	info, err := os.Lstat(f.path)
	if err != nil || !info.IsDir() && !f.directory {
		return os.Rename(from, f.path)
	}
	aside := f.partial + asideMark
	if err := os.Rename(f.path, aside); err != nil {
		return err
	}
	if err := os.Rename(from, f.path); err != nil {
		return errors.Join(err, os.Rename(aside, f.path))
	}
	if err := Remove(aside); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (f *folder) abort() error {
	if f.file != nil {
		_ = f.file.Close()
	}
	return os.RemoveAll(f.partial)
}

// writeDurably writes a file that only its owner can read, and has it on the disk.
func writeDurably(path string, b blocks) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = b.writeTo(file)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, os.ErrInvalid) { // not every file system can
		err = nil
	}
	return errors.Join(err, d.Close())
}

// Sweep removes what killed processes left of archives in a directory, and returns the names. What a living one writes is locked and stays,
// and so does all that is not an archive's; what was to be replaced by one that did not get its name has its own back.
func Sweep(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, readFailed(dir, "", err)
	}
	var gone []string
	for _, e := range entries {
		m := partial.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		path, removed := filepath.Join(dir, e.Name()), false
		if m[2] != "" {
			removed, err = settle(path, filepath.Join(dir, m[1]))
		} else if abandoned(path, m[1], e) {
			removed, err = true, os.RemoveAll(path)
		}
		if err != nil {
			return gone, writeFailed(path, err)
		}
		if removed {
			gone = append(gone, e.Name())
		}
	}
	return gone, nil
}

// settle ends a replacement that was cut short: what stepped aside gets its name back where nobody has it, and goes where the new one has it.
// What a living process is about is left to it.
func settle(aside, path string) (removed bool, err error) {
	if isHeld(strings.TrimSuffix(aside, asideMark)) || isHeld(path) {
		return false, nil
	}
	if _, err := removable(aside); err != nil {
		return false, nil //nolint:nilerr // it is not an archive's
	}
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		return false, os.Rename(aside, path)
	}
	return true, Remove(aside)
}

// isHeld says that a living process writes an archive, or has just finished it.
func isHeld(path string) bool {
	if info, err := os.Lstat(path); err != nil {
		return false
	} else if info.IsDir() {
		path = filepath.Join(path, headName)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	free, err := lock(f)
	return err == nil && !free
}

// abandoned says that it is an unfinished archive that nobody writes any more. A directory whose head is not there yet may have been made a
// moment ago.
func abandoned(path, archive string, e os.DirEntry) bool {
	name := path
	if e.IsDir() {
		files, err := os.ReadDir(path)
		if err != nil || slices.ContainsFunc(files, func(f os.DirEntry) bool { return !isOwnFile(f.Name()) && f.Name() != archive }) {
			return false
		}
		name = filepath.Join(path, headName)
	} else if !e.Type().IsRegular() {
		return false
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		info, ierr := e.Info()
		return e.IsDir() && errors.Is(err, os.ErrNotExist) && ierr == nil && time.Since(info.ModTime()) > time.Minute
	}
	defer f.Close()
	begin := make([]byte, len(headMagic))
	n, _ := io.ReadFull(f, begin)
	if !bytes.HasPrefix(headMagic, begin[:n]) {
		return false
	}
	free, err := lock(f)
	return err == nil && free
}

// Spool keeps an archive that comes from a pipe in a temporary file, which only its owner can read and which goes when it is closed.
func Spool(in io.Reader) (*os.File, error) {
	f, err := os.CreateTemp("", "rehearse-snapshot-") // mode 0600
	if err != nil {
		return nil, writeFailed(StandardInput, err)
	}
	_ = os.Remove(f.Name()) // where the system allows it, the file lives only as long as it is open
	if _, err := io.Copy(f, in); err != nil {
		return nil, errors.Join(writeFailed(StandardInput, err), f.Close())
	}
	return f, nil
}

// StandardInput is the name of an archive that came from a pipe.
const StandardInput = "standard input"

// ownersOnly makes what somebody else has brought readable by its owner only, as what Create makes is.
func ownersOnly(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil // Open tells
	case err != nil:
		return readFailed(path, "", err)
	case info.IsDir():
		return writeFailed(path, os.Chmod(path, 0o700))
	case info.Mode().IsRegular():
		return writeFailed(path, os.Chmod(path, 0o600))
	}
	return notAFile(path)
}

// Incoming makes room for an archive that somebody else is to bring: it is to be written to the path returned. Accept gives it its name
// when it is a whole archive as far as its manifest tells, in the place of an archive that has the name already, and drop, which may be
// called in any case, removes what is left.
func Incoming(path, runID string, identities ...age.Identity) (at string, accept, drop func() error, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", nil, nil, writeFailed(path, err)
	}
	f := &folder{path: path, partial: partialOf(path, runID), directory: true, replace: true}
	if err := f.begin(nil); err != nil {
		return "", nil, nil, writeFailed(path, errors.Join(err, f.abort()))
	}
	at = filepath.Join(f.partial, filepath.Base(path))
	accept = func() error {
		err := ownersOnly(at)
		if err == nil {
			var r *Reader
			if r, err = Open(at, identities...); err == nil {
				return errors.Join(r.Close(), writeFailed(path, f.name(at)))
			}
		}
		if ours := (*Error)(nil); errors.As(err, &ours) {
			ours.Archive = path
		}
		return err
	}
	return at, accept, func() error { return writeFailed(path, f.abort()) }, nil
}
