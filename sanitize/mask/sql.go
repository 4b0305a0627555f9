package mask

// sqlFamily: what the source makes of its own values.
func sqlFamily() family {
	return family{
		Info: Info{
			Name: "sql", Summary: "an expression in SQL that the source evaluates in the column's place", Types: []string{"any"},
			Params: []ParamInfo{
				{Name: "expression", Type: "string", Row: true, Meaning: "over the columns of the row, with built-in functions and operators that are not volatile; required"},
			},
			Guarantees: []string{
				"the column's own value does not leave the source, but for what the expression lets through: that is for the rule's author to see to",
				"nothing is guaranteed of the result, neither that it is masked nor that distinct values stay distinct",
				"the result is cast to the column's type; NULL is evaluated as well",
				"no subqueries, no functions but pg_catalog's, and no volatile, aggregate or set-returning ones",
			},
		},
		compile: func(c *compiler) (*Mask, error) {
			text := c.params.text("expression", "")
			switch {
			case text == "":
				c.params.fail("expression", "is missing")
			case c.target.Row == nil:
				c.params.fail("expression", "reads a row, and there is none here; only the rule of a whole column can have it")
			}
			return &Mask{Expression: text, New: func() Func { return keepFunc{} }}, nil
		},
	}
}
