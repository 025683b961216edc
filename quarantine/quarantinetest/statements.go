package quarantinetest

import (
	"testing"

	"github.com/theriac/theriac/internal/storetest"
)

// RunStatementTests checks the statements of a store, in the package's folder
// sql: prepare takes each of them, on a schema as the migrations leave it, and
// the package's code uses each of them.
func RunStatementTests(t *testing.T, prepare func(statement string) error) {
	storetest.RunStatementTests(t, prepare)
}
