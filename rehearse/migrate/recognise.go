package migrate

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// Recognise says which migrator the files in the root of fsys are for: golang-migrate's by their names, 000042_name.up.sql and .down.sql,
// where they have no annotation of goose's; all else is goose's. Plain files are like those of other tools or of nobody: a person has to say
// that they are meant. Errors are [*DirError] and, where there are files of both, [*MixedError].
func Recognise(fsys fs.FS, prefix string) (report.Migrator, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return "", &DirError{Dir: prefix, Err: err}
	}
	mixed := MixedError{}
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || path.Ext(name) != ".sql" {
			continue
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return "", &DirError{Dir: prefix, Err: err}
		}
		switch {
		case annotated.Match(text):
			mixed.Goose = path.Join(prefix, name)
		case versioned.MatchString(name):
			mixed.GolangMigrate = path.Join(prefix, name)
		}
	}
	switch {
	case mixed.Goose != "" && mixed.GolangMigrate != "":
		return "", &mixed
	case mixed.GolangMigrate != "":
		return report.GolangMigrate, nil
	}
	return report.Goose, nil
}

var (
	annotated = regexp.MustCompile(`(?mi)^\s*--\s*\+goose\s`)
	// versioned is golang-migrate's own expression (source/parse.go), for .sql alone.
	versioned = regexp.MustCompile(`^([0-9]+)_(.*)\.(down|up)\.sql$`)
)

// versionOf takes golang-migrate's names apart. ok is false for other names, and for numbers that its table does not hold.
func versionOf(name string) (version int64, title string, up, ok bool) {
	m := versioned.FindStringSubmatch(name)
	if m == nil {
		return 0, "", false, false
	}
	version, err := strconv.ParseInt(m[1], 10, 64)
	return version, m[2], m[3] == "up", err == nil
}

// MixedError says that a directory has files of two migrators.
type MixedError struct{ Goose, GolangMigrate string } // one file of each

func (e *MixedError) Error() string {
	return fmt.Sprintf("%s is a file of goose's, and %s one of golang-migrate's: either would pass over, or break on, the other's", e.Goose, e.GolangMigrate)
}
