package main

import (
	"bytes"
	_ "embed"
	"strconv"

	"github.com/urfave/cli/v2"
)

//go:embed rehearse.example.yaml
var exampleConfig []byte

func initCommand() *cli.Command {
	return &cli.Command{
		Name:        "init",
		Usage:       "write rehearse.yaml and rehearse.masks.yaml for a source",
		Description: "The masking rules are a proposal from names, types and sampled values: read every line. Existing files are never overwritten.",
		Flags:       flags(sourceFlags(), maskFlags(), []cli.Flag{samplesFlag()}),
		Action: prepare(func(c *cli.Context) error {
			if err := absent(configName); err != nil {
				return err
			}
			masks := c.String("masks")
			if err := writeStarter(c, masks); err != nil {
				return err
			}
			if err := writeNew(configName, configFor(masks)); err != nil {
				return err
			}
			ui{err: c.App.ErrWriter}.note("wrote %s; next: rehearse plan", configName)
			return nil
		}),
	}
}

// configFor is the example, with the masking rules where they were written to.
func configFor(masks string) []byte {
	if masks == defaultMasks || masks == "-" {
		return exampleConfig
	}
	return bytes.Replace(exampleConfig, []byte("\nmasks: "+defaultMasks+"\n"), []byte("\nmasks: "+strconv.Quote(masks)+"\n"), 1)
}
