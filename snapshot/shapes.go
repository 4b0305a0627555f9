package snapshot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/sqltext"
)

// MostShapes is how many entries of pg_stat_statements are read, those with most calls.
const MostShapes = 5000

// QueryShape is a query that production runs, without what it asks for: every literal is a parameter.
type QueryShape struct {
	Text   string // one line, without comments
	Params int    // the highest number of a parameter in it
	Role   string // that sends it; "" when it has no role any more
	Calls  int64  // since statistics were reset
}

// QueryShapes is what pg_stat_statements knows of the queries of a database.
type QueryShapes struct {
	Shapes   []QueryShape  // those with most calls first
	Since    time.Duration // so long ago counting began; 0: the server does not say
	Hidden   int           // entries of roles whose texts the source's role may not read
	Complete bool          // false: there are more than MostShapes entries
	Why      string        // why there are none; "" otherwise
}

// Shapes reads the shapes of production's queries (pg_stat_statements), in a transaction of its own. Texts are made shapes as they come:
// the server has normalised most of them, but not those whose entry it evicted meanwhile. A source that cannot tell is no error, and Why says
// why it cannot.
func (s *Source) Shapes(ctx context.Context) (*QueryShapes, error) {
	all := &QueryShapes{}
	err := s.read(ctx, "read the shapes of queries", func(tx *pgx.Conn) error { return all.read(ctx, tx) })
	if refused := (*SourceError)(nil); errors.As(err, &refused) && refused.SQLState != "" && !s.conn.IsClosed() && ctx.Err() == nil {
		return &QueryShapes{Why: shapesRefusal(refused.SQLState)}, nil
	}
	return all, err
}

// shapesRefusal says why the server did not tell, without its message.
func shapesRefusal(state string) string {
	switch state {
	case "55000":
		return "pg_stat_statements is not among shared_preload_libraries of the source"
	case "57014":
		return "the source did not answer within the time allowed"
	case "42501":
		return "the source's role may not read pg_stat_statements"
	}
	return "the source refused to tell (SQLSTATE " + state + ")"
}

func (q *QueryShapes) read(ctx context.Context, tx *pgx.Conn) error {
	var schema string
	var dated bool
	err := tx.QueryRow(ctx, sqlShapesPlace).Scan(&schema, &dated)
	if errors.Is(err, pgx.ErrNoRows) {
		q.Why = "pg_stat_statements is not an extension of the source's database"
		return nil
	}
	if err != nil {
		return err
	}
	if err := q.readTexts(ctx, tx, schema); err != nil || !dated {
		return err
	}
	var seconds *float64
	if err := tx.QueryRow(ctx, fmt.Sprintf(sqlShapesSince, schema)).Scan(&seconds); err != nil {
		return err
	}
	if seconds != nil {
		q.Since = max(0, time.Duration(*seconds*float64(time.Second)))
	}
	return nil
}

// readTexts reads the texts, each of which is a shape before the next one is read.
func (q *QueryShapes) readTexts(ctx context.Context, tx *pgx.Conn, schema string) error {
	rows, err := tx.Query(ctx, fmt.Sprintf(sqlShapes, schema, MostShapes+1))
	if err != nil {
		return err
	}
	type key struct{ text, role string }
	at := map[key]int{}
	var text, role string
	var calls int64
	entries, own := 0, ownShapes()
	_, err = pgx.ForEachRow(rows, []any{&text, &role, &calls}, func() error {
		if entries++; entries > MostShapes {
			return nil
		}
		if text == "<insufficient privilege>" {
			q.Hidden++
			return nil
		}
		shape, ok := sqltext.ShapeOf(text)
		if !ok || own[shape.Text] {
			return nil
		}
		i, known := at[key{shape.Text, role}]
		if !known {
			i = len(q.Shapes)
			at[key{shape.Text, role}] = i
			q.Shapes = append(q.Shapes, QueryShape{Text: shape.Text, Params: shape.Params, Role: role})
		}
		q.Shapes[i].Calls += calls
		return nil
	})
	q.Complete = entries <= MostShapes
	slices.SortStableFunc(q.Shapes, func(a, b QueryShape) int { return cmp.Compare(b.Calls, a.Calls) })
	return err
}

// ownShapes are the queries that this package itself sends.
func ownShapes() map[string]bool {
	own := map[string]bool{}
	for _, sql := range Statements() {
		if s, ok := sqltext.ShapeOf(sql); ok {
			own[s.Text] = true
		}
	}
	return own
}
