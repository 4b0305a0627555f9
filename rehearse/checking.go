package rehearse

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// Checked is what [CheckRules] found out.
type Checked struct {
	Masking  report.Masking
	Lock     *sanitize.Lock      // the plan as a lock, to be reviewed and written; nil when the rules do not fit
	Stale    *sanitize.LockError // where Config.Lock disagrees so that nothing would be copied; nil when it does not
	Notes    []string            // where it differs in what stops nothing
	Literals []sanitize.Literal  // personal data in the definitions of the schema that the rules do not allow
}

// CheckRules verifies that rules cover the source, and that no definition of the schema holds personal data; and compares the rules with
// their lock. No row is read. The error is a *[sanitize.PlanError], a *[sanitize.LiteralError], or both; what was found comes with it.
func CheckRules(ctx context.Context, cfg Config) (_ *Checked, err error) {
	r := begin(cfg)
	r.checking = true
	src, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	defer closing(ctx, &err, "close the source", src.Close)
	w, failed := r.planCopy(ctx, src)
	var rules *sanitize.PlanError
	if failed != nil && !errors.As(failed, &rules) {
		return nil, failed
	}
	checked := &Checked{Masking: r.result.Masking}
	if w.plan != nil {
		checked.Lock = w.plan.Lock()
		if err := r.compareLock(w); !errors.As(err, &checked.Stale) && err != nil {
			return nil, err
		}
		checked.Notes = w.notes
	}
	objects, err := src.Objects(ctx)
	if err != nil {
		return nil, errors.Join(failed, err)
	}
	literals, found := cfg.Rules.CheckLiterals(definitions(objects))
	checked.Literals = literals
	return checked, errors.Join(failed, found)
}

// defining are the attributes of objects in which people write values. Settings are among them: what ALTER DATABASE sets may be a secret.
var defining = []string{
	"default", "generated", "definition", "bound", "labels", "body", "sql body", "arguments", "using", "with check", "comment", "index comment",
	"tables", "configuration", "condition", "value", "options", "server options",
}

// literals tells of personal data in the definitions that were copied; those of an archive were told when it was made.
func (r *rehearsal) literals(src origin) {
	if _, fresh := src.(*snapshot.Source); !fresh {
		return
	}
	found, _ := r.cfg.Rules.CheckLiterals(definitions(r.objects)) // that it fails is for who checks the rules
	for _, l := range found {
		r.result.Masking.Literals = append(r.result.Masking.Literals, report.SchemaLiteral{Object: l.Object, Part: l.Part, Kinds: l.Kinds})
	}
}

// definitions are the texts of a schema that a person wrote.
func definitions(objects catalog.Schema) []sanitize.Definition {
	var all []sanitize.Definition
	at := make(map[catalog.ID]catalog.Object, len(objects))
	for _, o := range objects {
		at[o.ID] = o
	}
	for _, o := range objects {
		origin := at[o.Origin].Attrs // of what a partition has from its table, the table's is told
		for _, part := range defining {
			if text := o.Attrs[part]; text != "" && (origin == nil || o.Kind == "column" && origin[part] != text) {
				all = append(all, sanitize.Definition{Object: o.Kind + " " + o.Name, Part: part, Text: text})
			}
		}
		for part, text := range o.Attrs {
			if strings.HasPrefix(part, "security label ") {
				all = append(all, sanitize.Definition{Object: o.Kind + " " + o.Name, Part: part, Text: text})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b sanitize.Definition) int { return strings.Compare(a.Object, b.Object) })
	return all
}

// locked compares the plan with the lock before a copy.
func (r *rehearsal) locked(w *work) error {
	if r.checking {
		return nil
	}
	err := r.compareLock(w)
	for _, note := range w.notes {
		r.cfg.Log.Info("the lock of the masking rules", "note", note)
	}
	return err
}

// compareLock compares the plan with the lock. Without one, rules that decide by name or type decide nothing.
func (r *rehearsal) compareLock(w *work) (err error) {
	if r.cfg.Lock == nil && r.cfg.Rules.HasDefaults() {
		return &sanitize.LockError{File: r.cfg.LockFile, Missing: true}
	}
	w.notes, err = r.cfg.Lock.Check(w.plan)
	return err
}
