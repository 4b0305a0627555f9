package rehearse_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

var updateEffects = flag.Bool("update-effects", false, "write the effects of testdata/effects anew, as other sessions see them; review the diff")

// TestEffectsOfStatements holds what is reported of each migration in testdata/effects to be what other sessions see while the same
// statements run in a twin of its database, and both to be what its file says: the strongest lock on each relation, which of them got new storage
// and why, full scans, and whether a SELECT, an INSERT, a CREATE INDEX and a COMMENT of others have to wait. A file can have effects of its own for
// a major ("effects 17", which holds for newer ones too).
func TestEffectsOfStatements(t *testing.T) {
	t.Parallel()
	t.Run("15", func(t *testing.T) {
		effectsOn(t, pgtest.Default(t).Config("postgres"))
	})
	t.Run("17", func(t *testing.T) {
		effectsOn(t, containerOf(t, 17, builtImage(t, "rehearse-postgres:17")).Config())
	})
}

// effectsOn runs the cases in databases of one server.
func effectsOn(t *testing.T, admin *pgx.ConnConfig) {
	files, err := filepath.Glob("testdata/effects/*.txtar")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d cases: %v", len(files), err)
	}
	base, err := os.ReadFile("testdata/effects/base.sql")
	if err != nil {
		t.Fatal(err)
	}
	s := effectsServer{admin: admin, original: "effects_base", major: pgtest.Value(t, admin, "SELECT current_setting('server_version_num')::int / 10000")}
	pgtest.Exec(t, admin, "CREATE DATABASE effects_base TEMPLATE template0")
	t.Cleanup(func() { pgtest.Exec(t, admin, "DROP DATABASE effects_base") })
	pgtest.Exec(t, s.config(s.original), string(base))
	pgtest.Exec(t, s.config(s.original), "VACUUM ANALYZE")
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			effectsOf(t, s, file)
		})
	}
}

var effectsDatabases atomic.Int64

type effectsServer struct {
	admin           *pgx.ConnConfig
	original, major string
}

func (s effectsServer) config(database string) *pgx.ConnConfig {
	cfg := s.admin.Copy()
	cfg.Database = database
	return cfg
}

// database is a copy of the base, in which a case's own set-up was carried out.
func (s effectsServer) database(t *testing.T, setup string) *pgx.ConnConfig {
	t.Helper()
	name := fmt.Sprintf("effects_%d", effectsDatabases.Add(1))
	pgtest.Exec(t, s.admin, "CREATE DATABASE "+name+" TEMPLATE "+s.original)
	t.Cleanup(func() { pgtest.Exec(t, s.admin, "DROP DATABASE "+name+" WITH (FORCE)") })
	pgtest.Exec(t, s.config(name), setup)
	return s.config(name)
}

