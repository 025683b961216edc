package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/internal/buildinfo"
)

type versionJSON struct {
	output.Head
	Version  string     `json:"version"`
	Revision string     `json:"revision,omitempty"`
	Time     *time.Time `json:"time,omitempty"`
	Modified bool       `json:"modified"`
	Go       string     `json:"go"`
}

func newVersionCommand(t *Tool) *cobra.Command {
	var o output.Options
	c := &cobra.Command{
		Use:   "version",
		Short: "Print which build this is",
		Args:  args(0, 0, "version"),
		RunE: func(*cobra.Command, []string) error {
			if err := o.Validate(); err != nil {
				return err
			}
			info := buildinfo.Read()
			j := versionJSON{Head: output.NewHead(), Version: info.Version, Revision: info.Revision, Modified: info.Modified, Go: info.Go}
			if !info.Time.IsZero() {
				j.Time = &info.Time
			}
			return t.Print(o, output.Answer{Value: j, Names: []string{info.Version}, Layout: output.Screen(func(w *term.Writer) {
				w.Printf("theriac %s\n", info)
			})})
		},
	}
	addOutput(c, &o)
	return c
}
