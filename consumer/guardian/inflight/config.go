package inflight

import (
	"errors"
	"fmt"
)

const (
	// MaxSlots is the largest number of slots: with more, each one's part of the arena would be too
	// small to be of use.
	MaxSlots = 4096
	// MaxSubscriptions is the largest number of regions that one table can hold.
	MaxSubscriptions = 128
	// MaxSubscriptionName is the longest name of a subscription, in bytes.
	MaxSubscriptionName = 232

	maxIncarnation = 64
	maxBuild       = 128
	defaultSlots   = 256
)

// Config says what table to make. The zero value is ready to use.
type Config struct {
	// Dir is the folder for the table's file, which must exist and should belong to one incarnation of
	// the worker. Default: empty, which means memory (a memfd on Linux, a temporary file without a name
	// elsewhere); such a table dies with the processes that hold it.
	Dir string
	// Slots is how many messages can be in flight, over all subscriptions. Default 256, at most
	// MaxSlots.
	Slots int
	// Incarnation names the worker's life, at most 64 bytes. Default: empty.
	Incarnation string
	// Build names the program that runs, at most 128 bytes. Default: empty.
	Build string
}

// WithDefaults returns a copy in which zero fields have their defaults.
func (c Config) WithDefaults() Config {
	if c.Slots == 0 {
		c.Slots = defaultSlots
	}
	return c
}

// Validate reports every problem of c at once.
func (c Config) Validate() error {
	var errs []error
	if c.Slots < 1 || c.Slots > MaxSlots {
		errs = append(errs, fmt.Errorf("Config.Slots is %d, want 1 to %d", c.Slots, MaxSlots))
	}
	if n := len(c.Incarnation); n > maxIncarnation {
		errs = append(errs, fmt.Errorf("Config.Incarnation has %d bytes, want at most %d", n, maxIncarnation))
	}
	if n := len(c.Build); n > maxBuild {
		errs = append(errs, fmt.Errorf("Config.Build has %d bytes, want at most %d", n, maxBuild))
	}
	return errors.Join(errs...)
}
