package cli

import (
	"bufio"
	"strings"

	"github.com/theriac/theriac/internal/problem"
)

// confirm asks a question that is answered with y. Without a terminal it refuses and never waits.
func (t *Tool) confirm(yes bool, format string, args ...any) error {
	if yes {
		return nil
	}
	answer, err := t.ask("--yes", format+" [y/N] ", args...)
	if err != nil {
		return err
	}
	if a := strings.ToLower(answer); a != "y" && a != "yes" {
		return problem.Errorf(problem.Refused, "not confirmed, nothing was changed")
	}
	return nil
}

// confirmName asks for the name of what is hard to undo, or takes it from --confirm.
func (t *Tool) confirmName(given, name, format string, args ...any) error {
	if given == "" {
		var err error
		if given, err = t.ask("--confirm="+name, format+" Type its name to go on: ", args...); err != nil {
			return err
		}
	}
	if given != name {
		return problem.Errorf(problem.Refused, "%q is not %q, nothing was changed", given, name)
	}
	return nil
}

func (t *Tool) ask(flag, format string, args ...any) (string, error) {
	if !t.InTerminal || !t.ErrTerminal {
		return "", problem.Errorf(problem.Refused, "this needs a person or %s: there is no terminal to ask on, nothing was changed", flag)
	}
	t.Err().Printf(format, args...)
	line, err := bufio.NewReader(t.In).ReadString('\n')
	if err != nil && line == "" {
		return "", problem.Errorf(problem.Refused, "no answer, nothing was changed")
	}
	return strings.TrimSpace(line), nil
}
