package report

// Migrator is what applies the files of a directory; "" is goose.
type Migrator string

// The migrators.
const (
	Goose         Migrator = "goose"
	GolangMigrate Migrator = "golang-migrate"
	Plain         Migrator = "plain" // files of SQL and nothing beside, as psql -f runs them

	theCommand Migrator = "command" // for sentences only
)

// By is what applied a migration, for sentences.
func (m *Migration) By() Migrator {
	if m.Command {
		return theCommand
	}
	return m.Migrator
}

// Name is the migrator in sentences.
func (t Migrator) Name() string {
	switch t {
	case GolangMigrate:
		return "golang-migrate"
	case Plain:
		return "psql -f"
	case theCommand:
		return "the command"
	}
	return "goose"
}

// Up is what a person runs to migrate, in sentences.
func (t Migrator) Up() string {
	switch t {
	case GolangMigrate:
		return "migrate up"
	case Plain:
		return "psql -f"
	case theCommand:
		return "the command"
	}
	return "goose up"
}

// migrator is what applied the migrations; all of a result have the same.
func (r *Result) migrator() Migrator {
	if len(r.Migrations) == 0 {
		return Goose
	}
	return r.Migrations[0].By()
}

// rolledBack says what the migrator makes of a migration that has no way back, or an empty one.
func (t Migrator) rolledBack() string {
	if t == Plain {
		return "plain files have no way back"
	}
	return t.Name() + " counts such as rolled back and changes nothing"
}
