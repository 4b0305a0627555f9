package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/sanitize"
)

func revealCommand() *cli.Command {
	return &cli.Command{
		Name: "reveal", Usage: "give back the values behind what the mask token made, with the key it was made with",
		Description: "Tokens are read from stdin, one a line. REHEARSE_MASK_KEY must be the key of the copy. Values are written to a\n" +
			"terminal and nowhere else: they belong into no file, pipe or log. No database is asked.",
		Flags:  []cli.Flag{&cli.StringFlag{Name: "domain", Usage: "`NAME` of the rule's domain, where it has one", Value: "token"}},
		Action: revealAction,
	}
}

func revealAction(c *cli.Context) error {
	key, ephemeral, err := maskKey()
	switch {
	case err != nil:
		return err
	case ephemeral:
		return &usageProblem{text: "REHEARSE_MASK_KEY is not set", hint: "a copy masked without it had a key of its own, which was thrown away: nobody can reveal its tokens"}
	case !isTerminal(os.Stdout):
		return &usageProblem{text: "stdout is no terminal, and the values behind tokens are for the eye only"}
	}
	tokens, strangers := 0, 0
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for ; lines.Scan(); tokens++ {
		value, ok := sanitize.Reveal(key, c.String("domain"), strings.TrimSpace(lines.Text()))
		if !ok {
			strangers++
			continue
		}
		fmt.Fprintf(c.App.Writer, "%s\t%s\n", oneLine(lines.Text()), shown(value))
	}
	if err := lines.Err(); err != nil {
		return &usageProblem{text: "stdin: " + err.Error()}
	}
	if strangers > 0 {
		return &usageProblem{
			text: fmt.Sprintf("%d of %d are no tokens of key %s and domain %s", strangers, tokens, key.ID(), oneLine(c.String("domain"))),
			hint: "the manifest and the report of the copy have the id of its key; --domain is the domain of the column's rule, where it has one",
		}
	}
	return nil
}
