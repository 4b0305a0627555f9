package rehearse_test

import (
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// TestLimitsOfSessions has a database that ends its sessions, and what they do, after a while, and lets them only read. This ends neither the
// copy, whose first session has nothing to do while staging starts, nor what looks on and kills in staging; migrations are under it.
func TestLimitsOfSessions(t *testing.T) {
	t.Parallel()
	source := pgtest.New(t, gooseTable+"; INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, true); CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
	where := rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}
	cfg := configured(t, source, where, rulesFor(t, source, nil))
	for _, limit := range []string{"idle_session_timeout = '300ms'", "idle_in_transaction_session_timeout = '300ms'", "statement_timeout = '3s'", "default_transaction_read_only = on"} {
		pgtest.Exec(t, pgtest.Default(t).Config("postgres"), "ALTER DATABASE "+pgx.Identifier{source.Database}.Sanitize()+" SET "+limit)
	}
	cfg.Migrations, cfg.Policy, cfg.Passes = os.DirFS(release(t,
		"SET LOCAL transaction_read_only = off;\nALTER TABLE t ADD COLUMN b int;\nSELECT pg_sleep(1);\nUPDATE t SET b = 1;",
		"SET LOCAL transaction_read_only = off;\nSELECT pg_sleep(60);")), verdict.Policy{AllowRewriteBelow: -1, UnexpectedRowChanges: "warn"}, []string{"kill"}
	result, err := rehearse.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range result.NotMeasured {
		if strings.Contains(n.What, "kill") {
			t.Errorf("not measured: %s: %s", n.What, n.Why)
		}
	}
	first, second := result.Migrations[0], result.Migrations[1]
	if first.Failure != nil || first.Kill == nil {
		t.Errorf("the first: failed %+v, killed %+v", first.Failure, first.Kill)
	}
	if second.Failure == nil || second.Failure.SQLState != "57014" {
		t.Errorf("the second is not under production's statement_timeout: %+v", second.Failure)
	}
}
