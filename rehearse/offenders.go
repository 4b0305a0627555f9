package rehearse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/premise"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// brokenBy are the failures that rows make, by what a statement needs of them.
var brokenBy = map[premise.Kind]string{premise.Unique: "23505", premise.NotNull: "23502", premise.Check: "23514", premise.ForeignKey: "23503"}

// onRows tells whether a failure is of the kind that rows in the way of a premise make.
func onRows(kind premise.Kind, f *report.Failure) bool {
	return brokenBy[kind] == f.SQLState && f.SQLState != "" || kind == premise.Cast && strings.HasPrefix(f.SQLState, "22")
}

// offenders counts the rows that made a migration fail, in the database as the failure left it. PostgreSQL tells the first one only. What
// cannot be counted is told, not fatal.
func (r *rehearsal) offenders(ctx context.Context, w *work, target func() *pgx.ConnConfig) error {
	for i := range r.result.Migrations {
		m := &r.result.Migrations[i]
		if m.Outcome != report.Failed || m.Failure == nil || !strings.HasPrefix(m.Failure.SQLState, "22") && !strings.HasPrefix(m.Failure.SQLState, "23") {
			continue
		}
		failed, earlier := failing(m, w.todo.Pending[i])
		if failed == "" {
			continue
		}
		cfg := inUTF8(target())
		cfg.RuntimeParams["default_transaction_read_only"] = "on"
		cfg.RuntimeParams["statement_timeout"] = milliseconds(r.cfg.StatementTimeout)
		conn, err := pgx.ConnectConfig(ctx, cfg)
		if err != nil {
			return fmt.Errorf("connect to staging to count the rows in the way: %w", err)
		}
		c := &culprits{conn: conn, failure: m.Failure}
		err = errors.Join(c.find(ctx, failed, earlier), conn.Close(context.WithoutCancel(ctx)))
		if err != nil {
			return fmt.Errorf("count the rows in the way of %s: %w", m.Name, err)
		}
		m.Failure.Offenders = c.found
	}
	return nil
}

// failing is the text of the statement that failed, and of those of the same migration whose effects are rolled back with it.
func failing(m *report.Migration, src migrate.Migration) (failed string, earlier []string) {
	at := slices.IndexFunc(m.Statements, func(st report.Statement) bool { return st.Failure != nil })
	if at < 0 {
		return "", nil
	}
	is := func(s observe.Source) bool { return len(s.Lines) > 0 && s.Lines[0] == m.Statements[at].Line }
	k := slices.IndexFunc(src.Statements, is)
	if k < 0 {
		return "", nil
	}
	if src.Transaction {
		for _, s := range src.Statements[:k] {
			earlier = append(earlier, s.SQL)
		}
	}
	return src.Statements[k].SQL, earlier
}

// culprits looks for the rows that made one statement fail.
type culprits struct {
	conn    *pgx.Conn
	failure *report.Failure
	found   []report.Offenders
	p       *premises
}

