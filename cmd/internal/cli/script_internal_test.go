package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/theriac/theriac/internal/pgtest"
)

func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){
		"theriac": func() {
			os.Exit(Main(os.Args[1:], os.Environ(), FileStreams(os.Stdin, os.Stdout, os.Stderr)))
		},
		"seed":       func() { os.Exit(code(seed(context.Background(), os.Args[1:]))) },
		"seeddeath":  func() { os.Exit(code(seedDeath(context.Background(), os.Args[1:]))) },
		"withworker": func() { os.Exit(code(withWorker(context.Background(), os.Args[1:]))) },
		"onterminal": func() { os.Exit(code(onTerminal(os.Args[1:]))) },
	})
}

// leakChecked runs the tests and then looks for goroutines that they left behind.
type leakChecked struct{ *testing.M }

// Run returns the exit code of the tests, 1 for a leak.
func (m leakChecked) Run() int {
	code := m.M.Run()
	if code != 0 {
		return code
	}
	// Google's client starts this one when it is linked, and never ends it.
	if err := goleak.Find(goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// code is the exit code of a helper: that of the command that it ran, else 1 for an error of its own.
func code(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "helper:", err)
		return 1
	}
	return 0
}

// TestScripts runs every script under testdata/script, one folder per noun, found by walking.
func TestScripts(t *testing.T) {
	t.Parallel()
	var scripts []string
	err := filepath.WalkDir(filepath.Join("testdata", "script"), func(path string, entry fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".txtar" {
			scripts = append(scripts, path)
		}
		return err
	})
	if err != nil || len(scripts) == 0 {
		t.Fatalf("found %d scripts: %v", len(scripts), err)
	}
	testscript.Run(t, params(scripts, nil))
}

// TestScripts_Postgres runs the scripts for a Postgres store, on a server that wants a password.
func TestScripts_Postgres(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, pgtest.Options{TCP: true, NoSync: true})
	address := server.Database(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	secret, _ := u.User.Password()
	testscript.Run(t, params([]string{filepath.Join("testdata", "postgres", "postgres.txtar")}, map[string]string{
		"THERIAC_STORE": address, "SECRET": secret, "DATABASE": strings.TrimPrefix(u.Path, "/"), "NO_DATABASE": strings.Replace(address, u.Path, "/no_such_database", 1),
	}))
}

func params(scripts []string, environ map[string]string) testscript.Params {
	return testscript.Params{
		Files: scripts,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("THERIAC_ACTOR", "ana@laptop")
			for key, value := range environ {
				env.Setenv(key, value)
			}
			return nil
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exitcode":  exitCode,
			"stdoutenv": stdoutEnv,
			"complete":  complete,
		},
	}
}

// exitCode runs a command and checks its exit code: exitcode 3 theriac show Q-ZZZZ.
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode CODE COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := code(ts.Exec(args[1], args[2:]...)); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// complete asks for completions until what they say matches: complete REGEXP ARG...
// They fall silent when the store takes too long, as it may on a busy machine, and
// a person would press the key again.
func complete(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: complete REGEXP ARG...")
	}
	want, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	for range 50 {
		ts.Check(ts.Exec("theriac", append([]string{"__complete"}, args[1:]...)...))
		if want.MatchString(ts.ReadFile("stdout")) {
			return
		}
	}
	ts.Fatalf("no completion of %q matches %s", args[1:], args[0])
}

// stdoutEnv puts what the last command printed into a variable: stdoutenv NAME.
func stdoutEnv(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: stdoutenv NAME")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}
