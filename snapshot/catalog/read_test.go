package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// The comparisons in rehearse/compare test every kind; here is what holds for all of them.
func TestRead(t *testing.T) {
	t.Parallel()
	ctx, conn := connect(t, pgtest.New(t, shop, `COMMENT ON COLUMN shop.v.id IS 'key';
		COMMENT ON INDEX shop.customer_pkey IS 'the key''s index'; COMMENT ON CONSTRAINT customer_pkey ON shop.customer IS 'the key'`))
	schema, err := catalog.Read(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(schema, func(a, b catalog.Object) int { return strings.Compare(a.Kind+"\x00"+a.Name, b.Kind+"\x00"+b.Name) }) {
		t.Error("not ordered by kind and name")
	}
	ids, names := map[catalog.ID]catalog.Object{}, map[string]bool{}
	for _, o := range schema {
		if _, twice := ids[o.ID]; twice && o.ID != (catalog.ID{}) {
			t.Errorf("two objects are %v: %s %s", o.ID, o.Kind, o.Name)
		}
		if names[o.Kind+" "+o.Name] {
			t.Errorf("two objects are %s %s", o.Kind, o.Name)
		}
		ids[o.ID], names[o.Kind+" "+o.Name] = o, true
	}
	for _, o := range schema {
		if _, ok := ids[o.Parent]; o.Parent != (catalog.ID{}) && !ok {
			t.Errorf("%s %s belongs to %v, which is not there", o.Kind, o.Name, o.Parent)
		}
		if _, ok := ids[o.Origin]; o.Origin != (catalog.ID{}) && !ok {
			t.Errorf("%s %s comes from %v, which is not there", o.Kind, o.Name, o.Origin)
		}
		if strings.Contains(o.Name, "pg_temp") || strings.Contains(o.Name, "pg_toast") || strings.HasPrefix(o.Name, "public.citext") {
			t.Errorf("%s %s should not be read", o.Kind, o.Name)
		}
	}
	key := object(t, schema, "constraint", "customer_pkey on shop.customer")
	want := map[string]string{"definition": "PRIMARY KEY (id)", "comment": "the key", "index comment": "the key's index"}
	if diff := cmp.Diff(want, key.Attrs); diff != "" {
		t.Error(diff)
	}
	for kind, name := range map[string]string{
		"column": `"Shop 1"."Order ""x"".y"."Größe.x"`, "sequence": `"Shop 1"."Order ""x"".y_select_seq"`, "domain": "shop.shorter",
		"enum": "shop.mood", "composite type": "shop.pair", "attribute": "shop.pair.a", "view": "shop.v", "extension": "citext", "schema": `"Shop 1"`,
		"role": "postgres", "index": "shop.customer_name_key",
	} {
		object(t, schema, kind, name)
	}
}

func object(t *testing.T, s catalog.Schema, kind, name string) catalog.Object {
	t.Helper()
	i := slices.IndexFunc(s, func(o catalog.Object) bool { return o.Kind == kind && o.Name == name })
	if i < 0 {
		t.Fatalf("no %s %s", kind, name)
	}
	return s[i]
}

// A role that may do nothing reads the same schema as a superuser.
func TestReadAsAnOrdinaryRole(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t)
	base, err := os.ReadFile(filepath.Join(pgtest.Root(t), "testdata/everything.sql"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.New(t, "CREATE ROLE app_reader; CREATE ROLE app_owner; CREATE ROLE nobody LOGIN PASSWORD 'x'", string(base), `
		CREATE USER MAPPING FOR app_owner SERVER dummy_srv OPTIONS (password 'hush');
		ALTER ROLE app_owner PASSWORD 'hush'; ALTER ROLE app_owner SET app.key = 'hush';
		CREATE SUBSCRIPTION sub CONNECTION 'host=127.0.0.1 password=hush' PUBLICATION p WITH (connect = false);
		SELECT lo_create(0), lo_create(0);`)
	ctx, conn := connect(t, cfg)
	want, err := catalog.Read(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%+v", want); strings.Contains(text, "hush") || strings.Contains(text, "127.0.0.1") {
		t.Error("a secret was read")
	}
	ordinary := cfg.Copy()
	ordinary.User, ordinary.Password = "nobody", "x"
	ctx, conn = connect(t, ordinary)
	got, err := catalog.Read(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, o := range []struct{ kind, name string }{{"user mapping", "app_owner on dummy_srv"}, {"subscription", "sub"}, {"setting", `"app.key" of app_owner`}} {
		object(t, got, o.kind, o.name)
	}
	outside, err := catalog.ReadOutside(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(catalog.Outside{
		LargeObjects: 2, Subscriptions: []string{"sub"}, Servers: []string{"dummy_srv"}, UserMappings: []string{"app_owner on dummy_srv"},
	}, outside); diff != "" {
		t.Error(diff)
	}
	for name, read := range readers() {
		if err := read(ctx, conn); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	pgtest.Exec(t, cfg, "ALTER SUBSCRIPTION sub SET (slot_name = NONE); DROP SUBSCRIPTION sub")
}

// Whatever state a session is in, reading leaves it so, and a transaction's own changes are read.
func TestSessionIsLeftAsItWas(t *testing.T) {
	t.Parallel()
	cfg := pgtest.New(t, "CREATE SCHEMA s")
	const state = "SELECT concat_ws('|', current_setting('search_path'), current_setting('TimeZone'), current_setting('jit'), current_setting('transaction_isolation'))"
	for _, test := range []struct {
		name   string
		status byte
		begin  func(ctx context.Context, conn *pgx.Conn) (catalog.Querier, error)
	}{
		{"idle", 'I', func(_ context.Context, conn *pgx.Conn) (catalog.Querier, error) { return conn, nil }},
		{"in a transaction of pgx", 'T', func(ctx context.Context, conn *pgx.Conn) (catalog.Querier, error) { return conn.Begin(ctx) }},
		{"in a read-only one", 'T', func(ctx context.Context, conn *pgx.Conn) (catalog.Querier, error) {
			return conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
		}},
		{"in one begun by a statement", 'T', func(ctx context.Context, conn *pgx.Conn) (catalog.Querier, error) {
			_, err := conn.Exec(ctx, "BEGIN ISOLATION LEVEL SERIALIZABLE")
			return conn, err
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx, conn := connect(t, cfg)
			if _, err := conn.Exec(ctx, "SET search_path = s, public; SET TimeZone = 'Asia/Tokyo'"); err != nil {
				t.Fatal(err)
			}
			q, err := test.begin(ctx, conn)
			if err != nil {
				t.Fatal(err)
			}
			var before, after string
			if err := conn.QueryRow(ctx, state).Scan(&before); err != nil {
				t.Fatal(err)
			}
			for name, read := range readers() {
				if err := read(ctx, q); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if _, err := catalog.Read(ctx, q); err != nil {
				t.Error(err)
			}
			if err := conn.QueryRow(ctx, state).Scan(&after); err != nil {
				t.Fatal(err)
			}
			if before != after || conn.PgConn().TxStatus() != test.status {
				t.Errorf("was %s, is %s; transaction status %c", before, after, conn.PgConn().TxStatus())
			}
		})
	}
}

func TestReadSeesTheTransactionsOwnChanges(t *testing.T) {
	t.Parallel()
	ctx, conn := connect(t, pgtest.New(t))
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "CREATE TABLE mine (a int)"); err != nil {
		t.Fatal(err)
	}
	schema, err := catalog.Read(ctx, tx)
	if err != nil {
		t.Fatal(err)
	}
	object(t, schema, "table", "public.mine")
}

// A reading that waits for a lock ends with its context, and says what it was reading.
func TestReadIsCancelled(t *testing.T) {
	t.Parallel()
	cfg := pgtest.New(t, "CREATE TABLE locked (a int)")
	ctx, holder := connect(t, cfg)
	if _, err := holder.Exec(ctx, "BEGIN; LOCK TABLE locked"); err != nil {
		t.Fatal(err)
	}
	ctx, conn := connect(t, cfg)
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	_, err := catalog.Sizes(short, conn)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "plan/sizes.sql") {
		t.Errorf("%v", err)
	}
	ctx, conn = connect(t, cfg)
	if _, err := conn.Exec(ctx, "SET lock_timeout = '50ms'"); err != nil {
		t.Fatal(err)
	}
	if _, err := catalog.Tables(ctx, conn); err == nil || !strings.Contains(err.Error(), "55P03") {
		t.Errorf("lock_timeout: %v", err)
	}
	if status := conn.PgConn().TxStatus(); status != 'I' {
		t.Errorf("left in transaction status %c", status)
	}
}

func TestRolesAndDatabase(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t)
	cfg := s.New(t, `
		CREATE ROLE "Team A" NOINHERIT CREATEDB CONNECTION LIMIT 3; CREATE ROLE u LOGIN PASSWORD 'hush' VALID UNTIL '2030-01-01 00:00:00+02';
		GRANT "Team A" TO u WITH ADMIN OPTION; GRANT pg_read_all_data TO u;
		COMMENT ON ROLE "Team A" IS 'it''s one'; ALTER ROLE u SET search_path = "A b", c; ALTER ROLE u SET app.x = 'a=b';`, `
		DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO u', current_database()); EXECUTE format('ALTER DATABASE %I SET work_mem = ''7MB''', current_database());
		EXECUTE format('COMMENT ON DATABASE %I IS ''the one''', current_database()); END $$;
		CREATE EXTENSION hstore SCHEMA public;`)
	ctx, conn := connect(t, cfg)
	roles, err := catalog.Roles(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	wantRoles := []catalog.Role{
		{Name: "Team A", CreateDatabase: true, ConnectionLimit: 3, Comment: "it's one"},
		{Name: "postgres", Superuser: true, Inherit: true, CreateRole: true, CreateDatabase: true, Login: true, Replication: true, BypassRowSecurity: true, ConnectionLimit: -1},
		{Name: "u", Inherit: true, Login: true, ConnectionLimit: -1, ValidUntil: "2029-12-31 22:00:00+00", MemberOf: []catalog.Membership{
			{Role: "Team A", Grantor: "postgres", Admin: true, Inherit: true, Set: true},
			{Role: "pg_read_all_data", Grantor: "postgres", Inherit: true, Set: true},
		}},
	}
	if diff := cmp.Diff(wantRoles, roles); diff != "" {
		t.Error(diff)
	}
	db, err := catalog.ReadDatabase(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	wantDB := catalog.Database{
		Name: cfg.Database, Owner: "u", Encoding: "UTF8", LocaleProvider: "libc", Collate: "C.UTF-8", CType: "C.UTF-8", Comment: "the one", ConnectionLimit: -1,
		Settings: []catalog.RoleSetting{
			{InDatabase: true, Name: "work_mem", Value: "7MB"}, {Role: "u", Name: "app.x", Value: "a=b"}, {Role: "u", Name: "search_path", Value: `"A b", c`},
		},
	}
	if diff := cmp.Diff(wantDB, db); diff != "" {
		t.Error(diff)
	}
	extensions, err := catalog.Extensions(ctx, conn)
	if err != nil || len(extensions) != 2 || extensions[0].Name != "hstore" || extensions[0].Schema != "public" || extensions[1].Name != "plpgsql" {
		t.Errorf("extensions %+v, %v", extensions, err)
	}
}

// What the session has set for itself is told as it was before.
func TestSettings(t *testing.T) {
	t.Parallel()
	ctx, conn := connect(t, pgtest.New(t))
	if _, err := conn.Exec(ctx, "SET search_path = ''; SET work_mem = '1234kB'"); err != nil {
		t.Fatal(err)
	}
	settings, err := catalog.Settings(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range settings {
		got[s.Name] = s.Value + " " + s.Source
		if s.Why == "" {
			t.Errorf("%s has no reason", s.Name)
		}
	}
	for name, want := range map[string]string{
		"work_mem": "4096kB session", "random_page_cost": "4 default", "fsync": "off configuration file", "shared_buffers": "64MB configuration file",
		"port": "", "listen_addresses": "", "data_directory": "",
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
}
