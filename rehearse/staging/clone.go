package staging

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// LongestName is the bytes of a name that PostgreSQL keeps (NAMEDATALEN - 1).
const LongestName = 63

// Why a database could not be cloned.
var (
	// ErrNoPristine means that a staging server keeps no database to make others from.
	ErrNoPristine = errors.New("no pristine copy is kept")
	// ErrNameTaken means that there is a database of the wanted name.
	ErrNameTaken = errors.New("there is a database of that name already")
	// ErrLongName means that PostgreSQL would cut the wanted name.
	ErrLongName = fmt.Errorf("the name is longer than %d bytes", LongestName)
)

// Databases are those of one staging server: the copy, and clones of it, which cost a tenth of what the copy did, since the server copies
// files (CREATE DATABASE ... TEMPLATE). It holds no connection.
//
//	all := staging.DatabasesOf(server)
//	name, err := all.Clone(ctx, server.Info().Database, "") // before anything is migrated
//	...
//	again := staging.At(server, name) // a Server for who works on the clone
//	...
//	err = all.Drop(ctx, name)
type Databases struct {
	server   func() (*pgx.ConnConfig, error)
	database string
}

// DatabasesOf are the databases of a server of this process.
func DatabasesOf(s Server) Databases {
	return Databases{server: func() (*pgx.ConnConfig, error) { return s.Config(), nil }, database: s.Info().Database}
}

// Databases are those of a server that List has found, of whatever process. Without a URL every call fails.
func (i Info) Databases() Databases { return Databases{server: i.config, database: i.Database} }

// config connects as the URL says, and takes nothing from libpq's environment.
func (i Info) config() (*pgx.ConnConfig, error) {
	u, err := url.Parse(i.URL)
	if err != nil || i.URL == "" {
		return nil, fmt.Errorf("staging server %s: no URL leads there", i.RunID)
	}
	host, at := u.Hostname(), u.Port()
	if dir := u.Query().Get("host"); dir != "" {
		host, at = dir, u.Query().Get("port")
	}
	port, err := strconv.ParseUint(at, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("staging server %s: no port leads there", i.RunID)
	}
	password, _ := u.User.Password()
	return connection(host, uint16(port), password, i.Database)
}

// At is what leads to another database of the same server.
func (i Info) At(database string) Info {
	if u, err := url.Parse(i.URL); err == nil && i.URL != "" {
		u.Path = "/" + database
		i.URL = u.String()
	}
	i.PSQL = strings.TrimSuffix(i.PSQL, shellWord(i.Database)) + shellWord(database)
	i.Database = database
	return i
}

// At is a server as who works on another of its databases sees it: Config, Self and Info lead there. All else is the server's own; to
// Stop one is to stop both.
func At(s Server, database string) Server { return &elsewhere{s, database} }

type elsewhere struct {
	Server
	database string
}

func (e *elsewhere) Config() *pgx.ConnConfig {
	cfg := e.Server.Config()
	cfg.Database = e.database
	return cfg
}

func (e *elsewhere) Self() []string {
	env := slices.DeleteFunc(slices.Clone(e.Server.Self()), func(v string) bool { return strings.HasPrefix(v, "PGDATABASE=") })
	return append(env, "PGDATABASE="+e.database)
}

func (e *elsewhere) Info() Info { return e.Server.Info().At(e.database) }

// Names are the databases one can connect to, the copy itself first and then in the order in which they were made; not those that every
// server has. Source: pg_database.
func (d Databases) Names(ctx context.Context) ([]string, error) {
	return d.list(ctx, `SELECT datname::text FROM pg_database
  WHERE datallowconn AND NOT datistemplate AND (datname <> 'postgres' OR $1 = 'postgres') ORDER BY datname <> $1, oid`, d.database)
}

// Pristine is the database that KeepPristine has made. The error is ErrNoPristine where there is none. Source: pg_database; no other
// template takes no connections but template0.
func (d Databases) Pristine(ctx context.Context) (string, error) {
	names, err := d.list(ctx, "SELECT datname::text FROM pg_database WHERE datistemplate AND NOT datallowconn AND datname <> 'template0' ORDER BY oid")
	if err != nil {
		return "", err
	}
	if len(names) == 0 {
		return "", ErrNoPristine
	}
	return names[0], nil
}

