package rehearse_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

const documents = gooseTable + `; INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, true);
CREATE TABLE docs (id int PRIMARY KEY, payload jsonb, tags text);
INSERT INTO docs SELECT i, jsonb_build_object('k', 'key ' || i, 'n', i::text, 'in', jsonb_build_object('n', i)), '{a,b}' FROM generate_series(1, 200) i;
UPDATE docs SET payload = payload || '{"k": "key 7"}' WHERE id IN (8, 9); UPDATE docs SET payload = payload || '{"n": "many"}' WHERE id IN (3, 4);
UPDATE docs SET payload = payload || '{"n": "-5"}' WHERE id = 5; UPDATE docs SET payload = payload - 'k' WHERE id = 6; UPDATE docs SET tags = 'no list' WHERE id < 4;`

// TestDocumentsDecide: what of expressions over masked documents can be counted at the source is, as psql would.
func TestDocumentsDecide(t *testing.T) {
	t.Parallel()
	source := pgtest.New(t, documents)
	cfg := configured(t, source, rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)},
		rulesFor(t, source, map[string]string{"public.docs.payload": "{mask: constant, value: '{}'}", "public.docs.tags": "{mask: constant, value: '{}'}"}))
	cfg.Migrations, cfg.Policy = os.DirFS(release(t,
		"ALTER TABLE docs ADD CHECK (payload->>'k' <> 'key 1' AND payload ? 'k');",
		"CREATE UNIQUE INDEX ON docs ((payload->>'k'));",
		"ALTER TABLE docs ADD CONSTRAINT n CHECK ((payload->>'n')::int > 0);",
		"CREATE INDEX ON docs (((payload->>'n')::int));",
		"CREATE UNIQUE INDEX ON docs (((payload->>'n')::bigint)) WHERE payload ? 'n';",
		"CREATE INDEX ON docs ((payload->>'k')) WHERE tags <> '';",
		"ALTER TABLE docs ALTER payload TYPE int USING ((payload->'in'->>'n')::int);",
		"ALTER TABLE docs ALTER tags TYPE text[] USING (tags::text[]);",
	)), verdict.Policy{AllowRewriteBelow: -1}
	r, err := rehearse.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	count := func(condition string) string {
		return pgtest.Value(t, source, "SELECT count(*)::text FROM docs WHERE "+condition)
	}
	noNumber := "cast payload " + count("payload->>'n' !~ '^-?[0-9]+$'") + "/0: only at source"
	want := []string{
		"2 check payload " + count("NOT (payload->>'k' <> 'key 1' AND payload ? 'k')") + "/200: confirmed at source",
		"3 unique payload 1/0: only at source",
		"4 check payload " + count("payload->>'n' LIKE '-%'") + "/0: only at source", "4 " + noNumber,
		"5 " + noNumber,
		"6 unique payload 0/0: nothing in the way", "6 " + noNumber,
		"8 cast payload 0/0: nothing in the way",
		"9 cast tags ?/?: not checked at the source", // PostgreSQL 15 has nothing that asks whether a text is a list
	}
	if d := cmp.Diff(want, concluded(r)); d != "" {
		t.Errorf("checks (-want +got):\n%s", d)
	}
}
