package snapshot

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

// testHashedEnums copies partitions by hash of enums, of which each server has its own: rows must be where the server looks for them, and that
// they may be elsewhere is told.
func testHashedEnums(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, `CREATE TYPE mood AS ENUM ('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l');
CREATE TABLE one (m mood, id int) PARTITION BY HASH (m);
CREATE TABLE many (ms mood[], id int) PARTITION BY LIST (id);
CREATE TABLE many_7 PARTITION OF many FOR VALUES IN (7) PARTITION BY HASH (ms);
CREATE TABLE still (id int) PARTITION BY HASH (id);
CREATE TABLE one_0 PARTITION OF one FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE one_1 PARTITION OF one FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE one_2 PARTITION OF one FOR VALUES WITH (MODULUS 3, REMAINDER 2);
CREATE TABLE many_7_0 PARTITION OF many_7 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE many_7_1 PARTITION OF many_7 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE still_0 PARTITION OF still FOR VALUES WITH (MODULUS 1, REMAINDER 0);
INSERT INTO one SELECT m, i FROM unnest(enum_range(NULL::mood)) m, generate_series(1, 20) i;
INSERT INTO many SELECT ARRAY[m, 'a'], 7 FROM one; INSERT INTO still SELECT id FROM one`)
	first, second := newTarget(t, server), newTarget(t, server)
	path, direct := archived(t, source, first, nil)
	again := restored(t, path, second)
	for _, r := range []*Result{direct, again} {
		told := strings.Join(r.LeftOut, "\n")
		if !strings.HasPrefix(told, "which partition of public.many ") || !strings.Contains(told, "\nwhich partition of public.one ") || len(r.LeftOut) != 2 {
			t.Errorf("told: %q", r.LeftOut)
		}
	}
	const query = "SELECT m, (SELECT count(*) FROM one o WHERE o.m = e.m), (SELECT count(*) FROM many WHERE ms = ARRAY[e.m, 'a'::mood]) FROM unnest(enum_range(NULL::mood)) e (m)"
	for _, target := range []Target{first, second} {
		if diff := cmp.Diff(rowsOf(t, source, query), rowsOf(t, target.Config(), query)); diff != "" {
			t.Errorf("found by their key (-source +copy):\n%s", diff)
		}
	}
}

// testGenerated copies generated columns whose function reads another table, which is smaller and so would be loaded later.
func testGenerated(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, `CREATE TABLE rates (k int PRIMARY KEY, rate numeric); INSERT INTO rates SELECT i, i * 1.5 FROM generate_series(0, 9) i;
CREATE FUNCTION rate_of(n int) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS $$DECLARE r numeric; BEGIN SELECT rate INTO STRICT r FROM rates WHERE k = n; RETURN r; END$$;
CREATE FUNCTION lesser(a int, b numeric) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN EXISTS (SELECT FROM public.rates WHERE k = a AND rate < b); END';
CREATE OPERATOR <<< (LEFTARG = int, RIGHTARG = numeric, FUNCTION = lesser);
CREATE TABLE priced (k int, pad text, rate numeric GENERATED ALWAYS AS (rate_of(k)) STORED); INSERT INTO priced SELECT i % 10, repeat('x', 100) FROM generate_series(1, 3000) i;
CREATE TABLE cheap (k int, pad text, low boolean GENERATED ALWAYS AS (k <<< 5.0) STORED); INSERT INTO cheap SELECT k, pad FROM priced`)
	first, second := newTarget(t, server), newTarget(t, server)
	path, direct := archived(t, source, first, nil)
	again := restored(t, path, second)
	if told := fmt.Sprint(direct.Computed, again.Computed); told != "[public.cheap public.priced] [public.cheap public.priced]" {
		t.Errorf("told of %s", told)
	}
	const query = "SELECT k, sum(rate), count(*), (SELECT count(*) FROM cheap c WHERE c.k = p.k AND low) FROM priced p GROUP BY 1"
	for _, target := range []Target{first, second} {
		if diff := cmp.Diff(rowsOf(t, source, query), rowsOf(t, target.Config(), query)); diff != "" {
			t.Errorf("computed (-source +copy):\n%s", diff)
		}
	}
}

// testKeyTriggers copies keys that nobody enforces, rows that break them, and partitions.
func testKeyTriggers(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, `CREATE TABLE parent (id int PRIMARY KEY, up int REFERENCES parent, other int UNIQUE DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE child (id int REFERENCES parent, at int CONSTRAINT "At ""x""" REFERENCES parent); CREATE TABLE enforced (id int REFERENCES parent);
CREATE TABLE parted (id int REFERENCES parent) PARTITION BY LIST (id); CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
INSERT INTO parent VALUES (1, 1); INSERT INTO child VALUES (1, 1);
ALTER TABLE child DISABLE TRIGGER ALL; INSERT INTO child VALUES (7, 7);
ALTER TABLE parent DISABLE TRIGGER ALL; ALTER TABLE ONLY parted DISABLE TRIGGER ALL;
DO $$ BEGIN EXECUTE (SELECT format('ALTER TABLE enforced ENABLE ALWAYS TRIGGER %I', tgname) FROM pg_trigger WHERE tgrelid = 'enforced'::regclass AND tgfoid = '"RI_FKey_check_ins"'::regproc); END $$`)
	first, second := newTarget(t, server), newTarget(t, server)
	path, _ := archived(t, source, first, nil)
	restored(t, path, second)
	const query = `SELECT g.tgrelid::regclass, con.conrelid::regclass, con.conname, g.tgfoid::regproc, g.tgenabled
		FROM pg_trigger g JOIN pg_constraint con ON con.oid = g.tgconstraint WHERE g.tgisinternal`
	if states := rowsOf(t, source, query); strings.Count(states, ",D)") < 8 || strings.Count(states, ",A)") != 1 || !strings.Contains(states, ",O)") {
		t.Fatalf("the source is not as meant:\n%s", states)
	}
	for _, target := range []Target{first, second} {
		if diff := cmp.Diff(rowsOf(t, source, query), rowsOf(t, target.Config(), query)); diff != "" {
			t.Errorf("when triggers fire (-source +copy):\n%s", diff)
		}
		pgtest.Exec(t, target.Config(), "INSERT INTO child VALUES (8, 8)")
	}
}
