package rehearse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/internal/sqltext"
	"github.com/rehearse-db/rehearse/rehearse/compare"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

const passQueries = "queries"

// mostPlans is how many plans a pass asks for at most: with many migrations the queries sent most are tried.
const mostPlans = 200_000

// longestQuery is how much of a query's shape is told, in characters.
const longestQuery = 400

// tried is a query of the application, and how it fared.
type tried struct {
	snapshot.QueryShape
	path string // the search path of its sessions, as SET takes it; "" for the server's own

	works bool
	state string // why it does not: a SQLSTATE
	plan  compare.Plan
	was   compare.Plan // of the last time that it worked
}

// shapes gathers the application's queries: those that the source has counted and those of a file. Only a source that is lost is an error.
func (r *rehearsal) shapes(ctx context.Context, from origin, w *work) error {
	if w.todo == nil || len(w.todo.Pending) == 0 || !slices.ContainsFunc(r.wanted(), func(p pass) bool { return p.name == passQueries }) {
		return nil
	}
	why := "a snapshot does not hold them"
	if src, fresh := from.(*snapshot.Source); fresh {
		found, err := src.Shapes(ctx)
		if err != nil {
			return err
		}
		if why = found.Why; why == "" {
			r.fromSource(w, found, src.Server().SearchPath)
		}
	}
	r.fromFile(w, from.Server().SearchPath)
	if r.result.Queries == nil {
		r.notSeen("which queries of the application still work", why+", and no file of queries is given (--queries)")
	}
	return nil
}

// fromSource takes up what the source has counted.
func (r *rehearsal) fromSource(w *work, found *snapshot.QueryShapes, path string) {
	q := r.querying()
	q.From, q.Window, q.Hidden = append(q.From, "pg_stat_statements"), report.Duration(found.Since), found.Hidden
	for _, s := range found.Shapes {
		w.shapes = append(w.shapes, tried{QueryShape: s, path: cmp.Or(searchPath(w.desc.Database.Settings, s.Role), path)})
	}
	if !found.Complete {
		r.notSeen(fmt.Sprintf("queries beyond the %d that are sent most", snapshot.MostShapes), "no more are read")
	}
}

// querying is that part of the result.
func (r *rehearsal) querying() *report.Queries {
	if r.result.Queries == nil {
		r.result.Queries = &report.Queries{From: []string{}}
	}
	return r.result.Queries
}

func (r *rehearsal) notSeen(what, why string) {
	r.result.NotMeasured = append(r.result.NotMeasured, report.NotMeasured{What: what, Why: why})
}

// fromFile adds the queries of the file, as the role that migrates sends them; the same query of another role stays.
func (r *rehearsal) fromFile(w *work, path string) {
	if len(r.cfg.Queries) == 0 {
		return
	}
	q := r.querying()
	q.From = append(q.From, cmp.Or(r.cfg.QueriesFile, "the queries given"))
	known := map[string]bool{}
	for _, s := range w.shapes {
		known[s.Text] = true
	}
	for _, text := range r.cfg.Queries {
		if s, ok := sqltext.ShapeOf(text); ok && !known[s.Text] {
			known[s.Text] = true
			w.shapes = append(w.shapes, tried{
				QueryShape: snapshot.QueryShape{Text: s.Text, Params: s.Params, Role: w.role}, path: cmp.Or(searchPath(w.desc.Database.Settings, w.role), path),
			})
		}
	}
}

// searchPath is what ALTER ROLE and ALTER DATABASE say of a role's search path, the narrowest first; "" when nobody says anything.
func searchPath(settings []catalog.RoleSetting, role string) string {
	best, path := 0, ""
	for _, s := range settings {
		if s.Name != "search_path" || s.Role != "" && s.Role != role {
			continue
		}
		rank := 1
		if s.Role != "" {
			rank += 2
		}
		if s.InDatabase {
			rank++
		}
		if rank > best {
			best, path = rank, s.Value
		}
	}
	return path
}

// folded is a query's shape as it is told.
func folded(text string) string {
	if r := []rune(text); len(r) > longestQuery {
		return string(r[:longestQuery-1]) + "…"
	}
	return text
}

// ParseQueries reads a file of queries separated by semicolons, for Config.Queries. Every mistake is told, with its line: what is neither
// SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES, TABLE nor WITH, and a file without a query.
func ParseQueries(name, text string) ([]string, error) {
	parts, lines := sqltext.Queries(text)
	var errs []error
	for i, part := range parts {
		if _, ok := sqltext.ShapeOf(part); !ok {
			word, _, _ := strings.Cut(part, " ")
			errs = append(errs, &QueryError{File: name, Line: lines[i], Word: word})
		}
	}
	if len(parts) == 0 {
		errs = append(errs, &QueryError{File: name})
	}
	return parts, errors.Join(errs...)
}

// QueryError is a mistake in a file of queries.
type QueryError struct {
	File string
	Line int    // 0: there is no query in it
	Word string // what the statement begins with
}

func (e *QueryError) Error() string {
	if e.Line == 0 {
		return e.File + ": there is no query in it"
	}
	return fmt.Sprintf("%s:%d: %.20s: not a query: only statements that read or change rows can be planned", e.File, e.Line, e.Word)
}
