package guardian

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

// The process's own state is read and changed in this file only, and nowhere else in this library.

const (
	// switchVariable turns the guardian off ("off"), or on where it would be off
	// by itself ("on").
	switchVariable = "THERIAC_GUARDIAN"
	// roleVariable says to a child which role it plays.
	roleVariable = "THERIAC_ROLE"
	// crashVariables of the Go runtime: see children.
	debugVariable     = "GODEBUG"
	tracebackVariable = "GOTRACEBACK"
)

// environment is what this process is to be.
type environment struct {
	child *string // the role, in a child
	off   string  // why there is no guardian
}

// readEnvironment also removes the role from the environment, or the child's own subprocesses
// would take themselves for children.
func readEnvironment() (environment, error) {
	if name, ok := os.LookupEnv(roleVariable); ok {
		if err := os.Unsetenv(roleVariable); err != nil {
			return environment{}, fmt.Errorf("guardian: %w", err)
		}
		return environment{child: &name}, nil
	}
	switch set := os.Getenv(switchVariable); set {
	case "on":
		return environment{}, nil
	case "off":
		return environment{off: switchVariable + " is off"}, nil
	case "":
		return environment{off: unfit()}, nil
	default:
		return environment{}, fmt.Errorf("guardian: %s is %q: want on, off or nothing", switchVariable, set)
	}
}

// unfit says why this process should not be a guardian, or nothing.
func unfit() string {
	switch {
	case !supported:
		return "this platform has none"
	case flag.Lookup("test.v") != nil:
		return "this is go test"
	case traced():
		return "a debugger is attached"
	default:
		return ""
	}
}

// childEnvironment is the guardian's own environment and what a child needs beside it. What the
// user set is kept: the runtime's settings are appended to, and GOTRACEBACK is chosen only if
// nobody chose.
func childEnvironment(role string) []string {
	env := os.Environ()
	labels := "tracebacklabels=1"
	if set := os.Getenv(debugVariable); set != "" {
		labels = set + "," + labels
	}
	env = append(withoutVariable(env, debugVariable), debugVariable+"="+labels)
	if os.Getenv(tracebackVariable) == "" {
		env = append(withoutVariable(env, tracebackVariable), tracebackVariable+"=all")
	}
	return append(env, roleVariable+"="+role)
}

func withoutVariable(env []string, name string) []string {
	var kept []string
	for _, v := range env {
		if !strings.HasPrefix(v, name+"=") {
			kept = append(kept, v)
		}
	}
	return kept
}

// memoryLimitChosen reports whether the user set Go's memory limit, "off" included.
func memoryLimitChosen() bool { return os.Getenv("GOMEMLIMIT") != "" }

func arguments() []string { return os.Args }

// exit ends a child.
func exit(code int) { os.Exit(code) }

// streams are the process's own, which children share.
func streams() (in, out, err *os.File) { return os.Stdin, os.Stdout, os.Stderr }
