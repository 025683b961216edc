package main

import (
	"context"
	"fmt"
	"os"
)

func Example() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// held   failed after 2 failures: nil pointer dereference
	// replayed   after 1 replay
}
