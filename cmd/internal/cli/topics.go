package cli

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/quarantine"
)

//go:embed help/3am.txt
var help3am string

//go:embed help/exit-codes.txt
var helpExitCodes string

//go:embed help/formatting.txt
var helpFormatting string

//go:embed help/environment.txt
var helpEnvironment string

//go:embed help/incidents.txt
var helpIncidents string

//go:embed help/query.txt
var helpQuery string

// topics are the pages of `theriac help TOPIC`. A command without a run function is such a page.
func topics() []*cobra.Command {
	return []*cobra.Command{
		topic("3am", "What to do when you are woken", help3am),
		topic("incidents", "How an incident is run from the command line", helpIncidents),
		topic("query", "The terms that select entries", helpQuery+queryTable()),
		topic("exit-codes", "What the exit codes mean", helpExitCodes),
		topic("environment", "Variables and contexts", helpEnvironment+environmentTable()),
		topic("formatting", "Tables, TSV, JSON, jq and templates", helpFormatting),
	}
}

func topic(name, short, text string) *cobra.Command {
	c := &cobra.Command{Use: name, Short: short, Long: strings.TrimSpace(text)}
	c.SetHelpFunc(func(c *cobra.Command, _ []string) {
		// Everything goes to the writer of the root, which has no error to return here.
		fmt.Fprintln(c.OutOrStdout(), c.Long)
	})
	return c
}

func queryTable() string {
	var b strings.Builder
	for _, k := range quarantine.QueryKeys() {
		fmt.Fprintf(&b, "  %-10s %s\n", k[0]+":", k[1])
	}
	return b.String()
}

func environmentTable() string {
	var b strings.Builder
	for _, v := range config.Variables() {
		fmt.Fprintf(&b, "  %-21s %s\n", v.Name, v.Doc)
	}
	return b.String()
}