func (c *culprits) find(ctx context.Context, failed string, earlier []string) error {
	var wanted []premise.Premise
	for _, f := range premise.Read(failed) {
		if f.Kind == premise.Validate || onRows(f.Kind, c.failure) && (f.Kind != premise.NotNull || c.failure.Column == "" || f.Column == c.failure.Column) {
			wanted = append(wanted, f)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	if err := c.describe(ctx); err != nil {
		return err
	}
	for _, f := range wanted {
		if f.Kind == premise.Validate {
			var err error
			if f, err = c.standing(ctx, f, earlier); err != nil {
				return err
			}
			if !onRows(f.Kind, c.failure) {
				continue
			}
		}
		t, ok := c.p.table(f.Table)
		if !ok {
			continue // made by the migration itself, and gone with it
		}
		o, err := c.count(ctx, f, t, earlier)
		if err != nil {
			return err
		}
		if o.Rows == nil || *o.Rows > 0 {
			c.found = append(c.found, o)
		}
	}
	return nil
}

// describe reads the database as it is now, and where names are looked for.
func (c *culprits) describe(ctx context.Context) error {
	desc, err := snapshot.DescribeStaging(ctx, c.conn)
	if err != nil {
		return err
	}
	c.p = &premises{w: &work{desc: desc}}
	return c.conn.QueryRow(ctx, "SELECT pg_catalog.current_schemas(false)::text[], pg_catalog.current_setting('server_version_num')::int / 10000").Scan(&c.p.path, &c.p.major)
}

// standing is what a constraint that stands already needs of the rows, by its definition: in the database, or in a statement before it
// that was rolled back with it.
func (c *culprits) standing(ctx context.Context, f premise.Premise, earlier []string) (premise.Premise, error) {
	for _, sql := range earlier {
		for _, added := range premise.Read(sql) {
			if added.Later && added.Table == f.Table && added.Constraint == f.Constraint {
				return added, nil
			}
		}
	}
	t, ok := c.p.table(f.Table)
	if !ok {
		return f, nil
	}
	var definition string
	err := c.conn.QueryRow(ctx, "SELECT pg_catalog.pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint WHERE conrelid = $1 AND conname = $2", t.OID, f.Constraint).Scan(&definition)
	if errors.Is(err, pgx.ErrNoRows) {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	for _, is := range premise.Read("ALTER TABLE " + t.String() + " ADD " + strings.TrimSuffix(definition, " NOT VALID")) {
		is.Table, is.What = premise.Name{Schema: t.Schema, Name: t.Name}, f.What
		return is, nil
	}
	return f, nil
}

// count counts the rows in the way of one premise, and says what finds them.
func (c *culprits) count(ctx context.Context, f premise.Premise, t catalog.Table, earlier []string) (report.Offenders, error) {
	o := report.Offenders{What: oneLine(f.What), Table: t.String(), Kind: string(f.Kind)}
	q, why := c.p.question(f, t)
	name := premise.Name{Schema: t.Schema, Name: t.Name}
	switch {
	case why != "":
		o.Why = why
		return o, nil
	case slices.ContainsFunc(earlier, func(sql string) bool { return premise.Writes(sql, name, f.Words) }):
		o.Why = "statements before it in the same transaction change such rows, and were rolled back with it"
		return o, nil
	}
	grouped := f.Groups()
	if len(grouped) > 0 {
		o.SQL = fmt.Sprintf("SELECT %[1]s, count(*) FROM %[2]s GROUP BY %[1]s ORDER BY count(*) DESC;", strings.Join(grouped, ", "), q.From)
	}
	count := fmt.Sprintf("SELECT count(*), NULL::bigint FROM %s", q.From)
	switch {
	case f.Kind == premise.Unique:
		o.SQL = fmt.Sprintf("SELECT %s, count(*) FROM %s ORDER BY count(*) DESC;", strings.Join(grouped, ", "), q.From)
		count = fmt.Sprintf("SELECT coalesce(sum(n), 0)::bigint, count(*) FROM (SELECT count(*) AS n FROM %s) g", q.From)
	case len(grouped) > 0:
		count = fmt.Sprintf("SELECT count(*), count(DISTINCT (%s)) FROM %s", strings.Join(grouped, ", "), q.From)
	default:
		o.SQL = fmt.Sprintf("SELECT %s FROM %s;", identity(t), q.From)
	}
	err := c.conn.QueryRow(ctx, count).Scan(&o.Rows, &o.Groups)
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
		o.Rows, o.Groups, o.Why = nil, nil, "the copy refused the count (SQLSTATE "+pg.Code+")"
		return o, nil
	}
	return o, err
}

// identity are the columns that tell a row from others: its primary key, else all.
func identity(t catalog.Table) string {
	for _, key := range t.Unique {
		if key.Primary {
			names := make([]string, len(key.Columns))
			for i, column := range key.Columns {
				names[i] = premise.Quote(column)
			}
			return strings.Join(names, ", ")
		}
	}
	return "*"
}
