package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
)

// run is the whole command: it returns the exit code and writes the result, and nothing else, to stdout.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := &brokenPipe{w: stdout}
	app := newApp(out, stderr)
	err := app.RunContext(ctx, args)
	if err == nil {
		err = out.err
	}
	u := ui{err: stderr}
	return u.finish(ctx, err)
}

// newApp lists the commands and cures what urfave/cli v2 does by default: flags swallowed after a positional argument (there are no
// positional arguments here), exit code 3 for an unknown command, help on stdout after a usage error, os.Exit inside Run.
func newApp(stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:                      "rehearse",
		Usage:                     "rehearse a database release on a masked copy of production",
		Description:               "Snapshots a production PostgreSQL database, masks it while copying it into a throwaway staging server, applies the\npending goose migrations there and reports what they did: GO or NO-GO, with the evidence. Nothing is ever written to the source.",
		Version:                   version().Version,
		Writer:                    stdout,
		ErrWriter:                 stderr,
		HideHelpCommand:           true,
		DisableSliceFlagSeparator: true,
		EnableBashCompletion:      true,
		ExitErrHandler:            func(*cli.Context, error) {},
		Flags:                     globalFlags(),
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return unknownCommand(c, c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
		Commands: []*cli.Command{
			runCommand(), planCommand(), initCommand(), snapshotCommand(), stageCommand(), sanitizeCommand(), stagingCommand(),
			reportCommand(), verifyCommand(), schemaCommand(), completionCommand(), versionCommand(),
		},
	}
	cli.VersionFlag = &cli.BoolFlag{Name: "version", Usage: "print the version", DisableDefaultText: true}
	app.OnUsageError = usageError
	for _, c := range app.Commands {
		harden(c)
	}
	return app
}

// harden applies to a command and its subcommands what cannot be set for the whole app at once.
func harden(c *cli.Command) {
	c.OnUsageError = usageError
	c.HideHelpCommand = true
	action := c.Action
	c.Action = func(ctx *cli.Context) error {
		if ctx.Args().Present() {
			if len(c.Subcommands) > 0 {
				return unknownCommand(ctx, ctx.Args().First())
			}
			return &usageProblem{
				text: fmt.Sprintf("%s takes no arguments, only flags, but was given %s", ctx.Command.HelpName, discreet(ctx.Args().First())),
				hint: strayHint(ctx),
			}
		}
		if action == nil {
			return cli.ShowSubcommandHelp(ctx)
		}
		return action(ctx)
	}
	for _, sub := range c.Subcommands {
		harden(sub)
	}
}

// discreet quotes a word of the command line for an error, but not a URL, which may have a password in it.
func discreet(word string) string {
	if strings.Contains(word, "://") || strings.Contains(word, "password") {
		return "a URL"
	}
	return strconv.Quote(word)
}

// strayHint guesses what a stray argument was meant to be.
func strayHint(ctx *cli.Context) string {
	arg := ctx.Args().First()
	switch {
	case (&shares{}).Set(arg) == nil && ctx.IsSet("scale-curve"):
		return "shares of the rows stand behind a =: --scale-curve=" + arg
	case strings.Contains(arg, "://"):
		return "give a database as --source URL, or better in REHEARSE_SOURCE_URL, where ps does not show it"
	case strings.HasPrefix(arg, "-"):
		return "everything after a stray argument is taken for an argument too"
	case hasFlag(ctx, "migrations"):
		return fmt.Sprintf("did you mean --migrations %s? every input has a flag: see %s --help", arg, ctx.Command.HelpName)
	}
	return fmt.Sprintf("every input has a flag: see %s --help", ctx.Command.HelpName)
}

func unknownCommand(c *cli.Context, name string) error {
	commands := c.App.Commands
	if c.Command != nil && len(c.Command.Subcommands) > 0 {
		commands = c.Command.Subcommands
	}
	var names []string
	for _, command := range commands {
		names = append(names, command.Name)
	}
	hint := "the commands are " + strings.Join(names, ", ")
	if name == "help" {
		hint = "--help does it, after a command too, as in rehearse run --help; " + hint
	} else if near := nearest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return &usageProblem{text: "there is no command " + discreet(name), hint: hint}
}

