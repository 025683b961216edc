// Theriac is the operator's command line: it shows which messages are held, says why, and runs
// them again or discards them.
package main

import (
	"os"
	"slices"
	_ "time/tzdata" // zones of people and rotations load also where the machine has none

	"github.com/theriac/theriac/cmd/internal/cli"
	"github.com/theriac/theriac/cmd/internal/demo"
	"github.com/theriac/theriac/cmd/internal/drill"
)

func main() {
	environ := os.Environ()
	more := slices.Concat(demo.Commands(environ), drill.Commands(environ))
	os.Exit(cli.Main(os.Args[1:], environ, cli.FileStreams(os.Stdin, os.Stdout, os.Stderr), more...))
}
