package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/theriac/theriac/internal/pgtest"
	"github.com/theriac/theriac/quarantine/quarantinepg"
)

var postgres = pgtest.Shared{Options: pgtest.Options{NoSync: true, TCP: true, Migrate: migrate}}

func migrate(ctx context.Context, url string) error {
	m, err := quarantinepg.Migrator(url)
	if err != nil {
		return err
	}
	defer m.Close()
	_, err = m.Up(ctx)
	return err
}

func TestMain(m *testing.M) {
	programs := map[string]func(string) error{
		workerVariable: guardedWorker, wardedVariable: wardedWorker, telemetryVariable: observedWorker,
		containerVariable: containerReplica, metricsVariable: measuredWorker,
	}
	for variable, program := range programs {
		if spec := os.Getenv(variable); spec != "" {
			if err := program(spec); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	goleak.VerifyTestMain(postgres.Main(m),
		// Started by an init of a library that Google's client links; it never ends.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		// A link that was cut, or whose toxics were changed as it was, may leave one of its three loops
		// (reader, toxic, writer) with a last piece that nobody takes, for ever: toxiproxy closes its
		// connections, not the channels between its loops.
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).read"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).write"),
		// The keep-alive loop of a stream looks for its end every 10 s only.
		goleak.IgnoreAnyFunction("cloud.google.com/go/pubsub/v2.(*messageIterator).streamKeepAliveHandler"))
}
