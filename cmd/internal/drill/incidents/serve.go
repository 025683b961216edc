package incidents

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/incidentd"
	"github.com/theriac/theriac/internal/problem"
)

// Subcommand runs the incident service in this program, for drills.
const Subcommand = "drill-incidentd"

// NewServeCommand returns the hidden command that a drill starts: incidentd with its own arguments.
func NewServeCommand(environ []string) *cobra.Command {
	return &cobra.Command{
		Use: Subcommand, Short: "Run the incident service for a drill", Hidden: true, DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error { return serve(args, environ, os.Stdout, os.Stderr) },
	}
}

func serve(args, environ []string, out, errs io.Writer) error {
	if code := incidentd.Main(args, environ, out, errs); code != 0 {
		return problem.Errorf(problem.Unavailable, "incidentd ended with code %d", code)
	}
	return nil
}
