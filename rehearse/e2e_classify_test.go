package rehearse_test

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// TestStarterFindsPersonalColumns holds what sanitize init proposes against lists made by hand. A personal column that is kept fails; a
// column that is masked without need costs precision, which is told. That text of unknown content is masked is meant so.
func TestStarterFindsPersonalColumns(t *testing.T) {
	t.Parallel()
	for name, load := range map[string]func(testing.TB, *pgx.ConnConfig){
		"bench": loadBench, "pagila": loadPagila,
		"chinook": func(t testing.TB, cfg *pgx.ConnConfig) { loadSample(t, cfg, "chinook") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			truth := personal(t, name)
			source := fresh(t, name, load)
			for _, samples := range []int{200, 0} {
				masked, all := proposed(t, source, samples)
				found := 0
				for column := range truth {
					switch is, there := masked[column]; {
					case !there:
						t.Errorf("the list names %s, which is not there", column)
					case is:
						found++
					default:
						t.Errorf("with %d samples, %s is kept", samples, column)
					}
				}
				positive := 0
				for column, is := range masked {
					if is {
						positive++
						if !truth[column] {
							t.Logf("with %d samples, masked without need: %s", samples, column)
						}
					}
				}
				t.Logf("%s, %d rows sampled: recall %.2f (%d of %d personal columns masked), precision %.2f (%d of %d masked columns are personal), %d columns",
					name, samples, float64(found)/float64(len(truth)), found, len(truth), float64(found)/float64(positive), found, positive, all)
			}
		})
	}
}

// personal reads the list of a database.
func personal(t *testing.T, name string) map[string]bool {
	t.Helper()
	f, err := os.Open(filepath.Join(pgtest.Root(t), "rehearse", "testdata", "truth", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	truth := map[string]bool{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if line := lines.Text(); line != "" && line[0] != '#' {
			truth[line] = true
		}
	}
	return truth
}

// proposed tells for every column that has a rule in the proposal, or follows one, whether it is masked.
func proposed(t *testing.T, source *pgx.ConnConfig, samples int) (masked map[string]bool, all int) {
	t.Helper()
	text, err := rehearse.StarterRules(t.Context(), rehearse.Config{Source: source.Copy()}, samples)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := sanitize.ParseRules("proposal.yaml", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	desc := described(t, source)
	plan, err := rules.Plan(snapshot.Database(desc), sanitize.NewKey())
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	masked = map[string]bool{}
	for _, table := range plan.Tables() {
		for _, c := range table.Columns {
			masked[strings.Join([]string{catalog.Quote(table.Schema), catalog.Quote(table.Name), catalog.Quote(c.Name)}, ".")] = !c.Mask.Keep()
		}
	}
	return masked, len(masked)
}
