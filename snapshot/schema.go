package snapshot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// copySchema dumps the schema as of the frozen view and restores what comes before the rows.
func (c *copier) copySchema(ctx context.Context, view *frozen) error {
	c.archive = c.target.Tools.TempPath("schema.dump")
	if err := c.dump(ctx, view); err != nil {
		return err
	}
	c.tellMoving()
	return c.restorePreData(ctx)
}

// tellMoving tells of partitioned tables whose rows the target spreads in its own way.
func (c *copier) tellMoving() {
	for _, t := range c.desc.Tables {
		if c.desc.movingKeys[t.OID] {
			what := "which partition of " + t.String() + " a row is in: enums, and what may hold them, hash otherwise on each server"
			c.res.LeftOut, c.notCopied = append(c.res.LeftOut, what), append(c.notCopied, what)
		}
	}
}

// restorePreData restores from the dump what comes before the rows.
func (c *copier) restorePreData(ctx context.Context) error {
	keep, err := c.tableOfContents(ctx)
	if err != nil {
		return err
	}
	lines := make([]string, len(keep))
	for i, e := range keep {
		lines[i] = strconv.Itoa(e.id) + ";"
	}
	list := c.target.Tools.TempPath("schema.list")
	if err := c.writeLines(ctx, list, lines); err != nil {
		return err
	}
	if err := c.restore(ctx, "--section=pre-data", "--use-list="+list); err != nil {
		return err
	}
	if err := c.requireTables(ctx); err != nil {
		return err
	}
	if err := errors.Join(c.setChecksAside(ctx), c.putOff(ctx)); err != nil {
		return err
	}
	if c.post, err = c.readPostData(ctx, keep); err != nil {
		return err
	}
	return c.planTasks(ctx, keep)
}

// tableOfContents lists the archive and returns the entries to restore, in order.
func (c *copier) tableOfContents(ctx context.Context) ([]tocEntry, error) {
	var stdout, stderr bytes.Buffer
	err := c.target.Tools.Exec(ctx, "pg_restore", []string{"--list", c.archive}, []string{"LC_ALL=C"}, &stdout, &stderr)
	if err != nil {
		return nil, dumpError("pg_restore", stderr.String(), err)
	}
	var keep []tocEntry
	for _, e := range parseTOC(stdout.String()) {
		made := e.class == namespaceClass && c.madeSchemas[e.object] && strings.HasPrefix(e.text, "SCHEMA ")
		if !e.unwanted() && !made {
			keep = append(keep, e)
		}
	}
	return keep, nil
}

// writeLines writes a file where the staging server is, through the server: no line may hold a tab or a backslash.
func (c *copier) writeLines(ctx context.Context, path string, lines []string) error {
	return c.onTarget(ctx, "write "+path, func(conn *pgx.Conn) error {
		sql := fmt.Sprintf("COPY (SELECT line FROM unnest(string_to_array(%s, E'\\n')) WITH ORDINALITY AS l(line, n) ORDER BY n) TO %s",
			literal(strings.Join(lines, "\n")), literal(path))
		_, err := conn.PgConn().Exec(ctx, sql).ReadAll()
		return err
	})
}

// restore runs pg_restore into the target. Objects the server refuses are remembered; only a pg_restore that fails without naming one is an error.
func (c *copier) restore(ctx context.Context, args ...string) error {
	cfg := c.target.Config()
	args = append(args, "--no-tablespaces", "--no-password", "--dbname=dbname="+conninfo(cfg.Database), c.archive)
	env := append(slices.Clone(c.target.Tools.Self()), "LC_ALL=C", "PGAPPNAME=rehearse",
		"PGOPTIONS=-c session_replication_role=replica -c synchronous_commit=off -c lc_messages=C")
	var stdout, stderr bytes.Buffer
	err := c.target.Tools.Exec(ctx, "pg_restore", args, env, &stdout, &stderr)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	refused := parseRestoreErrors(stderr.String())
	c.res.RestoreErrors = append(c.res.RestoreErrors, refused...)
	if outOfSpace(stderr.String()) {
		return &TargetError{Doing: "restore the schema", Full: true, Err: err}
	}
	if err != nil && !ignoredErrors(stderr.String()) {
		return dumpError("pg_restore", stderr.String(), err)
	}
	return nil
}

// requireTables makes sure that every table to copy is there to be loaded.
func (c *copier) requireTables(ctx context.Context) error {
	names := make([]string, len(c.loads))
	for i, l := range c.loads {
		names[i] = ident(l.table.Schema, l.table.Name)
	}
	return c.onTarget(ctx, "look for the tables", func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, "SELECT n FROM unnest($1::text[]) n WHERE to_regclass(n) IS NULL ORDER BY n", names)
		if err != nil {
			return err
		}
		missing, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(missing) == 0 {
			return err
		}
		var why []string
		for _, e := range c.res.RestoreErrors {
			why = append(why, e.Object+": "+e.Reason)
		}
		return fmt.Errorf("tables could not be created: %s (%s)", strings.Join(missing, ", "), strings.Join(why, "; "))
	})
}

