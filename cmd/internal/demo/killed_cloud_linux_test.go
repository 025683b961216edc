package demo_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/theriac/theriac/internal/fakepubsub"
	"github.com/theriac/theriac/internal/pgtest"
)

// TestDemo_PubSubAndPostgres_Killed kills it while it publishes, while it works and while it waits.
func TestDemo_PubSubAndPostgres_Killed(t *testing.T) {
	t.Parallel()
	broker, err := fakepubsub.Start(fakepubsub.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { broker.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	postgres := pgtest.Start(t, pgtest.Options{NoSync: true})
	database, err := postgres.CreateDatabase(ctx)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, moment := range []time.Duration{400 * time.Millisecond, 900 * time.Millisecond, 2500 * time.Millisecond, time.Minute} {
		cmd := theriac(t, "demo", "--json", "--engine", "pubsub+postgres", "--messages", "1000", "--migrate",
			"--broker", "pubsub://demo", "--store", postgres.URL(database), "--data-dir", dir)
		cmd.Env = append(cmd.Env, "PUBSUB_EMULATOR_HOST="+broker.Addr())
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		err, ended := waitUntil(cmd, moment)
		if !ended {
			checkGone(t, dir)
			continue
		}
		if err != nil {
			t.Fatalf("%v: %s\n%s", err, errs.String(), out.String())
		}
		checkComplete(t, decode(t, out.String()), 1000)
		return
	}
	t.Error("the last run did not end within a minute")
}
