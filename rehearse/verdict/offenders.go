package verdict

import "strings"

// offenders says how many rows made a migration fail, and how to find them in production; "" when they were not counted.
func (c cause) offenders() (note, do string) {
	var notes, sql []string
	for _, o := range c.f.Offenders {
		if o.Rows == nil {
			continue
		}
		notes = append(notes, "in the copy "+o.Counts())
		sql = append(sql, indented(o.SQL))
	}
	if len(notes) == 0 {
		return "", ""
	}
	first := "Mend these rows in a migration before this one."
	switch c.f.SQLState {
	case uniqueViolation:
		first = "Decide which rows stay, and mend them in a migration before this one."
	case notNullViolation:
		first = "Fill them in a migration before this one."
	}
	return strings.Join(notes, ", "), first + " Find them in production (read-only):\n" + strings.Join(sql, "\n")
}
