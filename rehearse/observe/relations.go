package observe

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// relation is a table, index, view or sequence of before the migration, in the state last seen.
type relation struct {
	oid   uint32
	name  string // quoted, schema qualified
	kind  string // pg_class.relkind
	table uint32 // of an index: its table
	storage
}

// storage is what tells new storage from old, and why there is new storage.
type storage struct {
	filenode    uint32
	persistence string // pg_class.relpersistence
	method      uint32 // pg_class.relam
	tablespace  uint32
	columns     string // one "attnum:type:typmod:identity:generated:default" for each column of a table; "" when not read
}

func (r *relation) isTable() bool { return r.kind == "r" || r.kind == "p" || r.kind == "m" }
func (r *relation) isIndex() bool { return r.kind == "i" || r.kind == "I" }

// columnsSQL is relation c's columns, as storage has them (pg_attribute).
const columnsSQL = `(SELECT pg_catalog.string_agg(a.attnum::text || ':' || a.atttypid::text || ':' || a.atttypmod::text || ':' || a.attidentity::text
		|| ':' || a.attgenerated::text || ':' || a.atthasdef::text, ',' ORDER BY a.attnum)
	FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)`

// relationsSQL reads every relation of users that others can see (pg_class, pg_index): no catalogs, TOAST or temporary ones.
const relationsSQL = `SELECT c.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), c.relkind::text,
	COALESCE(i.indrelid, 0::oid), c.relfilenode, c.relpersistence::text, c.relam, c.reltablespace,
	CASE WHEN c.relkind IN ('r', 'p', 'm') THEN COALESCE(` + columnsSQL + `, '') ELSE '' END
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm', 'f', 'v', 'i', 'I', 'S') AND c.relpersistence <> 't'
	AND n.nspname !~ '^pg_(toast|temp)'`

// someRelationsSQL reads those of the OIDs given.
const someRelationsSQL = relationsSQL + " AND c.oid = ANY ($1)"

// fields are where a row of relationsSQL goes.
func (r *relation) fields() []any {
	return []any{&r.oid, &r.name, &r.kind, &r.table, &r.filenode, &r.persistence, &r.method, &r.tablespace, &r.columns}
}

// keep reads where the WAL ends, and remembers the relations for the next migration, where all that this one changed is known: what it locked is
// read anew.
func (r *Recorder) keep(ctx context.Context, u *run) {
	known := !u.unbound && u.rels != nil
	var locked []uint32
	if known {
		locked = slices.Collect(maps.Keys(u.locked))
	}
	wal, now, err := r.watcher.ending(ctx, locked)
	if err != nil {
		u.unbound = true
		u.miss("WAL written", Reason(err))
		return
	}
	u.wal = wal
	if !known {
		return
	}
	for _, oid := range locked {
		delete(u.rels, oid)
	}
	setAside(now, r.aside, r.o.Aside)
	maps.Copy(u.rels, now)
	r.rels = u.rels
}

// restored is a relation found with other storage than before.
type restored struct {
	rel   *relation
	now   storage
	bytes int64
}

// rewritesOf labels the new storage a statement made, tables before their indexes, and remembers the new state.
func (u *run) rewritesOf(s *statement, changed []restored) []report.Rewrite {
	reasons := map[uint32]string{}
	var out []report.Rewrite
	for _, indexes := range []bool{false, true} {
		for _, c := range changed {
			if c.rel.isIndex() != indexes || !c.rel.isTable() && !c.rel.isIndex() {
				continue
			}
			why := reasons[c.rel.table]
			if why == "" {
				why = rewriteReason(s.Tag, s.SQL, c.rel.storage, c.now, indexes)
			}
			reasons[c.rel.oid] = why
			table, index := u.name(c.rel)
			out = append(out, report.Rewrite{Table: table, Index: index, Reason: why, Bytes: c.bytes})
			if t := c.rel.oid; !indexes {
				u.touched[t] = true
			}
		}
	}
	for _, c := range changed {
		if c.now.columns == "" {
			c.now.columns = c.rel.columns
		}
		c.rel.storage = c.now
	}
	u.rewrites = append(u.rewrites, out...)
	return out
}

// Words of statements inside others, which may stand in quotes: EXECUTE 'TRUNCATE t'.
var (
	truncateWord = regexp.MustCompile(`(?i)\bTRUNCATE\b`)
	clusterWord  = regexp.MustCompile(`(?i)\bCLUSTER\b`)
	reindexWord  = regexp.MustCompile(`(?i)\bREINDEX\b`)
	refreshWord  = regexp.MustCompile(`(?i)\bREFRESH\b`)
)

// rewriteReason tells why there is new storage from what is certain first: the command tag, then what differs in the catalogs, and last
// the words of a statement whose tag says nothing (several statements in one, a DO block).
func rewriteReason(tag, sql string, before, after storage, index bool) string {
	switch tag {
	case "TRUNCATE TABLE":
		return "truncate"
	case "VACUUM", "CLUSTER":
		return "vacuum full or cluster"
	case "REINDEX":
		return "reindex"
	case "REFRESH MATERIALIZED VIEW":
		return "refresh"
	}
	switch {
	case before.persistence != after.persistence && after.persistence == "u":
		return "set unlogged"
	case before.persistence != after.persistence:
		return "set logged"
	case before.method != after.method:
		return "access method"
	case before.tablespace != after.tablespace:
		return "tablespace"
	}
	if why := columnReason(before.columns, after.columns); why != "" {
		return why
	}
	for _, w := range []struct {
		word   *regexp.Regexp
		reason string
	}{
		{truncateWord, "truncate"}, {clusterWord, "vacuum full or cluster"}, {reindexWord, "reindex"}, {refreshWord, "refresh"},
	} {
		if w.word.MatchString(sql) {
			return w.reason
		}
	}
	if index {
		return "index rebuilt"
	}
	return "rewritten by " + tag
}

// columnReason compares the columns of before and after: another type, or a new column whose value had to be computed for each row.
func columnReason(before, after string) string {
	if before == "" || after == "" {
		return ""
	}
	old := map[string][]string{}
	for c := range strings.SplitSeq(before, ",") {
		f := strings.Split(c, ":")
		old[f[0]] = f
	}
	added := ""
	for c := range strings.SplitSeq(after, ",") {
		f := strings.Split(c, ":")
		switch b, known := old[f[0]]; {
		case known && (b[1] != f[1] || b[2] != f[2]):
			return "column type"
		case known && b[4] != f[4] || !known && f[4] != "":
			added = "generated column"
		case !known && f[3] != "":
			added = "identity column"
		case !known && f[5] == "true":
			added = "volatile default"
		case !known && added == "":
			added = "constrained domain"
		}
	}
	return added
}

// setAside takes tables, and their indexes, out of relations that were read, and adds the tables to those seen before: an index may be read again
// without its table.
func setAside(rels map[uint32]*relation, seen map[uint32]bool, tables []string) {
	if len(tables) == 0 {
		return
	}
	for oid, rel := range rels {
		if slices.Contains(tables, rel.name) {
			seen[oid] = true
		}
	}
	for oid, rel := range rels {
		if seen[oid] || seen[rel.table] {
			delete(rels, oid)
		}
	}
}
