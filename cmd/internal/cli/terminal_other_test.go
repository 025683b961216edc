//go:build !linux

package cli

import "errors"

// onTerminal has no way to make a terminal here; scripts that need one begin with [linux].
func onTerminal([]string) error { return errors.New("no pseudo-terminal on this system") }
