package catalog

import "github.com/jackc/pgx/v5"

// Check is a CHECK constraint that the rows of a table meet when they are loaded.
type Check struct {
	Name       string
	Definition string   // pg_get_constraintdef
	Columns    []string // that it reads, in order of attnum
	Domain     string   // whose constraint it is, by format_type; then Columns is the column, which Definition calls VALUE. "" for the table's own
}

type checkOf struct {
	table     uint32
	attribute string
	Check
}

func scanCheck(row pgx.CollectableRow) (c checkOf, err error) {
	err = row.Scan(&c.table, &c.attribute, &c.Domain, &c.Name, &c.Definition, &c.Columns)
	return c, err
}
