package fakepubsub_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"go.uber.org/goleak"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/theriac/theriac/internal/fakepubsub"
)

// Roles that the test binary plays when it is started by a test.
const (
	roleVar    = "FAKEPUBSUB_TEST_ROLE"
	roleServer = "server" // serves until its standard input ends
	roleClient = "client" // takes messages and never settles them
)

const project = "projects/test"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVar) {
	case roleServer:
		playServer()
	case roleClient:
		playClient(os.Args[1], os.Args[2])
	default:
		goleak.VerifyTestMain(m,
			// Started by an import of the client's; never ends.
			goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
			// The client's keep-alive loop looks for the end every 10 s only.
			goleak.IgnoreAnyFunction("cloud.google.com/go/pubsub/v2.(*messageIterator).streamKeepAliveHandler"))
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

// child starts the test binary in a role and returns its first line. It is
// killed when the test ends.
func child(t testing.TB, role string, args ...string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), roleVar+"="+role)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("child %s said nothing: %v", role, err)
	}
	return cmd, strings.TrimSpace(line)
}

// dial returns a v2 client of the server at addr.
func dial(t testing.TB, addr string) *pubsub.Client {
	t.Helper()
	c, err := connect(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func connect(ctx context.Context, addr string) (*pubsub.Client, error) {
	return pubsub.NewClient(ctx, "test", option.WithEndpoint(addr), option.WithoutAuthentication(), option.WithTelemetryDisabled(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
}

func start(t testing.TB) (*fakepubsub.Server, *pubsub.Client) {
	t.Helper()
	srv, err := fakepubsub.Start(fakepubsub.Config{MinAckDeadlineSeconds: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return srv, dial(t, srv.Addr())
}

// create makes a topic and a subscription of the same id.
func create(t testing.TB, c *pubsub.Client, id string, sub *pubsubpb.Subscription) (topic, name string) {
	t.Helper()
	topic, name = project+"/topics/"+id, project+"/subscriptions/"+id
	if _, err := c.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic}); err != nil {
		t.Fatal(err)
	}
	sub.Name, sub.Topic = name, topic
	if _, err := c.SubscriptionAdminClient.CreateSubscription(t.Context(), sub); err != nil {
		t.Fatal(err)
	}
	return topic, name
}
