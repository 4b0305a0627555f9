package rehearse

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// ofServer are the kinds of objects that belong to the whole server: a clone of the copy does not have its own.
var ofServer = map[string]bool{"role": true, "tablespace": true, "setting": true, "parameter": true}

// remember keeps what belongs to the whole server as it was before a migration, since no clone has it as it was.
func (r *rehearsal) remember(m *report.Migration, before catalog.Schema) {
	if r.outside == nil {
		r.outside = map[int64]catalog.Schema{}
	}
	r.outside[m.Version] = slices.DeleteFunc(slices.Clone(before), func(o catalog.Object) bool { return !ofServer[o.Kind] })
}

// asBefore is the schema of a clone as it would be without what the first rehearsal of a migration did to the whole server.
func (r *rehearsal) asBefore(s catalog.Schema, m *report.Migration) catalog.Schema {
	changed := map[[2]string]bool{}
	for _, c := range m.Schema {
		if ofServer[c.Kind] {
			changed[[2]string{c.Kind, c.Name}] = true
			changed[[2]string{c.Kind, cmp.Or(c.OldName, c.Name)}] = true
		}
	}
	if len(changed) == 0 {
		return s
	}
	isChanged := func(o catalog.Object) bool { return changed[[2]string{o.Kind, o.Name}] }
	out := slices.DeleteFunc(slices.Clone(s), isChanged)
	out = append(out, slices.DeleteFunc(slices.Clone(r.outside[m.Version]), func(o catalog.Object) bool { return !isChanged(o) })...)
	slices.SortFunc(out, func(a, b catalog.Object) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	return out
}

// tidily runs a pass and removes the roles and tablespaces that its migrations made, so that the next pass can make them again.
func (p *passing) tidily(ctx context.Context, run func(context.Context, *passing) (string, error)) (note string, err error) {
	if p.belonged, err = p.belongings(ctx); err != nil {
		return "", err
	}
	defer closing(ctx, &err, "remove roles that migrations made", p.forget)
	return run(ctx, p)
}

// forget drops the roles and tablespaces that the pass has made until now, so that they can be made again: the databases that used them are gone.
func (p *passing) forget(ctx context.Context) error { return p.removeNew(ctx, p.belonged) }

// belongings are the roles and tablespaces of the server, as ALTER and DROP name them. Sources: pg_roles, pg_tablespace.
func (p *passing) belongings(ctx context.Context) (names []string, err error) {
	err = connected(ctx, staging.At(p.server, "template1").Config(), func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `SELECT 'TABLESPACE ' || quote_ident(spcname) FROM pg_tablespace WHERE oid >= 16384
UNION ALL SELECT 'ROLE ' || quote_ident(rolname) FROM pg_roles WHERE oid >= 16384`)
		if err != nil {
			return fmt.Errorf("list roles: %w", err)
		}
		names, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return names, err
}

// removeNew drops roles and tablespaces that were not there before; the databases that used them are gone.
func (p *passing) removeNew(ctx context.Context, before []string) error {
	now, err := p.belongings(ctx)
	if err != nil {
		return err
	}
	var statements []string
	for _, name := range now {
		if slices.Contains(before, name) {
			continue
		}
		if role, ok := strings.CutPrefix(name, "ROLE "); ok { // grants on databases and tablespaces would keep it
			statements = append(statements, "DROP OWNED BY "+role)
		}
		statements = append(statements, "DROP "+name)
	}
	for _, sql := range statements {
		if err := execute(ctx, staging.At(p.server, "template1"), []string{sql}); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

// touchesServer tells whether a migration changed what belongs to the whole server.
func touchesServer(m *report.Migration) bool {
	return slices.ContainsFunc(m.Schema, func(c report.Change) bool { return ofServer[c.Kind] })
}

// ofDatabase tells a change of the database itself or of its settings.
func ofDatabase(c report.Change) bool {
	return c.Kind == "database" || c.Kind == "setting" && strings.HasSuffix(c.Name, " in this database")
}
