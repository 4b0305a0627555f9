package main

import (
	_ "embed"

	"github.com/urfave/cli/v2"
)

//go:embed rehearse.example.yaml
var exampleConfig []byte

func initCommand() *cli.Command {
	return &cli.Command{
		Name:        "init",
		Usage:       "write rehearse.yaml and rehearse.masks.yaml for a source",
		Description: "The masking rules are a proposal from names, types and sampled values: read every line. Existing files are never overwritten.",
		Flags:       flags(sourceFlags(), maskFlags(), []cli.Flag{samplesFlag(), tableFlag()}),
		Action: prepare(func(c *cli.Context) error {
			if err := absent(configName); err != nil {
				return err
			}
			if err := writeStarter(c, c.String("masks")); err != nil {
				return err
			}
			if err := writeNew(configName, exampleConfig); err != nil {
				return err
			}
			ui{err: c.App.ErrWriter}.note("wrote %s; next: rehearse plan", configName)
			return nil
		}),
	}
}
