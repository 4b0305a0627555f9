package snapshot

import (
	"errors"
	"strings"
	"testing"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

func TestWithoutValues(t *testing.T) {
	t.Parallel()
	tests := []struct{ code, message, want string }{
		{"22P02", `invalid input syntax for type integer: "SECRET"`, `invalid input syntax for type integer: …`},
		{"22008", `date/time field value out of range: "SEC""RET"`, `date/time field value out of range: …`},
		{"22003", `value "SECRET" is out of range for type integer`, `value … is out of range for type integer`},
		{"22P02", `ungültige Eingabesyntax für Typ integer: »SECRET«`, `ungültige Eingabesyntax für Typ integer: …`},
		{"P0001", `no room for SECRET`, `raised by a function`},
		{"22021", `invalid byte sequence for encoding "UTF8": 0xe4 0x20 0x4D`, `invalid byte sequence for encoding …: …`},
		{"", `character with byte sequence 0xc5 0x9d in encoding "UTF8" has no equivalent in encoding "LATIN1"`, `character with byte sequence … in encoding "UTF8" has no equivalent in encoding "LATIN1"`},
		{"23505", `duplicate key value violates unique constraint "a_key"`, `duplicate key value violates unique constraint "a_key"`},
		{"23502", `null value in column "v" of relation "s" violates not-null constraint`, `null value in column "v" of relation "s" violates not-null constraint`},
		{"42883", `function f("X") does not exist`, `function f("X") does not exist`},
		{"", `invalid input syntax for type integer: "SECRET"`, `invalid input syntax for type integer: …`},
		{"", `value "SECRET" is out of range for type smallint`, `value … is out of range for type smallint`},
		{"", `could not create unique index "a_key"`, `could not create unique index "a_key"`},
	}
	for _, tc := range tests {
		if got := withoutValues(tc.code, tc.message); got != tc.want {
			t.Errorf("withoutValues(%q, %q) = %q, want %q", tc.code, tc.message, got, tc.want)
		}
	}
}

func TestOutOfSpace(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]bool{
		`could not extend file "base/1/2": No space left on device`:                                                                      true,
		`pg_restore: error: could not execute query: ERROR:  could not extend file "base/1/2": wrote only 4096 of 8192 bytes at block 5`: true,
		`could not extend file "base/1/2": Permission denied`:                                                                            false,
		"": false,
	} {
		if got := outOfSpace(said); got != want {
			t.Errorf("outOfSpace(%q) = %v", said, got)
		}
	}
}

// testRaised loads a kept value that a function of the database objects to, in its own words and under its own SQLSTATE.
func testRaised(t *testing.T, server *pgtest.Server) {
	for name, statement := range map[string]string{
		"raised": "RAISE EXCEPTION 'bad phone %', $1 USING ERRCODE = 'ZZ001'", "as another's": "RAISE '%', $1 USING ERRCODE = '23514'", "asserted": "ASSERT false, $1",
	} {
		t.Run(name, func(t *testing.T) {
			source := pgtest.New(t, "CREATE FUNCTION sound(text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $f$ BEGIN IF current_setting('session_replication_role') = 'replica' THEN "+
				statement+"; END IF; RETURN true; END $f$; CREATE TABLE kept (phone text, sound bool GENERATED ALWAYS AS (sound(phone)) STORED); INSERT INTO kept VALUES ('MARKER')")
			src := openSource(t, source)
			d, err := src.Describe(testContext(t))
			if err != nil {
				t.Fatal(err)
			}
			_, err = Copy(testContext(t), src, planFor(t, d, nil), newTarget(t, server), CopyOptions{})
			var refused *TargetError
			if !errors.As(err, &refused) || refused.SQLState == "" || strings.Contains(err.Error(), "MARKER") {
				t.Errorf("got %v, want a TargetError with its SQLSTATE and without the value", err)
			}
		})
	}
}
