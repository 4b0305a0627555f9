// Package migrate finds which migrations are pending and applies them to staging under observation: those of goose, of golang-migrate, and plain files.
//
// Where files are goose's, goose itself does the work, with its own parser, its own order of statements and its own version table: a rehearsal that split
// files by itself would rehearse something else. Three things are kept apart, in the order a rehearsal needs them:
//
//   - [Scan] lists a directory and [Applied] reads a version table. Neither writes anywhere: goose's Provider is never pointed at
//     the source, since even its Status creates the version table.
//   - [Set.Plan] says what is pending and where files and version table disagree, and has goose parse every pending file before
//     anything runs.
//   - [Apply] runs the plan one migration at a time. A migration that fails is a finding in the result, not an error.
package migrate

import (
	"cmp"
	"errors"
	"io/fs"
	"path"
	"slices"

	"github.com/pressly/goose/v3"

	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// DefaultTable is goose's version table when none is named.
const DefaultTable = goose.DefaultTablename

// Set is the migrations of a directory, pending or not, in the order of their numbers.
type Set struct {
	// Ignored are the names of .sql files that goose passes over, since they do not begin with a number above nought and "_".
	Ignored []string

	by         report.Migrator
	fsys       fs.FS
	migrations []Migration
	registered []*goose.Migration
}

// Migration is one migration and, once it is part of a [Plan], what goose makes of its file.
type Migration struct {
	Version int64
	Name    string // file name without directory; of a Go migration without a file "version 12"
	File    string // path for people: the prefix given to Scan and the name
	Go      bool   // written in Go
	Command string // what a shell runs instead of any file; "" for files
	// Migrator is what applies the file where it is not goose.
	Migrator report.Migrator

	Transaction bool             // false: NO TRANSACTION
	HasDown     bool             // there is something to run on the way down
	EmptyDown   bool             // there is a '-- +goose Down' with nothing to run after it, or a .down.sql with nothing in it
	Statements  []observe.Source // of the way up, as goose sends them; nil for Go
	Down        []observe.Source // of the way down

	upFile, downFile string // of golang-migrate and plain ones; "" for none
	text, downText   string // theirs, once part of a Plan
	previous         int64  // the version that the way down leads to, for golang-migrate
}

// Empty says that a SQL migration has no statement on the way up.
func (m Migration) Empty() bool { return !m.Go && m.Command == "" && len(m.Statements) == 0 }

// Scan lists the migrations in the root of fsys and those registered, which are Go migrations made by [goose.NewGoMigration]. Files
// are shown as prefix joined with their name. Errors are [*DirError], [*NoMigrationsError] and [*DuplicateError], the latter joined when
// there are several. Nothing is parsed and no database is used.
func Scan(fsys fs.FS, prefix string, registered ...*goose.Migration) (*Set, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, &DirError{Dir: prefix, Err: err}
	}
	s := &Set{fsys: fsys, registered: registered}
	byVersion := map[int64][]string{}
	for _, e := range entries {
		s.add(e, prefix, byVersion)
	}
	s.addRegistered(prefix, byVersion)
	if len(s.migrations) == 0 {
		return nil, &NoMigrationsError{Dir: prefix, Ignored: s.Ignored}
	}
	slices.SortFunc(s.migrations, func(a, b Migration) int {
		return cmp.Or(cmp.Compare(a.Version, b.Version), cmp.Compare(a.Name, b.Name))
	})
	return s, s.duplicates(byVersion)
}

// add takes a directory entry up, by goose's rules for names.
func (s *Set) add(e fs.DirEntry, prefix string, byVersion map[int64][]string) {
	name := e.Name()
	ext := path.Ext(name)
	if e.IsDir() || ext != ".sql" && ext != ".go" {
		return
	}
	version, err := goose.NumericComponent(name)
	switch {
	case err != nil && ext == ".sql":
		s.Ignored = append(s.Ignored, name)
		return
	case err != nil || len(name) > 8 && name[len(name)-8:] == "_test.go":
		return
	}
	s.migrations = append(s.migrations, Migration{Version: version, Name: name, File: path.Join(prefix, name), Go: ext == ".go"})
	byVersion[version] = append(byVersion[version], path.Join(prefix, name))
}

// addRegistered takes up the Go migrations that have no file.
func (s *Set) addRegistered(prefix string, byVersion map[int64][]string) {
	for _, m := range s.registered {
		if i := s.index(m.Version); i >= 0 && s.migrations[i].Go {
			continue
		}
		name := "version " + itoa(m.Version)
		s.migrations = append(s.migrations, Migration{Version: m.Version, Name: name, File: path.Join(prefix, name), Go: true})
		byVersion[m.Version] = append(byVersion[m.Version], name+" (registered in Go)")
	}
}

func (s *Set) duplicates(byVersion map[int64][]string) error {
	var errs []error
	for _, m := range s.migrations {
		if files := byVersion[m.Version]; len(files) > 1 {
			errs = append(errs, &DuplicateError{Version: m.Version, Files: files})
			delete(byVersion, m.Version)
		}
	}
	return errors.Join(errs...)
}

// All are the migrations of the directory, pending or not, in the order of their numbers, as [Scan] knows them.
func (s *Set) All() []Migration { return slices.Clone(s.migrations) }

// index is the place of a version, -1 when there is none.
func (s *Set) index(version int64) int {
	return slices.IndexFunc(s.migrations, func(m Migration) bool { return m.Version == version })
}

// isRegistered says whether there is Go code for a version.
func (s *Set) isRegistered(version int64) bool {
	return slices.ContainsFunc(s.registered, func(m *goose.Migration) bool { return m.Version == version })
}

// unregistered are the names of the .go files that there is no code for. goose refuses to start with them, even when they are not pending.
func (s *Set) unregistered() []string {
	var names []string
	for _, m := range s.migrations {
		if m.Go && !s.isRegistered(m.Version) {
			names = append(names, m.Name)
		}
	}
	return names
}
