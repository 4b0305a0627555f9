package archive

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
)

// Entry is an archive found in a directory.
type Entry struct {
	Name      string
	Size      int64     // of its files
	Modified  time.Time // when it got its name
	Encrypted bool
	Manifest  *Manifest // nil when Err says why it could not be read
	Err       error
}

// List names the archives in a directory, the newest first, broken ones too. What is no archive is passed over; a directory that is not
// there has none.
func List(dir string, identities ...age.Identity) ([]Entry, error) {
	files, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, readFailed(dir, "", err)
	}
	var all []Entry
	for _, f := range files {
		if strings.HasPrefix(f.Name(), ".") {
			continue
		}
		if e, ok := entry(filepath.Join(dir, f.Name()), identities); ok {
			all = append(all, e)
		}
	}
	slices.SortStableFunc(all, func(a, b Entry) int { return b.made().Compare(a.made()) })
	return all, nil
}

// made is when the archive was made, as far as can be told.
func (e *Entry) made() time.Time {
	if e.Manifest != nil {
		return e.Manifest.CreatedAt
	}
	return e.Modified
}

func entry(path string, identities []age.Identity) (e Entry, ok bool) {
	info, err := os.Stat(path)
	if err != nil {
		return e, false
	}
	e = Entry{Name: filepath.Base(path), Size: info.Size(), Modified: info.ModTime()}
	r, err := Open(path, identities...)
	if err != nil {
		var ours *Error
		e.Err, e.Encrypted = err, errors.As(err, &ours) && ours.Kind == Locked
		if info.IsDir() {
			e.Size = sizeOf(path)
		}
		return e, !(errors.As(err, &ours) && ours.Kind == Foreign)
	}
	defer r.Close()
	e.Size, e.Manifest, e.Encrypted = r.size, &r.manifest, r.encrypted
	return e, true
}

// sizeOf adds up the files of a directory.
func sizeOf(dir string) (n int64) {
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		if info, err := f.Info(); err == nil {
			n += info.Size()
		}
	}
	return n
}

// Remove deletes an archive, a broken one too. What does not begin like one is refused, as [Foreign], and so is a directory that holds
// anything else.
func Remove(path string) error {
	files, err := removable(path)
	if err != nil {
		return err
	}
	if files == nil {
		return writeFailed(path, os.Remove(path))
	}
	return writeFailed(path, removeFiles(path, files))
}

// removable makes sure that a path is an archive's, and gives the files of one that is a directory; nil of one that is a file.
func removable(path string) ([]os.DirEntry, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, readFailed(path, "", err)
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		return nil, notAFile(path)
	}
	r, err := Open(path)
	var ours *Error
	switch {
	case err == nil:
		_ = r.Close()
	case errors.As(err, &ours) && (ours.Kind == Foreign || ours.Kind == Unreadable):
		return nil, err
	}
	if !info.IsDir() {
		return nil, nil
	}
	files, err := os.ReadDir(path)
	if err != nil {
		return nil, readFailed(path, "", err)
	}
	for _, f := range files {
		if !isOwnFile(f.Name()) {
			return nil, &Error{Kind: Foreign, Archive: path, Err: errors.New("it holds other files too")}
		}
	}
	return files, nil
}

func notAFile(path string) error {
	return &Error{Kind: Foreign, Archive: path, Err: errors.New("it is neither a file nor a directory")}
}

var partFile = regexp.MustCompile(`^part-[0-9]{8,}$`)

// isOwnFile says whether a file of a directory can be an archive's.
func isOwnFile(name string) bool {
	return name == headName || name == tailName || partFile.MatchString(name)
}

// removeFiles takes the tail first, so that what an interruption leaves is torn, and the head last, so that it is still an archive's.
func removeFiles(dir string, files []os.DirEntry) error {
	slices.Reverse(files) // by name: tail, part-..., head
	for _, f := range files {
		if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
			return err
		}
	}
	return os.Remove(dir)
}
