package embedded

import (
	"os"

	"github.com/spf13/cobra"
)

// Subcommand is the hidden command of the broker process. Its one argument is the directory.
const Subcommand = "internal-broker"

// NewCommand returns the hidden command.
func NewCommand() *cobra.Command {
	return &cobra.Command{
		Use:    Subcommand + " DIR",
		Short:  "Run the embedded broker for a parent process",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return Serve(c.Context(), args[0], os.Stdin, os.Stdout, os.Stderr)
		},
	}
}
