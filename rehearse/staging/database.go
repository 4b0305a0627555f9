package staging

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const superuser = "postgres"

// connection makes a configuration that takes nothing from libpq's environment: PG* variables are the source's.
func connection(host string, port uint16, password, database string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig("host=localhost port=5432 user=" + superuser + " dbname=postgres sslmode=disable sslnegotiation=postgres " +
		"target_session_attrs=any connect_timeout=10 channel_binding=prefer min_protocol_version=3.0 max_protocol_version=3.0")
	if err != nil {
		return nil, errors.New("make a connection configuration: the PG* environment is not valid")
	}
	cfg.Host, cfg.Port, cfg.Password, cfg.Database = host, port, password, database
	cfg.RequireAuth, cfg.TLSConfig, cfg.Fallbacks = "", nil, nil
	cfg.RuntimeParams = map[string]string{"application_name": "rehearse"}
	return cfg, nil
}

// unlimited takes off a session what the source's configuration, ALTER DATABASE or ALTER ROLE would do to it: end it or its statements after a
// while, let it only read, or quote every name in what it is told.
func unlimited(ctx context.Context, conn *pgconn.PgConn) error {
	_, err := conn.Exec(ctx, `SELECT pg_catalog.set_config(name, CASE vartype WHEN 'bool' THEN 'off' ELSE '0' END, false)
  FROM pg_catalog.pg_settings WHERE source NOT IN ('default', 'client') AND name IN ('statement_timeout', 'lock_timeout', 'idle_session_timeout',
    'idle_in_transaction_session_timeout', 'transaction_timeout', 'default_transaction_read_only', 'quote_all_identifiers')`).ReadAll()
	return err
}

// withConn runs do on a connection of its own.
func withConn(ctx context.Context, cfg *pgx.ConnConfig, do func(*pgx.Conn) error) error {
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return do(conn)
}

// createDatabase makes spec's database in the wanted locale, or in the nearest one this server has, and says what it had to give up.
func createDatabase(ctx context.Context, admin *pgx.ConnConfig, spec Spec) (leftOut []string, err error) {
	admin.Database = "template1"
	err = withConn(ctx, admin, func(conn *pgx.Conn) error {
		if spec.Database == superuser { // made by initdb, in another locale
			if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS postgres"); err != nil {
				return err
			}
		}
		for i, locale := range localesToTry(spec.Locale) {
			_, err = conn.Exec(ctx, createStatement(spec.Database, spec.Major, locale))
			if err == nil && i > 0 {
				leftOut = append(leftOut, fmt.Sprintf("locale %s of database %s: not on the staging server, %s is used: text sorts differently",
					spec.Locale.name(), spec.Database, locale.name()))
			}
			if err == nil || !localeTrouble(err) {
				return err
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("create database %s: %w", pgx.Identifier{spec.Database}.Sanitize(), err)
	}
	return leftOut, nil
}

// localesToTry is the wanted locale and then what comes nearest: ICU gives way to libc, a language to C.UTF-8, and that to C, which
// every server has for every encoding.
func localesToTry(wanted Locale) []Locale {
	if wanted.Encoding == "" {
		wanted.Encoding = "UTF8"
	}
	if wanted.Provider == "" {
		wanted.Provider = "libc"
	}
	list := []Locale{wanted}
	if wanted.Provider != "libc" {
		list = append(list, Locale{Encoding: wanted.Encoding, Provider: "libc", Collate: wanted.Collate, CType: wanted.CType})
	}
	if wanted.Encoding == "UTF8" {
		list = append(list, Locale{Encoding: "UTF8", Provider: "libc", Collate: "C.UTF-8", CType: "C.UTF-8"})
	}
	return append(list, Locale{Encoding: wanted.Encoding, Provider: "libc", Collate: "C", CType: "C"})
}

// name is a locale in words.
func (l Locale) name() string {
	switch {
	case l.Locale != "":
		return l.Provider + " " + l.Locale
	case l.Collate == l.CType:
		return l.Collate
	}
	return l.Collate + "/" + l.CType
}

// createStatement is CREATE DATABASE in the words of a major version: LOCALE_PROVIDER since 15, ICU_RULES since 16, BUILTIN_LOCALE since 17.
func createStatement(database string, major int, l Locale) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE DATABASE %s TEMPLATE template0 ENCODING %s", pgx.Identifier{database}.Sanitize(), literal(l.Encoding))
	option := func(since int, name, value string) {
		if value != "" && major >= since {
			fmt.Fprintf(&b, " %s %s", name, literal(value))
		}
	}
	option(15, "LOCALE_PROVIDER", l.Provider)
	option(0, "LC_COLLATE", l.Collate)
	option(0, "LC_CTYPE", l.CType)
	switch l.Provider {
	case "icu":
		option(15, "ICU_LOCALE", l.Locale)
		option(16, "ICU_RULES", l.ICURules)
	case "builtin":
		option(17, "BUILTIN_LOCALE", l.Locale)
	}
	return b.String()
}

// literal quotes a string constant whatever standard_conforming_strings says.
func literal(s string) string {
	if strings.Contains(s, `\`) {
		return " E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// localeTrouble reports whether CREATE DATABASE failed because of its locale: a name the machine does not have (42809, or 22023 for
// ICU), an encoding that does not fit it (22023), a provider the server was built without (0A000).
func localeTrouble(err error) bool {
	pg := (*pgconn.PgError)(nil)
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.Code {
	case "42809", "22023", "0A000":
		return true
	}
	return false
}

// missingLibraries is which of the libraries the server cannot load. LOAD finds a library as shared_preload_libraries does; any other
// failure than "no such file" means that it is there (many refuse to be loaded late).
func missingLibraries(ctx context.Context, cfg *pgx.ConnConfig, libraries []string) (present, missing []string, err error) {
	for _, lib := range libraries {
		err := withConn(ctx, cfg.Copy(), func(conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "LOAD "+literal(lib))
			return err
		})
		pg := (*pgconn.PgError)(nil)
		switch {
		case err == nil, errors.As(err, &pg) && pg.Code != "58P01":
			present = append(present, lib)
		case pg != nil:
			missing = append(missing, lib)
		default:
			return nil, nil, err
		}
	}
	return present, missing, nil
}
