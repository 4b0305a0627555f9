package snapshot

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/sanitize"
)

// passage remembers what one worker's passage shows of a column.
type passage struct {
	column string
	was    []string
	masked int
}

func (p *passage) Saw(was, is []byte) {
	p.was = append(p.was, string(was))
	if string(is) != string(was) {
		p.masked++
	}
}

// testWatch compares what is seen of a masked column with what the source holds: of a table in pieces, in both formats.
func testWatch(t *testing.T, server *pgtest.Server) {
	for name, column := range map[string]string{"binary": "int", "text": "xml"} {
		t.Run(name, func(t *testing.T) {
			source := pgtest.New(t, splitSchema, "ALTER TABLE large ADD COLUMN other "+column)
			var mu sync.Mutex
			var passages []*passage
			copied(t, source, newTarget(t, server), map[string]string{"public.large.email": "email"}, CopyOptions{
				Jobs: 3, splitFrom: 1 << 16,
				Watch: func(plan *sanitize.TablePlan, column int) sanitize.Watcher {
					p := &passage{column: plan.Name + "." + plan.Columns[column].Name}
					mu.Lock()
					defer mu.Unlock()
					passages = append(passages, p)
					return p
				},
			})
			var was []string
			masked := 0
			for _, p := range passages {
				if p.column != "large.email" {
					t.Errorf("%s was watched", p.column)
				}
				was, masked = append(was, p.was...), masked+p.masked
			}
			slices.Sort(was)
			want := strings.Split(pgtest.Value(t, source, `SELECT string_agg(email, E'\n' ORDER BY email COLLATE "C") FROM large`), "\n")
			if diff := cmp.Diff(want, was); diff != "" {
				t.Errorf("values seen (-want +got):\n%s", diff)
			}
			if len(passages) < 2 || masked != len(want) {
				t.Errorf("%d passages, %d values masked of %d", len(passages), masked, len(want))
			}
		})
	}
}
