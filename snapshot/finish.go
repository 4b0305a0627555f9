package snapshot

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// sequenceState is where a sequence stands.
type sequenceState struct {
	sequence catalog.Sequence
	last     int64
	called   bool
}

// readSequences asks all sequences in one round trip. Sequences know no snapshot; asked after the rows, none is behind them.
func (c *copier) readSequences(ctx context.Context, tx *pgx.Conn) error {
	batch := &pgx.Batch{}
	c.seqs = make([]sequenceState, len(c.desc.Sequences))
	for i, q := range c.desc.Sequences {
		state := &c.seqs[i]
		state.sequence = q
		batch.Queue(fmt.Sprintf(sqlSequence, ident(q.Schema, q.Name))).QueryRow(func(row pgx.Row) error {
			return row.Scan(&state.last, &state.called)
		})
	}
	return tx.SendBatch(ctx, batch).Close()
}

// setSequences sets the target's sequences, beyond anything a mask of their column can have made. Where that would use a sequence up it stays
// where it stood, and a value it gives may meet a masked one: this is told.
func (c *copier) setSequences(ctx context.Context) error {
	return c.onTarget(ctx, "set the sequences", func(conn *pgx.Conn) error {
		rising, err := risingSequences(ctx, conn)
		if err != nil {
			return err
		}
		batch := &pgx.Batch{}
		for i, s := range c.seqs {
			name := ident(s.sequence.Schema, s.sequence.Name)
			last, called := s.last, s.called
			if floor := c.sequenceFloor(s); floor > last && rising[name] > floor {
				last, called = floor, true
			} else if floor > last {
				what := "numbers for sequence " + s.sequence.String() + " beyond the masked ones of its column"
				c.res.LeftOut, c.notCopied = append(c.res.LeftOut, what), append(c.notCopied, what)
			}
			c.seqs[i].last, c.seqs[i].called = last, called
			batch.Queue("SELECT setval($1::text::regclass, $2, $3)", name, last, called)
		}
		return conn.SendBatch(ctx, batch).Close()
	})
}

// risingSequences gives the largest value of each sequence that counts upwards, by quoted name.
func risingSequences(ctx context.Context, conn *pgx.Conn) (map[string]int64, error) {
	rows, err := conn.Query(ctx, "SELECT n.nspname::text, c.relname::text, s.seqmax FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid "+
		"JOIN pg_namespace n ON n.oid = c.relnamespace WHERE s.seqincrement > 0")
	if err != nil {
		return nil, err
	}
	most := map[string]int64{}
	var schema, name string
	var largest int64
	_, err = pgx.ForEachRow(rows, []any{&schema, &name, &largest}, func() error {
		most[ident(schema, name)] = largest
		return nil
	})
	return most, err
}

// sequenceFloor is what the mask of the owning column asks for, the smallest number without.
func (c *copier) sequenceFloor(s sequenceState) int64 {
	if s.sequence.OwnerTable == 0 || c.plan == nil {
		return math.MinInt64
	}
	p := c.plan.Table(s.sequence.OwnerSchema, s.sequence.OwnerName)
	if p == nil {
		return math.MinInt64
	}
	for _, column := range p.Columns {
		if column.Name == s.sequence.OwnerColumn && column.Mask != nil && column.Mask.SequenceFloor != nil {
			return column.Mask.SequenceFloor(s.last)
		}
	}
	return math.MinInt64
}

// analyze gathers statistics of a table's masked rows. That a function in an index or a statistics object fails is told.
func (c *copier) analyze(ctx context.Context, conn *pgx.Conn, t catalog.Table) error {
	if err := c.tryNamed(ctx, conn, "ANALYZE "+ident(t.Schema, t.Name)); err != nil {
		return c.refused("STATISTICS DATA "+t.String(), conn, err)
	}
	return nil
}

// analyzable lists what to gather statistics of, the longest work first. Autovacuum never does it for a partitioned table, only for its
// partitions; so planners of the source know the whole only where somebody said ANALYZE, and staging's are to know no more.
func analyzable(all []catalog.Table, major int) []catalog.Table {
	whole := map[uint32]bool{} // roots whose ANALYZE does the partitions too
	for _, t := range all {
		if t.Kind == 'p' && (t.Rows > 0 || t.Rows == 0 && major >= 14) {
			whole[t.Root] = true
		}
	}
	var tables []catalog.Table
	for _, t := range all {
		switch {
		case t.Kind == 'p' && whole[t.OID], t.Kind == 'r' && !(t.IsPartition && whole[t.Root]):
			tables = append(tables, t)
		}
	}
	slices.SortStableFunc(tables, func(a, b catalog.Table) int { return cmp.Compare(weight(b), weight(a)) })
	return tables
}