func effectsOf(t *testing.T, s effectsServer, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	part := map[string]string{}
	for _, f := range archive.Files {
		part[f.Name] = string(f.Data)
	}
	set, err := migrate.Scan(fstest.MapFS{"1_m.sql": {Data: []byte(part["migration.sql"])}}, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := set.Plan(nil, 0, false)
	if err != nil {
		t.Fatal(err)
	}
	db := s.database(t, part["setup.sql"])
	kinds := map[string]string{}
	for _, rel := range relationsOf(t, connectTo(t, db)) {
		kinds[rel.name] = rel.kind
	}
	twin := db
	if !plan.Pending[0].Transaction || strings.Contains(part["migration.sql"], "COMMIT;") { // what it does cannot be taken back
		twin = s.database(t, part["setup.sql"])
	}
	looked := lookAt(t, twin, plan.Pending[0], part["beside.sql"])
	m, missed := observed(t, db, plan, part["beside.sql"])
	if part["beside.sql"] != "" && m.Waited < report.Duration(holding/8) {
		t.Errorf("it waited for the session beside, which the report does not tell: %s", m.Waited)
	}
	reported := asSeen(t, m, kinds)
	want := part[effectsFor(part, s.major)]
	if !m.Transaction {
		glimpsed(t, want, &looked, &reported, missed)
	}
	for name, bits := range looked.Rewrites {
		looked.Rewrites[name] = reasonOf(t, name, reported.Rewrites[name], bits)
	}
	if diff := cmp.Diff(looked.lines(), reported.lines()); diff != "" {
		t.Errorf("%s\nother sessions see (-), the report says (+):\n%s", archive.Comment, diff)
	}
	if *updateEffects {
		writeEffects(t, file, archive, looked.lines(), s.major)
		return
	}
	if diff := cmp.Diff(want, looked.lines()); diff != "" {
		t.Errorf("%s\n%s says (-), other sessions see (+):\n%s", archive.Comment, file, diff)
	}
}

// effectsFor is the part of a case's file that holds for a major: of its own, of the one before, or of all.
func effectsFor(part map[string]string, major string) string {
	for n, _ := strconv.Atoi(major); n > 15; n-- {
		if name := fmt.Sprintf("effects %d", n); part[name] != "" {
			return name
		}
	}
	return "effects"
}

// glimpsed is for locks seen from beside, of which a short one may be missed, by the oracle as by the product: a case's file has the strongest that
// there are, and no stronger one may be seen. A report without any must say so. What waits was tried at one moment only: the report must have it, and
// may have more. Both are then as the file and the oracle have them.
func glimpsed(t *testing.T, want string, looked, reported *lookedLike, missed []report.NotMeasured) {
	t.Helper()
	if *updateEffects {
		maps.Copy(looked.Locks, reported.Locks)
		reported.Locks = looked.Locks
	}
	file := map[string]string{}
	for line := range strings.Lines(want) {
		if name, mode, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); ok && strings.HasPrefix(name, "lock ") {
			file[strings.TrimPrefix(name, "lock ")] = mode
		}
	}
	if *updateEffects {
		file = looked.Locks
	}
	for _, l := range []*lookedLike{looked, reported} {
		for name, mode := range l.Locks {
			if rankOf(mode) > rankOf(file[name]) {
				t.Errorf("a lock that the case's file does not have: %s %s", name, mode)
			}
		}
	}
	if len(reported.Locks) == 0 {
		if len(file) > 0 && !slices.ContainsFunc(missed, func(n report.NotMeasured) bool { return strings.HasPrefix(n.What, "locks of ") }) {
			t.Errorf("the report has no lock, and does not say that none was seen")
		}
	}
	for name, what := range looked.Blocked {
		for w := range strings.SplitSeq(what, ", ") {
			if reported.Locks[name] != "" && !strings.Contains(reported.Blocked[name], w) {
				t.Errorf("%s of %s had to wait, of which the report tells nothing: %q", w, name, reported.Blocked[name])
			}
		}
	}
	looked.Locks, reported.Locks, reported.Blocked = file, file, looked.Blocked
}

// rankOf is the number of a mode as PostgreSQL has it; 0 for none.
func rankOf(mode string) int {
	mode = strings.TrimSuffix(mode, " sampled")
	return 1 + slices.IndexFunc(lockModes, func(m lockMode) bool { return m.name == mode })
}

// observed applies the plan as a rehearsal does.
func observed(t *testing.T, db *pgx.ConnConfig, plan *migrate.Plan, beside string) (report.Migration, []report.NotMeasured) {
	t.Helper()
	release := holdBeside(t, db, beside, func() {})
	defer release()
	run, err := migrate.Apply(t.Context(), plan, migrate.Options{Target: db.Copy, Watch: db.Copy})
	if err != nil {
		t.Fatal(err)
	}
	return run.Migrations[0], run.NotMeasured
}

// asSeen reads a report of one migration in the terms of the oracle.
func asSeen(t *testing.T, m report.Migration, kinds map[string]string) lookedLike {
	s := lookedLike{Outcome: string(m.Outcome), Locks: map[string]string{}, Rewrites: map[string]string{}, Scans: map[string]int64{}, Blocked: map[string]string{}}
	if m.Failure != nil {
		s.Outcome += " " + m.Failure.SQLState
		if m.Transaction {
			return lookedLike{Outcome: s.Outcome}
		}
	}
	blocked := map[string]map[string]bool{}
	for _, st := range m.Statements {
		for _, l := range st.Locks {
			name, rel := l.Table, relationOf{kind: kinds[l.Table]}
			if l.Object != "" {
				name, rel = l.Object, relationOf{table: 1}
			}
			if rankOf(l.Mode) > rankOf(s.Locks[name]) && worthALine(rel, l.Mode, l.Method == report.Sampled) {
				s.Locks[name] = l.Mode
				if l.Method == report.Sampled {
					s.Locks[name] += " sampled"
				}
			}
			if blocked[l.Table] == nil {
				blocked[l.Table] = map[string]bool{}
			}
			waits(blocked[l.Table], rankOf(l.Mode), l.Object != "", strings.Contains("rpm", kinds[l.Table]))
		}
		for _, w := range st.Rewrites {
			s.Rewrites[cmpOr(w.Index, w.Table)] = w.Reason
		}
		for _, c := range st.Scans {
			s.Scans[c.Table] += c.Count
		}
	}
	for table, what := range blocked {
		if len(what) > 0 {
			s.Blocked[table] = inOrder(what)
		}
	}
	exposed(t, m, blocked)
	return s
}

