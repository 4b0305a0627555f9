package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// budgetFlag is a limit of time for any table, and limits for tables by name: --max-writes-blocked 2s --max-writes-blocked shop.orders=500ms.
// In the environment they are separated by commas. What is given for a table later takes the place of what was given before.
func budgetFlag(name, usage string) cli.Flag {
	return &cli.GenericFlag{Name: name, Value: &budget{}, Usage: usage, EnvVars: env(name), DefaultText: "no limit"}
}

type budget struct{ verdict.BlockedBudget }

// Set adds limits.
func (b *budget) Set(s string) error {
	for _, one := range commaSeparated(s) {
		table, text := "", one
		if i := strings.LastIndexByte(one, '='); i >= 0 {
			table, text = strings.TrimSpace(one[:i]), one[i+1:]
			if table == "" {
				return fmt.Errorf("%q names no table before the =", one)
			}
		}
		d, err := time.ParseDuration(strings.TrimSpace(text))
		if err != nil || d < 0 || d > 0 && d < time.Millisecond {
			return fmt.Errorf("%q is not a time such as 2s, 500ms or 0, nor TABLE=TIME", one)
		}
		switch {
		case table == "":
			b.Any = d
		case b.Tables == nil:
			b.Tables = map[string]time.Duration{table: d}
		default:
			b.Tables[table] = d
		}
	}
	return nil
}

func (b *budget) String() string {
	var all []string
	if b.Any > 0 {
		all = append(all, b.Any.String())
	}
	for _, name := range b.Names() {
		all = append(all, name+"="+b.Tables[name].String())
	}
	return strings.Join(all, ",")
}

// commaSeparated takes a list apart at its commas, but for those in double quotes.
func commaSeparated(s string) (all []string) {
	quoted, from := false, 0
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			all, from = append(all, strings.TrimSpace(s[from:i])), i+1
		}
	}
	return append(all, strings.TrimSpace(s[from:]))
}

func budgetOf(c *cli.Context, name string) verdict.BlockedBudget {
	if b, ok := c.Generic(name).(*budget); ok {
		return b.BlockedBudget
	}
	return verdict.BlockedBudget{}
}
