package rehearse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// AnonymityError says that a copy has groups of rows smaller than the rules let anybody have. The copy is removed, whatever Keep says.
type AnonymityError struct{ Groups []report.GroupSizes }

func (e *AnonymityError) Error() string {
	var lines []string
	for _, g := range e.Groups {
		lines = append(lines, "k-anonymity: "+g.String())
	}
	return strings.Join(lines, "\n")
}

// copied is what comes between the rows and whoever gets to see them: the key of the run is forgotten, and rows are counted as the rules ask.
func (r *rehearsal) copied(ctx context.Context, w *work, server staging.Server) error {
	r.forgetKey()
	if err := r.audit(ctx, w, server); err != nil {
		return err
	}
	if err := r.reroute(ctx, w, server); err != nil {
		return err
	}
	if w.plan == nil { // out of an archive, whose rows were counted when it was made
		return tooSmall(r.result.Masking.Anonymity)
	}
	if len(w.plan.Anonymity()) == 0 {
		return nil
	}
	return r.phase("k-anonymity", func() (string, error) {
		conn, err := pgx.ConnectConfig(ctx, server.Config())
		if err != nil {
			return "", &StagingError{Err: fmt.Errorf("connect to staging: %w", err)}
		}
		defer conn.Close(context.WithoutCancel(ctx))
		for _, a := range w.plan.Anonymity() {
			g, err := groupSizes(ctx, conn, a, partitioned(w, a.Table))
			if err != nil {
				return "", &StagingError{Err: fmt.Errorf("count groups of rows of %s: %w", a.Table, err)}
			}
			r.result.Masking.Anonymity = append(r.result.Masking.Anonymity, g)
		}
		if err := tooSmall(r.result.Masking.Anonymity); err != nil {
			return "", err
		}
		return count(len(r.result.Masking.Anonymity), "set") + " of columns", nil
	})
}

// tooSmall is an *[AnonymityError] when groups are smaller than the rules let anybody have.
func tooSmall(all []report.GroupSizes) error {
	small := slices.DeleteFunc(slices.Clone(all), func(g report.GroupSizes) bool { return !g.Fail || g.GroupsBelow == 0 })
	if len(small) == 0 {
		return nil
	}
	return &AnonymityError{Groups: small}
}

// forgetKey overwrites a key that was made for this run. The masks that were made of it end with the plan.
func (r *rehearsal) forgetKey() {
	if r.cfg.Ephemeral {
		r.cfg.Key.Wipe()
	}
}

// partitioned says whether the rows of a table are in others below it.
func partitioned(w *work, table sanitize.Relation) bool {
	return slices.ContainsFunc(w.desc.Tables, func(t catalog.Table) bool {
		return t.Kind == 'p' && t.Schema == table.Schema && t.Name == table.Name
	})
}

// groupSizes counts the groups of rows that are alike in some columns. No value leaves the server.
func groupSizes(ctx context.Context, conn *pgx.Conn, a sanitize.Anonymity, partitioned bool) (report.GroupSizes, error) {
	g := report.GroupSizes{Table: a.Table.String(), Columns: a.Columns, K: a.K, Fail: a.Fail}
	by := make([]string, len(a.Columns))
	for i, name := range a.Columns {
		if by[i] = catalog.Quote(name); slices.Contains(a.Text, name) {
			by[i] += "::text"
		}
	}
	from := qualified(a.Table.Schema, a.Table.Name)
	if !partitioned {
		from = "ONLY " + from
	}
	query := fmt.Sprintf(`SELECT coalesce(sum(n), 0)::bigint, count(*), coalesce(min(n), 0), count(*) FILTER (WHERE n < $1),
		coalesce(sum(n) FILTER (WHERE n < $1), 0)::bigint FROM (SELECT count(*) AS n FROM %s GROUP BY %s) g`, from, strings.Join(by, ", "))
	err := conn.QueryRow(ctx, query, a.K).Scan(&g.Rows, &g.Groups, &g.Smallest, &g.GroupsBelow, &g.RowsBelow)
	return g, err
}
