package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// release is set by the linker in a release build; otherwise the build information tells.
var release string

// version is what this binary is.
func version() report.Tool {
	tool := report.Tool{Version: release, Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return tool
	}
	if tool.Version == "" {
		tool.Version = info.Main.Version
	}
	if tool.Version == "" || tool.Version == "(devel)" {
		tool.Version = "devel"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			tool.Commit = s.Value
		}
	}
	return tool
}

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version of this program",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "as JSON"}},
		Action: func(c *cli.Context) error {
			v := version()
			if c.Bool("json") {
				return json.NewEncoder(c.App.Writer).Encode(v)
			}
			fmt.Fprintf(c.App.Writer, "rehearse %s", v.Version)
			if v.Commit != "" {
				fmt.Fprintf(c.App.Writer, " (%.12s)", v.Commit)
			}
			fmt.Fprintf(c.App.Writer, " %s\n", v.Go)
			return nil
		},
	}
}
