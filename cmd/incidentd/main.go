// Incidentd is the incident workflow service: web and API, the workers that talk with people, the
// clock, and, embedded, broker and store as well.
package main

import (
	"os"
	_ "time/tzdata" // zones of people, on machines without a database of them

	"github.com/theriac/theriac/cmd/internal/incidentd"
	"github.com/theriac/theriac/cmd/internal/incidentdemo"
)

func main() {
	environ := os.Environ()
	os.Exit(incidentd.Main(os.Args[1:], environ, os.Stdout, os.Stderr, incidentdemo.NewCommand(environ, os.Stdout)))
}
