package relay_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is also the child: an environment variable says what it does and how it dies.
func TestMain(m *testing.M) {
	switch role := os.Getenv(roleVariable); role {
	case "":
		goleak.VerifyTestMain(m)
	case "forwarder":
		os.Exit(forwarderChild())
	default:
		os.Exit(workerChild(role))
	}
}
