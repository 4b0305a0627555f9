package snapshot

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// CheckSelection has the server parse the conditions and virtual keys of a selection, each as the only statement of a message and without
// running it. What it refuses comes as a *sanitize.PlanError with the places in the rules file. What the server says of a statement that was
// only parsed holds names and the condition's own text, never a row.
func (s *Source) CheckSelection(ctx context.Context, desc *Description, sel *sanitize.Selection) error {
	ask := questions(desc, sel)
	if len(ask) == 0 {
		return nil
	}
	var refused sanitize.PlanError
	err := s.read(ctx, "check the conditions on rows", func(tx *pgx.Conn) error {
		if _, err := tx.Exec(ctx, sqlSearchPath, strings.TrimSuffix("pg_catalog, "+s.server.SearchPath, ", ")); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlSavepoint); err != nil {
			return err
		}
		for _, q := range ask {
			text, err := s.parse(ctx, tx, q.sql)
			if text != "" {
				text = q.what + ": " + text
			} else if err == nil {
				text, err = volatile(ctx, tx, q.condition)
			}
			if err != nil {
				return err
			}
			if text != "" {
				q.at.Text = text
				refused.File, refused.Issues = q.at.File, append(refused.Issues, q.at)
			}
		}
		return nil
	})
	if err == nil && len(refused.Issues) > 0 {
		return &refused
	}
	return err
}

// question is a statement to be parsed, and where in the rules it comes from.
type question struct {
	sql, what string
	condition string // of rows; "" of a key
	at        sanitize.Issue
}

func questions(desc *Description, sel *sanitize.Selection) []question {
	var all []question
	tables, seen := map[uint32]catalog.Table{}, map[sanitize.Issue]bool{}
	for _, t := range desc.Tables {
		tables[t.OID] = t
	}
	for _, name := range sel.Conditions() {
		part := sel.Part(name.Schema, name.Name)
		if !seen[part.At] {
			seen[part.At] = true
			all = append(all, question{
				fmt.Sprintf(sqlMatching, ident(name.Schema, name.Name), part.Rows), "the server refuses rows of " + name.String(), part.Rows, part.At,
			})
		}
	}
	for _, v := range sel.Keys {
		k := declared(desc, v.ForeignKey)
		match, _ := matching(k)
		child := tables[k.Child]
		all = append(all, question{
			fmt.Sprintf(sqlAllParents, only(tables[k.Parent]), ident(child.Schema, child.Name), match), "the server refuses the key of " + child.String(), "", v.At,
		})
	}
	return all
}

// called finds the names that are called in a condition, and some that are not: a name before a bracket.
var called = regexp.MustCompile(`(?:"((?:[^"]|"")+)"|([\pL_][\pL\pN_$]*))\s*\(`)

// volatile says which functions of a condition are volatile; "" for none.
func volatile(ctx context.Context, tx *pgx.Conn, condition string) (refused string, err error) {
	var names []string
	for _, m := range called.FindAllStringSubmatch(condition, -1) {
		names = append(names, strings.ReplaceAll(m[1], `""`, `"`)+strings.ToLower(m[2]))
	}
	if len(names) == 0 {
		return "", nil
	}
	rows, err := tx.Query(ctx, sqlVolatile, names)
	if err != nil {
		return "", err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(found) == 0 {
		return "", err
	}
	return fmt.Sprintf("rows calls %s, which is volatile: it could write, and choose other rows each time", strings.Join(found, ", ")), nil
}

// parse prepares a statement and says what the server has against it.
func (s *Source) parse(ctx context.Context, tx *pgx.Conn, sql string) (refused string, err error) {
	_, err = tx.Prepare(ctx, "", sql)
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return "", err
	}
	if !strings.HasPrefix(pg.Code, "42") && !strings.HasPrefix(pg.Code, "22") && !strings.HasPrefix(pg.Code, "0A") || pg.Code == "42501" {
		return "", err
	}
	_, err = tx.Exec(ctx, sqlLetGo)
	return fmt.Sprintf("%s (SQLSTATE %s)", strings.Join(strings.Fields(pg.Message), " "), pg.Code), err
}