// createRoles creates the source's roles, without login or password, so that owners and grants can be restored.
func (c *copier) createRoles(ctx context.Context, conn *pgx.Conn) error {
	there := map[string]bool{}
	rows, err := conn.Query(ctx, "SELECT rolname::text FROM pg_roles")
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		there[name] = true
	}
	var script strings.Builder
	for _, r := range c.desc.Roles {
		if !there[r.Name] {
			fmt.Fprintf(&script, "CREATE ROLE %s WITH NOLOGIN%s CONNECTION LIMIT %d;\n", ident(r.Name), roleAttributes(r), r.ConnectionLimit)
			there[r.Name] = true
		}
		if r.Comment != "" {
			fmt.Fprintf(&script, "COMMENT ON ROLE %s IS %s;\n", ident(r.Name), literal(r.Comment))
		}
	}
	major := c.src.server.Major()
	for _, r := range c.desc.Roles {
		for _, m := range r.MemberOf {
			if !there[m.Role] {
				c.res.LeftOut = append(c.res.LeftOut, fmt.Sprintf("membership of role %s in %s, which the staging server does not have", catalog.Quote(r.Name), catalog.Quote(m.Role)))
				continue
			}
			fmt.Fprintf(&script, "GRANT %s TO %s%s;\n", ident(m.Role), ident(r.Name), membershipOptions(m, major))
		}
	}
	if owner := c.desc.Database.Owner; there[owner] {
		fmt.Fprintf(&script, "ALTER DATABASE %s OWNER TO %s;\n", ident(conn.Config().Database), ident(owner))
	}
	_, err = conn.PgConn().Exec(ctx, script.String()).ReadAll()
	return err
}

func roleAttributes(r catalog.Role) string {
	var b strings.Builder
	for _, a := range []struct {
		has  bool
		name string
	}{
		{r.Superuser, "SUPERUSER"},
		{r.Inherit, "INHERIT"},
		{r.CreateRole, "CREATEROLE"},
		{r.CreateDatabase, "CREATEDB"},
		{r.Replication, "REPLICATION"},
		{r.BypassRowSecurity, "BYPASSRLS"},
	} {
		b.WriteByte(' ')
		if !a.has {
			b.WriteString("NO")
		}
		b.WriteString(a.name)
	}
	return b.String()
}

// membershipOptions are those of PostgreSQL 16, or the only one there was before.
func membershipOptions(m catalog.Membership, major int) string {
	if major < 16 {
		if m.Admin {
			return " WITH ADMIN OPTION"
		}
		return ""
	}
	return fmt.Sprintf(" WITH ADMIN %t, INHERIT %t, SET %t", m.Admin, m.Inherit, m.Set)
}

// createExtensions creates, in the source's version, those extensions of which the staging server would take another one by default.
// The dump names no versions and creates the rest.
func (c *copier) createExtensions(ctx context.Context, conn *pgx.Conn) error {
	if err := c.dropInitial(ctx, conn); err != nil {
		return err
	}
	c.madeSchemas = map[uint32]bool{}
	for _, e := range c.desc.Extensions {
		var fallback string
		var exact bool
		err := conn.QueryRow(ctx, `SELECT a.default_version, EXISTS (SELECT FROM pg_available_extension_versions v WHERE v.name = a.name AND v.version = $2)
  FROM pg_available_extensions a WHERE a.name = $1`, e.Name, e.Version).Scan(&fallback, &exact)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			continue // restoring it fails and is told
		case err != nil:
			return err
		case fallback == e.Version:
			continue
		case !exact:
			c.res.LeftOut = append(c.res.LeftOut, fmt.Sprintf("extension %s %s: the staging server has %s instead", e.Name, e.Version, fallback))
			continue
		}
		if err := c.createExtension(ctx, conn, e); err != nil {
			return err
		}
	}
	return nil
}

// dropInitial drops what every new database has, and the source has no more.
func (c *copier) dropInitial(ctx context.Context, conn *pgx.Conn) error {
	var drop strings.Builder
	if _, ok := c.desc.schemas["public"]; !ok {
		drop.WriteString("DROP SCHEMA public;")
	}
	if !slices.ContainsFunc(c.desc.Extensions, func(e catalog.Extension) bool { return e.Name == "plpgsql" }) {
		drop.WriteString("DROP EXTENSION plpgsql;")
	}
	_, err := conn.PgConn().Exec(ctx, drop.String()).ReadAll()
	return err
}

func (c *copier) createExtension(ctx context.Context, conn *pgx.Conn, e catalog.Extension) error {
	if at, ok := c.desc.schemas[e.Schema]; ok && e.Schema != "public" && !c.madeSchemas[at.oid] {
		if _, err := conn.Exec(ctx, fmt.Sprintf("CREATE SCHEMA %s AUTHORIZATION %s", ident(e.Schema), ident(at.owner))); err != nil {
			return err
		}
		c.madeSchemas[at.oid] = true
	}
	_, err := conn.Exec(ctx, fmt.Sprintf("CREATE EXTENSION IF NOT EXISTS %s WITH SCHEMA %s VERSION %s CASCADE", ident(e.Name), ident(e.Schema), literal(e.Version)))
	return err
}
