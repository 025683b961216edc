package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	host = "127.0.0.1"
	// readyWait is generous: the engine reads its whole store before it listens,
	// and only then does the wait begin.
	readyWait   = 10 * time.Second
	healthEvery = time.Second
	// idleEvery is how often AwaitIdle looks.
	idleEvery = 10 * time.Millisecond
	// patience is the number of bad health checks in a row that end Run; one
	// alone may be a stream that is being made or deleted.
	patience = 3
)

// ErrUnhealthy is returned by [Server.Run] when the broker can no longer store
// messages or its data directory is gone.
var ErrUnhealthy = errors.New("the broker cannot go on")

// Server is a running broker. Its methods are safe for concurrent use.
type Server struct {
	cfg   Config
	nats  *server.Server
	lock  *dirLock
	url   string
	close func() error
}

// Start starts a broker in cfg.Dir and returns when it takes connections; a
// store of some gigabytes is read first. ctx bounds the wait for the directory
// and hands its values to the logger; the broker does not end with it, see
// [Server.Run]. Errors: [*HeldError], [*DiskFullError], or what is wrong with
// cfg or the directory.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("broker data directory: %w", err)
	}
	cfg.Dir = dir
	// The server would make its folder readable for the group.
	if err := os.MkdirAll(filepath.Join(cfg.Dir, server.JetStreamStoreDir), 0o700); err != nil {
		return nil, fmt.Errorf("make the broker's data directory: %w", err)
	}
	lock, err := lockDir(ctx, cfg.Dir)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, lock: lock}
	s.close = sync.OnceValue(s.shutdown)
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start the broker in %s: %w", cfg.Dir, err), s.Close())
	}
	return s, nil
}

// start runs with the directory locked.
func (s *Server) start(ctx context.Context) error {
	// A dead broker's endpoint must not be found while the lock is ours and the
	// new one is not written yet.
	if err := removeEndpoint(s.cfg.Dir); err != nil {
		return err
	}
	if err := checkRoom(s.cfg.Dir, s.cfg.MinFree); err != nil {
		return err
	}
	token, err := ensureToken(s.cfg.Dir)
	if err != nil {
		return err
	}
	port := s.pickPort(ctx)
	log := &serverLog{ctx: context.WithoutCancel(ctx), log: s.cfg.Logger}
	s.nats, err = server.NewServer(s.cfg.options(port, token))
	if err != nil {
		return err
	}
	s.nats.SetLoggerV2(log, false, false, false)
	s.nats.Start()
	if err := log.err(); err != nil {
		return err
	}
	if !s.nats.ReadyForConnections(readyWait) {
		return fmt.Errorf("it took no connections within %v", readyWait)
	}
	return s.announce()
}

// options are the server's own; everything not named here is off or the
// server's default.
func (c Config) options(port int, token string) *server.Options {
	return &server.Options{
		ServerName:         "theriac",
		Host:               host,
		Port:               port,
		Authorization:      token,
		NoSigs:             true,
		JetStream:          true,
		StoreDir:           c.Dir,
		JetStreamMaxStore:  c.StoreLimit,
		JetStreamMaxMemory: 64 << 20, // streams are on disk
		SyncAlways:         c.SyncEvery == 0,
		SyncInterval:       c.SyncEvery,
		MaxPayload:         int32(c.MaxPayload),
		// A client may have asked for a batch of several large messages.
		MaxPending:             max(server.MAX_PENDING_SIZE, 8*int64(c.MaxPayload)),
		DisableJetStreamBanner: true,
	}
}

// pickPort prefers the port of the previous run. A port that is taken between
// this look and the server's own listen makes Start fail with its error.
func (s *Server) pickPort(ctx context.Context) int {
	if s.cfg.Port != 0 {
		return s.cfg.Port
	}
	last := s.lock.last.Port
	if last == 0 {
		return server.RANDOM_PORT
	}
	var lc net.ListenConfig
	probe, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(last)))
	if err != nil || probe.Close() != nil {
		return server.RANDOM_PORT
	}
	return last
}

// announce tells other processes where the broker is.
func (s *Server) announce() error {
	addr, ok := s.nats.Addr().(*net.TCPAddr)
	if !ok {
		return errors.New("it has no TCP address")
	}
	s.url = "nats://" + net.JoinHostPort(host, strconv.Itoa(addr.Port))
	if err := s.lock.write(holderNote{PID: os.Getpid(), Port: addr.Port}); err != nil {
		return err
	}
	return s.Endpoint().write(s.cfg.Dir)
}

// URL is the broker's address, without any secret.
func (s *Server) URL() string { return s.url }

// Endpoint is what [Find] returns to other processes.
func (s *Server) Endpoint() Endpoint {
	return Endpoint{URL: s.url, PID: os.Getpid(), TokenFile: filepath.Join(s.cfg.Dir, tokenName)}
}

// Run serves until ctx ends, closes the broker and returns nil. It returns an
// error that wraps [ErrUnhealthy] as soon as the broker cannot go on, because
// a write failed or its directory was removed; the broker is closed then too.
func (s *Server) Run(ctx context.Context) error {
	tick := time.NewTicker(healthEvery)
	defer tick.Stop()
	for bad := 0; ; {
		select {
		case <-ctx.Done():
			return s.Close()
		case <-tick.C:
		}
		err := s.health()
		if err == nil {
			bad = 0
			continue
		}
		if bad++; bad >= patience {
			return errors.Join(err, s.Close())
		}
	}
}

// AwaitIdle returns nil once no client is connected, or the error of ctx. A program that ends ends its
// clients first: what they still hand back or acknowledge would be lost with the broker.
func (s *Server) AwaitIdle(ctx context.Context) error {
	look := time.NewTicker(idleEvery)
	defer look.Stop()
	for s.nats.NumClients() > 0 {
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (s *Server) health() error {
	if !s.lock.inPlace() {
		return fmt.Errorf("%w: its data directory %s was removed: restore it, or start anew and create the streams again", ErrUnhealthy, s.cfg.Dir)
	}
	if !s.nats.Running() {
		return fmt.Errorf("%w: the server stopped by itself", ErrUnhealthy)
	}
	if h := s.nats.Healthz(nil); h.Error != "" {
		return fmt.Errorf("%w: %s: check the disk of %s and start it again", ErrUnhealthy, h.Error, s.cfg.Dir)
	}
	return nil
}

// Close stops the broker, waits until its store is closed, and gives the
// directory free. Further calls return what the first one did.
func (s *Server) Close() error { return s.close() }

func (s *Server) shutdown() error {
	var err error
	if s.lock.inPlace() { // else the directory is not ours any more
		err = removeEndpoint(s.cfg.Dir)
	}
	if s.nats != nil {
		s.nats.Shutdown()
		s.nats.WaitForShutdown()
	}
	return errors.Join(err, s.lock.release())
}
