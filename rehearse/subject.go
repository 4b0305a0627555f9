package rehearse

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot"
)

// subject records what is rehearsed: the files, and where production stands with them.
func (r *rehearsal) subject(src origin, w *work, applied []int64) error {
	files, err := hashed(r.cfg.Migrations, w.set, w.todo)
	if err != nil {
		return err
	}
	for i := range files {
		switch f := &files[i]; {
		case f.State != "":
		case w.hasApplied(f.Version, applied):
			f.State = report.FileApplied
		default:
			f.State = report.FileLeft
		}
	}
	r.result.Subject = &report.Subject{
		Migrator: noted(w.by), Files: files, To: r.cfg.To, Versions: versionFacts(w.table.String(), applied), Cluster: cluster(src.Server()), Schema: w.schema,
	}
	return nil
}

// hasApplied says that the source is beyond a version that is not pending: its table has it, or for golang-migrate that or a later one, or a person
// says so of plain files.
func (w *work) hasApplied(version int64, applied []int64) bool {
	switch w.by {
	case report.Plain:
		return true
	case report.GolangMigrate:
		return len(applied) > 0 && version <= applied[0]
	case report.Goose:
	}
	return slices.Contains(applied, version)
}

// noted is a migrator as a result has it.
func noted(by report.Migrator) report.Migrator {
	if by == report.Goose {
		return ""
	}
	return by
}

// ofSchema records the fingerprint of the schema that was copied; that of an archive's is known already.
func (r *rehearsal) ofSchema() {
	if s := r.result.Subject; s != nil && s.Schema == nil {
		s.Schema = fingerprint(r.objects)
	}
}

// hashed are all migrations of a directory with their digests; of those to do with that of what is sent, and the state pending.
func hashed(fsys fs.FS, set *migrate.Set, todo *migrate.Plan) ([]report.File, error) {
	var files []report.File
	for _, m := range set.All() {
		f := report.File{Version: m.Version, Name: m.Name}
		text, err := fs.ReadFile(fsys, m.Name)
		switch {
		case err == nil:
			f.SHA256 = sum(text)
		case !errors.Is(err, fs.ErrNotExist) || !m.Go: // Go code may be registered without a file
			return nil, &migrate.DirError{Dir: m.File, Err: err}
		}
		if at := slices.IndexFunc(todo.Pending, func(p migrate.Migration) bool { return p.Version == m.Version }); at >= 0 {
			f.State = report.FilePending
			if p := todo.Pending[at]; !p.Go {
				f.Sent = sentSum(p)
			}
		}
		files = append(files, f)
	}
	return files, nil
}

// sentSum is the digest of a migration's statements as they are sent, up and down.
func sentSum(m migrate.Migration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "transaction %v\x00", m.Transaction)
	for _, s := range m.Statements {
		b.WriteString(s.SQL + "\x00")
	}
	b.WriteString("down\x00")
	for _, s := range m.Down {
		b.WriteString(s.SQL + "\x00")
	}
	return sum([]byte(b.String()))
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func versionFacts(table string, applied []int64) report.Versions {
	all := slices.Clone(applied)
	slices.Sort(all)
	all = slices.Compact(all)
	v := report.Versions{Table: table, Count: len(all)}
	var b strings.Builder
	for _, n := range all {
		fmt.Fprintln(&b, n)
		v.Head = n
	}
	v.SHA256 = sum([]byte(b.String()))
	return v
}

// cluster is what tells one PostgreSQL cluster from others, as a digest; "" when the role may not see it.
func cluster(s snapshot.Server) string {
	if s.SystemIdentifier == "" {
		return ""
	}
	return sum([]byte(s.SystemIdentifier))
}

// unchanged makes sure that the files are still those that were read before the copy: goose reads them again when it applies them.
func (r *rehearsal) unchanged(w *work) {
	const what = "which files were rehearsed"
	if w.set == nil { // a command migrates
		return
	}
	files, err := hashed(r.cfg.Migrations, w.set, w.todo)
	if err != nil {
		r.result.NotMeasured = append(r.result.NotMeasured, report.NotMeasured{What: what, Why: "the directory of the migrations could not be read again at the end", Needed: true})
		return
	}
	for i, f := range files {
		if f.SHA256 != r.result.Subject.Files[i].SHA256 {
			r.result.NotMeasured = append(r.result.NotMeasured, report.NotMeasured{What: what, Why: f.Name + " was changed while the rehearsal ran", Needed: true})
		}
	}
}
