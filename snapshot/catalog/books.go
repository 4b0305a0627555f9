package catalog

import "slices"

// Tools whose books are read.
const (
	Goose         = "goose"
	GolangMigrate = "golang-migrate"
)

// book is the table in which a tool writes down which migrations have been applied: its name, or none where its columns are nobody else's, and what
// these must be, by the name below domains of their types. A table that has one column more, or another, is the user's own.
type book struct {
	tool    string
	names   []string
	columns map[string][]string
	maybe   []string // columns that versions of the tool have or have not
	errors  []string // columns for what the server said of failures, which can quote data
	says    []string // columns that say which migrations are recorded, and how they ended: the same whenever, and however often, it was tried
}

var (
	texts    = []string{"text", "varchar"}
	integers = []string{"int2", "int4", "int8"}
	times    = []string{"timestamp", "timestamptz"}
	truths   = []string{"bool"}
)

// books are the tables of tools, as these make them for PostgreSQL. But for what errors quote, none of their columns has data of users.
var books = []book{
	{GolangMigrate, nil, map[string][]string{"version": {"int8"}, "dirty": truths}, nil, nil, []string{"version", "dirty"}},
	{"Rails or dbmate", []string{"schema_migrations"}, map[string][]string{"version": texts}, nil, nil, []string{"version"}},
	{"Ecto", []string{"schema_migrations"}, map[string][]string{"version": {"int8"}, "inserted_at": times}, nil, nil, []string{"version"}},
	{"Rails", []string{"ar_internal_metadata"}, map[string][]string{"key": texts, "value": texts, "created_at": times, "updated_at": times}, nil, nil, []string{"key", "value"}},
	{"Django", []string{"django_migrations"}, map[string][]string{"id": integers, "app": texts, "name": texts, "applied": times}, nil, nil, []string{"app", "name"}},
	{"Alembic", []string{"alembic_version"}, map[string][]string{"version_num": texts}, nil, nil, []string{"version_num"}},
	{"Flyway", []string{"flyway_schema_history", "schema_version"}, map[string][]string{
		"installed_rank": integers, "version": texts, "description": texts, "type": texts, "script": texts, "checksum": integers,
		"installed_by": texts, "installed_on": times, "execution_time": integers, "success": truths,
	}, nil, nil, []string{"version", "script", "success"}},
	{"tern", []string{"schema_version"}, map[string][]string{"version": integers}, nil, nil, []string{"version"}},
	{"sql-migrate", []string{"gorp_migrations"}, map[string][]string{"id": texts, "applied_at": times}, nil, nil, []string{"id"}},
	{"Liquibase", []string{"databasechangelog"}, map[string][]string{
		"id": texts, "author": texts, "filename": texts, "dateexecuted": times, "orderexecuted": integers, "exectype": texts, "md5sum": texts,
		"description": texts, "comments": texts, "tag": texts, "liquibase": texts, "contexts": texts, "labels": texts, "deployment_id": texts,
	}, []string{"contexts", "labels", "deployment_id"}, nil, []string{"id", "author", "filename", "exectype"}},
	{"Liquibase", []string{"databasechangeloglock"}, map[string][]string{"id": integers, "locked": truths, "lockgranted": times, "lockedby": texts}, nil, nil, []string{"locked"}},
	{"Drizzle", []string{"__drizzle_migrations"}, map[string][]string{"id": integers, "hash": texts, "created_at": integers}, nil, nil, []string{"hash"}},
	{"Prisma", []string{"_prisma_migrations"}, map[string][]string{
		"id": texts, "checksum": texts, "finished_at": times, "migration_name": texts, "logs": texts, "rolled_back_at": times, "started_at": times,
		"applied_steps_count": integers,
	}, nil, []string{"logs"}, []string{"migration_name", "finished_at", "rolled_back_at"}},
	{"Atlas", []string{"atlas_schema_revisions"}, map[string][]string{
		"version": texts, "description": texts, "type": integers, "applied": integers, "total": integers, "executed_at": times,
		"execution_time": integers, "error": texts, "error_stmt": texts, "hash": texts, "partial_hashes": {"jsonb"}, "operator_version": texts,
	}, []string{"partial_hashes", "error_stmt"}, []string{"error", "error_stmt"}, []string{"version", "applied", "total"}},
}

// Bookkeeping is the tool that keeps its books in the table; "" for tables of users. It is told from name and columns.
func (t Table) Bookkeeping() string {
	if t.GooseVersions {
		return Goose
	}
	if b := t.book(); b != nil {
		return b.tool
	}
	return ""
}

// Quoting are the columns of a table of books that hold what the server said of failures.
func (t Table) Quoting() []string {
	if b := t.book(); b != nil {
		return b.errors
	}
	return nil
}

// Says are the columns of a table of books that say which migrations are recorded, and how they ended. Of times it matters whether there are
// any.
func (t Table) Says() []Column {
	says := []string{"version_id", "is_applied"} // goose's
	if b := t.book(); b != nil {
		says = b.says
	} else if !t.GooseVersions {
		return nil
	}
	var columns []Column
	for _, c := range t.Columns {
		if slices.Contains(says, c.Name) {
			columns = append(columns, c)
		}
	}
	return columns
}

func (t Table) book() *book {
	i := slices.IndexFunc(books, func(b book) bool { return (b.names == nil || slices.Contains(b.names, t.Name)) && b.fits(t.Columns) })
	if i < 0 || t.Kind != 'r' || t.IsPartition {
		return nil
	}
	return &books[i]
}

func (b book) fits(columns []Column) bool {
	seen := 0
	for _, c := range columns {
		types, known := b.columns[c.Name]
		if !known || !slices.Contains(types, c.BaseType) {
			return false
		}
		if !slices.Contains(b.maybe, c.Name) {
			seen++
		}
	}
	return seen == len(b.columns)-len(b.maybe)
}
