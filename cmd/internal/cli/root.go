package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/internal/problem"
)

// The groups of the help screen.
const (
	groupLook   = "look"
	groupDecide = "decide"
	groupRun    = "run"

	groupIncident = "incident"
)

func newRoot(t *Tool, more []func(*Tool) *cobra.Command) *cobra.Command {
	o := &statusOptions{}
	root := &cobra.Command{
		Use:   "theriac",
		Short: "See what is held, say why, and decide",
		Long: "theriac shows which messages were taken out of the way because they kill or break their service,\n" +
			"says why each is held, and runs them again or discards them. Alone it shows what matters now.",
		Example: `theriac                     what is held now
theriac why Q-7F3K          what happened, and why this message
theriac replay Q-7F3K       run it again on the build running now
theriac discard Q-7F3K --reason "test order"`,
		Args:          unknownCommand,
		SilenceErrors: true, SilenceUsage: true,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context(), t) },
	}
	o.add(root)
	addGlobals(root, t)
	root.SetIn(t.In)
	root.SetOut(t.Out())
	root.SetErr(t.Err())
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return problem.Errorf(problem.Invalid, "%w; see: %s --help", err, c.CommandPath())
	})
	root.AddGroup(
		&cobra.Group{ID: groupLook, Title: "Look:"},
		&cobra.Group{ID: groupDecide, Title: "Decide:"},
		&cobra.Group{ID: groupIncident, Title: "Incidents:"},
		&cobra.Group{ID: groupRun, Title: "Keep it running:"})
	root.SetHelpTemplate(helpTemplate)
	root.SetUsageTemplate(usageTemplate)
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(newHelpCommand())
	for group, make := range commands() {
		for _, f := range make {
			add(root, group, f(t))
		}
	}
	for _, f := range more {
		add(root, groupRun, f(t))
	}
	root.AddCommand(topics()...)
	return root
}

// commands are all commands of this package by their group.
func commands() map[string][]func(*Tool) *cobra.Command {
	return map[string][]func(*Tool) *cobra.Command{
		groupLook: {newLsCommand, newShowCommand, newWhyCommand, newGroupsCommand, newCrashesCommand, newSuspectsCommand},
		groupDecide: {newReplayCommand, newDiscardCommand, newRestoreCommand,
			newTakeCommand, newSnoozeCommand, newReleaseCommand, newPauseCommand, newResumeCommand, newShedCommand},
		groupIncident: {newIncidentCommand},
		groupRun:      {newNotifyCommand, newDoctorCommand, newMigrateCommand, newVersionCommand, newCompletionCommand},
	}
}

func add(root *cobra.Command, group string, c *cobra.Command) {
	c.GroupID = group
	root.AddCommand(c)
}

func addGlobals(root *cobra.Command, t *Tool) {
	f := root.PersistentFlags()
	f.StringVar(&t.flags.Store, "store", "", "store `URL`: postgres://…, sqlite:PATH")
	f.StringVar(&t.flags.Broker, "broker", "", "broker `URL`: nats://…, pubsub://PROJECT")
	f.StringVar(&t.flags.DataDir, "data-dir", "", "`DIR` of the embedded engines (default ./theriac-data)")
	f.StringVar(&t.flags.Context, "context", "", "`NAME` of a context; see: theriac help environment")
	f.BoolVar(&t.flags.noColor, "no-color", false, "no colour")
	f.BoolVarP(&t.flags.quiet, "quiet", "q", false, "no hints on the error stream")
	noFiles(root.RegisterFlagCompletionFunc("context", t.completeContexts))
	noFiles(root.RegisterFlagCompletionFunc("store", cobra.FixedCompletions([]string{"sqlite:", "postgres://"}, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace)))
	noFiles(root.RegisterFlagCompletionFunc("broker", cobra.FixedCompletions([]string{"nats://", "pubsub://"}, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace)))
	noFiles(root.MarkPersistentFlagDirname("data-dir"))
}

// unknownCommand refuses words that name no command, behind theriac or a noun that does something alone.
func unknownCommand(c *cobra.Command, given []string) error {
	if len(given) == 0 {
		return nil
	}
	if c.SuggestionsMinimumDistance <= 0 {
		c.SuggestionsMinimumDistance = 2
	}
	near := c.SuggestionsFor(given[0])
	if len(near) == 0 {
		return problem.Errorf(problem.Invalid, "unknown command %q; see: %s --help", given[0], c.CommandPath())
	}
	return problem.Errorf(problem.Invalid, "unknown command %q; did you mean: %s %s", given[0], c.CommandPath(), strings.Join(near, ", "))
}
