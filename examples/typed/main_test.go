package main

import (
	"context"
	"os"
)

func Example() {
	run(context.Background(), os.Stdout)
	// Output:
	// {"id":"INC-1","severity":2}  none         <nil>
	// {"id":"INC-2","severity":9}  retry-after  pager is busy
	// {"id":"INC-3"}               again        again in 5s
	// {"id":"","severity":1}       permanent    incident has no id
	// {"id":7}                     undecodable  decode main.incident: json: cannot unmarshal number into Go struct field incident.id of type string
	// {}                           permanent    no handler for attribute event="closed" (known: declared)
}
