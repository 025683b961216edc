package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

// addOutput adds the flags of a command that prints an answer.
func addOutput(c *cobra.Command, o *output.Options) {
	c.Flags().StringVarP(&o.Format, "output", "o", "", "`FORMAT`: "+strings.Join(output.Formats(), ", "))
	c.Flags().StringVar(&o.JQ, "jq", "", "jq `EXPR` on the JSON")
	c.Flags().StringVar(&o.Template, "template", "", "Go `TEMPLATE` on the JSON")
	noFiles(c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(output.Formats(), cobra.ShellCompDirectiveNoFileComp)))
}

// noFiles takes the error of registering a completion, which only a misspelt flag can cause.
func noFiles(err error) {
	if err != nil {
		panic(err)
	}
}

// writeOptions are the flags of a command that changes something.
type writeOptions struct {
	output.Options
	yes, dryRun bool
	reason      string
}

func (o *writeOptions) add(c *cobra.Command) {
	addOutput(c, &o.Options)
	c.Flags().BoolVarP(&o.yes, "yes", "y", false, "answer the question with yes")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "say what would change, change nothing")
	c.Flags().StringVar(&o.reason, "reason", "", "why; kept in the audit and shown to others")
}

func (o *writeOptions) decision(actor quarantine.Actor) quarantine.Decision {
	return quarantine.Decision{Actor: actor, Reason: o.reason}
}

// needReason refuses a write that others will ask about.
func (o *writeOptions) needReason(verb string) error {
	if strings.TrimSpace(o.reason) == "" {
		return problem.Errorf(problem.Invalid, `%s needs --reason "…": it is kept in the audit and shown to others`, verb)
	}
	return nil
}

// args checks the number of arguments; most < 0 means any.
func args(least, most int, usage string) cobra.PositionalArgs {
	return func(_ *cobra.Command, given []string) error {
		if len(given) < least || most >= 0 && len(given) > most {
			return problem.Errorf(problem.Invalid, "%s given, want: theriac %s", plural(len(given), "argument", "arguments"), usage)
		}
		return nil
	}
}
