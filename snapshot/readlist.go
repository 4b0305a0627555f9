package snapshot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// list is what is read of each row, in the plan's order; plain when that is the columns themselves. What masks replace without looking at it
// is not read. In the binary format the masks know constants in that form, so that the type of what stands for them does not matter.
func (l *load) list() (list string, plain bool) {
	plain = true
	items := make([]string, len(l.plan.Columns))
	for i, c := range l.plan.Columns {
		items[i] = l.item(c)
		plain = plain && c.Reading == sanitize.ReadValue
	}
	return strings.Join(items, ", "), plain
}

func (l *load) item(c sanitize.ColumnPlan) string {
	name, column := ident(c.Name), columnOf(l.table, c.Name)
	switch {
	case c.Reading == sanitize.ReadNothing:
		return "NULL::text"
	case c.Reading == sanitize.ReadNullness && column.NotNull:
		return "''::text"
	case c.Reading == sanitize.ReadNullness:
		return "CASE WHEN " + name + " IS DISTINCT FROM NULL THEN ''::text END" // IS NOT NULL is false of a composite that has one
	case c.Reading == sanitize.ReadExpression:
		return castTo(c.Mask.Expression, column)
	}
	return name
}

func columnOf(t catalog.Table, name string) catalog.Column {
	i := slices.IndexFunc(t.Columns, func(c catalog.Column) bool { return c.Name == name })
	if i < 0 {
		return catalog.Column{Name: name}
	}
	return t.Columns[i]
}

// castTo is an expression cast to a column's type, without modifier: a result that is too long is refused, not cut. Of a domain it is the type
// below, whose CHECK is for the copy to look at: it may call functions of any kind.
func castTo(expression string, c catalog.Column) string {
	typ := unlimited(c.Type)
	if c.TypeKind == 'd' && slices.Contains(binaryTypes, strings.TrimPrefix(c.BaseType, "_")) {
		typ = ident("pg_catalog", c.BaseType)
	}
	return "CAST((" + expression + ") AS " + typ + ")"
}

// CheckPlan has the server look at whatever of a plan is SQL, without running it: conditions on rows, declared keys, and expressions that stand
// in the place of columns. What it refuses comes as one *sanitize.PlanError with the places in the rules file.
func (s *Source) CheckPlan(ctx context.Context, desc *Description, plan *sanitize.Plan) error {
	var all, one *sanitize.PlanError
	for _, err := range []error{s.checkExpressions(ctx, desc, plan), s.CheckSelection(ctx, desc, plan.Selection())} {
		switch {
		case errors.As(err, &one) && all == nil:
			all = one
		case errors.As(err, &one):
			all.Issues = append(all.Issues, one.Issues...)
		case err != nil:
			return err
		}
	}
	if all == nil {
		return nil
	}
	return all
}

// checkExpressions has the server parse the expressions that are to stand in the place of columns, as sessions that copy see names: what is
// built in and nothing else.
func (s *Source) checkExpressions(ctx context.Context, desc *Description, plan *sanitize.Plan) error {
	ask := plan.Expressions()
	if len(ask) == 0 {
		return nil
	}
	tables := map[sanitize.Relation]catalog.Table{}
	for _, t := range desc.Tables {
		tables[sanitize.Relation{Schema: t.Schema, Name: t.Name}] = t
	}
	var refused sanitize.PlanError
	err := s.read(ctx, "check the expressions of masks", func(tx *pgx.Conn) error {
		if _, err := tx.Exec(ctx, sqlSavepoint); err != nil {
			return err
		}
		for _, e := range ask {
			what := "the server refuses the expression of " + e.Table.String() + "." + catalog.Quote(e.Column)
			item := castTo(e.SQL, columnOf(tables[e.Table], e.Column))
			text, err := s.parse(ctx, tx, fmt.Sprintf(sqlParsed, item, ident(e.Table.Schema, e.Table.Name)))
			if text != "" {
				text = what + ": " + text
			} else if err == nil {
				text, err = noScalar(ctx, tx, e.Calls)
			}
			if err != nil {
				return err
			}
			if text != "" {
				e.At.Text = text
				refused.File, refused.Issues = e.At.File, append(refused.Issues, e.At)
			}
		}
		return nil
	})
	if err == nil && len(refused.Issues) > 0 {
		return &refused
	}
	return err
}

// noScalar says which functions among the names cannot stand in an expression; "" for none.
func noScalar(ctx context.Context, tx *pgx.Conn, names []string) (refused string, err error) {
	if len(names) == 0 {
		return "", nil
	}
	rows, err := tx.Query(ctx, sqlNoScalar, names)
	if err != nil {
		return "", err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(found) == 0 {
		return "", err
	}
	return fmt.Sprintf("the expression calls %s: only functions that give one value for one row, and do nothing else, can stand in it", strings.Join(found, ", ")), nil
}
