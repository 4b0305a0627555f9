package rehearse

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// overrides reads what the files of pending migrations allow them beyond the policy. A comment that says so wrongly stops the rehearsal: nobody
// would notice that it does not help.
func (r *rehearsal) overrides(w *work) error {
	var mistakes []string
	for _, m := range w.todo.Pending {
		text, err := fs.ReadFile(r.cfg.Migrations, m.Name)
		switch {
		case errors.Is(err, fs.ErrNotExist) && m.Go:
			continue
		case err != nil:
			return &migrate.DirError{Dir: m.File, Err: err}
		}
		found, wrong := verdict.Overrides(string(text), r.started)
		for _, o := range found {
			o.Migration, o.File = m.Version, m.File
			r.result.Overrides = append(r.result.Overrides, o)
		}
		for _, one := range wrong {
			mistakes = append(mistakes, fmt.Sprintf("%s:%d: %s", m.File, one.Line, one.Text))
		}
	}
	if len(mistakes) > 0 {
		return &OverrideError{Mistakes: mistakes}
	}
	return nil
}

// OverrideError are comments of migrations that say wrongly what these may do beyond the policy, all of them, each with file:line.
type OverrideError struct{ Mistakes []string }

func (e *OverrideError) Error() string {
	if len(e.Mistakes) == 1 {
		return e.Mistakes[0]
	}
	return fmt.Sprintf("%d mistakes in overrides of the policy:\n    %s", len(e.Mistakes), strings.Join(e.Mistakes, "\n    "))
}
