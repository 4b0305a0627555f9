package observe_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/observe"
)

func TestRewriteReasons(t *testing.T) {
	t.Parallel()
	original := pgtest.New(t, table+`; CREATE MATERIALIZED VIEW mv AS SELECT id FROM t; CREATE TABLE part (a int) PARTITION BY RANGE (a);
		CREATE TABLE leaf PARTITION OF part FOR VALUES FROM (0) TO (10); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
		CREATE ACCESS METHOD heap_too TYPE TABLE HANDLER heap_tableam_handler; CREATE UNLOGGED TABLE u (a int)`)
	for _, c := range []struct {
		sql  string
		want []string // "relation: reason"
		only string   // "in" or "out" of a transaction
	}{
		{sql: "ALTER TABLE t ALTER a TYPE bigint", want: []string{"t: column type", "t_pkey: column type"}},
		{sql: "ALTER TABLE t ADD c float DEFAULT random()", want: []string{"t: volatile default", "t_a: volatile default", "t_pkey: volatile default"}},
		{sql: "ALTER TABLE t ADD c serial", want: []string{"t: volatile default", "t_a: volatile default", "t_pkey: volatile default"}},
		{sql: "ALTER TABLE t ADD c int GENERATED ALWAYS AS IDENTITY", want: []string{"t: identity column", "t_a: identity column", "t_pkey: identity column"}},
		{sql: "ALTER TABLE t ADD c int GENERATED ALWAYS AS (a + 1) STORED", want: []string{"t: generated column", "t_a: generated column", "t_pkey: generated column"}},
		{sql: "ALTER TABLE t ADD c positive", want: []string{"t: constrained domain", "t_a: constrained domain", "t_pkey: constrained domain"}},
		{sql: "ALTER TABLE t SET UNLOGGED", want: []string{"t: set unlogged", "t_a: set unlogged", "t_pkey: set unlogged"}},
		{sql: "ALTER TABLE u SET LOGGED", want: []string{"u: set logged"}},
		{sql: "ALTER TABLE u SET ACCESS METHOD heap_too", want: []string{"u: access method"}},
		{sql: "TRUNCATE t", want: []string{"t: truncate", "t_a: truncate", "t_pkey: truncate"}},
		{sql: "TRUNCATE part", want: []string{"leaf: truncate"}},
		{sql: "DO $$ BEGIN TRUNCATE u; END $$", want: []string{"u: truncate"}},
		{sql: "DO $$ BEGIN EXECUTE 'TRUNCATE u'; END $$", want: []string{"u: truncate"}},
		{sql: "SELECT 1; TRUNCATE u; SELECT 2", want: []string{"u: truncate"}},
		{sql: "CLUSTER t USING t_a", want: []string{"t: vacuum full or cluster", "t_a: vacuum full or cluster", "t_pkey: vacuum full or cluster"}},
		{sql: "VACUUM FULL u", want: []string{"u: vacuum full or cluster"}, only: "out"},
		{sql: "REINDEX INDEX t_a", want: []string{"t_a: reindex"}},
		{sql: "REFRESH MATERIALIZED VIEW mv", want: []string{"mv: refresh"}},
		{sql: "ALTER TABLE t ADD c int DEFAULT 5"},
		{sql: "ALTER TABLE t ALTER b TYPE varchar"},
		{sql: "CREATE TABLE fresh (a int); TRUNCATE fresh"},
		{sql: "UPDATE t SET a = a + 1"},
	} {
		for _, where := range []string{"in", "out"} {
			if c.only != "" && c.only != where {
				continue
			}
			t.Run(c.sql+" "+where, func(t *testing.T) {
				b := newBench(t, pgtest.Clone(t, original))
				var o *observe.Observation
				if where == "in" {
					o = b.inTransaction(c.sql)
				} else {
					o = b.record(c.sql)
				}
				var got []string
				for _, w := range o.Rewrites {
					name := strings.TrimPrefix(w.Table, "public.")
					if w.Index != "" {
						name = strings.TrimPrefix(w.Index, "public.")
					}
					got = append(got, name+": "+w.Reason)
				}
				if diff := cmp.Diff(sorted(c.want), sorted(got)); diff != "" {
					t.Error(diff)
				}
				if len(o.Statements) != 1 || !cmp.Equal(o.Statements[0].Rewrites, o.Rewrites) {
					t.Errorf("statements: %+v", o.Statements)
				}
			})
		}
	}
}

func TestRewriteSize(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, table)
	o := newBench(t, db).inTransaction("ALTER TABLE t ALTER a TYPE bigint")
	if got, want := fmt.Sprint(o.Rewrites[0].Bytes), pgtest.Value(t, db, "SELECT pg_relation_size('t')"); got != want {
		t.Errorf("%s bytes in the transaction, want %s", got, want)
	}
	o = newBench(t, db).record("ALTER TABLE t ALTER a TYPE int")
	if got, want := fmt.Sprint(o.Rewrites[0].Bytes), pgtest.Value(t, db, "SELECT pg_relation_size('t')"); got != want {
		t.Errorf("%s bytes outside, want %s", got, want)
	}
}
