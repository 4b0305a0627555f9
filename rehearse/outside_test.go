package rehearse

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// TestEffectsOutsideTheDatabase: roles, tablespaces, and settings kept for roles and databases belong to the cluster, and are told of the
// migration that changed them.
func TestEffectsOutsideTheDatabase(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t)
	db := s.New(t, "CREATE ROLE old LOGIN; CREATE TABLE t (id int)")
	name := `"` + db.Database + `"`
	steps := []struct{ sql, want string }{
		{"CREATE ROLE fresh; GRANT old TO fresh;", "added role fresh"},
		{"ALTER ROLE CURRENT_USER SET search_path = a, public;", "added setting search_path of postgres"},
		{"ALTER DATABASE " + name + " SET work_mem = '7MB';", "added setting work_mem of all roles in this database"},
		{"ALTER ROLE old IN DATABASE " + name + " SET timezone = 'UTC';", `added setting "TimeZone" of old in this database`},
		{"ALTER ROLE old NOLOGIN;", "changed role old"},
		{"!CREATE TABLESPACE fast LOCATION '" + s.Mkdir(t, "fast") + "';", "added tablespace fast"},
		{"ALTER TABLE t SET TABLESPACE fast;", "changed table public.t"},
		{"ALTER DATABASE " + name + " RESET work_mem;", "dropped setting work_mem of all roles in this database"},
	}
	dir := fstest.MapFS{}
	for i, step := range steps {
		text, outside := strings.CutPrefix(step.sql, "!")
		head := "-- +goose Up\n"
		if outside {
			head = "-- +goose NO TRANSACTION\n" + head
		}
		dir[fmt.Sprintf("%d_m.sql", i+1)] = &fstest.MapFile{Data: []byte(head + strings.ReplaceAll(text, "; ", ";\n") + "\n")}
	}
	plan := planOf(t, dir)
	m, err := openMeter(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	defer m.close(context.Background())
	if err := m.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = migrate.Apply(t.Context(), plan, migrate.Options{
		Target: db.Copy, Watch: db.Copy,
		After: func(ctx context.Context, mig *report.Migration, o *observe.Observation) error {
			if err := m.after(ctx, mig, o); err != nil {
				return err
			}
			var told []string
			for _, c := range mig.Schema {
				told = append(told, c.Action+" "+c.Kind+" "+c.Name)
			}
			if diff := cmp.Diff([]string{steps[mig.Version-1].want}, told); diff != "" {
				t.Errorf("%s: want (-), told (+):\n%s", steps[mig.Version-1].sql, diff)
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	result := &report.Result{}
	if err := m.end(t.Context(), result); err != nil || len(result.NotMeasured) > 0 || len(result.Schema) != 6 {
		t.Errorf("in all: %v, %+v, %+v", err, result.NotMeasured, result.Schema)
	}
}
