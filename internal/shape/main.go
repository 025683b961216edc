// Shape prints how large the files, functions and interfaces of this module are, so that people
// talk about the largest. It has no opinion and always exits 0 when it could read the sources.
package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
)

func main() {
	if err := run(os.DirFS("."), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "shape:", err)
		os.Exit(1)
	}
}

func run(root fs.FS, out io.Writer) error {
	m, err := measure(root)
	if err != nil {
		return err
	}
	return m.print(out)
}
