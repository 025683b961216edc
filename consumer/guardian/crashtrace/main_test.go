package crashtrace_test

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "crashtrace")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	scratch = folder
	code := m.Run()
	if err := os.RemoveAll(folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// scratch is a folder that lives as long as the tests do.
var scratch string
