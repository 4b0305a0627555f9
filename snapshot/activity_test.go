package snapshot

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

// TestActivityIsThatOfOthers has an application leave a transaction open, and asks as a superuser and as a role that may look into nothing.
func TestActivityIsThatOfOthers(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "CREATE TABLE a (id int)")
	activity := func(cfg *pgx.ConnConfig) *Activity {
		src, err := Open(t.Context(), cfg, SourceOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close(context.Background())
		a, err := src.Activity(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := activity(db.Copy()); a.Open != 0 || a.Longest != 0 || a.Hidden != 0 {
		t.Errorf("of a database that nobody uses: %+v", a)
	}
	app, err := pgx.ConnectConfig(t.Context(), db.Copy())
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close(context.Background())
	if _, err := app.Exec(t.Context(), "BEGIN; SELECT FROM a"); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	time.Sleep(200 * time.Millisecond)
	a := activity(db.Copy())
	if most := time.Since(begun) + time.Second; a.Open != 1 || a.Longest < 200*time.Millisecond || a.Longest > most || a.LongestWriter != 0 || a.Hidden != 0 {
		t.Errorf("of a transaction of 200 ms or a little more: %+v", a)
	}
	if _, err := app.Exec(t.Context(), "INSERT INTO a VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	if a := activity(db.Copy()); a.LongestWriter < 200*time.Millisecond || a.LongestWriter > a.Longest {
		t.Errorf("of a transaction that has written: %+v", a)
	}
	role := "blind_" + db.Database
	pgtest.Exec(t, db, "CREATE ROLE "+role+" LOGIN PASSWORD 'x'; GRANT CONNECT ON DATABASE "+pgx.Identifier{db.Database}.Sanitize()+" TO "+role)
	t.Cleanup(func() { pgtest.Exec(t, db, "DROP OWNED BY "+role+"; DROP ROLE "+role) })
	blind := db.Copy()
	blind.User, blind.Password = role, "x"
	if a := activity(blind); a.Open != 0 || a.Longest != 0 || a.Hidden != 1 {
		t.Errorf("as a role that may look into nothing: %+v", a)
	}
}
