package rehearse

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// BenchmarkOverhead compares the application of migrations by goose alone with that under observation, from the first statement of the first
// to the last reading after the last, with all that is read between two: 200 small ones in a database of 2,000 tables, and one that writes 1 GB anew.
// Run it with -benchtime 3x or so; each round has a new copy of the database. A server of its own has the settings of measure mode.
func BenchmarkOverhead(b *testing.B) {
	server := pgtest.Start(b, "full_page_writes = on", "max_wal_size = 8GB")
	for _, c := range []struct {
		name, setup string
		migrations  fs.FS
	}{
		{"small", manyTables, smallMigrations()},
		{"statements", manyTables, fstest.MapFS{"1_inserts.sql": {Data: []byte("-- +goose Up\n" + strings.Repeat("INSERT INTO t1 (a) VALUES (1);\n", 2000))}}},
		{
			"rewrite", `CREATE TABLE big AS SELECT g AS id, repeat(md5(g::text), 30) AS b FROM generate_series(1, 1000000) g; ALTER TABLE big ADD PRIMARY KEY (id)`,
			fstest.MapFS{"1_rewrite.sql": {Data: []byte("-- +goose Up\nALTER TABLE big ALTER COLUMN id TYPE bigint;\n")}},
		},
	} {
		b.Run(c.name, func(b *testing.B) {
			original := server.New(b, c.setup)
			pgtest.Exec(b, original, "VACUUM ANALYZE pg_class, pg_attribute, pg_type, pg_depend, pg_index, pg_constraint, pg_attrdef, pg_trigger, pg_sequence")
			var plain, observed time.Duration
			for range b.N { // in turn, since the machine has moods
				plain += timed(b, server, original, func(cfg *pgx.ConnConfig) { gooseUp(b, cfg, c.migrations) })
				observed += applyObserved(b, server, original, c.migrations)
			}
			b.ReportMetric(plain.Seconds()/float64(b.N), "plain-s")
			b.ReportMetric(observed.Seconds()/float64(b.N), "observed-s")
			b.ReportMetric(observed.Seconds()/plain.Seconds(), "times-plain")
			b.ReportMetric(0, "ns/op")
		})
	}
}

const manyTables = `DO $$ BEGIN FOR i IN 1..2000 LOOP
	EXECUTE format('CREATE TABLE t%s (id bigserial PRIMARY KEY, a int NOT NULL, b text, c timestamptz DEFAULT now(), CHECK (a > 0))', i);
	EXECUTE format('CREATE INDEX ON t%s (a)', i);
	IF i % 100 = 0 THEN COMMIT; END IF;
END LOOP; END $$`

// smallMigrations are 200 as teams write them.
func smallMigrations() fs.FS {
	dir := fstest.MapFS{}
	for i := range 200 {
		var text string
		switch i % 5 {
		case 0:
			text = fmt.Sprintf("CREATE TABLE new_%d (id bigserial PRIMARY KEY, t bigint NOT NULL REFERENCES t%d, note text);", i, i+1)
		case 1:
			text = fmt.Sprintf("ALTER TABLE t%d ADD COLUMN d_%d text;", i, i)
		case 2:
			text = fmt.Sprintf("CREATE INDEX new_index_%d ON t%d (b);", i, i)
		case 3:
			text = fmt.Sprintf("INSERT INTO t%d (a, b) SELECT g, 'x' FROM generate_series(1, 100) g;", i)
		case 4:
			text = fmt.Sprintf("ALTER TABLE t%d ALTER COLUMN b SET DEFAULT '';\nUPDATE t%d SET b = '' WHERE b IS NULL;", i, i)
		}
		dir[fmt.Sprintf("%05d_m.sql", i+1)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + text + "\n-- +goose Down\nSELECT 1;\n")}
	}
	return dir
}

// timed runs f on a copy of a database.
func timed(b *testing.B, server *pgtest.Server, original *pgx.ConnConfig, f func(cfg *pgx.ConnConfig)) time.Duration {
	b.Helper()
	const name = "overhead"
	pgtest.Exec(b, server.Config("postgres"), "CREATE DATABASE "+name+" TEMPLATE "+pgx.Identifier{original.Database}.Sanitize())
	setFsync(b, server, "on")
	defer setFsync(b, server, "off")
	defer pgtest.Exec(b, server.Config("postgres"), "DROP DATABASE "+name+" WITH (FORCE)")
	start := time.Now()
	f(server.Config(name))
	return time.Since(start)
}

// setFsync is off while databases are made, of thousands of files.
func setFsync(b *testing.B, server *pgtest.Server, to string) {
	b.Helper()
	pgtest.Exec(b, server.Config("postgres"), "CHECKPOINT")
	for _, stmt := range []string{"ALTER SYSTEM SET fsync = " + to, "SELECT pg_reload_conf()", "SELECT pg_sleep(0.1)"} {
		pgtest.Exec(b, server.Config("postgres"), stmt)
	}
}

func gooseUp(b *testing.B, cfg *pgx.ConnConfig, dir fs.FS) {
	b.Helper()
	db := stdlib.OpenDB(*cfg)
	defer func(db *sql.DB) { _ = db.Close() }(db)
	provider, err := goose.NewProvider(goose.DialectPostgres, db, dir)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := provider.Up(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// applyObserved is the time from the first migration to the end of what is read after the last.
func applyObserved(b *testing.B, server *pgtest.Server, original *pgx.ConnConfig, dir fs.FS) (took time.Duration) {
	b.Helper()
	plan := planOf(b, dir)
	timed(b, server, original, func(cfg *pgx.ConnConfig) {
		m, err := openMeter(b.Context(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		defer m.close(b.Context())
		if err := m.begin(b.Context()); err != nil {
			b.Fatal(err)
		}
		var observing, reading time.Duration
		start := time.Now()
		run, err := migrate.Apply(b.Context(), plan, migrate.Options{
			Target: cfg.Copy, Watch: cfg.Copy,
			After: func(ctx context.Context, mig *report.Migration, o *observe.Observation) error {
				before := time.Now()
				defer func() { reading += time.Since(before) }()
				observing += o.Observing
				return m.after(ctx, mig, o)
			},
		})
		took = time.Since(start)
		if err != nil || run.Migrations[len(run.Migrations)-1].Outcome != report.Applied {
			b.Fatal(err, run.Migrations)
		}
		b.Logf("observed: %s, of it asking %s, reading after each %s", took, observing, reading)
	})
	return took
}
