package fakepubsub

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/theriac/theriac/internal/runner"
)

// Documented bounds.
const (
	minAckDeadlineSeconds     = 10
	maxAckDeadlineSeconds     = 600
	defaultAckDeadlineSeconds = 10
	maxMessageBytes           = 10_000_000
	maxRequestBytes           = 12 << 20 // what gRPC reads: one largest message and its frame
)

// Config says where the server listens and what it may do that the real one
// would not.
type Config struct {
	// Addr is the host:port to listen on. Default "127.0.0.1:0": a free port on
	// loopback.
	Addr string
	// MinAckDeadlineSeconds is the smallest ack deadline that subscriptions and
	// streams may ask for. Default 10, the documented one; tests that wait for
	// leases set 1.
	MinAckDeadlineSeconds int32
}

// Server is a running Pub/Sub server. Its methods are safe for concurrent use.
type Server struct {
	pubsubpb.UnimplementedPublisherServer
	pubsubpb.UnimplementedSubscriberServer

	cfg    Config
	addr   string
	group  runner.Group
	done   chan struct{}
	closed sync.Once

	lifeMu sync.Mutex
	grpc   *grpc.Server // nil while disconnected

	paused     atomic.Bool
	messageIDs atomic.Uint64
	leaseIDs   atomic.Uint64

	mu        sync.RWMutex
	topics    map[string]*topic
	subs      map[string]*subscription
	snapshots map[string]*snapshot
}

// Stats counts what happened to the messages of one subscription.
type Stats struct {
	// Published is how many messages the subscription received.
	Published int
	// Delivered is how many were handed to clients, redeliveries included.
	Delivered int
	// Acked, Nacked and Expired count how deliveries ended. With ordering, later
	// messages of a key that come back together with a failed one count nowhere.
	Acked, Nacked, Expired int
	// DeadLettered is how many messages were forwarded to the dead letter topic.
	DeadLettered int
	// Outstanding is how many are leased to clients now.
	Outstanding int
	// Unacked is how many are held now: outstanding, ready or waiting.
	Unacked int
	// Streams is how many clients are taking messages now.
	Streams int
}

// Start listens and serves until Close. It fails if the address cannot be
// listened on.
func Start(cfg Config) (*Server, error) {
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	if cfg.MinAckDeadlineSeconds == 0 {
		cfg.MinAckDeadlineSeconds = minAckDeadlineSeconds
	}
	s := newServer(cfg)
	if err := s.listen(cfg.Addr); err != nil {
		return nil, err
	}
	s.group.Go(s.keepTime)
	return s, nil
}

// listen starts to serve at addr. The first call settles the port.
func (s *Server) listen(addr string) error {
	lis, err := net.Listen("tcp", addr) //nolint:noctx // an address in numbers: there is nothing to wait for
	if err != nil {
		return fmt.Errorf("fakepubsub: listen on %s: %w", addr, err)
	}
	server := grpc.NewServer(
		grpc.MaxRecvMsgSize(maxRequestBytes),
		grpc.InitialWindowSize(4<<20),
		grpc.InitialConnWindowSize(16<<20),
		grpc.WriteBufferSize(256<<10),
		grpc.ReadBufferSize(256<<10),
		grpc.WaitForHandlers(true),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	)
	pubsubpb.RegisterPublisherServer(server, s)
	pubsubpb.RegisterSubscriberServer(server, s)
	s.grpc = server
	if s.addr == "" {
		s.addr = lis.Addr().String()
	}
	s.group.Go(func() { _ = server.Serve(lis) }) // ends by Stop only
	return nil
}

func newServer(cfg Config) *Server {
	s := &Server{
		cfg:       cfg,
		done:      make(chan struct{}),
		topics:    make(map[string]*topic),
		subs:      make(map[string]*subscription),
		snapshots: make(map[string]*snapshot),
	}
	// Ids start at the time, so that a server started later repeats none.
	s.messageIDs.Store(uint64(time.Now().UnixMicro()))
	return s
}

// Addr is the host:port that the server listens on. It never changes.
func (s *Server) Addr() string { return s.addr }

// Disconnect cuts every connection and refuses new ones until Reconnect, as an
// outage does. Messages are kept and leases go on.
func (s *Server) Disconnect() {
	s.lifeMu.Lock()
	defer s.lifeMu.Unlock()
	if s.grpc != nil {
		s.grpc.Stop()
		s.grpc = nil
	}
}

// Reconnect ends Disconnect, at the same address. It fails if the address was
// taken meanwhile.
func (s *Server) Reconnect() error {
	s.lifeMu.Lock()
	defer s.lifeMu.Unlock()
	if s.grpc != nil {
		return nil
	}
	return s.listen(s.addr)
}

// Close cuts every connection and returns when all goroutines have ended. All
// messages are lost. Later calls do nothing; Reconnect must not follow.
func (s *Server) Close() {
	s.closed.Do(func() {
		s.Disconnect()
		close(s.done)
		s.group.Wait()
	})
}

// Pause stops all deliveries; leases go on. Publishing and settling still work.
func (s *Server) Pause() { s.paused.Store(true) }

// Resume ends Pause.
func (s *Server) Resume() {
	s.paused.Store(false)
	for _, sub := range s.allSubscriptions() {
		sub.change(func(time.Time) {})
	}
}

// Stats returns the counts of a subscription, named in full. It reports false
// where there is none.
func (s *Server) Stats(subscription string) (Stats, bool) {
	sub := s.subscription(subscription)
	if sub == nil {
		return Stats{}, false
	}
	sub.mu.Lock()
	defer sub.mu.Unlock()
	out := sub.stats
	out.Outstanding, out.Unacked, out.Streams = len(sub.leases), sub.unacked, len(sub.streams)
	return out, true
}

// keepTime ends leases and waits. One timer serves all messages.
func (s *Server) keepTime() {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			for _, sub := range s.allSubscriptions() {
				sub.change(sub.advance)
			}
		case <-s.done:
			return
		}
	}
}

func (s *Server) topic(name string) *topic {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.topics[name]
}

func (s *Server) subscription(name string) *subscription {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.subs[name]
}

func (s *Server) allSubscriptions() []*subscription {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Collect(maps.Values(s.subs))
}
