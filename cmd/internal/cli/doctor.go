package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/internal/problem"
)

type doctorOptions struct {
	output.Options
	state string
}

func newDoctorCommand(t *Tool) *cobra.Command {
	o := &doctorOptions{}
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check store, schema, workers, broker, spool, deaths, telemetry, Slack and clocks",
		Long:  "Check that everything is in its place. Each line that is not well names one way to mend it.\nThe exit code is 9 if a line fails.",
		Example: `theriac doctor
theriac doctor -o json --jq '.findings[] | select(.level=="fail") | .fix'`,
		Args: args(0, 0, "doctor"),
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context(), t) },
	}
	addOutput(c, &o.Options)
	c.Flags().StringVar(&o.state, "state-dir", "", "state `DIR` of the guardian on this machine (default guardian in the data directory)")
	noFiles(c.MarkFlagDirname("state-dir"))
	return c
}

// level is how bad a finding is.
type level string

const (
	levelOK   level = "ok"
	levelWarn level = "warn"
	levelFail level = "fail"
)

// finding is what one check found. All but ok have a fix.
type finding struct {
	Level level  `json:"level"`
	What  string `json:"what"`
	Text  string `json:"text"`
	Fix   string `json:"fix,omitempty"`
}

type doctorJSON struct {
	output.Head
	OK       bool      `json:"ok"`
	Findings []finding `json:"findings"`
}

func (o *doctorOptions) run(ctx context.Context, t *Tool) error {
	if err := o.Validate(); err != nil {
		return err
	}
	d, err := newDoctor(t, o.state)
	if err != nil {
		return err
	}
	j := doctorJSON{Head: output.NewHead(), OK: true, Findings: d.examine(ctx)}
	a := output.Answer{Items: []any{}}
	for _, f := range j.Findings {
		j.OK = j.OK && f.Level != levelFail
		a.Items = append(a.Items, struct {
			output.Head
			finding
		}{output.NewHead(), f})
		a.Names = append(a.Names, f.What)
	}
	a.Value = j
	a.Layout = doctorLayout(t, o.Options, j.Findings)
	if err := t.Print(o.Options, a); err != nil {
		return err
	}
	if !j.OK {
		return &shownError{problem.BadAnswer}
	}
	return ctx.Err()
}

func doctorLayout(t *Tool, o output.Options, findings []finding) output.Layout {
	if o.Machine(t.OutTerminal) {
		return output.Rows[finding]{Items: findings, Columns: []output.Column[finding]{
			{Title: "LEVEL", Human: func(f finding) string { return string(f.Level) }},
			{Title: "WHAT", Human: func(f finding) string { return f.What }},
			{Title: "FOUND", Human: func(f finding) string { return f.Text }},
			{Title: "FIX", Human: func(f finding) string { return f.Fix }},
		}}
	}
	return output.Screen(func(w *term.Writer) {
		for _, f := range findings {
			w.Paint(map[level]term.Style{levelOK: term.Green, levelWarn: term.Yellow, levelFail: term.Red}[f.Level], fmt.Sprintf("%-4s", f.Level))
			w.Printf("  %-9s  %s\n", f.What, f.Text)
			if f.Fix != "" {
				w.Printf("%17sfix: %s\n", "", f.Fix)
			}
		}
	})
}
