package rehearse

import (
	"context"
	"errors"
	"fmt"

	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot"
)

// plan finds out what there is to do, and fails when it cannot be done: mistakes of the migrations, of the rules and of the privileges
// are told together, since a person mends them together.
func (r *rehearsal) plan(ctx context.Context, src origin) (*work, error) {
	w := &work{params: src.Server().RuntimeParams}
	err := r.phase("plan", func() (string, error) {
		files := r.scan(w)
		var privileges *snapshot.PrivilegeError
		desc, rights := src.Describe(ctx)
		if rights != nil && !errors.As(rights, &privileges) {
			return "", errors.Join(files, rights)
		}
		w.desc = desc
		if err := errors.Join(rights, files, r.masks(ctx, src, w, rights)); err != nil {
			return "", err
		}
		if err := errors.Join(r.pending(ctx, src, w), r.budgets(w)); err != nil {
			return "", err
		}
		r.checks(src, w)
		r.ignored(w)
		r.describeSource(desc)
		if r.cfg.MigrateCommand != "" {
			return "a command; " + r.columnsNote(), nil
		}
		return count(len(w.todo.Pending), "pending migration") + "; " + r.columnsNote(), nil
	})
	return w, err
}

// as chooses the role that applies migrations, by the table in which their tool keeps its books, and tells what their sessions are.
func (r *rehearsal) as(w *work, books versionTable, boundaries string) (role string, err error) {
	role, why, err := chooseRole(r.cfg.Role, w.desc.Roles, books, w.desc.Database.Owner)
	r.result.Session = report.Session{Role: role, RoleReason: why, VersionTable: books.String(), Boundaries: boundaries}
	return role, err
}

// notRun is a pending migration before anything happened to it.
func notRun(m migrate.Migration) report.Migration {
	return report.Migration{
		Version: m.Version, Name: m.Name, File: m.File, Transaction: m.Transaction, Empty: m.Empty(), HasDown: m.HasDown,
		Command: m.Command != "", Migrator: m.Migrator, Outcome: report.NotRun,
	}
}

func (r *rehearsal) columnsNote() string {
	return fmt.Sprintf("%d of %d columns masked", r.result.Masking.Masked, r.result.Masking.Columns)
}

func boundaries(session string, by report.Migrator) string {
	words := "one session for all migrations"
	if session == "each" || by == report.Plain {
		words = "a new session for each migration"
	}
	switch by {
	case report.GolangMigrate:
		words += ", as golang-migrate applies them"
	case report.Plain:
		words += ", as psql -f with ON_ERROR_STOP applies them"
	case report.Goose:
	}
	return words
}

// masks applies the rules to what the source holds. The error is a *sanitize.PlanError when they do not cover it, or when the server refuses
// a condition on rows or an expression, which it is not asked about where the role lacks rights. The rows of an archive are masked already, and it says how.
func (r *rehearsal) masks(ctx context.Context, src origin, w *work, rights error) (err error) {
	if kept, ok := src.(*snapshot.Archived); ok {
		k, err := archivedMasking(kept)
		r.result.Masking, w.masked, w.audited, w.profiles, w.schema = k.Masking, k.Masked, k.Audit, k.Profiles, k.Schema
		return err
	}
	if r.cfg.Rules == nil {
		return errors.New("no masking rules are given: Config.Rules is nil")
	}
	if r.cfg.Programs {
		w.programs = newPrograms(ctx)
	}
	if w.plan, err = r.cfg.Rules.Plan(snapshot.Database(w.desc), r.cfg.Key, w.allowed()...); err != nil {
		return err
	}
	r.result.Masking = maskingFacts(r.cfg, w.plan)
	lock := r.locked(w)
	if source, ok := src.(*snapshot.Source); ok && rights == nil {
		return errors.Join(lock, source.CheckPlan(ctx, w.desc, w.plan))
	}
	return lock
}

// allowed is what masks may do.
func (w *work) allowed() []sanitize.PlanOption {
	if w.programs == nil {
		return nil
	}
	return []sanitize.PlanOption{sanitize.WithPrograms(w.programs)}
}

// planCopy is the part of plan that a copy without migrations needs.
func (r *rehearsal) planCopy(ctx context.Context, src origin) (*work, error) {
	w := &work{params: src.Server().RuntimeParams}
	return w, r.phase("plan", func() (string, error) {
		desc, err := src.Describe(ctx)
		if desc == nil {
			return "", err
		}
		w.desc = desc
		if err := errors.Join(err, r.masks(ctx, src, w, err)); err != nil {
			return "", err
		}
		r.describeSource(desc)
		return r.columnsNote(), nil
	})
}

// StarterRules writes a complete rules file for the source, a proposal from names, types, comments and up to samples sampled rows of each
// table. The samples are kept in memory only.
func StarterRules(ctx context.Context, cfg Config, samples int) (text []byte, err error) {
	err = sampled(ctx, cfg, samples, func(desc *snapshot.Description, values sanitize.Samples) error {
		text = sanitize.Starter(snapshot.Database(desc), values, sanitize.StarterOptions{Source: desc.Database.Name})
		return nil
	})
	return text, err
}

// UpdateRules adds to a rules file what the source has and the file has no rule for, as StarterRules would write it, and changes nothing in
// it. The file's name is for messages.
func UpdateRules(ctx context.Context, cfg Config, file string, rules []byte, samples int) (updated *sanitize.Updated, err error) {
	if _, err := sanitize.ParseRules(file, rules); err != nil {
		return nil, err
	}
	err = sampled(ctx, cfg, samples, func(desc *snapshot.Description, values sanitize.Samples) (err error) {
		updated, err = sanitize.Update(file, rules, snapshot.Database(desc), values)
		return err
	})
	return updated, err
}

// sampled describes the source, with samples of its rows.
func sampled(ctx context.Context, cfg Config, samples int, use func(*snapshot.Description, sanitize.Samples) error) (err error) {
	r := begin(cfg)
	src, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer closing(ctx, &err, "close the source", src.Close)
	desc, err := src.Describe(ctx)
	if desc == nil || err != nil && samples > 0 { // names and types need no privilege
		return err
	}
	var values sanitize.Samples
	if samples > 0 {
		raw, err := src.Samples(ctx, desc.Tables, samples)
		if err != nil {
			return err
		}
		values = sanitize.Samples{}
		for _, t := range snapshot.Database(desc).Tables {
			values[sanitize.Relation{Schema: t.Schema, Name: t.Name}] = raw[t.Schema+"."+t.Name]
		}
	}
	return use(desc, values)
}
