package catalog_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

const shop = `
CREATE EXTENSION citext;
CREATE SCHEMA "Shop 1";
CREATE SCHEMA shop;
CREATE TYPE shop.mood AS ENUM ('sad', 'ok', 'ha"ppy');
CREATE DOMAIN shop.short AS varchar(10);
CREATE DOMAIN shop.shorter AS shop.short NOT NULL;
CREATE DOMAIN shop.email AS citext;
CREATE TYPE shop.pair AS (a int, b text);
CREATE TABLE shop.customer (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	gone int,
	name varchar(40) NOT NULL,
	code char(3),
	nick shop.shorter,
	mail shop.email UNIQUE,
	mood shop.mood DEFAULT 'ok',
	moods shop.mood[],
	tags text[],
	labels varchar(7)[],
	pair shop.pair,
	total numeric(10,2),
	upper_name text GENERATED ALWAYS AS (upper(name)) STORED
);
ALTER TABLE shop.customer DROP COLUMN gone;
COMMENT ON TABLE shop.customer IS 'those who pay';
COMMENT ON COLUMN shop.customer.mail IS 'address';
CREATE UNIQUE INDEX customer_name_key ON shop.customer (lower(name), code) INCLUDE (total) WHERE mood = 'ok';
CREATE UNIQUE INDEX customer_code_key ON shop.customer (code) INCLUDE (total);
CREATE TABLE "Shop 1"."Order ""x"".y" ("select" serial PRIMARY KEY, "Größe.x" bigint REFERENCES shop.customer DEFERRABLE);
CREATE TABLE shop.booking (room int, during tstzrange, EXCLUDE USING gist (during WITH &&));
CREATE TABLE shop.event (at date NOT NULL, n int) PARTITION BY RANGE (at);
CREATE TABLE shop.event_2025 PARTITION OF shop.event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY LIST (n);
CREATE TABLE shop.event_2025_1 PARTITION OF shop.event_2025 FOR VALUES IN (1);
CREATE TABLE shop.parent (a int);
CREATE TABLE shop.child (b int) INHERITS (shop.parent);
CREATE UNLOGGED TABLE shop.scratch ();
CREATE TEMPORARY TABLE temp (a int);
CREATE TABLE public.goose_db_version (id serial PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp DEFAULT now());
CREATE VIEW shop.v AS SELECT * FROM shop.customer;
`

