package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
)

// entries is how many the store holds that commands are timed on.
const entries = 10_000

// commandRow is what is printed of one command: over all runs.
type commandRow struct {
	Command string  `json:"command"`
	Store   string  `json:"store"`
	Median  float64 `json:"median_ms"`
	Slowest float64 `json:"slowest_ms"`
}

// timeCommands builds theriac and times its quick commands, processes started
// and ended, on stores that hold many entries.
func timeCommands(ctx context.Context, o options, stores *stores, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "theriac-bench-bin-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "theriac")
	// In its own module, with its own versions; make bench starts us in ours.
	build := exec.CommandContext(ctx, "go", "build", "-C", "../..", "-o", binary, "./cmd/theriac")
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build theriac: %w: %s", err, text)
	}
	help, err := timeCommand(ctx, o.rounds, binary, "--help")
	if err != nil {
		return err
	}
	rows := []commandRow{help}
	for _, stack := range o.stacks {
		row, err := timeList(ctx, o, stores, binary, stack)
		if err != nil {
			return fmt.Errorf("%s: %w", stack, err)
		}
		rows = append(rows, row)
	}
	t := newTable(out)
	fmt.Fprintln(t, "command\tstore\tmedian ms\tslowest ms\t")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%.0f\t%.0f\t\n", r.Command, r.Store, r.Median, r.Slowest)
	}
	return finish(out, t, rows, o.json)
}

// timeList times ls on a store with entries.
func timeList(ctx context.Context, o options, stores *stores, binary, stack string) (row commandRow, err error) {
	where, remove, err := stores.fresh(ctx, stack)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	if err := fill(ctx, order{Stack: stack, Store: where}); err != nil {
		return row, err
	}
	url := where
	if stack == withSQLite {
		url = "sqlite:" + where
	}
	row, err = timeCommand(ctx, o.rounds, binary, "ls", "--store", url)
	row.Store = fmt.Sprintf("%s, %d entries", stack, entries)
	return row, err
}

// fill stores entries as a consumer would.
func fill(ctx context.Context, o order) (err error) {
	store, err := openStore(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	service, err := quarantine.New(store, quarantine.Config{})
	if err != nil {
		return err
	}
	var next atomic.Int64
	writers := make([]func(context.Context) error, 100)
	for i := range writers {
		writers[i] = func(ctx context.Context) error {
			for n := next.Add(1); n <= entries; n = next.Add(1) {
				if err := hold(ctx, service, n); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return runner.Run(ctx, writers...)
}

func hold(ctx context.Context, service *quarantine.Service, n int64) error {
	now := time.Now()
	m := handlers.Message{ID: fmt.Sprint(n), Data: make([]byte, payloadBytes), PublishedAt: now}
	_, err := service.Quarantine(ctx, name, m, handlers.Evidence{
		Reason: handlers.ReasonPermanent, Confidence: handlers.ConfidenceCertain,
		Totals: handlers.Totals{Failures: 1},
		Attempt: handlers.Attempt{
			Started: now, Ended: now, Outcome: handlers.OutcomeFailed, Class: handlers.ClassPermanent,
			Handler: "orders.Place", Errors: []handlers.ErrorLink{{Type: "*orders.Error", Text: refuse(ctx, m).Error()}},
		},
	})
	return err
}

// timeCommand runs a command n times.
func timeCommand(ctx context.Context, n int, binary string, args ...string) (commandRow, error) {
	took := make([]float64, n)
	for i := range took {
		cmd := exec.CommandContext(ctx, binary, args...)
		began := time.Now()
		text, err := cmd.CombinedOutput()
		if err != nil {
			return commandRow{}, fmt.Errorf("theriac %s: %w: %s", args[0], err, text)
		}
		took[i] = float64(time.Since(began)) / float64(time.Millisecond)
	}
	slices.Sort(took)
	return commandRow{Command: "theriac " + args[0], Median: middle(took), Slowest: took[n-1]}, nil
}
