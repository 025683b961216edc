//go:build !unix

package guardian

import (
	"context"
	"errors"
	"os"
)

// supported: without a fork there is no guardian here; the program runs as one process.
const supported = false

func stopSignals() []os.Signal { return []os.Signal{os.Interrupt} }

func traced() bool { return false }

var errUnsupported = errors.New("guardian: this platform has none: unset THERIAC_GUARDIAN and THERIAC_ROLE")

func runGuardian(context.Context, Config) error { return errUnsupported }

func runChild(context.Context, Config, string, func(context.Context, Role) error) error {
	return errUnsupported
}
