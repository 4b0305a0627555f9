package rehearse

import (
	"slices"

	"github.com/rehearse-db/rehearse/rehearse/verdict"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// budgets refuses limits for tables that are not there: a slip in a name would be no limit at all. The error is an *UnknownTableError.
func (r *rehearsal) budgets(w *work) error {
	for _, b := range []verdict.BlockedBudget{r.cfg.Policy.MaxReadsBlocked, r.cfg.Policy.MaxWritesBlocked} {
		for _, name := range b.Names() {
			if !slices.ContainsFunc(w.desc.Tables, func(t catalog.Table) bool { return verdict.Names(name, t.String()) }) {
				return &UnknownTableError{Name: name, Near: nearTables(w.desc.Tables, name)}
			}
		}
	}
	return nil
}

// nearTables are the tables that a name without its schema could mean.
func nearTables(tables []catalog.Table, name string) (near []string) {
	for _, t := range tables {
		if verdict.Names(verdict.BareName(name), t.String()) {
			near = append(near, t.String())
		}
	}
	return near
}
