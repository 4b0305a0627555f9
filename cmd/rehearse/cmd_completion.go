package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// The scripts ask the program itself, by its hidden flag --generate-bash-completion, what may come next.
const (
	bashCompletion = `_rehearse() {
  local cur="${COMP_WORDS[COMP_CWORD]}" words
  if [[ "$cur" == -* ]]; then
    words=$("${COMP_WORDS[@]:0:COMP_CWORD}" "$cur" --generate-bash-completion 2>/dev/null)
  else
    words=$("${COMP_WORDS[@]:0:COMP_CWORD}" --generate-bash-completion 2>/dev/null)
  fi
  COMPREPLY=($(compgen -o default -W "$words" -- "$cur"))
}
complete -o bashdefault -o default -F _rehearse rehearse
`
	zshCompletion = `#compdef rehearse
_rehearse() {
  local -a opts
  if [[ "${words[-1]}" == -* ]]; then
    opts=("${(@f)$(${words[@]:0:#words[@]-1} ${words[-1]} --generate-bash-completion 2>/dev/null)}")
  else
    opts=("${(@f)$(${words[@]:0:#words[@]-1} --generate-bash-completion 2>/dev/null)}")
  fi
  if [[ -n "${opts[1]}" ]]; then _describe values opts; else _files; fi
}
compdef _rehearse rehearse
`
	powershellCompletion = `Register-ArgumentCompleter -Native -CommandName rehearse -ScriptBlock {
  param($word, $ast, $cursor)
  Invoke-Expression "$ast --generate-bash-completion" | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`
)

// fishCompletion is urfave/cli's, without the marks of its placeholders.
func fishCompletion(app *cli.App) (string, error) {
	s, err := app.ToFishCompletion()
	return strings.ReplaceAll(s, "`", ""), err
}

func completionCommand() *cli.Command {
	script := func(shell, how string, text func(*cli.App) (string, error)) *cli.Command {
		return &cli.Command{
			Name: shell, Usage: how,
			Action: func(c *cli.Context) error {
				s, err := text(c.App)
				if err != nil {
					return err
				}
				_, err = fmt.Fprint(c.App.Writer, s)
				return err
			},
		}
	}
	fixed := func(s string) func(*cli.App) (string, error) {
		return func(*cli.App) (string, error) { return s, nil }
	}
	return &cli.Command{
		Name:  "completion",
		Usage: "print the completion script of a shell",
		Subcommands: []*cli.Command{
			script("bash", "source <(rehearse completion bash)", fixed(bashCompletion)),
			script("zsh", "rehearse completion zsh > \"${fpath[1]}/_rehearse\"", fixed(zshCompletion)),
			script("fish", "rehearse completion fish | source", fishCompletion),
			script("powershell", "rehearse completion powershell | Out-String | Invoke-Expression", fixed(powershellCompletion)),
		},
	}
}
