package migrate_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// effect is one measured case: what a statement was found to do by means other than ours.
type effect struct {
	Locks     []string // "t ACCESS EXCLUSIVE": the strongest on each table, and on the index t_a
	Rewritten bool     // t
	Indexes   []string // of t, rebuilt
	Scans     string   // of t; "-" where t is gone
}

type measured struct {
	name, sql string
	fails     bool
	want      effect
}

// readEffects reads the measured cases and their set-up, which stands in comments.
func readEffects(t *testing.T) (setup string, cases []measured) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(pgtest.Shared(t), "cases", "statement-effects-pg15.tsv"))
	if err != nil {
		t.Skipf("the measured effects are not here: %v", err)
	}
	for _, m := range regexp.MustCompile(`(?m)^#   (.*)$`).FindAllSubmatch(text, -1) {
		setup += string(m[1]) + "\n"
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 7 || f[0] == "case" {
			continue
		}
		want := effect{Rewritten: f[4] == "yes", Scans: f[6]}
		for lock := range strings.SplitSeq(f[3], ", ") {
			if name, mode, ok := strings.Cut(lock, " "); ok {
				want.Locks = append(want.Locks, name+" "+documented(mode))
			}
		}
		if f[5] != "-" {
			want.Indexes = strings.Split(f[5], ",")
		}
		cases = append(cases, measured{name: f[0], sql: f[1], fails: strings.HasPrefix(f[2], "fails"), want: want})
	}
	return setup, cases
}

// documented turns AccessShareLock into ACCESS SHARE.
func documented(mode string) string {
	words := regexp.MustCompile(`[A-Z][a-z]+`).FindAllString(strings.TrimSuffix(mode, "Lock"), -1)
	return strings.ToUpper(strings.Join(words, " "))
}

// TestEffects applies each of the measured statements as a migration, and expects what was measured.
func TestEffects(t *testing.T) {
	setup, cases := readEffects(t)
	original := pgtest.New(t)
	for stmt := range strings.SplitSeq(setup, ";") { // VACUUM has to stand alone
		pgtest.Exec(t, original, stmt)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			db := pgtest.Clone(t, original)
			m := applyOne(t, db, "-- +goose Up\n-- +goose StatementBegin\n"+c.sql+";\n-- +goose StatementEnd\n")
			if c.fails {
				if m.Outcome != report.Failed {
					t.Fatalf("outcome %s, want failed", m.Outcome)
				}
				return
			}
			if m.Outcome != report.Applied {
				t.Fatalf("outcome %s: %+v", m.Outcome, m.Failure)
			}
			if diff := cmp.Diff(c.want, effectOf(m, c.want.Scans == "-")); diff != "" {
				t.Errorf("%s\nmeasured (-), recorded (+):\n%s", c.sql, diff)
			}
		})
	}
}

// effectOf reads a migration's record in the terms of the measurements.
func effectOf(m report.Migration, gone bool) effect {
	got := effect{Scans: "0"}
	if gone {
		got.Scans = "-"
	}
	for _, st := range m.Statements {
		for _, l := range st.Locks {
			name := strings.TrimPrefix(l.Table, "public.")
			if l.Object != "" {
				name = strings.TrimPrefix(l.Object, "public.")
			}
			if slices.Contains([]string{"t", "p", "pt", "pt1", "pt2", "t_a"}, name) {
				got.Locks = append(got.Locks, name+" "+l.Mode)
			}
		}
		for _, w := range st.Rewrites {
			if w.Table == "public.t" && w.Index == "" {
				got.Rewritten = true
			} else if w.Table == "public.t" {
				got.Indexes = append(got.Indexes, strings.TrimPrefix(w.Index, "public."))
			}
		}
		for _, s := range st.Scans {
			if s.Table == "public.t" {
				got.Scans = itoa(s.Count)
			}
		}
	}
	slices.Sort(got.Locks)
	slices.Sort(got.Indexes)
	return got
}
