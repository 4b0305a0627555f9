package archive

import (
	"os"
	"time"
)

// old says of a file that cannot be locked that nobody can be writing it any more.
func old(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && time.Since(info.ModTime()) > 24*time.Hour
}