// weight puts partition trees, whose size is elsewhere, first.
func weight(t catalog.Table) int64 {
	if t.Kind == 'p' {
		return 1 << 60
	}
	return t.Bytes
}

// listSettings are the settings whose stored value is a list of names, each quoted as needed (guc_tables.h: GUC_LIST_QUOTE).
var listSettings = []string{
	"local_preload_libraries", "search_path", "session_preload_libraries", "shared_preload_libraries", "temp_tablespaces",
	"unix_socket_directories",
}

// applySettings keeps what ALTER ROLE and ALTER DATABASE ... SET keep in the source. It comes last, so that none of it bears on the copy.
// Names with a dot belong to applications and may be secrets: they are named, not copied.
func (c *copier) applySettings(ctx context.Context) error {
	return c.onTarget(ctx, "keep the settings of roles and database", func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, "SELECT name FROM pg_settings WHERE context IN ('user', 'superuser', 'backend', 'superuser-backend')")
		if err != nil {
			return err
		}
		known, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, s := range c.desc.Database.Settings {
			of := settingOf(s, conn.Config().Database)
			if strings.Contains(s.Name, ".") || !slices.ContainsFunc(known, func(n string) bool { return strings.EqualFold(n, s.Name) }) {
				c.res.LeftOut = append(c.res.LeftOut, fmt.Sprintf("setting %s of %s", s.Name, of))
				continue
			}
			if _, err := conn.Exec(ctx, fmt.Sprintf("ALTER %s SET %s TO %s", of, s.Name, settingValue(s))); err != nil {
				c.res.LeftOut = append(c.res.LeftOut, fmt.Sprintf("setting %s of %s: the staging server refuses it", s.Name, of))
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return c.applyLabels(ctx, conn)
	})
}

// settingOf is whose setting it is, as ALTER wants it.
func settingOf(s catalog.RoleSetting, database string) string {
	switch {
	case s.Role == "":
		return "DATABASE " + ident(database)
	case s.InDatabase:
		return "ROLE " + ident(s.Role) + " IN DATABASE " + ident(database)
	}
	return "ROLE " + ident(s.Role)
}

// settingValue is the stored value as SET takes it.
func settingValue(s catalog.RoleSetting) string {
	if !slices.Contains(listSettings, strings.ToLower(s.Name)) {
		return literal(s.Value)
	}
	names := splitNames(s.Value)
	for i, name := range names {
		names[i] = literal(name)
	}
	if len(names) == 0 {
		return "''"
	}
	return strings.Join(names, ", ")
}

// splitNames takes a list of names apart, as it is stored: "$user", public, "odd ""name""".
func splitNames(list string) []string {
	var names []string
	for rest := strings.TrimSpace(list); rest != ""; {
		var name string
		if rest[0] == '"' {
			name, rest = quotedName(rest)
		} else {
			name, rest, _ = strings.Cut(rest, ",")
			names, rest = append(names, strings.TrimSpace(name)), strings.TrimSpace(rest)
			continue
		}
		_, rest, _ = strings.Cut(rest, ",")
		names, rest = append(names, name), strings.TrimSpace(rest)
	}
	return names
}

// quotedName reads a name in double quotes from the beginning of s.
func quotedName(s string) (name, rest string) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 >= len(s) || s[i+1] != '"' {
			return b.String(), s[i+1:]
		}
		b.WriteByte('"')
		i++
	}
	return b.String(), ""
}

// leftOfObjects says what of large objects is not there. What a snapshot left behind of them is told with it.
func (c *copier) leftOfObjects(n int64) []string {
	switch {
	case len(c.desc.LargeObjects) == 0:
		return []string{fmt.Sprintf("%d large objects", n)}
	case c.objects == sanitize.BlankLargeObjects:
		return []string{fmt.Sprintf("content of %d large objects, which are zeros", n)}
	}
	return nil
}

// leftOutside says what lies outside of schema and rows.
func (c *copier) leftOutside() []string {
	var out []string
	o := c.desc.Outside
	if o.LargeObjects > 0 {
		out = append(out, c.leftOfObjects(o.LargeObjects)...)
	}
	for _, group := range []struct {
		kind  string
		names []string
	}{{"subscription", o.Subscriptions}, {"user mapping", o.UserMappings}, {"tablespace", o.Tablespaces}} {
		for _, name := range group.names {
			out = append(out, group.kind+" "+name)
		}
	}
	for _, t := range c.desc.Tables {
		if t.Kind == 'f' {
			out = append(out, "rows of foreign table "+t.String())
		}
	}
	return out
}
