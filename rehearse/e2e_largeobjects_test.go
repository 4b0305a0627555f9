package rehearse_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/snapshot"
)

// largeObjects is all that a database has of them.
func largeObjects(t *testing.T, cfg *pgx.ConnConfig) string {
	t.Helper()
	return pgtest.Value(t, cfg, `SELECT coalesce(string_agg(concat_ws(' ', oid, pg_get_userbyid(lomowner), lomacl, obj_description(oid, 'pg_largeobject'), length(lo_get(oid)), md5(lo_get(oid))), E'\n'
		ORDER BY oid), '') FROM pg_largeobject_metadata`)
}

// TestLargeObjects reads large objects, or only how large they are, as a role that may read and no more; and not at all unless the rules say so.
func TestLargeObjects(t *testing.T) {
	t.Parallel()
	server := watchedServer(t)
	db := server.New(t, `CREATE TABLE doc (id int, content oid);
		INSERT INTO doc SELECT i, lo_from_bytea(20000 + i, convert_to(repeat('MARKER ' || i || ' ', i * i * 7), 'UTF8')) FROM generate_series(0, 200) i;
		SELECT lo_put(lo_from_bytea(30000, ''), 3000000, 'MARKER');`+reader+`; GRANT SELECT ON doc TO reader;
		COMMENT ON LARGE OBJECT 20007 IS 'the seventh'; GRANT UPDATE ON LARGE OBJECT 20008 TO reader WITH GRANT OPTION`)
	local := rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}
	with := func(rule string) rehearse.Config {
		return configured(t, readerOf(db), local, "version: 1\nlarge_objects: "+rule+"\ntables: {public.doc: {id: keep, content: keep}}\n")
	}
	_, err := rehearse.Stage(t.Context(), with("blank"))
	var rights *snapshot.PrivilegeError
	if !errors.As(err, &rights) || len(rights.Objects) != 202 || rights.Objects[0] != "large object 20000" {
		t.Errorf("without a privilege: %v", err)
	}
	pgtest.Exec(t, db, `DO $$ BEGIN EXECUTE (SELECT string_agg('GRANT SELECT ON LARGE OBJECT ' || oid || ' TO reader', ';') FROM pg_largeobject_metadata); END $$`)
	before := writes(t, server, db.Database)
	const number, sizes, sums = `SELECT count(*) FROM pg_largeobject_metadata`, `SELECT sum(length(lo_get(oid))) FROM pg_largeobject_metadata`,
		`SELECT string_agg(oid || md5(lo_get(oid)), ',' ORDER BY oid) FROM pg_largeobject_metadata`
	for rule, want := range map[string]struct {
		equal, differ []string
		told          string
	}{
		"none":  {nil, []string{number}, "202 large objects"},
		"blank": {[]string{number, sizes}, []string{sums}, "content of 202 large objects"},
		"keep":  {[]string{number, sizes, sums}, nil, ""},
	} {
		s, copied := staged(t, with(rule))
		if rule != "none" {
			again, restored := staged(t, fromSnapshot(t, snapshotted(t, with(rule)), local))
			equal(t, rule+": restored", largeObjects(t, copied), largeObjects(t, restored))
			equal(t, rule+": told of what was restored", differencesTold(s), differencesTold(again))
		}
		for _, query := range want.equal {
			equal(t, rule, pgtest.Value(t, db, query), pgtest.Value(t, copied, query))
		}
		for _, query := range want.differ {
			if pgtest.Value(t, db, query) == pgtest.Value(t, copied, query) {
				t.Errorf("%s: the same %s", rule, query)
			}
		}
		if marked := strings.Contains(pgtest.Dump(t, copied), "4d41524b4552"); marked != (rule == "keep") {
			t.Errorf("%s: content is there: %v", rule, marked)
		}
		if told := len(s.Differences) == 1 && strings.HasPrefix(s.Differences[0].What, want.told); told != (want.told != "") {
			t.Errorf("%s: told %+v", rule, s.Differences)
		}
	}
	if after := writes(t, server, db.Database); after != before {
		t.Errorf("pg_stat_database of the source counts inserted, updated, deleted %s, before it was %s", after, before)
	}
}
