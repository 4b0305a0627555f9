package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/sanitize"
)

func masksCommand() *cli.Command {
	return &cli.Command{
		Name: "masks", Usage: "list the masks: the types each works on, its parameters, and what it keeps",
		Flags:  []cli.Flag{choiceFlag("format", "text", "what stdout gets", "text", "json", "markdown")},
		Action: masksAction,
	}
}

func masksAction(c *cli.Context) error {
	all := sanitize.Masks()
	switch choiceOf(c, "format") {
	case "json":
		e := json.NewEncoder(c.App.Writer)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(all)
	case "markdown":
		_, err := c.App.Writer.Write(sanitize.MasksMarkdown())
		return err
	}
	return showMasks(c.App.Writer, all)
}

func showMasks(w io.Writer, all []sanitize.MaskInfo) error {
	for _, m := range all {
		fmt.Fprintf(w, "%s: %s\n  types  %s\n  keeps  %s\n", m.Name, m.Summary, strings.Join(m.Types, ", "), m.KeepsText())
		for _, p := range m.Params {
			fmt.Fprintf(w, "  param  %s: %s\n", p.Name, p.Text())
		}
		for _, g := range m.Guarantees {
			fmt.Fprintf(w, "         %s\n", g)
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	return nil
}
