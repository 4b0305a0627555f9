package rehearse

import (
	"fmt"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// versionTable is the migrator's version table at the source.
type versionTable struct {
	schema, name string
	oid          uint32
	owner        string
}

// String is the name as SQL has it; "" for none.
func (v versionTable) String() string {
	if v.name == "" {
		return ""
	}
	return catalog.Quote(v.schema) + "." + catalog.Quote(v.name)
}

// VersionTableError says that the migrator's version table could not be chosen at the source.
type VersionTableError struct {
	By    report.Migrator
	Asked string   // what was asked for, "" when nothing was
	Found []string // tables with the migrator's columns
	Other string   // where there are none: a table in which another tool keeps its books, and the tool
}

func (e *VersionTableError) Error() string {
	switch {
	case e.Asked != "":
		return fmt.Sprintf("the source has no %s version table %s", e.By.Name(), e.Asked)
	case len(e.Found) == 0 && e.By == report.GolangMigrate:
		return "the source has no golang-migrate version table: no table has the columns version and dirty, and no others"
	case len(e.Found) == 0:
		return "the source has no goose version table: no table has the columns version_id and is_applied"
	}
	return fmt.Sprintf("the source has %d %s version tables: %s", len(e.Found), e.By.Name(), strings.Join(e.Found, ", "))
}

// chooseVersionTable takes the table asked for, else the only table with the migrator's columns.
// A name without schema is looked for in every schema.
func chooseVersionTable(tables []catalog.Table, by report.Migrator, asked string) (versionTable, error) {
	var found []versionTable
	for _, t := range tables {
		v := versionTable{schema: t.Schema, name: t.Name, oid: t.OID, owner: t.Owner}
		if t.Bookkeeping() == by.Name() && (asked == "" || sameName(asked, v)) {
			found = append(found, v)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	e := &VersionTableError{By: by, Asked: asked, Other: otherBooks(tables, by)}
	if len(found) == 0 && asked != "" {
		return versionTable{}, e
	}
	e.Asked = ""
	for _, v := range found {
		e.Found = append(e.Found, v.String())
	}
	return versionTable{}, e
}

// otherBooks is a table in which a tool that is not the migrator keeps its books, and the tool; "" for none.
func otherBooks(tables []catalog.Table, by report.Migrator) string {
	for _, t := range tables {
		if tool := t.Bookkeeping(); tool != "" && tool != by.Name() {
			return fmt.Sprintf("%s of %s", t.String(), tool)
		}
	}
	return ""
}

// sameName compares a name as a person writes it, quoted or not, qualified or not, with a table's.
func sameName(asked string, v versionTable) bool {
	return asked == v.String() || asked == catalog.Quote(v.name) || asked == v.name || asked == v.schema+"."+v.name
}