// exposed holds the sums over a migration to tell the same as its statements: what was blocked on each table.
func exposed(t *testing.T, m report.Migration, blocked map[string]map[string]bool) {
	t.Helper()
	for table, what := range blocked {
		worst := ""
		for _, e := range m.Locks {
			if e.Object != "" && e.Blocks == "schema changes" { // of the index
				continue
			}
			if e.Table == table && len(e.Blocks) > len(worst) && (worst == "" || e.Blocks != "schema changes") || e.Table == table && worst == "schema changes" {
				worst = e.Blocks
			}
		}
		want := ""
		switch {
		case what["select"]:
			want = "reads and writes"
		case what["insert"]:
			want = "writes"
		case what["comment"]:
			want = "schema changes"
		}
		if worst != want {
			t.Errorf("the migration is said to block %q of %s, its statements %q", worst, table, want)
		}
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// waits adds what has to wait for a lock, by the table of conflicts in PostgreSQL's documentation. Who plans a query on a table takes locks
// on its indexes, too.
func waits(what map[string]bool, mode int, index, indexed bool) {
	if mode == 8 {
		what["select"] = true
	}
	if mode >= 5 {
		what["insert"] = true
	}
	if !index && mode >= 4 {
		what["comment"] = true
	}
	if !index && indexed && mode >= 3 && mode != 5 {
		what["create index"] = true
	}
}

// reasonOf holds the reason that is reported to be one that the event trigger's bits allow: 1 persistence, 2 default, 4 type, 8 access method; none
// where no trigger fires, as for indexes and for what is emptied or packed.
func reasonOf(t *testing.T, name, reason, bits string) string {
	t.Helper()
	allowed := map[string][]string{
		"1": {"set logged", "set unlogged"},
		"2": {"volatile default", "identity column", "generated column", "constrained domain"},
		"4": {"column type"}, "8": {"access method"},
	}
	if bits != "" && !slices.Contains(allowed[bits], reason) {
		t.Errorf("%s: rewritten for %q, which the server calls %s", name, reason, bits)
	}
	return reason
}

// lines are what a case's file has.
func (s lookedLike) lines() string {
	var b strings.Builder
	fmt.Fprintln(&b, s.Outcome)
	for _, name := range slices.Sorted(maps.Keys(s.Locks)) {
		fmt.Fprintf(&b, "lock %s: %s\n", name, s.Locks[name])
	}
	for _, name := range slices.Sorted(maps.Keys(s.Rewrites)) {
		fmt.Fprintf(&b, "new storage %s: %s\n", name, s.Rewrites[name])
	}
	for _, name := range slices.Sorted(maps.Keys(s.Scans)) {
		fmt.Fprintf(&b, "scan %s: %d\n", name, s.Scans[name])
	}
	for _, name := range slices.Sorted(maps.Keys(s.Blocked)) {
		fmt.Fprintf(&b, "waiting for %s: %s\n", name, s.Blocked[name])
	}
	return b.String()
}

// writeEffects sets the effects that a case's file has for a major: those of 15 are everybody's where no other has its own.
func writeEffects(t *testing.T, file string, archive *txtar.Archive, lines, major string) {
	t.Helper()
	name := "effects"
	if major != "15" {
		i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == name })
		if i >= 0 && string(archive.Files[i].Data) == lines {
			return
		}
		name += " " + major
	}
	archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == name })
	archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(lines)})
	if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}