func usageError(c *cli.Context, err error, _ bool) error {
	text := err.Error()
	problem := &usageProblem{text: text, hint: "see " + strings.TrimSpace(c.Command.HelpName+" --help")}
	if m := invalidValue.FindStringSubmatch(text); m != nil {
		problem.text = "--" + m[2] + ": " + whatIsWrong(c, m[2], m[1], errors.New(m[3]))
	}
	if m := invalidEnvironment.FindStringSubmatch(text); m != nil {
		problem.text = m[2] + ": " + whatIsWrong(c, m[3], m[1], errors.New(m[4]))
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		problem.text = dashed(strings.TrimLeft(name, "-")) + " needs a value"
	}
	const undefined = "flag provided but not defined: -"
	if name, ok := strings.CutPrefix(text, undefined); ok {
		name = strings.TrimLeft(name, "-")
		problem.text = "there is no flag " + dashed(name)
		if c.Command == nil || c.Command.HelpName == "" || c.Command.HelpName == c.App.HelpName {
			problem.hint = "flags stand after the command, as in rehearse run -v"
		}
		if near := nearest(name, flagNames(c)); near != "" {
			problem.hint = "did you mean --" + near + "?"
		}
		if name == "vv" {
			problem.hint = "did you mean -v -v?"
		}
	}
	return problem
}

// dashed is a flag as it is written on the command line.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// How the flag package and urfave/cli say that a value of a flag is none.
var (
	invalidValue       = regexp.MustCompile(`(?s)^invalid (?:boolean )?value "(.*)" for (?:flag )?-(\S+): (.*)$`)
	invalidEnvironment = regexp.MustCompile(`(?s)^could not parse "(.*)" (?:as .*)?from environment variable "(\S+)" (?:as value )?for flag (\S+): (.*)$`)
)

// whatIsWrong says why a flag does not take a value: in the words of our own flags, and in better ones than "parse error".
func whatIsWrong(c *cli.Context, flag, value string, err error) string {
	if !strings.Contains(err.Error(), "parse error") && !strings.Contains(err.Error(), "invalid") {
		return err.Error()
	}
	flags := c.App.Flags
	if c.Command != nil {
		flags = append(flags[:len(flags):len(flags)], c.Command.Flags...)
	}
	for _, f := range flags {
		if !slices.Contains(f.Names(), flag) {
			continue
		}
		switch f.(type) {
		case *cli.DurationFlag:
			return fmt.Sprintf("%q is not a duration such as 30s, 10m or 4h", value)
		case *cli.IntFlag, *cli.Int64Flag:
			return fmt.Sprintf("%q is not a whole number", value)
		case *cli.BoolFlag:
			return fmt.Sprintf("%q is not true or false", value)
		}
	}
	return err.Error()
}

func flagNames(c *cli.Context) []string {
	var names []string
	flags := c.App.Flags
	if c.Command != nil {
		flags = append(flags[:len(flags):len(flags)], c.Command.Flags...)
	}
	for _, f := range flags {
		for _, n := range f.Names() {
			if len(n) > 1 {
				names = append(names, n)
			}
		}
	}
	return names
}

// usageProblem is a mistake in the command line or in a file of ours.
type usageProblem struct{ text, hint string }

func (p *usageProblem) Error() string { return p.text }

// brokenPipe lets the command clean up and end with its own code when stdout fails: quietly when its reader left (| head), with
// errPublish when the result could not be written, on a full disk for example.
type brokenPipe struct {
	w      io.Writer
	closed bool
	err    error
}

func (b *brokenPipe) Write(p []byte) (int, error) {
	if b.closed {
		return len(p), nil
	}
	if _, err := b.w.Write(p); err != nil {
		b.closed = true
		if !errors.Is(err, syscall.EPIPE) {
			b.err = fmt.Errorf("%w: %w", errPublish, err)
		}
	}
	return len(p), nil
}
