package main

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"
)

// restoreFlags are those of the commands that can take a snapshot in place of the source.
func restoreFlags() []cli.Flag {
	return append([]cli.Flag{
		stringFlag("snapshot", "", "`NAME` or path of a snapshot to restore instead of copying the source; - is stdin"),
		durationFlag("max-archive-age", 0, "refuse a snapshot taken longer ago than this; 0 is any"),
	}, findFlags()...)
}

// findFlags are how a snapshot is found and opened.
func findFlags() []cli.Flag {
	return []cli.Flag{
		snapshotDirFlag(), identityFlag(),
		stringFlag("store-pull", "", "`COMMAND` that brings a snapshot that is not there to the path in $REHEARSE_SNAPSHOT; its name is in $REHEARSE_SNAPSHOT_NAME"),
		choiceFlag("store-fetch", "missing", "when the store is asked for a snapshot; always: also when it is here, at $REHEARSE_SNAPSHOT_CURRENT, which stays when the command brings none",
			"missing", "always"),
	}
}

func snapshotDirFlag() cli.Flag {
	return stringFlag("snapshot-dir", "", "`DIR` of the snapshots that are named without a path; without it snapshots in --state-dir")
}

// identityFlag has no variable of its own name: REHEARSE_IDENTITY holds the identity itself, REHEARSE_IDENTITY_FILE names a file of it.
func identityFlag() cli.Flag {
	return &cli.StringFlag{Name: "identity", Usage: "`FILE` with the age identity of an encrypted snapshot; or REHEARSE_IDENTITY, REHEARSE_IDENTITY_FILE"}
}

// createFlags say what becomes of a new snapshot.
func createFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag("snapshot", "", "`NAME` or path of the snapshot; - is stdout. Without it the name of the database and the time"),
		snapshotDirFlag(),
		choiceFlag("form", "file", "form of the snapshot", "file", "directory"),
		boolFlag("replace", "take the place of a snapshot of that name"),
		&cli.StringSliceFlag{
			Name: "encrypt-to", EnvVars: env("encrypt-to"),
			Usage: "`RECIPIENT` of age (age1...), or a file of them, who alone can open the snapshot; repeatable",
		},
		stringFlag("store-push", "", "`COMMAND` that takes the finished snapshot away from the path in $REHEARSE_SNAPSHOT; its name is in $REHEARSE_SNAPSHOT_NAME"),
	}
}

func nameFlag(usage string) cli.Flag {
	return stringFlag("snapshot", "", "`NAME` or path of the snapshot"+usage)
}

// sourceFlagsOnly are flags without a meaning where a snapshot is restored.
var sourceFlagsOnly = []string{
	"source", "source-env", "lock-timeout", "statement-timeout", "masks", "pg-dump", "rate-limit", "max-snapshot-age",
}

// restoring says that a command is to restore a snapshot.
func restoring(c *cli.Context) bool {
	return hasFlag(c, "max-archive-age") && c.String("snapshot") != ""
}

// onCommandLine are the flags that the command line gives and the environment does not, which LocalFlagNames does not tell apart.
func onCommandLine(c *cli.Context) []string {
	return slices.DeleteFunc(c.LocalFlagNames(), func(name string) bool {
		return slices.ContainsFunc(c.Command.Flags, func(f cli.Flag) bool { return f.IsSet() && slices.Contains(f.Names(), name) })
	})
}

// coherent refuses flags of the command line that contradict each other. What stands in the environment or in the configuration may be
// meant for other commands; so this comes before the configuration is read.
func coherent(c *cli.Context) error {
	if !hasFlag(c, "max-archive-age") {
		return nil
	}
	given := onCommandLine(c)
	if restoring(c) {
		for _, name := range sourceFlagsOnly {
			if slices.Contains(given, name) {
				return &usageProblem{
					text: fmt.Sprintf("--%s has no meaning with --snapshot: no source is asked, and the rows are masked already", name),
					hint: "leave one of them out",
				}
			}
		}
		return nil
	}
	for _, name := range []string{"identity", "max-archive-age", "store-pull", "store-fetch"} {
		if slices.Contains(given, name) {
			return &usageProblem{text: fmt.Sprintf("--%s says how to restore a snapshot, but none is named", name), hint: "--snapshot names it"}
		}
	}
	return nil
}
