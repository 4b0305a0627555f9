package staging_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// TestCloneCutShort ends the session of a clone in its making, as the death of its process does: it has no name of its own, the next clone
// or sweep removes it, and what somebody still makes stays.
func TestCloneCutShort(t *testing.T) {
	t.Parallel()
	s := start(t, "local", localSpec(t))
	all := staging.DatabasesOf(s)
	pristine, err := all.KeepPristine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	admin := staging.At(s, "postgres").Config()
	unnamed := func() string {
		return pgtest.Value(t, admin, "SELECT count(*) FROM pg_database WHERE datname LIKE '.rehearse-unnamed-%' AND NOT datallowconn")
	}
	conn, err := pgx.ConnectConfig(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "BEGIN; LOCK pg_shdescription"); err != nil { // clones wait once their files are there
		t.Fatal(err)
	}
	clone := func(name string, waiting string) chan error {
		done := make(chan error, 1)
		go func() {
			_, err := all.Clone(t.Context(), pristine, name)
			done <- err
		}()
		eventually(t, "the clone "+name+" waits", time.Minute, func() bool {
			return pgtest.Value(t, admin, "SELECT count(*) FROM pg_locks WHERE relation = 'pg_shdescription'::regclass AND NOT granted") == waiting
		})
		return done
	}
	first := clone("first", "1")
	pid := pgtest.Value(t, admin, "SELECT pid FROM pg_locks WHERE relation = 'pg_shdescription'::regclass AND NOT granted")
	second := clone("second", "2")
	if got := unnamed(); got != "2" {
		t.Errorf("%s databases without a name, want those of both", got)
	}
	pgtest.Exec(t, admin, "SELECT pg_terminate_backend("+pid+")")
	if err := <-first; err == nil {
		t.Error("the clone does not say that its session ended")
	}
	if _, err := conn.Exec(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil {
		t.Error(err)
	}
	if got := unnamed(); got != "1" {
		t.Errorf("%s databases without a name, want that of the first", got)
	}
	if swept, err := all.Sweep(t.Context()); len(swept) != 1 || err != nil {
		t.Errorf("swept %q, %v", swept, err)
	}
	if got, err := all.Clone(t.Context(), pristine, "first"); got != "first" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got := unnamed(); got != "0" {
		t.Errorf("%s databases without a name are left", got)
	}
}
