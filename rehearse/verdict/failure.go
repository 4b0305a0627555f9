package verdict

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// SQLSTATEs that something exact can be said about (PostgreSQL, Appendix A).
const (
	uniqueViolation     = "23505"
	notNullViolation    = "23502"
	checkViolation      = "23514"
	foreignKeyViolation = "23503"
	activeTransaction   = "25001"
	noPrivilege         = "42501"
	lockNotAvailable    = "55P03"
	queryCanceled       = "57014"
	undefinedTable      = "42P01"
	undefinedColumn     = "42703"
	duplicateTable      = "42P07"
	duplicateColumn     = "42701"
	duplicateObject     = "42710"
	dependentObjects    = "2BP01"
	noTermination       = "2D000"
	adminShutdown       = "57P01"
	noPrepared          = "26000"
)

// cause is a failure with the statement that met it.
type cause struct {
	m     *report.Migration
	f     *report.Failure
	sql   string   // the failing statement, "" when it is not known
	toks  []string // of sql
	table relation
}

func newCause(m *report.Migration, f *report.Failure) cause {
	c := cause{m: m, f: f, table: parseRelation(f.Table)}
	for _, st := range m.Statements {
		if st.Failure != nil {
			c.sql = st.SQL
		}
	}
	c.toks = tokens(c.sql)
	return c
}

var missingExtension = regexp.MustCompile(`extension "[^"]*" is not available|extension control file`)

// diskFull is the SQLSTATE of a server whose disk is full. Other limits that PostgreSQL can run into are settings, and production's own.
const diskFull = "53100"

// lacksExtension tells a limit of the staging server from a defect of the change.
func (c cause) lacksExtension() bool { return missingExtension.MatchString(c.f.Message) }

// adds tells whether the statement makes a new unique key over columns that are there already.
func (c cause) adds() bool {
	return has(c.toks, "create", "unique", "index") || has(c.toks, "add") && (has(c.toks, "unique") || has(c.toks, "primary", "key"))
}

// writes tells a statement that failed on rows of its own, not on those that were there before it.
func (c cause) writes() bool {
	if len(c.toks) == 0 {
		return false
	}
	switch c.toks[0] {
	case "insert", "update", "merge", "copy", "delete":
		return true
	}
	return false
}

// advice is what to do about the failure, with the query that finds the offending rows in production.
func (c cause) advice(s report.Session) string {
	switch c.f.SQLState {
	case uniqueViolation:
		return c.duplicates()
	case notNullViolation:
		return c.nulls()
	case checkViolation:
		return c.unchecked()
	case foreignKeyViolation:
		return c.orphans()
	case activeTransaction:
		return outsideFile(c.m, "The statement cannot run in a transaction, nor in one block with others: put it alone")
	case noTermination:
		return outsideFile(c.m, "Code that commits or rolls back cannot run in a transaction that is open already, nor in one block with other statements: put the CALL or DO alone")
	case noPrepared:
		return "Look for DISCARD ALL and DEALLOCATE ALL: they take away what the migrating tool's own driver has prepared in the session. RESET ALL and DISCARD TEMP do not."
	case adminShutdown:
		return "The migration ended its own session, and would in production: leave pg_backend_pid() out of what is terminated."
	case dependentObjects:
		return "Drop or change by name what depends on it, in the order of the failure's detail in psql. CASCADE would take all of it, also what production has beyond the files."
	case noPrivilege:
		if s.Superuser {
			return fmt.Sprintf("Role %s is a superuser and lacks no right, so another was in force: look for SET ROLE and SET SESSION AUTHORIZATION here and in the migrations before, "+
				"which last until RESET in one session, and for functions that are SECURITY DEFINER.", s.Role)
		}
		return fmt.Sprintf("Role %s lacks the right, as it would in production if migrations run as that role: grant it, or rehearse as another (--role).", s.Role)
	case lockNotAvailable, queryCanceled:
		return "Nobody else worked on staging, so the time limit is too short for the statement itself: look at lock_timeout and statement_timeout of the migration and of its role."
	case undefinedTable, undefinedColumn:
		return "Production has no such name at this point: look at search_path, at quoting, and at what earlier migrations really left."
	case duplicateTable, duplicateColumn, duplicateObject:
		return "It is in production already, made by hand or by an earlier file: compare the two before adding IF NOT EXISTS, which would hide a difference."
	}
	if strings.Contains(c.f.Message, "left a transaction open") && c.m.Command {
		return "End it with COMMIT: when the session ends without, the server undoes it, and the tool does not hear of that."
	}
	if strings.Contains(c.f.Message, "left a transaction open") && c.m.Migrator == report.Plain {
		return "End it with COMMIT: psql ends its session with the file, and the server undoes what is not committed."
	}
	if strings.Contains(c.f.Message, "left a transaction open") {
		return "End it with COMMIT, or leave BEGIN out together with NO TRANSACTION: goose opens and ends one by itself."
	}
	if c.lacksExtension() {
		return "Rehearse on a server that has it: --image with the extension, or install it beside the local binaries."
	}
	return ""
}

