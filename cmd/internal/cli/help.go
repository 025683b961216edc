package cli

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/internal/problem"
)

// helpTemplate puts examples first: who asks for help in a hurry copies a line.
const helpTemplate = `{{with or .Long .Short}}{{trimTrailingWhitespaces .}}
{{end}}{{if .HasExample}}
{{.Example}}
{{end}}{{if or .Runnable .HasSubCommands}}
{{.UsageString}}{{end}}`

const usageTemplate = `Usage:{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND{{range $group := .Groups}}

{{.Title}}{{range $.Commands}}{{if and (eq .GroupID $group.ID) .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if not .AllChildCommandsHaveGroup}}
{{range .Commands}}{{if and (eq .GroupID "") .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

Flags of all commands:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasHelpSubCommands}}

Topics:{{range .Commands}}{{if .IsAdditionalHelpTopicCommand}}
  {{rpad (print "theriac help " .Name) 27}} {{.Short}}{{end}}{{end}}{{end}}
`

// newHelpCommand replaces cobra's, which ends well when there is no such topic.
func newHelpCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "help [COMMAND | TOPIC]",
		Short:   "Explain a command or a topic",
		GroupID: groupRun,
		RunE: func(c *cobra.Command, given []string) error {
			found, rest, err := c.Root().Find(given)
			if err != nil || len(rest) > 0 {
				return problem.Errorf(problem.Invalid, "no help on %q; commands and topics: theriac --help", strings.Join(given, " "))
			}
			return found.Help()
		},
	}
	c.ValidArgsFunction = func(c *cobra.Command, given []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		at, _, err := c.Root().Find(given)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var words []cobra.Completion
		for _, sub := range at.Commands() {
			words = offer(words, typed, sub.Name(), sub.Short)
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
	return c
}

// shells are those that have completion, each with what writes its script.
func shells(root *cobra.Command) map[string]func(io.Writer) error {
	return map[string]func(io.Writer) error{
		"bash":       func(w io.Writer) error { return root.GenBashCompletionV2(w, true) },
		"zsh":        root.GenZshCompletion,
		"fish":       func(w io.Writer) error { return root.GenFishCompletion(w, true) },
		"powershell": root.GenPowerShellCompletionWithDesc,
	}
}

func newCompletionCommand(t *Tool) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print the script that completes commands, references and subscriptions in a shell",
		Example: `source <(theriac completion bash)                                   in ~/.bashrc
source <(theriac completion zsh)                                    in ~/.zshrc
theriac completion fish | source                                    in ~/.config/fish/config.fish
theriac completion powershell | Out-String | Invoke-Expression      in $PROFILE`,
		Args:              args(1, 1, "completion bash|zsh|fish|powershell"),
		ValidArgsFunction: cobra.FixedCompletions([]string{"bash", "zsh", "fish", "powershell"}, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(c *cobra.Command, given []string) error {
			write, ok := shells(c.Root())[given[0]]
			if !ok {
				return problem.Errorf(problem.Invalid, "no completion for %q; known: bash, zsh, fish, powershell", given[0])
			}
			return write(t.Streams.Out)
		},
	}
}
