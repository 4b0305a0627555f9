package migrate

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/internal/sqltext"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// ScanAs lists the migrations in the root of fsys as a migrator takes them: goose as [Scan] does. golang-migrate has two files to a version, of
// which one may be missing, as its own source has it. Plain files are all that end in .sql, in the order of their names, numbered from 1. Errors
// are those of Scan.
func ScanAs(by report.Migrator, fsys fs.FS, prefix string, registered ...*GoMigration) (*Set, error) {
	if by != report.GolangMigrate && by != report.Plain {
		return Scan(fsys, prefix, registered...)
	}
	entries, err := fs.ReadDir(fsys, ".") // in the order of their names
	if err != nil {
		return nil, &DirError{Dir: prefix, Err: err}
	}
	s := &Set{by: by, fsys: fsys}
	if by == report.Plain {
		s.plain(entries, prefix)
	} else {
		err = s.pairs(entries, prefix)
	}
	if len(s.migrations) == 0 {
		return nil, &NoMigrationsError{Dir: prefix, Ignored: s.Ignored, By: by}
	}
	return s, err
}

// plain takes up every file of SQL.
func (s *Set) plain(entries []fs.DirEntry, prefix string) {
	for _, e := range entries {
		if name := e.Name(); !e.IsDir() && path.Ext(name) == ".sql" {
			s.migrations = append(s.migrations, Migration{
				Version: int64(len(s.migrations) + 1), Name: name, File: path.Join(prefix, name), Migrator: s.by, upFile: name,
			})
		}
	}
}

// pairs takes up the ups and downs of golang-migrate.
func (s *Set) pairs(entries []fs.DirEntry, prefix string) error {
	files := map[int64][]string{} // of versions that have two for one direction
	for _, e := range entries {
		name := e.Name()
		version, _, up, ok := versionOf(name)
		if e.IsDir() || !ok {
			if !e.IsDir() && path.Ext(name) == ".sql" {
				s.Ignored = append(s.Ignored, name)
			}
			continue
		}
		at := s.index(version)
		if at < 0 {
			at = len(s.migrations)
			s.migrations = append(s.migrations, Migration{Version: version, Migrator: s.by})
		}
		m := &s.migrations[at]
		file := &m.upFile
		if !up {
			file = &m.downFile
		}
		if *file != "" {
			files[version] = append(files[version], path.Join(prefix, *file), path.Join(prefix, name))
		}
		*file = name
		m.Name = cmp.Or(m.upFile, m.downFile)
		m.File = path.Join(prefix, m.Name)
	}
	slices.SortFunc(s.migrations, func(a, b Migration) int { return cmp.Compare(a.Version, b.Version) })
	return s.duplicates(files)
}

// PlanAfter finds what golang-migrate would apply to a database that it says is at version current: what is above that, up to and including
// version to (0: all). recorded is false where it has applied nothing yet. It stops where the current version has no file, and so does
// [Apply] with such a plan. What is below the current version and was never applied it does not know of, and nor do we.
func (s *Set) PlanAfter(current int64, recorded bool, to int64) (*Plan, error) {
	p := &Plan{set: s}
	if recorded && s.index(current) < 0 {
		p.Drift = &report.Drift{MissingFiles: []int64{current}}
	}
	for i, m := range s.migrations {
		if recorded && m.Version <= current || to != 0 && m.Version > to {
			continue
		}
		m.previous = -1 // golang-migrate's own word for none
		if i > 0 {
			m.previous = s.migrations[i-1].Version
		}
		p.Pending = append(p.Pending, m)
	}
	return p, p.parseFiles()
}

// PlanFrom takes the file of that name for pending, and all after it. A [*UnknownFileError] says that there is none.
func (s *Set) PlanFrom(name string) (*Plan, error) {
	at := slices.IndexFunc(s.migrations, func(m Migration) bool { return m.Name == path.Base(name) })
	if at < 0 {
		e := &UnknownFileError{Asked: name, Files: len(s.migrations)}
		e.Last = s.migrations[len(s.migrations)-1].File
		return nil, e
	}
	p := &Plan{set: s, Pending: slices.Clone(s.migrations[at:])}
	return p, p.parseFiles()
}

// UnknownFileError says that the first pending file was not named, or is not there.
type UnknownFileError struct {
	Asked string // "": none was named
	Files int    // so many are there
	Last  string // the last of them
}

func (e *UnknownFileError) Error() string {
	files := "1 file"
	if e.Files > 1 {
		files = fmt.Sprintf("%d files", e.Files)
	}
	if e.Asked == "" {
		return fmt.Sprintf("nothing says which of %s of plain SQL are pending, up to %s", files, e.Last)
	}
	return fmt.Sprintf("there is no file %s among %s of plain SQL, up to %s", e.Asked, files, e.Last)
}

// parseFiles takes the pending files apart.
func (p *Plan) parseFiles() error {
	for i := range p.Pending {
		m := &p.Pending[i]
		up, err := p.set.text(m.upFile, m.File)
		if err != nil {
			return err
		}
		down, err := p.set.text(m.downFile, m.File)
		if err != nil {
			return err
		}
		m.text, m.downText = up, down
		m.Statements = statements(up, m.File)
		m.Down = statements(down, path.Join(path.Dir(m.File), m.downFile))
		m.HasDown = len(m.Down) > 0
		m.EmptyDown = m.downFile != "" && !m.HasDown
		m.Transaction = m.Migrator == report.GolangMigrate && inOneBlock(m.Statements)
	}
	if p.set.by != report.Plain {
		return nil
	}
	return p.forPsqlAlone()
}

// text is the text of a file; "" for none.
func (s *Set) text(name, file string) (string, error) {
	if name == "" {
		return "", nil
	}
	text, err := fs.ReadFile(s.fsys, name)
	if err != nil {
		return "", &DirError{Dir: file, Err: err}
	}
	return string(text), nil
}

// statements are those of a text, each with its place.
func statements(text, file string) []observe.Source {
	var all []observe.Source
	parts, lines := sqltext.Queries(text)
	for i, sql := range parts {
		all = append(all, observe.Source{SQL: sql, File: file, Lines: numbered(sql, lines[i])})
	}
	return all
}

// numbered are the numbers of a text's lines, from the first one's.
func numbered(text string, first int) []int {
	lines := make([]int, strings.Count(text, "\n")+1)
	for i := range lines {
		lines[i] = first + i
	}
	return lines
}

// forPsqlAlone refuses what is no SQL but psql's own. All mistakes are told.
func (p *Plan) forPsqlAlone() error {
	var errs []error
	for _, m := range p.Pending {
		for _, s := range m.Statements {
			if at := sqltext.Backslash(s.SQL); at >= 0 {
				command, _, _ := strings.Cut(strings.TrimSpace(s.SQL[at:]), "\n")
				errs = append(errs, &SyntaxError{File: m.File, Line: s.Lines[strings.Count(s.SQL[:at], "\n")], Message: "psql's own command " + command, Plain: true})
				continue
			}
			if copiesIn.MatchString(observe.Fold(s.SQL, longestCopy)) {
				errs = append(errs, &SyntaxError{File: m.File, Line: s.Lines[0], Message: "COPY FROM STDIN, whose rows psql takes from the file", Plain: true})
				break // rows follow, which are no SQL
			}
		}
	}
	return errors.Join(errs...)
}

const longestCopy = 2000

var copiesIn = regexp.MustCompile(`(?i)^copy .* from stdin\b`)