// KeepPristine makes a clone of the copy that takes no connections, so that it stays as it is, and gives its name. Nobody may be
// connected to the copy.
func (d Databases) KeepPristine(ctx context.Context) (string, error) {
	return d.clone(ctx, d.database, "IS_TEMPLATE true", numbered(cut(d.database, len("_pristine"))+"_pristine"))
}

// Clone makes database to with all that from has: contents, owner, grants, settings, comment, security labels, connection limit. With ""
// for to it finds a name, such as shop_2; it gives the name. Nobody may be connected to from: where somebody is, the error is a
// *pgconn.PgError (55006). Where to exists it is ErrNameTaken. Nothing is left then; what a process killed in the middle leaves has no name
// of its own, nobody can connect to it, and the next clone removes it.
func (d Databases) Clone(ctx context.Context, from, to string) (string, error) {
	const usable = "ALLOW_CONNECTIONS true"
	switch {
	case to == "":
		return d.clone(ctx, from, usable, numbered(d.database))
	case len(to) > LongestName:
		return "", fmt.Errorf("clone database %s as %s: %w", quoted(from), quoted(to), ErrLongName)
	}
	return d.clone(ctx, from, usable, slices.Values([]string{to}))
}

// Drop ends the sessions of a database and removes it, a pristine one too. One that is not there is no error.
func (d Databases) Drop(ctx context.Context, name string) error {
	return d.withAdmin(ctx, func(conn *pgx.Conn) error { return dropDatabase(ctx, conn, name) })
}

// clone makes a clone under the first name that is free.
func (d Databases) clone(ctx context.Context, from, last string, names iter.Seq[string]) (name string, err error) {
	err = d.withAdmin(ctx, func(conn *pgx.Conn) error {
		if _, err = sweep(ctx, conn); err == nil {
			_, err = free(ctx, conn, names) // told before the work
		}
		if err == nil {
			name, err = cloneAs(ctx, conn, from, last, names)
		}
		if err != nil {
			return fmt.Errorf("clone database %s: %w", quoted(from), err)
		}
		return nil
	})
	return name, err
}

// free is the first name that no database has; ErrNameTaken when each has one.
func free(ctx context.Context, conn *pgx.Conn, names iter.Seq[string]) (string, error) {
	err := ErrNameTaken
	for name := range names {
		var taken bool
		if err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&taken); err != nil || !taken {
			return name, err
		}
		err = fmt.Errorf("%s: %w", quoted(name), ErrNameTaken)
	}
	return "", err
}

// numbered gives base, then base_2 and so on, cut where they must be.
func numbered(base string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for n, name := 2, base; yield(name); n++ {
			suffix := "_" + strconv.Itoa(n)
			name = cut(base, len(suffix)) + suffix
		}
	}
}

// cut leaves room for a suffix of so many bytes: it shortens name, where it must, by whole characters.
func cut(name string, room int) string {
	for len(name)+room > LongestName {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return name
}

// cloneAs makes one clone. It gets its name, the first that is free, and can be connected to when all of it is there: last is the option that
// ends its making.
func cloneAs(ctx context.Context, conn *pgx.Conn, from, last string, names iter.Seq[string]) (name string, err error) {
	var old uint32
	var owner string
	var limit, version int
	err = conn.QueryRow(ctx, `SELECT oid, pg_get_userbyid(datdba)::text, datconnlimit, current_setting('server_version_num')::int
  FROM pg_database WHERE datname = $1`, from).Scan(&old, &owner, &limit, &version)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", errors.New("it does not exist")
	}
	if err != nil {
		return "", err
	}
	strategy := ""
	if version >= 150000 { // through the WAL, which is the default since then, costs more than the copy itself
		strategy = " STRATEGY file_copy"
	}
	unnamed, err := reserve(ctx, conn)
	if err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s OWNER %s TEMPLATE %s ALLOW_CONNECTIONS false CONNECTION LIMIT %d%s",
		quoted(unnamed), quoted(owner), quoted(from), limit, strategy))
	if err != nil {
		return "", err
	}
	for again := true; again; {
		if name, err = free(ctx, conn, names); err == nil {
			err = carry(ctx, conn, old, unnamed, name, last)
		}
		pg := (*pgconn.PgError)(nil)
		again = errors.As(err, &pg) && (pg.Code == "42P04" || pg.Code == "23505") // somebody else was faster, or is about to be
	}
	if err != nil {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
		defer cancel()
		err = errors.Join(err, dropDatabase(ending, conn, unnamed))
	}
	return name, err
}

