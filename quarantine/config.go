package quarantine

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/theriac/theriac/handlers"
)

// Config is what a [Service] may be told. The zero Config is valid: a process
// that only operates, without a spool.
type Config struct {
	// SpoolDir is a directory of this process's own, where evidence and entries
	// wait on disk while the store is away. It is made if it is missing. Empty
	// means no spool: then Quarantine fails while the store is away.
	SpoolDir string
	// SpoolMaxBytes bounds the spool, default 1 GiB. Attempts take at most half
	// of it, so that evidence never crowds out messages. At the bound Quarantine
	// fails and the message stays with the broker.
	SpoolMaxBytes int64

	// Worker describes this process: Name, Host, Build, PID and Subscriptions.
	// With an empty Name the process only operates: Run registers nothing, and
	// no replay is handed to it. With a Name the defaults of Host and PID are this
	// machine's and this process's.
	Worker Worker

	// Running returns the messages that this process is running and that began
	// before the given time, in any order. With it, and a Worker, the store learns
	// what would be suspect if the whole machine died, the guardian and its records
	// with it; consumer.Roster has such a method. It is called each SnapshotEvery and by [Service.Begin], by one caller
	// at a time, and must return at once. Nil means off.
	Running func(olderThan time.Time) []handlers.Running
	// SnapshotEvery is how often what is running is looked at, default 50 ms;
	// negative means off. A look costs a write only if something has been running
	// for longer than that and the set has changed since the last write: messages
	// that are done sooner never reach the store, and are the ones that such a death
	// may run once more.
	SnapshotEvery time.Duration

	// PollEvery is how often the store is asked for changes, default 1 s. Workers
	// that died are looked for as often, and no more than once a second. It is also
	// the time for which a store that failed is left alone by writers.
	PollEvery time.Duration
	// WriteTimeout bounds each call of the store, default 5 s.
	WriteTimeout time.Duration
	// BatchMax bounds the records in one transaction, default 200, at most 10,000.
	BatchMax int
	// KnownMax bounds how many messages with a trace (failing or decided) are
	// remembered, default 1,000,000. When it is reached the older half is
	// forgotten: such a message runs again when it is redelivered, and is held
	// under its first entry when it fails again.
	KnownMax int

	// OurPackages are the prefixes of the function names that are "ours" where a
	// place is named and a fingerprint made, such as "example.com/orders".
	// Default: the path of the main module. Functions of package main are always
	// ours; those of the runtime, the standard library and this module's own
	// machinery never are.
	OurPackages []string

	// Logger receives what nobody waits for: trouble of the store and its end,
	// what was spooled, workers found dead. Default: discards.
	Logger *slog.Logger
}

// WithDefaults returns a copy of c with every zero field set to its default.
func (c Config) WithDefaults() Config {
	if c.SpoolMaxBytes == 0 {
		c.SpoolMaxBytes = 1 << 30
	}
	if c.SnapshotEvery == 0 {
		c.SnapshotEvery = 50 * time.Millisecond
	}
	if c.PollEvery == 0 {
		c.PollEvery = time.Second
	}
	if c.WriteTimeout == 0 {
		c.WriteTimeout = 5 * time.Second
	}
	if c.BatchMax == 0 {
		c.BatchMax = 200
	}
	if c.KnownMax == 0 {
		c.KnownMax = 1_000_000
	}
	if c.OurPackages == nil {
		c.OurPackages = mainModule()
	}
	if c.Worker.Name != "" {
		c.Worker = c.Worker.located()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// located returns w with the host and process that it leaves open.
func (w Worker) located() Worker {
	if w.Host == "" {
		w.Host, _ = os.Hostname() // unknown stays empty
	}
	if w.PID == 0 {
		w.PID = os.Getpid()
	}
	return w
}

// mainModule returns the path of the main module, or nothing where the binary
// does not carry it.
func mainModule() []string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path == "" {
		return nil
	}
	return []string{info.Main.Path}
}

// Validate returns all problems of c at once, each wrapping [ErrInvalid]. Zero
// fields are valid.
func (c Config) Validate() error {
	c = c.WithDefaults()
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("config: "+format+": %w", append(args, ErrInvalid)...))
		}
	}
	check(c.SpoolDir == "" || filepath.Clean(c.SpoolDir) != string(filepath.Separator),
		"SpoolDir %q: want a directory of its own", c.SpoolDir)
	check(c.SpoolMaxBytes >= 1<<20, "SpoolMaxBytes %d: want at least %d (1 MiB)", c.SpoolMaxBytes, 1<<20)
	check(c.SnapshotEvery < 0 || c.SnapshotEvery >= time.Millisecond, "SnapshotEvery %s: want at least 1ms, or negative for off", c.SnapshotEvery)
	check(c.PollEvery >= time.Millisecond, "PollEvery %s: want at least 1ms", c.PollEvery)
	check(c.WriteTimeout >= time.Millisecond, "WriteTimeout %s: want at least 1ms", c.WriteTimeout)
	check(c.BatchMax >= 1 && c.BatchMax <= 10_000, "BatchMax %d: want 1 to 10000", c.BatchMax)
	check(c.KnownMax >= 2, "KnownMax %d: want at least 2", c.KnownMax)
	check(c.Worker.Name == "" || len(c.Worker.Subscriptions) > 0,
		"Worker %q serves no subscription: want Worker.Subscriptions, or an empty Worker.Name for a process that only operates", c.Worker.Name)
	return errors.Join(errs...)
}
