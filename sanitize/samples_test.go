package sanitize_test

import (
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/sanitize"
)

// TestStarterOnSampleDatabases writes a starter file for public sample databases, with values, and masks every row with it; a real
// server must take the result, with all keys in force.
func TestStarterOnSampleDatabases(t *testing.T) {
	for _, name := range []string{"cases/pagila-tables.sql.gz", "cases/chinook.sql.gz", "cases/netflix.sql.gz", "cases/periodic-table.sql.gz", "bench/prod.sql"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			cfg := load(t, filepath.Join(pgtest.Shared(t), name))
			conn, err := pgx.ConnectConfig(ctx, cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(ctx)
			db := readDatabase(t, conn)
			src := sanitize.Starter(db, readSamples(t, conn, db), sanitize.StarterOptions{Source: name})
			t.Logf("%s", src)
			maskInPlace(t, conn, accepted(t, src, db), db)
		})
	}
}

// load makes a database of a script, perhaps compressed, with psql, which reads the data between its statements.
func load(t *testing.T, file string) *pgx.ConnConfig {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var sql io.Reader = f
	if filepath.Ext(file) == ".gz" {
		if sql, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	cfg := pgtest.New(t)
	psql := pgtest.Command(t, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "scale=0.02")
	psql.Env, psql.Stdin = pgtest.Env(cfg), sql
	if out, err := psql.CombinedOutput(); err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
	return cfg
}

// maskInPlace empties every table and fills it with its masked rows, then checks all foreign keys.
func maskInPlace(t *testing.T, conn *pgx.Conn, plan *sanitize.Plan, db sanitize.Database) {
	t.Helper()
	ctx := context.Background()
	exec := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec("SET session_replication_role = replica")
	for _, table := range db.Tables {
		names := []sanitize.Relation{{Schema: table.Schema, Name: table.Name}}
		if len(table.Partitions) > 0 {
			names = table.Partitions
		}
		for _, name := range names {
			tp := plan.Table(name.Schema, name.Name)
			if tp.Masked() == nil {
				continue
			}
			var columns []string
			for _, c := range tp.Columns {
				columns = append(columns, pgx.Identifier{c.Name}.Sanitize())
			}
			target := pgx.Identifier{name.Schema, name.Name}.Sanitize() + " (" + strings.Join(columns, ",") + ")"
			masked := &masker{row: tp.Row()}
			if _, err := conn.PgConn().CopyTo(ctx, masked, "COPY "+target+" TO STDOUT"); err != nil {
				t.Fatal(err)
			}
			exec("DELETE FROM " + name.String())
			if _, err := conn.PgConn().CopyFrom(ctx, strings.NewReader(string(masked.out)), "COPY "+target+" FROM STDIN"); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	exec("SET session_replication_role = origin")
	// A constraint that is dropped and added again is checked against every row.
	exec(`DO $$ DECLARE c record; BEGIN
		FOR c IN SELECT conrelid::regclass AS t, conname, pg_get_constraintdef(oid) AS def FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 LOOP
			EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.t, c.conname);
			EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.t, c.conname, c.def);
		END LOOP; END $$`)
}

// masker masks what is written to it; pgx writes one row at a time.
type masker struct {
	row *sanitize.Row
	out []byte
}

func (m *masker) Write(line []byte) (int, error) {
	var err error
	m.out, err = m.row.Append(m.out, line)
	return len(line), err
}

func readSamples(t *testing.T, conn *pgx.Conn, db sanitize.Database) sanitize.Samples {
	t.Helper()
	samples := sanitize.Samples{}
	for _, table := range db.Tables {
		name := sanitize.Relation{Schema: table.Schema, Name: table.Name}
		samples[name] = map[string][]string{}
		for _, c := range table.Columns {
			col := pgx.Identifier{c.Name}.Sanitize()
			rows, err := conn.Query(context.Background(), "SELECT "+col+"::text FROM "+name.String()+" WHERE "+col+" IS NOT NULL LIMIT 50")
			if err != nil {
				t.Fatal(err)
			}
			if samples[name][c.Name], err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return samples
}

// readDatabase reads just enough of the catalog for the sample databases.
func readDatabase(t *testing.T, conn *pgx.Conn) sanitize.Database {
	t.Helper()
	var raw []sanitize.Table
	query(t, conn, &raw, `SELECT json_agg(json_build_object('Schema', n.nspname, 'Name', c.relname,
		'Partitions', (SELECT json_agg(json_build_object('Schema', pn.nspname, 'Name', pc.relname)) FROM pg_inherits i JOIN pg_class pc ON pc.oid = i.inhrelid JOIN pg_namespace pn ON pn.oid = pc.relnamespace WHERE i.inhparent = c.oid),
		'PartitionKey', (SELECT json_agg(a.attname) FROM pg_partitioned_table p JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = ANY (p.partattrs::int2[]) WHERE p.partrelid = c.oid),
		'Columns', (SELECT json_agg(json_build_object('Name', a.attname, 'BaseType', COALESCE(b.typname, ty.typname), 'TypeKind', ascii(ty.typtype::text),
			'MaxLength', CASE WHEN COALESCE(b.typname, ty.typname) IN ('varchar', 'bpchar') AND a.atttypmod > 4 THEN a.atttypmod - 4 ELSE 0 END, 'NotNull', a.attnotnull, 'Generated', a.attgenerated <> '',
			'Expression', CASE WHEN a.attgenerated <> '' THEN (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d WHERE d.adrelid = c.oid AND d.adnum = a.attnum) ELSE '' END) ORDER BY a.attnum)
			FROM pg_attribute a JOIN pg_type ty ON ty.oid = a.atttypid LEFT JOIN pg_type b ON b.oid = NULLIF(ty.typbasetype, 0) WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
		'Unique', (SELECT json_agg(json_build_object('Name', ic.relname, 'Expression', i.indexprs IS NOT NULL, 'Definition', pg_get_indexdef(i.indexrelid),
			'Columns', (SELECT json_agg(a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts-1])),
			'Referenced', (SELECT json_agg(a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND (a.attnum = ANY (i.indkey::int2[])
				OR EXISTS (SELECT FROM pg_depend d WHERE d.objid = ic.oid AND d.refobjid = c.oid AND d.refobjsubid = a.attnum)))))
			FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid
			WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion))) ORDER BY n.nspname, c.relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema')`)
	db := sanitize.Database{Tables: raw}
	query(t, conn, &db.ForeignKeys, `SELECT COALESCE(json_agg(json_build_object('Name', f.conname,
		'Child', json_build_object('Schema', cn.nspname, 'Name', cc.relname), 'Parent', json_build_object('Schema', pn.nspname, 'Name', pc.relname),
		'ChildColumns', (SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(f.conkey) WITH ORDINALITY k(attnum, n) JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum),
		'ParentColumns', (SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(f.confkey) WITH ORDINALITY k(attnum, n) JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.attnum))), '[]')
		FROM pg_constraint f JOIN pg_class cc ON cc.oid = f.conrelid JOIN pg_namespace cn ON cn.oid = cc.relnamespace JOIN pg_class pc ON pc.oid = f.confrelid JOIN pg_namespace pn ON pn.oid = pc.relnamespace
		WHERE f.contype = 'f'`)
	return db
}

func query(t *testing.T, conn *pgx.Conn, to any, sql string) {
	t.Helper()
	if err := conn.QueryRow(context.Background(), sql).Scan(to); err != nil {
		t.Fatal(err)
	}
}