func TestTables(t *testing.T) {
	t.Parallel()
	ctx, conn := connect(t, pgtest.New(t, shop))
	tables, err := catalog.Tables(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, table := range tables {
		names = append(names, fmt.Sprintf("%c %s", table.Kind, table))
	}
	want := []string{
		`r "Shop 1"."Order ""x"".y"`, `r public.goose_db_version`, `r shop.booking`, `r shop.child`, `r shop.customer`,
		`p shop.event`, `p shop.event_2025`, `r shop.event_2025_1`, `r shop.parent`, `r shop.scratch`,
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	root := find(t, tables, "shop.event").OID
	for _, name := range []string{"shop.event", "shop.event_2025", "shop.event_2025_1"} {
		if got := find(t, tables, name); got.Root != root || got.IsPartition != (name != "shop.event") || len(got.Inherits) != 0 {
			t.Errorf("%s: root %d (want %d), partition %t, inherits %v", name, got.Root, root, got.IsPartition, got.Inherits)
		}
	}
	child, parent := find(t, tables, "shop.child"), find(t, tables, "shop.parent")
	if !slices.Equal(child.Inherits, []uint32{parent.OID}) || child.Root != 0 || !parent.HasChildren || child.HasChildren {
		t.Errorf("inheritance: %+v under %+v", child, parent)
	}
	for _, table := range tables {
		if table.GooseVersions != (table.Name == "goose_db_version") {
			t.Errorf("%s: goose's version table: %t", table, table.GooseVersions)
		}
		if !table.CanSelect || table.RowSecurityActive {
			t.Errorf("%s: a superuser can read everything", table)
		}
	}
	if scratch := find(t, tables, "shop.scratch"); scratch.Persistence != 'u' || len(scratch.Columns) != 0 {
		t.Errorf("scratch: %+v", scratch)
	}
}

func TestTablesColumns(t *testing.T) {
	t.Parallel()
	ctx, conn := connect(t, pgtest.New(t, shop))
	tables, err := catalog.Tables(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	got := find(t, tables, "shop.customer")
	mood := []string{"sad", "ok", `ha"ppy`}
	want := []catalog.Column{
		{Name: "id", Number: 1, Type: "bigint", BaseType: "int8", TypeKind: 'b', NotNull: true, Identity: "always"},
		{Name: "name", Number: 3, Type: "character varying", BaseType: "varchar", TypeKind: 'b', NotNull: true, MaxLength: 40},
		{Name: "code", Number: 4, Type: "character", BaseType: "bpchar", TypeKind: 'b', MaxLength: 3},
		{Name: "nick", Number: 5, Type: "shop.shorter", BaseType: "varchar", TypeKind: 'd', MaxLength: 10, NotNull: true},
		{Name: "mail", Number: 6, Type: "shop.email", BaseType: "citext", TypeKind: 'd', Comment: "address"},
		{Name: "mood", Number: 7, Type: "shop.mood", BaseType: "mood", TypeKind: 'e', Labels: mood, HasDefault: true},
		{Name: "moods", Number: 8, Type: "shop.mood[]", BaseType: "_mood", TypeKind: 'b', Labels: mood},
		{Name: "tags", Number: 9, Type: "text[]", BaseType: "_text", TypeKind: 'b'},
		{Name: "labels", Number: 10, Type: "character varying[]", BaseType: "_varchar", TypeKind: 'b', MaxLength: 7},
		{Name: "pair", Number: 11, Type: "shop.pair", BaseType: "pair", TypeKind: 'c', Fields: []catalog.Field{
			{Name: "a", BaseType: "int4", TypeKind: 'b'}, {Name: "b", BaseType: "text", TypeKind: 'b'},
		}},
		{Name: "total", Number: 12, Type: "numeric", BaseType: "numeric", TypeKind: 'b'},
		{Name: "upper_name", Number: 13, Type: "text", BaseType: "text", TypeKind: 'b', Generated: "stored", Expression: "upper((name)::text)"},
	}
	for i := range want {
		want[i].CanSelect = true
	}
	if diff := cmp.Diff(want, got.Columns, cmp.Transformer("nil", func(s []string) string { return strings.Join(s, "\n") })); diff != "" {
		t.Error(diff)
	}
	if got.Comment != "those who pay" || got.Owner != "postgres" {
		t.Errorf("comment %q, owner %q", got.Comment, got.Owner)
	}
}

func TestTablesKeys(t *testing.T) {
	t.Parallel()
	ctx, conn := connect(t, pgtest.New(t, shop))
	tables, err := catalog.Tables(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	want := []catalog.UniqueKey{
		{
			Name: "customer_pkey", Constraint: true, Primary: true, Columns: []string{"id"}, Referenced: []string{"id"},
			Definition: "CREATE UNIQUE INDEX customer_pkey ON shop.customer USING btree (id)",
		},
		{
			Name: "customer_code_key", Columns: []string{"code"}, Referenced: []string{"code"},
			Definition: "CREATE UNIQUE INDEX customer_code_key ON shop.customer USING btree (code) INCLUDE (total)",
		},
		{
			Name: "customer_mail_key", Constraint: true, Columns: []string{"mail"}, Referenced: []string{"mail"},
			Definition: "CREATE UNIQUE INDEX customer_mail_key ON shop.customer USING btree (mail)",
		},
		{
			Name: "customer_name_key", Partial: true, Expression: true, Columns: []string{"code"},
			Referenced: []string{"name", "code", "mood", "total"},
			Definition: "CREATE UNIQUE INDEX customer_name_key ON shop.customer USING btree (lower((name)::text), code) INCLUDE (total)" +
				" WHERE (mood = 'ok'::shop.mood)",
		},
	}
	if diff := cmp.Diff(want, find(t, tables, "shop.customer").Unique); diff != "" {
		t.Error(diff)
	}
	want = []catalog.UniqueKey{{
		Name: "booking_during_excl", Constraint: true, Exclusion: true, Columns: []string{"during"}, Referenced: []string{"during"},
		Definition: "EXCLUDE USING gist (during WITH &&)",
	}}
	if diff := cmp.Diff(want, find(t, tables, "shop.booking").Unique); diff != "" {
		t.Error(diff)
	}
}

func TestForeignKeysAndSequences(t *testing.T) {
	t.Parallel()
	ctx, conn := connect(t, pgtest.New(t, shop, "CREATE SEQUENCE shop.free"))
	keys, err := catalog.ForeignKeys(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) != 1 || keys[0].ChildTable != `Order "x".y` || keys[0].ParentTable != "customer" || !keys[0].Valid ||
		!slices.Equal(keys[0].ChildColumns, []string{"Größe.x"}) || !slices.Equal(keys[0].ParentColumns, []string{"id"}) {
		t.Errorf("foreign keys: %+v", keys)
	}
	sequences, err := catalog.Sequences(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range sequences {
		got = append(got, fmt.Sprintf("%s of %s/%s/%s identity=%t select=%t", s, s.OwnerSchema, s.OwnerName, s.OwnerColumn, s.Identity, s.CanSelect))
	}
	want := []string{
		`"Shop 1"."Order ""x"".y_select_seq" of Shop 1/Order "x".y/select identity=false select=true`,
		`public.goose_db_version_id_seq of public/goose_db_version/id identity=false select=true`,
		`shop.customer_id_seq of shop/customer/id identity=true select=true`,
		`shop.free of // identity=false select=true`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Materialised views come after those they read, also through a view, whatever their names say.
func TestMatViewsInRefreshOrder(t *testing.T) {
	t.Parallel()
	ctx, conn := connect(t, pgtest.New(t, `
		CREATE TABLE base (a int);
		CREATE MATERIALIZED VIEW z AS SELECT a FROM base;
		CREATE VIEW y AS SELECT a FROM z;
		CREATE MATERIALIZED VIEW a AS SELECT a FROM y WITH NO DATA;
		CREATE MATERIALIZED VIEW "B" AS SELECT a FROM a WITH NO DATA;`))
	views, err := catalog.MatViews(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range views {
		got = append(got, fmt.Sprint(v, " ", v.Populated))
	}
	if diff := cmp.Diff([]string{"public.z true", "public.a false", `public."B" false`}, got); diff != "" {
		t.Error(diff)
	}
}

func TestTablesForAnOrdinaryRole(t *testing.T) {
	t.Parallel()
	role := "reader_tables"
	cfg := pgtest.New(t, "CREATE ROLE "+role+" LOGIN PASSWORD 'x'", `
		CREATE SCHEMA closed; CREATE SCHEMA open; GRANT USAGE ON SCHEMA open TO `+role+`;
		CREATE TABLE closed.a (b int); GRANT SELECT ON closed.a TO `+role+`;
		CREATE TABLE open.granted (b int); GRANT SELECT ON open.granted TO `+role+`;
		CREATE TABLE open.columns (b int, c int); GRANT SELECT (b, c) ON open.columns TO `+role+`;
		CREATE TABLE open.half (b int, c int); GRANT SELECT (b) ON open.half TO `+role+`;
		CREATE TABLE open.denied (b int);
		CREATE TABLE open.filtered (b int); GRANT SELECT ON open.filtered TO `+role+`; ALTER TABLE open.filtered ENABLE ROW LEVEL SECURITY;
		CREATE SEQUENCE open.s;`)
	t.Cleanup(func() { pgtest.Exec(t, cfg, "DROP OWNED BY "+role+"; DROP ROLE "+role) })
	reader := cfg.Copy()
	reader.User, reader.Password = role, "x"
	ctx, conn := connect(t, reader)
	tables, err := catalog.Tables(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, table := range tables {
		got[table.String()] = table.CanSelect
		if table.RowSecurityActive != (table.Name == "filtered") {
			t.Errorf("%s: row security active: %t", table, table.RowSecurityActive)
		}
	}
	want := map[string]bool{
		"closed.a": false, "open.granted": true, "open.columns": true, "open.half": false, "open.denied": false, "open.filtered": true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	sequences, err := catalog.Sequences(ctx, conn)
	if err != nil || len(sequences) != 1 || sequences[0].CanSelect {
		t.Errorf("sequences %+v, %v", sequences, err)
	}
	for name, read := range readers() {
		if err := read(ctx, conn); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTablesOfExtensions(t *testing.T) {
	t.Parallel()
	// An extension's tables are known by pg_depend alone, so any extension can be given some.
	ctx, conn := connect(t, pgtest.New(t, `
		CREATE EXTENSION citext;
		CREATE TABLE member (a int); CREATE TABLE config (a int);
		ALTER EXTENSION citext ADD TABLE member; ALTER EXTENSION citext ADD TABLE config;
		UPDATE pg_extension SET extconfig = ARRAY['config'::regclass::oid], extcondition = ARRAY['WHERE a > 1'] WHERE extname = 'citext';`))
	tables, err := catalog.Tables(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) != 1 || tables[0].Name != "config" || tables[0].Extension != "citext" || tables[0].Condition != "WHERE a > 1" {
		t.Errorf("tables: %+v", tables)
	}
}

func TestEmptyDatabase(t *testing.T) {
	t.Parallel()
	ctx, conn := connect(t, pgtest.New(t))
	tables, err := catalog.Tables(ctx, conn)
	if err != nil || len(tables) != 0 {
		t.Errorf("tables %v, %v", tables, err)
	}
	for name, read := range readers() {
		if err := read(ctx, conn); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// readers is every function of the package that reads.
func readers() map[string]func(context.Context, catalog.Querier) error {
	return map[string]func(context.Context, catalog.Querier) error{
		"tables":       func(ctx context.Context, q catalog.Querier) error { _, err := catalog.Tables(ctx, q); return err },
		"foreign keys": func(ctx context.Context, q catalog.Querier) error { _, err := catalog.ForeignKeys(ctx, q); return err },
		"sequences":    func(ctx context.Context, q catalog.Querier) error { _, err := catalog.Sequences(ctx, q); return err },
		"matviews":     func(ctx context.Context, q catalog.Querier) error { _, err := catalog.MatViews(ctx, q); return err },
		"extensions":   func(ctx context.Context, q catalog.Querier) error { _, err := catalog.Extensions(ctx, q); return err },
		"roles":        func(ctx context.Context, q catalog.Querier) error { _, err := catalog.Roles(ctx, q); return err },
		"database":     func(ctx context.Context, q catalog.Querier) error { _, err := catalog.ReadDatabase(ctx, q); return err },
		"outside":      func(ctx context.Context, q catalog.Querier) error { _, err := catalog.ReadOutside(ctx, q); return err },
		"settings":     func(ctx context.Context, q catalog.Querier) error { _, err := catalog.Settings(ctx, q); return err },
	}
}

func find(t *testing.T, tables []catalog.Table, name string) catalog.Table {
	t.Helper()
	i := slices.IndexFunc(tables, func(table catalog.Table) bool { return table.String() == name })
	if i < 0 {
		t.Fatalf("no table %s", name)
	}
	return tables[i]
}

// A name is quoted exactly where the server quotes it.
func TestQuote(t *testing.T) {
	t.Parallel()
	ctx, conn := connect(t, pgtest.New(t))
	rows, err := conn.Query(ctx, `SELECT w, quote_ident(w) FROM (SELECT word FROM pg_get_keywords()
		UNION ALL SELECT unnest(ARRAY['', 'a', 'A', 'a1', '1a', '_a', 'a_', 'a$', 'a b', 'a.b', 'a"b', 'größe', '日本', 'a'||chr(10)])) x (w)`)
	if err != nil {
		t.Fatal(err)
	}
	pairs, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Word, Quoted string }])
	if err != nil || len(pairs) < 400 {
		t.Fatalf("%d words, %v", len(pairs), err)
	}
	for _, p := range pairs {
		if got := catalog.Quote(p.Word); got != p.Quoted {
			t.Errorf("Quote(%q) = %s, want %s", p.Word, got, p.Quoted)
		}
	}
}