func (c cause) nulls() string {
	col := c.f.Column
	switch {
	case c.f.Table != "" && col != "" && c.writes():
		return fmt.Sprintf("%s.%s takes no NULL at this point, and the statement or a trigger of it writes one: give it a value, or a DEFAULT.", c.f.Table, ident(col))
	case c.f.Table == "" || col == "":
		return "Fill the missing values before the constraint is added."
	case has(c.toks, "add", "column", col) || has(c.toks, "add", col) || has(c.toks, "add", "column", "if", "not", "exists", col):
		return fmt.Sprintf("The column is new, so no row has a value. Give it a DEFAULT, or add %s without NOT NULL, fill it, and set NOT NULL in a later migration.", ident(col))
	}
	return "Fill them in a migration before this one. Count them in production (read-only):\n" +
		fmt.Sprintf("    SELECT count(*) FROM %s WHERE %s IS NULL;", c.f.Table, ident(col))
}

func (c cause) unchecked() string {
	if c.writes() && c.f.Constraint != "" {
		return fmt.Sprintf("The constraint %s holds at this point, and the statement or a trigger of it writes a row that breaks it: choose other values, or change the constraint first.", ident(c.f.Constraint))
	}
	expr := checkExpression(c.sql)
	if c.f.Table == "" || expr == "" {
		return "Mend the rows that break the constraint in a migration before this one."
	}
	return "Mend the rows in a migration before this one. Count them in production (read-only):\n" +
		fmt.Sprintf("    SELECT count(*) FROM %s WHERE NOT (%s);", c.f.Table, expr)
}

var checkWord = regexp.MustCompile(`(?i)\bCHECK\s*\(`)

// checkExpression is the text between the parentheses of the only CHECK of a statement, "" when it cannot be told.
func checkExpression(sql string) string {
	at := checkWord.FindAllStringIndex(sql, -1)
	if len(at) != 1 || len(sql) >= sqlCut || strings.Contains(sql, "$") {
		return ""
	}
	start, depth := at[0][1], 1
	quote := byte(0)
	for i := start; i < len(sql); i++ {
		switch ch := sql[i]; {
		case quote != 0:
			if ch == quote {
				quote = 0
			}
		case ch == '\'' || ch == '"':
			quote = ch
		case ch == '(':
			depth++
		case ch == ')':
			if depth--; depth == 0 {
				return sql[start:i]
			}
		}
	}
	return ""
}

// orphans finds the rows of the referencing table whose key the other table lacks.
func (c cause) orphans() string {
	switch {
	case strings.Contains(c.f.Message, "is still referenced from table "):
		return fmt.Sprintf("Rows of %s still point to what the statement deletes or changes: mend those first, or leave out what is pointed to (WHERE NOT EXISTS).", cmp.Or(c.f.Table, "another table"))
	case c.writes():
		return "The statement writes a key that the other table does not have: write that row first, or choose a key that is there."
	}
	child, parent := listAfter(c.toks, "key"), listAfter(c.toks, "references")
	other := referenced(c.toks)
	if c.f.Table == "" || !has(c.toks, "foreign", "key") || other == "" || len(child) == 0 || len(child) != len(parent) {
		return "Find the rows whose key points nowhere and mend them in a migration before this one."
	}
	var join, notNull []string
	for i := range child {
		join = append(join, fmt.Sprintf("p.%s = c.%s", ident(parent[i]), ident(child[i])))
		notNull = append(notNull, fmt.Sprintf("c.%s IS NOT NULL", ident(child[i])))
	}
	return "Mend the rows that point nowhere in a migration before this one. Count them in production (read-only):\n" +
		fmt.Sprintf("    SELECT count(*) FROM %s c WHERE %s AND NOT EXISTS (SELECT FROM %s p WHERE %s);",
			c.f.Table, strings.Join(notNull, " AND "), other, strings.Join(join, " AND "))
}

