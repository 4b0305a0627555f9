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

// AppliedVersion is a row of goose's version table, or of golang-migrate's, whose dirty is IsApplied's opposite.
type AppliedVersion struct {
	Version   int64
	IsApplied bool
	At        string // as the server writes it, "" for NULL
}

// Applied reads the history of a tool, as [catalog.Table.Bookkeeping] names it: goose, or golang-migrate. The table is named as in goose's own
// option: "goose_db_version" is looked up along the search path of the application's sessions, "audit.versions" is qualified. Without such a
// table it is [ErrNoVersionTable]. Goose's own Provider is not used, as it creates the table.
func (s *Source) Applied(ctx context.Context, tool, table string) ([]AppliedVersion, error) {
	var versions []AppliedVersion
	err := s.read(ctx, "read "+table, func(tx *pgx.Conn) error {
		if _, err := tx.Exec(ctx, sqlSearchPath, s.server.SearchPath); err != nil {
			return err
		}
		var schema, name string
		err := tx.QueryRow(ctx, sqlResolve, table).Scan(&schema, &name)
		if errors.Is(err, pgx.ErrNoRows) {
			return &SourceError{Kind: Failed, Server: s.server.Address, Doing: "read " + table, Err: ErrNoVersionTable}
		}
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, fmt.Sprintf(historyOf(tool), ident(schema, name)))
		if err != nil {
			return err
		}
		versions, err = pgx.CollectRows(rows, scanApplied)
		return err
	})
	return versions, err
}

func scanApplied(row pgx.CollectableRow) (v AppliedVersion, err error) {
	return v, row.Scan(&v.Version, &v.IsApplied, &v.At)
}

// historyOf is the query of a tool's history.
func historyOf(tool string) string {
	if tool == catalog.GolangMigrate {
		return sqlVersion
	}
	return sqlApplied
}

// Samples reads the first n rows of each of the given tables, every column as text cut at 256 characters (documents at 8192) and NULLs left out, for the starter
// rules; of a partition tree that is done at its root. They are raw values: they stay in memory, and the caller shows counts, never values. Keys are schema.table unquoted, then column.
func (s *Source) Samples(ctx context.Context, tables []catalog.Table, n int) (map[string]map[string][]string, error) {
	samples := map[string]map[string][]string{}
	err := s.read(ctx, "read samples", func(tx *pgx.Conn) error {
		// Planning a query inlines the functions of index expressions, whose bodies may name others without their schema.
		if _, err := tx.Exec(ctx, sqlSearchPath, s.server.path()); err != nil {
			return err
		}
		for _, t := range tables {
			if !holdsRows(t) && t.Kind != 'p' || t.IsPartition || len(t.Columns) == 0 {
				continue
			}
			values, err := sampleTable(ctx, tx, t, n)
			if err != nil {
				return s.failed("read samples of "+t.String(), err)
			}
			samples[t.Schema+"."+t.Name] = values
		}
		return nil
	})
	return samples, err
}

// First reads up to n rows of a table, those that come first, the plan's columns in the plan's order, each as COPY's text format has it. The
// rows of a partitioned table are those of its leaves. They are raw values: they stay in memory.
func (s *Source) First(ctx context.Context, desc *Description, plan *sanitize.TablePlan, n int) ([][]byte, error) {
	names := make([]string, len(plan.Columns))
	for i, c := range plan.Columns {
		names[i] = c.Name
	}
	name := ident(plan.Schema, plan.Name)
	from := name
	if !slices.ContainsFunc(desc.Tables, func(t catalog.Table) bool {
		return t.Kind == 'p' && t.Schema == plan.Schema && t.Name == plan.Name
	}) {
		from = "ONLY " + from
	}
	var rows rowWriter
	err := s.read(ctx, "read the first rows of "+name, func(tx *pgx.Conn) error {
		if _, err := tx.Exec(ctx, sqlSearchPath, s.server.path()); err != nil {
			return err
		}
		_, err := tx.PgConn().CopyTo(ctx, &rows, fmt.Sprintf(sqlFirst, idents(names), from, n))
		return err
	})
	return rows, err
}

// rowWriter gathers rows: the server sends each in a message of its own.
type rowWriter [][]byte

func (w *rowWriter) Write(row []byte) (int, error) {
	*w = append(*w, slices.Clone(row))
	return len(row), nil
}

func sampleTable(ctx context.Context, tx *pgx.Conn, t catalog.Table, n int) (map[string][]string, error) {
	list := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		length := 256
		if c.BaseType == "json" || c.BaseType == "jsonb" {
			length = 8192 // so that more than the first keys are seen
		}
		list[i] = fmt.Sprintf("left(%s::text, %d)", ident(c.Name), length)
	}
	from := ident(t.Schema, t.Name)
	if t.Kind == 'r' {
		from = "ONLY " + from
	}
	rows, err := tx.Query(ctx, fmt.Sprintf(sqlSamples, strings.Join(list, ", "), from, n))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	values := map[string][]string{}
	for rows.Next() {
		for i, raw := range rows.RawValues() {
			if raw != nil {
				values[t.Columns[i].Name] = append(values[t.Columns[i].Name], string(raw))
			}
		}
	}
	return values, rows.Err()
}
