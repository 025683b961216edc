// Theriac is the operator's command line: it shows which messages are held, says why, and runs
// them again or discards them.
package main

import (
	"os"

	"github.com/theriac/theriac/cmd/internal/cli"
	"github.com/theriac/theriac/cmd/internal/demo"
)

func main() {
	environ := os.Environ()
	os.Exit(cli.Main(os.Args[1:], environ, cli.FileStreams(os.Stdin, os.Stdout, os.Stderr), demo.Commands(environ)...))
}
