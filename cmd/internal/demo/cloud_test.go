package demo_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/internal/fakepubsub"
	"github.com/theriac/theriac/internal/pgtest"
)

func TestDemo_PubSubAndPostgres(t *testing.T) {
	t.Parallel()
	broker, err := fakepubsub.Start(fakepubsub.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { broker.Close() })
	postgres := pgtest.Start(t, pgtest.Options{NoSync: true})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	database, err := postgres.CreateDatabase(ctx)
	if err != nil {
		t.Fatal(err)
	}
	run := func(more ...string) (string, string, int) {
		cmd := theriac(t, append([]string{
			"demo", "--json", "--engine", "pubsub+postgres", "--messages", "60",
			"--broker", "pubsub://demo", "--store", postgres.URL(database),
		}, more...)...)
		cmd.Env = append(cmd.Env, "PUBSUB_EMULATOR_HOST="+broker.Addr())
		return output(t, cmd)
	}
	stdout, stderr, code := run()
	if code != 7 || stdout != "" || !strings.Contains(stderr, "theriac migrate up") {
		t.Errorf("without a schema: exit code %d, %q; want 7 and how to migrate", code, stderr)
	}
	stdout, stderr, code = run("--migrate")
	if code != 0 {
		t.Fatalf("exit code %d: %s\n%s", code, stderr, stdout)
	}
	checkComplete(t, decode(t, stdout), 60)
	// The next demo shares topics, subscriptions and store with the last, and counts its own.
	stdout, stderr, code = run()
	if code != 0 {
		t.Fatalf("again: exit code %d: %s\n%s", code, stderr, stdout)
	}
	checkComplete(t, decode(t, stdout), 60)
	broker.Disconnect()
	stdout, stderr, code = run()
	if code != 7 || stdout != "" || !strings.Contains(stderr, "Pub/Sub project demo: no answer within") {
		t.Errorf("without a broker: exit code %d, %q; want 7 and the project", code, stderr)
	}
}
