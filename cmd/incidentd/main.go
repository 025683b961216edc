// Incidentd is the incident workflow service: web and API, the workers that talk with people, the
// clock, and, embedded, broker and store as well.
package main

import (
	"os"

	"github.com/theriac/theriac/cmd/internal/incidentd"
)

func main() {
	os.Exit(incidentd.Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
