package snapshot

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

// TestNotUTF8 has what cannot be made UTF-8: bytes that the database's encoding leaves free, names without an encoding, an encoding that
// PostgreSQL does not convert, and text that is not valid in the encoding it says it has.
func TestNotUTF8(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	in := func(encoding, script string) *pgx.ConnConfig {
		name := "of_" + strings.ToLower(encoding)
		pgtest.Exec(t, server.Config("postgres"), "CREATE DATABASE "+name+" ENCODING '"+encoding+"' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
		cfg := server.Config(name)
		cfg.RuntimeParams["client_encoding"] = encoding
		pgtest.Exec(t, cfg, script)
		return server.Config(name)
	}
	refused := func(err error, want ...string) {
		t.Helper()
		var source *SourceError
		if !errors.As(err, &source) || source.Kind != NotUTF8 {
			t.Errorf("got %v", err)
			return
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%v does not say %s", err, w)
			}
		}
	}

	odd := in("WIN1252", "CREATE TABLE fine (a text); CREATE TABLE bytes (a text); INSERT INTO bytes VALUES ('\x81')")
	src := openSource(t, odd)
	d, err := src.Describe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Copy(testContext(t), src, planFor(t, d, nil), newTarget(t, pgtest.Default(t)), CopyOptions{})
	refused(err, "copy public.bytes", "22P05")
	copied(t, odd, newTarget(t, pgtest.Default(t)), map[string]string{"public.bytes.a": "'null'"}, CopyOptions{})

	_, err = openSource(t, in("SQL_ASCII", "CREATE TABLE \"t\xe9\" (a int); CREATE TABLE u (\"c\xff\" int)")).Describe(testContext(t))
	refused(err, `table "public.\"t\xe9\""`, `column "public.u.\"c\xff\""`)

	_, err = Open(context.Background(), in("MULE_INTERNAL", "CREATE TABLE t (a int)"), SourceOptions{})
	refused(err, "0A000")

	lying := in("EUC_KR", "CREATE TABLE t (a text)") // which becomes UTF8 by name
	pgtest.Exec(t, server.Config("postgres"), "UPDATE pg_database SET encoding = pg_char_to_encoding('SQL_ASCII') WHERE datname = 'of_euc_kr'")
	pgtest.Exec(t, lying, "INSERT INTO t VALUES (E'\\xe9x')")
	pgtest.Exec(t, server.Config("postgres"), "UPDATE pg_database SET encoding = pg_char_to_encoding('UTF8') WHERE datname = 'of_euc_kr'")
	src = openSource(t, lying)
	if d, err = src.Describe(testContext(t)); err != nil {
		t.Fatal(err)
	}
	_, err = Copy(testContext(t), src, planFor(t, d, nil), newTarget(t, pgtest.Default(t)), CopyOptions{})
	var target *TargetError
	if !errors.As(err, &target) || target.SQLState != "22021" || strings.Contains(err.Error(), "e9") {
		t.Errorf("invalid text: %v", err)
	}
}
