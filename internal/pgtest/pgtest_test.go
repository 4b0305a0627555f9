package pgtest_test

import (
	"strings"
	"testing"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestDatabasesAreApart(t *testing.T) {
	t.Parallel()
	a := pgtest.New(t, "CREATE TABLE only_here (id int); INSERT INTO only_here VALUES (7)")
	b := pgtest.New(t)
	if got := pgtest.Value(t, a, "SELECT id FROM only_here"); got != "7" {
		t.Errorf("the table of the first database holds %q, want 7", got)
	}
	if got := pgtest.Value(t, b, "SELECT count(*) FROM pg_class WHERE relname = 'only_here'"); got != "0" {
		t.Errorf("the second database sees the first one's table")
	}
	clone := pgtest.Clone(t, a)
	if got := pgtest.Value(t, clone, "SELECT id FROM only_here"); got != "7" {
		t.Errorf("the clone holds %q, want 7", got)
	}
}

func TestDumpHasNoRandomLines(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, `CREATE TABLE "Odd ""name" (id int)`)
	first, second := pgtest.Dump(t, db, "--schema-only"), pgtest.Dump(t, db, "--schema-only")
	if first != second {
		t.Error("two dumps of one database differ")
	}
	if !strings.Contains(first, `CREATE TABLE public."Odd ""name"`) {
		t.Errorf("the dump lacks the table:\n%s", first)
	}
}

func TestOwnServerEndsWithItsTest(t *testing.T) {
	t.Parallel()
	var cfgPort uint16
	t.Run("inner", func(t *testing.T) {
		s := pgtest.Start(t, "work_mem = 7MB")
		cfgPort = s.Port
		if got := pgtest.Value(t, s.Config("postgres"), "SHOW work_mem"); got != "7MB" {
			t.Errorf("work_mem = %s, want 7MB", got)
		}
	})
	if cfgPort == pgtest.Default(t).Port {
		t.Error("the own server is the shared one")
	}
}

func TestStandbyHasWhatThePrimaryHad(t *testing.T) {
	t.Parallel()
	primary := pgtest.Start(t)
	db := primary.New(t, "CREATE TABLE a (b int); INSERT INTO a VALUES (3)")
	standby := primary.Standby(t)
	if got := pgtest.Value(t, standby.Config(db.Database), "SELECT b || pg_is_in_recovery()::text FROM a"); got != "3true" {
		t.Errorf("the standby says %q", got)
	}
}

func TestCrashedServerHasWhatWasCommitted(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t)
	db := s.New(t, "CREATE TABLE a (b int); INSERT INTO a VALUES (5)")
	s.Crash(t)
	s.Restart(t)
	if got := pgtest.Value(t, db, "SELECT b FROM a"); got != "5" {
		t.Errorf("after the crash it holds %q", got)
	}
}
