package rehearse

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"path"

	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot"
)

// scan lists the migrations, where there is no command instead.
func (r *rehearsal) scan(w *work) (err error) {
	files := r.cfg.Migrations
	switch {
	case r.cfg.MigrateCommand != "":
		return nil
	case files == nil && len(r.cfg.GoMigrations) > 0:
		files = embed.FS{} // which has none
	case files == nil:
		return errors.New("no migrations are given: Config.Migrations is nil")
	}
	if w.by, err = r.migrator(files); err != nil {
		return err
	}
	if w.set, err = migrate.ScanAs(w.by, files, r.cfg.MigrationsDir, r.cfg.GoMigrations...); err != nil {
		w.set = nil
	}
	return r.looked(w, err)
}

// migrator is the one asked for, or whose files these are.
func (r *rehearsal) migrator(files fs.FS) (report.Migrator, error) {
	switch {
	case r.cfg.Migrator != "":
		return r.cfg.Migrator, nil
	case len(r.cfg.GoMigrations) > 0:
		return report.Goose, nil
	case r.cfg.PendingFrom != "":
		return report.Plain, nil
	}
	return migrate.Recognise(files, r.cfg.MigrationsDir)
}

// looked says of an error of the files whose they look like, where they look like another tool's.
func (r *rehearsal) looked(w *work, err error) error {
	if err == nil || r.cfg.Migrations == nil || w.by != report.Goose || r.cfg.Migrator != "" {
		return err
	}
	if tool := migrate.Looks(r.cfg.Migrations, r.cfg.MigrationsDir); tool != nil {
		return &migrate.LooksError{Tool: *tool, Err: err}
	}
	return err
}

// ignored names the files that look like migrations and are none to their migrator.
func (r *rehearsal) ignored(w *work) {
	if w.set == nil {
		return
	}
	why := "goose passes over it: its name does not begin with a number above nought and _"
	if w.by == report.GolangMigrate {
		why = "golang-migrate passes over it: its name is not like 000042_name.up.sql"
	}
	for _, name := range w.set.Ignored {
		r.result.NotMeasured = append(r.result.NotMeasured, report.NotMeasured{
			What: "what " + path.Join(r.cfg.MigrationsDir, name) + " does", Why: why,
		})
	}
}

// pending finds out what is to do: by the source's version table, or by what a person says of plain files. The pending ones are parsed.
func (r *rehearsal) pending(ctx context.Context, src origin, w *work) (err error) {
	if r.cfg.MigrateCommand != "" {
		return r.todoCommand(w)
	}
	versions, err := r.todoFiles(ctx, src, w)
	if err != nil {
		return r.looked(w, err)
	}
	r.result.Drift = w.todo.Drift
	if err := errors.Join(r.subject(src, w, versions), r.overrides(w)); err != nil {
		return err
	}
	r.result.Migrations = []report.Migration{}
	for _, m := range w.todo.Pending {
		r.result.Migrations = append(r.result.Migrations, notRun(m))
	}
	books := w.table
	if w.by == report.Plain {
		books = w.books() // of whatever else migrates there, for its owner alone
	}
	w.role, err = r.as(w, books, boundaries(r.cfg.Session, w.by))
	return err
}

// todoFiles plans what is pending, and gives the versions that the source's table has.
func (r *rehearsal) todoFiles(ctx context.Context, src origin, w *work) (versions []int64, err error) {
	if w.by == report.Plain {
		w.todo, err = w.set.PlanFrom(r.cfg.PendingFrom)
		return nil, err
	}
	if w.table, err = chooseVersionTable(w.desc.Tables, w.by, r.cfg.VersionTable); err != nil {
		return nil, err
	}
	rows, err := src.Applied(ctx, w.by.Name(), w.table.String())
	if err != nil {
		return nil, err
	}
	versions = appliedVersions(w.by, rows)
	if w.by != report.GolangMigrate {
		w.todo, err = w.set.Plan(versions, r.cfg.To, r.cfg.AllowMissing)
		return versions, err
	}
	if len(rows) > 0 && !rows[0].IsApplied {
		return nil, &migrate.DirtyError{Table: w.table.String(), Version: rows[0].Version}
	}
	if len(versions) == 0 {
		versions = nil
		w.todo, err = w.set.PlanAfter(-1, false, r.cfg.To)
		return versions, err
	}
	w.todo, err = w.set.PlanAfter(versions[0], true, r.cfg.To)
	return versions, err
}

// appliedVersions are the versions that rows of a version table name.
func appliedVersions(by report.Migrator, rows []snapshot.AppliedVersion) []int64 {
	var applied []int64
	for _, row := range rows {
		if row.Version > 0 || row.Version == 0 && by == report.GolangMigrate { // goose makes row 0 with the table
			applied = append(applied, row.Version)
		}
	}
	return applied
}
