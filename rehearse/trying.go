package rehearse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/rehearse/compare"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// trier has a database plan queries, on a session of its own, each as the role and under the search path that it has in production. Nothing is
// run, and every transaction is rolled back.
type trier struct {
	at      staging.Server
	conn    *pgx.Conn
	version int             // server_version_num
	roles   map[string]bool // that staging has
}

func (t *trier) open(ctx context.Context) error {
	if t.conn != nil && !t.conn.IsClosed() {
		return nil
	}
	cfg := inUTF8(t.at.Config())
	for name, value := range map[string]string{
		"application_name": "rehearse queries", "lock_timeout": "5000", "statement_timeout": "10000", "plan_cache_mode": "force_generic_plan", "jit": "off",
	} {
		cfg.RuntimeParams[name] = value
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec // DEALLOCATE ALL would take what pgx keeps prepared
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("connect to staging: %w", err)
	}
	t.conn = conn
	if err := conn.QueryRow(ctx, "SELECT pg_catalog.current_setting('server_version_num')::int").Scan(&t.version); err != nil {
		return fmt.Errorf("read the version of staging: %w", err)
	}
	rows, err := conn.Query(ctx, "SELECT rolname::text FROM pg_catalog.pg_roles")
	if err != nil {
		return fmt.Errorf("list staging's roles: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	t.roles = map[string]bool{}
	for _, n := range names {
		t.roles[n] = true
	}
	return err
}

func (t *trier) close(ctx context.Context) error {
	if t.conn == nil {
		return nil
	}
	return t.conn.Close(ctx)
}

// answer is what the planner says of a query.
type answer struct {
	plan    compare.Plan
	state   string // SQLSTATE of the refusal
	message string
}

func (a answer) works() bool { return a.state == "" }

// transient tells refusals that say nothing of the query: a lock, a time limit, a resource, a connection.
func (a answer) transient() bool {
	return slices.ContainsFunc([]string{"08", "40", "53", "55", "57", "58"}, func(class string) bool { return strings.HasPrefix(a.state, class) })
}

// try plans the queries of which there is an index given, after some statements that are undone with everything else. The answers are by index.
func (t *trier) try(ctx context.Context, all []tried, which []int, before ...string) (_ map[int]answer, err error) {
	if err := t.open(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if !t.conn.IsClosed() {
			_, undone := t.conn.Exec(ctx, "ROLLBACK")
			err = errors.Join(err, undone)
		}
	}()
	for _, sql := range slices.Concat([]string{"BEGIN"}, before, []string{"SAVEPOINT as_it_was"}) {
		if err := t.exec(ctx, sql); err != nil {
			return nil, fmt.Errorf("%.60s: %w", sql, err)
		}
	}
	required, err := t.required(ctx)
	if err != nil {
		return nil, err
	}
	answers := make(map[int]answer, len(which))
	role, path := "\x00", "" // of nobody
	for _, i := range which {
		if q := &all[i]; q.Role != role || q.path != path {
			role, path = q.Role, q.path
			if err := t.become(ctx, role, path); err != nil {
				return nil, err
			}
		}
		a, err := t.plan(ctx, &all[i])
		if err != nil {
			return nil, err
		}
		answers[i] = a.without(required)
	}
	return answers, nil
}

// become takes on the role and search path of a query's sessions, within the transaction. What staging has no role for is planned as a superuser.
func (t *trier) become(ctx context.Context, role, path string) error {
	as := "NONE"
	if t.roles[role] {
		as = pgx.Identifier{role}.Sanitize()
	}
	return t.exec(ctx, "ROLLBACK TO SAVEPOINT as_it_was; SET LOCAL ROLE "+as+"; SET LOCAL search_path = "+cmp.Or(path, "DEFAULT")+"; SAVEPOINT query")
}

func (t *trier) exec(ctx context.Context, sql string) error {
	_, err := t.conn.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

// since16 is the version from which on EXPLAIN itself plans with parameters that have no value.
const since16 = 160000

// plan asks for the generic plan of a query: the one that goes by no value. Before PostgreSQL 16 it is that of a prepared statement. There the
// executor would leave out partitions for the NULLs that it is given, so that they are not pruned at all; generic plans differ in no more.
// An error is a session lost.
func (t *trier) plan(ctx context.Context, q *tried) (answer, error) {
	sql := "ROLLBACK TO SAVEPOINT query; EXPLAIN (GENERIC_PLAN, VERBOSE, FORMAT JSON) " + q.Text
	if t.version < since16 {
		values := ""
		if q.Params > 0 {
			values = "(NULL" + strings.Repeat(", NULL", q.Params-1) + ")"
		}
		sql = "ROLLBACK TO SAVEPOINT query; SET LOCAL enable_partition_pruning = off; DEALLOCATE ALL; PREPARE rehearsed AS " + q.Text +
			"; EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE rehearsed" + values
	}
	results, err := t.conn.PgConn().Exec(ctx, sql).ReadAll()
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused) && !t.conn.IsClosed():
		return answer{state: refused.Code, message: observe.Failure(err).Message}, nil
	case err != nil:
		return answer{}, fmt.Errorf("plan a query: %w", err)
	}
	var text []byte
	for _, r := range results {
		for _, row := range r.Rows {
			text = append(text, row[0]...)
			text = append(text, '\n')
		}
	}
	plan, err := compare.ReadPlan(text)
	if err != nil { // a query that a rule turns into nothing
		return answer{state: "rehearsed", message: err.Error()}, nil
	}
	return answer{plan: plan}, nil
}

// required are the columns that no row can do without, by schema.name as plans have it and by number. Tables with a trigger that may fill
// them are left out. Sources: pg_attribute, pg_trigger.
func (t *trier) required(ctx context.Context) (map[string]map[int]string, error) {
	rows, err := t.conn.Query(ctx, `SELECT n.nspname || '.' || c.relname, a.attnum::int, pg_catalog.quote_ident(a.attname)
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull AND a.attgenerated = '' AND a.attidentity = ''
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal AND g.tgtype & 7 = 7)`) // for each row, before, insert
	if err != nil {
		return nil, fmt.Errorf("read which columns are NOT NULL: %w", err)
	}
	all := map[string]map[int]string{}
	var table, column string
	var number int
	_, err = pgx.ForEachRow(rows, []any{&table, &number, &column}, func() error {
		if all[table] == nil {
			all[table] = map[int]string{}
		}
		all[table][number] = column
		return nil
	})
	return all, err
}

// without is the answer to a query that the server plans, and that fails for every row that it inserts: it gives no value to a column that
// must have one.
func (a answer) without(required map[string]map[int]string) answer {
	for _, insert := range a.plan.Inserts {
		for _, number := range insert.Nulls {
			if column, must := required[insert.Relation][number]; must {
				return answer{state: "23502", message: fmt.Sprintf("column %s of %s is NOT NULL, and the query gives it no value", column, insert.Relation)}
			}
		}
	}
	return a
}

// sizes are those of the tables, by schema.name as plans have it, in bytes. Source: pg_class.
func (t *trier) sizes(ctx context.Context) (map[string]int64, error) {
	if err := t.open(ctx); err != nil {
		return nil, err
	}
	rows, err := t.conn.Query(ctx, `SELECT n.nspname || '.' || c.relname, pg_catalog.pg_relation_size(c.oid)
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid >= 16384 AND c.relkind IN ('r', 'm')`)
	if err != nil {
		return nil, fmt.Errorf("read the sizes of tables: %w", err)
	}
	all := map[string]int64{}
	var name string
	var size *int64
	_, err = pgx.ForEachRow(rows, []any{&name, &size}, func() error {
		if size != nil {
			all[name] = *size
		}
		return nil
	})
	return all, err
}

// readable finds tables by their quoted names: for each the names, as plans have them, of itself and of its partitions, whatever their level;
// those that are not there, or cannot be analysed, are left out. Sources: pg_class, pg_inherits.
func (t *trier) readable(ctx context.Context, tables []string) (map[string][]string, error) {
	rows, err := t.conn.Query(ctx, `WITH RECURSIVE below AS (
		SELECT t AS top, c.oid FROM unnest($1::text[]) t JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(t) AND c.relkind IN ('r', 'm', 'p')
		UNION SELECT b.top, i.inhrelid FROM below b JOIN pg_catalog.pg_inherits i ON i.inhparent = b.oid)
		SELECT b.top, n.nspname || '.' || c.relname FROM below b JOIN pg_catalog.pg_class c ON c.oid = b.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`, tables)
	if err != nil {
		return nil, fmt.Errorf("find the tables to analyse: %w", err)
	}
	all := map[string][]string{}
	var top, name string
	_, err = pgx.ForEachRow(rows, []any{&top, &name}, func() error {
		all[top] = append(all[top], name)
		return nil
	})
	return all, err
}

// keepEstimates are the statements before ANALYZE that let ROLLBACK undo all of it. ANALYZE overwrites the estimates of pages and rows in
// pg_class in place; with these it overwrites those of a version of the row that goes with the transaction.
const keepEstimates = `UPDATE pg_catalog.pg_class SET reltuples = reltuples WHERE oid >= 16384 AND relkind IN ('r', 'm', 'p', 'i', 'I')`
