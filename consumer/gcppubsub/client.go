package gcppubsub

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// ConnectConfig says how to reach Pub/Sub. Only Project is required.
type ConnectConfig struct {
	// Project is the id of the Google Cloud project.
	Project string

	// Plaintext is the host:port of a server without encryption and
	// credentials, such as the emulator. Default: Google's own servers with the
	// application default credentials, or the server that the client library
	// finds in PUBSUB_EMULATOR_HOST.
	Plaintext string

	// Options are passed on to Google's client, and win over what Connect chooses
	// itself: no telemetry, and gRPC windows of 16 MiB, so that each stream may hold
	// as many bytes that were not read yet. A ready connection (option.WithGRPCConn)
	// does not work here: see [Client].
	Options []option.ClientOption
}

// Client is a connection to Pub/Sub that sources and publishers share. It
// listens to what Google's client says to the broker, so that a source knows
// when its acknowledgements have arrived and when the broker is away. It is safe
// for concurrent use.
type Client struct {
	api    *pubsub.Client
	closed atomic.Bool

	mu        sync.RWMutex
	receivers map[string]*receiver // by the full name of the subscription
}

// window is how many bytes the broker may send ahead on a stream and on a
// connection: as many as gRPC, left alone, lets its windows grow to. It lets them
// grow while messages are read as fast as they come; but they are read in step with
// the handlers (letBegin), so the windows would stay small, and broker and worker
// spend a sixth of their time on telling each other that they may go on.
const window = 16 << 20

// Connect returns a client. It does not wait for the broker.
func Connect(ctx context.Context, cfg ConnectConfig) (*Client, error) {
	c := &Client{receivers: make(map[string]*receiver)}
	opts := []option.ClientOption{
		option.WithTelemetryDisabled(),
		option.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(c.watchCall)),
		option.WithGRPCDialOption(grpc.WithChainStreamInterceptor(c.watchStream)),
		option.WithGRPCDialOption(grpc.WithInitialWindowSize(window)),
		option.WithGRPCDialOption(grpc.WithInitialConnWindowSize(window)),
	}
	if cfg.Plaintext != "" {
		opts = append(opts, option.WithEndpoint(cfg.Plaintext), option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	}
	api, err := pubsub.NewClient(ctx, cfg.Project, append(opts, cfg.Options...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to Pub/Sub in project %q: %w: name the project, and set GOOGLE_APPLICATION_CREDENTIALS or run gcloud auth application-default login",
			cfg.Project, err)
	}
	c.api = api
	return c, nil
}

// Close closes the connections. Sources must have returned and publishers been
// closed before; a source that is still receiving returns [ErrClosed], and what
// it held comes back when its leases end. Later calls do nothing.
func (c *Client) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	if err := c.api.Close(); err != nil {
		return fmt.Errorf("close the Pub/Sub client: %w", err)
	}
	return nil
}

// listen tells r what happens on its subscription until the returned function
// is called.
func (c *Client) listen(r *receiver) (stop func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.receivers[r.name] != nil {
		return nil, fmt.Errorf("receive from %s: %w", r.name, ErrBusy)
	}
	c.receivers[r.name] = r
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.receivers, r.name)
	}, nil
}

// tell calls f for the receiver of a subscription, if there is one.
func (c *Client) tell(subscription string, f func(*receiver)) {
	c.mu.RLock()
	r := c.receivers[subscription]
	c.mu.RUnlock()
	if r != nil {
		f(r)
	}
}

// tellAll calls f for every receiver.
func (c *Client) tellAll(f func(*receiver)) {
	c.mu.RLock()
	all := slices.Collect(maps.Values(c.receivers))
	c.mu.RUnlock()
	for _, r := range all {
		f(r)
	}
}

// fullName completes an id to projects/{project}/{kind}/{id}.
func (c *Client) fullName(kind, name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	return "projects/" + c.api.Project() + "/" + kind + "/" + name
}