// carried is what a database has outside of itself and TEMPLATE does not copy, but for what CREATE DATABASE says; $1 is the old one, $2
// the new one. Rows are copied as they are: no statement sets a grant by another than the owner, nor, without quoting it anew, a setting.
// Sources: pg_db_role_setting, pg_shdescription, pg_shseclabel, pg_database.datacl, and pg_shdepend, which keeps roles that grants name.
var carried = []string{
	"INSERT INTO pg_db_role_setting (setdatabase, setrole, setconfig) SELECT $2, setrole, setconfig FROM pg_db_role_setting WHERE setdatabase = $1",
	`INSERT INTO pg_shdescription (objoid, classoid, description) SELECT $2, classoid, description FROM pg_shdescription
  WHERE objoid = $1 AND classoid = 'pg_database'::regclass`,
	`INSERT INTO pg_shseclabel (objoid, classoid, provider, label) SELECT $2, classoid, provider, label FROM pg_shseclabel
  WHERE objoid = $1 AND classoid = 'pg_database'::regclass`,
	"UPDATE pg_database n SET datacl = o.datacl FROM pg_database o WHERE o.oid = $1 AND n.oid = $2",
	`INSERT INTO pg_shdepend (dbid, classid, objid, objsubid, refclassid, refobjid, deptype)
  SELECT dbid, classid, $2, objsubid, refclassid, refobjid, deptype FROM pg_shdepend
  WHERE dbid = 0 AND classid = 'pg_database'::regclass AND objid = $1 AND deptype = 'a'`,
}

// carry ends the making of a database: all of it is seen at once.
func carry(ctx context.Context, conn *pgx.Conn, old uint32, unnamed, to, last string) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		var made uint32
		if err := tx.QueryRow(ctx, "SELECT oid FROM pg_database WHERE datname = $1", unnamed).Scan(&made); err != nil {
			return err
		}
		for _, sql := range carried {
			if _, err := tx.Exec(ctx, sql, old, made); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, "ALTER DATABASE "+quoted(unnamed)+" RENAME TO "+quoted(to)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "ALTER DATABASE "+quoted(to)+" "+last)
		return err
	})
}

// dropDatabase takes from a template what protects it. WITH (FORCE) is of PostgreSQL 13.
func dropDatabase(ctx context.Context, conn *pgx.Conn, name string) error {
	var template bool
	err := conn.QueryRow(ctx, "SELECT datistemplate FROM pg_database WHERE datname = $1", name).Scan(&template)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err == nil && template {
		_, err = conn.Exec(ctx, "ALTER DATABASE "+quoted(name)+" IS_TEMPLATE false")
	}
	if err == nil {
		_, err = conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quoted(name)+" WITH (FORCE)")
	}
	if err != nil {
		return fmt.Errorf("drop database %s: %w", quoted(name), err)
	}
	return nil
}

func (d Databases) list(ctx context.Context, query string, args ...any) (names []string, err error) {
	err = d.withAdmin(ctx, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, query, args...)
		if err != nil {
			return fmt.Errorf("list databases: %w", err)
		}
		names, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return names, err
}

// withAdmin connects beside the copies, to template1, whatever ALTER ROLE ... SET says there of the role.
func (d Databases) withAdmin(ctx context.Context, do func(*pgx.Conn) error) error {
	cfg, err := d.server()
	if err != nil {
		return err
	}
	return withConn(ctx, adminOf(cfg), do)
}

func adminOf(cfg *pgx.ConnConfig) *pgx.ConnConfig {
	cfg.Database = "template1"
	cfg.RuntimeParams = map[string]string{
		"application_name": "rehearse", "default_transaction_read_only": "off", "statement_timeout": "0", "lock_timeout": "0",
		"idle_in_transaction_session_timeout": "0", "search_path": "pg_catalog", "session_replication_role": "origin",
	}
	return cfg
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }
