package crashrecord

import (
	"os"
	"testing"
)

// What a child of the tests is told by its environment.
const (
	childJob       = "CRASHRECORD_CHILD"
	childDirectory = "CRASHRECORD_DIRECTORY"
	childNumber    = "CRASHRECORD_NUMBER"
)

func TestMain(m *testing.M) {
	if job := os.Getenv(childJob); job != "" {
		os.Exit(child(job))
	}
	os.Exit(m.Run())
}