// referenced is the table after REFERENCES as SQL would have it.
func referenced(toks []string) string {
	i := slices.Index(toks, "references")
	switch {
	case i < 0 || i+1 >= len(toks):
		return ""
	case i+3 < len(toks) && toks[i+2] == ".":
		return ident(toks[i+1]) + "." + ident(toks[i+3])
	}
	return ident(toks[i+1])
}

// maskNote says what masking has to do with a failure: proof that it has nothing to do with it, or the doubt.
func (j *judge) maskNote(c cause) string {
	switch c.f.SQLState {
	case uniqueViolation:
		if c.adds() && !slices.ContainsFunc(c.key(), isExpression) {
			return j.keyNote(c)
		}
	case notNullViolation:
		return j.nullNote(c)
	}
	read := j.read(c)
	if len(read) == 0 || !strings.HasPrefix(c.f.SQLState, "22") && !strings.HasPrefix(c.f.SQLState, "23") {
		return ""
	}
	return "of what the statement reads, " + masked(read) + ": the mask may be the cause, so that production may not fail"
}

// nullNote judges a missing value: no mask but null makes one, since a NULL never reaches a mask and leaves none.
func (j *judge) nullNote(c cause) string {
	for _, cm := range j.masksOf(c.table) {
		if cm.Column == c.f.Column && (cm.Mask == "null" || cm.Mask == "") {
			return masked([]report.ColumnMask{cm}) + ": the mask may be the cause, so that production may not fail"
		}
	}
	return ""
}

// read are the masked columns that the failing statement names, of tables that it names or failed on.
func (j *judge) read(c cause) []report.ColumnMask {
	words := map[string]bool{c.f.Column: true}
	for _, t := range append(slices.Clone(c.toks), c.f.Columns...) {
		words[t] = true
	}
	s := script{statements: [][]string{c.toks}}
	var out []report.ColumnMask
	for _, cm := range j.masks() {
		rel := parseRelation(cm.Table)
		if words[cm.Column] && (rel == c.table || s.names(rel)) {
			out = append(out, cm)
		}
	}
	return out
}

// masks are all masked columns; without a list of their masks, those named by the copy, whose masks are not known.
func (j *judge) masks() []report.ColumnMask {
	if len(j.r.Masking.ColumnMasks) > 0 {
		return j.r.Masking.ColumnMasks
	}
	var out []report.ColumnMask
	for _, t := range j.r.Snapshot.Tables {
		for _, col := range t.Masked {
			out = append(out, report.ColumnMask{Table: t.Table, Column: col})
		}
	}
	return out
}

func (j *judge) masksOf(rel relation) []report.ColumnMask {
	var out []report.ColumnMask
	for _, cm := range j.masks() {
		if r := parseRelation(cm.Table); r == rel || rel.schema == "" && r.name == rel.name {
			out = append(out, cm)
		}
	}
	return out
}

// copied tells whether the table was part of the copy, so that "not masked" is known.
func (j *judge) copied(rel relation) bool {
	for _, t := range j.r.Snapshot.Tables {
		if parseRelation(t.Table) == rel {
			return true
		}
	}
	return false
}

// masked names columns with their masks: "shop.customers.email is masked with email".
func masked(cms []report.ColumnMask) string {
	var out []string
	for _, cm := range cms {
		s := cm.Table + "." + ident(cm.Column)
		if cm.Mask != "" {
			s += " (" + cm.Mask + ")"
		}
		out = append(out, s)
	}
	if len(cms) == 1 && cms[0].Mask != "" {
		return cms[0].Table + "." + ident(cms[0].Column) + " is masked with " + cms[0].Mask
	}
	if len(cms) == 1 {
		return out[0] + " is masked"
	}
	return some(out) + " are masked"
}
