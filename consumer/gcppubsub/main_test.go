package gcppubsub_test

import (
	"flag"
	"fmt"
	"io"
	"os"
	"testing"

	"cloud.google.com/go/pubsub/v2/pstest"
	"go.uber.org/goleak"

	"github.com/theriac/theriac/internal/fakepubsub"
)

// roleVar makes the test binary a Pub/Sub server that ends with its standard
// input, so that benchmarks measure the receiving process alone.
const roleVar = "GCPPUBSUB_TEST_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(roleVar) != "" {
		playServer()
		return
	}
	flag.Parse()
	// These tests wait for leases; they do not compute.
	if err := flag.Set("test.parallel", "64"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	pstest.SetMinAckDeadline(shortLease)
	goleak.VerifyTestMain(m, leaks()...)
}

// leaks names what the client leaves behind.
func leaks() []goleak.Option {
	return []goleak.Option{
		// Started by an import of the client's; never ends.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		// The keep-alive loop of a stream looks for its end every 10 s only.
		goleak.IgnoreAnyFunction("cloud.google.com/go/pubsub/v2.(*messageIterator).streamKeepAliveHandler"),
	}
}

func playServer() {
	srv, err := fakepubsub.Start(fakepubsub.Config{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(srv.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	srv.Close()
}
