package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	defaultMaxPayload = 12 << 20
	// largestPayload is what the engine's file store takes in one record, less
	// room for subject and headers.
	largestPayload = 30 << 20
	defaultMinFree = 64 << 20
)

// Config says where the broker keeps its data and how. Only Dir is required.
type Config struct {
	// Dir is the data directory. It is made, with mode 0700, if it is missing.
	Dir string

	// Port is the TCP port on 127.0.0.1. Default 0: the port of the previous run
	// in this directory if it is still free, else any free one.
	Port int

	// SyncEvery says how often writes are synced to disk. Default 0: before each
	// confirmation, so that a power loss loses nothing that was confirmed; about
	// a thousand publishes a second on an ordinary disk. With a duration,
	// writes are confirmed before they are synced and a power loss may lose what
	// was confirmed within that time; tens of thousands a second. The death of
	// the process alone loses nothing either way.
	SyncEvery time.Duration

	// MaxPayload is the largest message in bytes, headers included. Default
	// 12 MiB, which holds the largest Cloud Pub/Sub message with its attributes
	// encoded; at most 30 MiB.
	MaxPayload int

	// StoreLimit is the number of bytes that all streams together may occupy;
	// at the limit publishers are refused. Default 0: three quarters of the disk
	// space that is free at start.
	StoreLimit int64

	// MinFree is the disk space in bytes without which Start refuses. Default
	// 64 MiB.
	MinFree int64

	// Logger receives the server's log. Default: nothing is logged.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.MaxPayload == 0 {
		c.MaxPayload = defaultMaxPayload
	}
	if c.MinFree == 0 {
		c.MinFree = defaultMinFree
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func (c Config) validate() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("broker config: Dir is empty: name the broker's data directory"))
	}
	if c.Port < 0 || c.Port > 65535 {
		errs = append(errs, fmt.Errorf("broker config: Port is %d: use 0 (any free port) to 65535", c.Port))
	}
	if c.SyncEvery < 0 {
		errs = append(errs, fmt.Errorf("broker config: SyncEvery is %v: use 0 (always) or a positive duration", c.SyncEvery))
	}
	if c.MaxPayload < 0 || c.MaxPayload > largestPayload {
		errs = append(errs, fmt.Errorf("broker config: MaxPayload is %d: use at most %d bytes", c.MaxPayload, largestPayload))
	}
	if c.StoreLimit < 0 {
		errs = append(errs, fmt.Errorf("broker config: StoreLimit is %d: use 0 (three quarters of the free disk) or a number of bytes", c.StoreLimit))
	}
	if c.MinFree < 0 {
		errs = append(errs, fmt.Errorf("broker config: MinFree is %d: use a number of bytes", c.MinFree))
	}
	return errors.Join(errs...)
}
