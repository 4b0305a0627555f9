package rehearse_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/receipt"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

const parted = `CREATE TABLE kinds (id int PRIMARY KEY);
CREATE TABLE calls (id int, kind int REFERENCES kinds, at date NOT NULL DEFAULT now(), note text CHECK (note <> ''), PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE INDEX calls_kind ON calls (kind);
CREATE TABLE refs (id int PRIMARY KEY, call int, at date, FOREIGN KEY (call, at) REFERENCES calls);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE ON calls FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TABLE calls_01 PARTITION OF calls FOR VALUES FROM ('2026-01-01') TO ('2026-01-02');
CREATE TABLE calls_02 PARTITION OF calls FOR VALUES FROM ('2026-01-02') TO ('2026-01-03');
CREATE TABLE calls_rest PARTITION OF calls DEFAULT;`

const another = "CREATE TABLE calls_03 PARTITION OF calls FOR VALUES FROM ('2026-01-03') TO ('2026-01-04')"

// TestReceiptOfPartitions moves production after a rehearsal: what a job does by the night moves no fingerprint, anything else does.
func TestReceiptOfPartitions(t *testing.T) {
	t.Parallel()
	source := pgtest.New(t, parted+gooseTable+"; INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, true)")
	cfg := configured(t, source, rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}, rulesFor(t, source, nil))
	dir := release(t, "ALTER TABLE calls ADD tag text; COMMENT ON TABLE calls_02 IS 'named';")
	cfg.Migrations = os.DirFS(dir)
	r, err := rehearse.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := receipt.New(r)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := receipt.Seal(payload, nil)
	if err != nil {
		t.Fatal(err)
	}
	kept, admin := pgtest.Clone(t, source), pgtest.Default(t).Config("postgres")
	const moved = "it is not as it was when it was rehearsed: "
	for name, c := range map[string]struct{ sql, want string }{
		"nothing":        {"SELECT 1", "as it was when it was rehearsed"},
		"a night":        {another + "; ALTER TABLE calls DETACH PARTITION calls_01; DROP TABLE calls_01", "as it was when it was rehearsed, but for partitions like their siblings: 1 new, 1 gone"},
		"attached":       {strings.Replace(another, "PARTITION OF calls FOR VALUES", "(LIKE calls INCLUDING ALL); ALTER TABLE calls ATTACH PARTITION calls_03 FOR VALUES", 1), "as it was when it was rehearsed, but for partitions like their siblings: 1 new, 0 gone"},
		"an index more":  {another + "; CREATE INDEX ON calls_03 (note)", moved + "partitions public.calls was changed"},
		"a check more":   {another + "; ALTER TABLE calls_03 ADD CHECK (id > 0)", moved + "partitions public.calls was changed"},
		"other options":  {another + " WITH (fillfactor = 70)", moved + "partitions public.calls was changed"},
		"a default":      {another + "; ALTER TABLE calls_03 ALTER note SET DEFAULT 'x'", moved + "partitions public.calls was changed"},
		"a default gone": {"ALTER TABLE calls DETACH PARTITION calls_rest; DROP TABLE calls_rest", moved + "partitions public.calls was changed"},
		"one changed":    {"ALTER TABLE calls_01 ALTER note SET NOT NULL", moved + "partition public.calls_01 was changed, partitions public.calls was changed"},
		"a bound":        {"ALTER TABLE calls DETACH PARTITION calls_01; ALTER TABLE calls ATTACH PARTITION calls_01 FOR VALUES FROM ('2025-01-01') TO ('2025-01-02')", moved + "partition public.calls_01 was changed"},
		"a named one":    {"ALTER TABLE calls DETACH PARTITION calls_02; DROP TABLE calls_02", moved + "partition public.calls_02 is gone, and a pending migration names it"},
		"the table":      {"ALTER TABLE calls ADD n int", ""},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			pgtest.Exec(t, admin, "DROP DATABASE "+source.Database)
			pgtest.Exec(t, admin, "CREATE DATABASE "+source.Database+" TEMPLATE "+kept.Database)
			pgtest.Exec(t, source, c.sql)
			v, err := rehearse.Verify(t.Context(), rehearse.VerifyConfig{Receipt: sealed, AllowUnsigned: true, Migrations: os.DirFS(dir), MigrationsDir: dir, Source: source})
			if err != nil {
				t.Fatal(err)
			}
			last := v.Checks[len(v.Checks)-1]
			got := strings.TrimSuffix(last.Text+": "+strings.Join(last.Moved, ", "), ": ")
			if c.want == "" && !last.Holds {
				return
			}
			if d := cmp.Diff(c.want, got); d != "" || last.What != "schema" || last.Holds != !strings.HasPrefix(c.want, moved) {
				t.Errorf("%s holds %v (-want +got):\n%s", last.What, last.Holds, d)
			}
		})
	}
}
