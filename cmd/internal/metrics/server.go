package metrics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"

	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/internal/runner"
)

// MaxPush is the most bytes that a push may have.
const MaxPush = 8 << 20

const (
	deathsPath = "/v1/deaths"
	endPath    = "/v1/end"
	maxDeath   = 4 << 10
)

// saveEvery is how often the state file is written while numbers change, beside each time that they
// are told.
const saveEvery = 5 * time.Second

// ServerConfig says where a server keeps its numbers.
type ServerConfig struct {
	// StateFile keeps them beyond this process. Default "": they are in memory only.
	StateFile string
	// Ready, if not nil, says why the service is not ready, for /readyz; nil if it is. The server
	// itself is ready when it listens.
	Ready func() error
	// Roles are those that ought to tell their numbers: of one that does not it is told.
	Roles []string
	// Last, if not nil, is called when nobody else has more to tell, before the server ends.
	Last func()
	// Own is the incarnation of this process, if it pushes to itself.
	Own string
	// Death, if not nil, is called with each death that a process tells of, once for its ID.
	Death func(ctx context.Context, d telemetry.Death)
	// Logger hears of what was refused and of a state file in trouble. Nil discards it.
	Logger *slog.Logger
}

// Server takes the numbers of processes and tells their sum. It is safe for concurrent use.
type Server struct {
	cfg   ServerConfig
	log   *slog.Logger
	pages http.Handler

	mu      sync.Mutex
	ledger  *ledger
	changed bool // since it was saved
	refused uint64
	broken  bool // the state file could not be written
}

// NewServer returns a server, with the numbers of an earlier one if there is a state file.
func NewServer(cfg ServerConfig) *Server {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, log: cfg.Logger}
	var err error
	if s.ledger, err = load(cfg.StateFile); err != nil {
		s.log.Warn("metrics: the numbers of earlier processes cannot be read; counters begin at 0", "error", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{s.tell})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, ErrorLog: promLog{s.log},
		EnableOpenMetrics: true, MaxRequestsInFlight: 4, Timeout: 10 * time.Second,
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	s.pages = mux
	return s
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if s.cfg.Ready != nil {
		if err := s.cfg.Ready(); err != nil {
			say(w, http.StatusServiceUnavailable, err.Error())
			return
		}
	}
	say(w, http.StatusOK, "ready")
}

// Pages is what others may see: /metrics, /healthz, /readyz.
func (s *Server) Pages() http.Handler { return s.pages }

// Intake is what the processes of the service push to. It must be reachable by them alone.
func (s *Server) Intake() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/metrics", s.take)
	mux.HandleFunc("POST "+deathsPath, s.takeDeath)
	mux.HandleFunc("POST "+endPath, s.takeEnd)
	return mux
}

// take answers a push in OTLP over HTTP.
func (s *Server) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPush))
	var push collectorpb.ExportMetricsServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &push)
	}
	if err != nil {
		s.refuse(w, http.StatusBadRequest, "it cannot be read", 1)
		return
	}
	for _, from := range push.GetResourceMetrics() {
		role, incarnation := identity(from.GetResource())
		said, left := read(from.GetScopeMetrics())
		if left > 0 {
			s.note(left)
		}
		if role == "" || incarnation == "" {
			s.refuse(w, http.StatusBadRequest, "it does not say whose it is", len(said))
			return
		}
		if !s.takeFrom(role, incarnation, said) {
			s.refuse(w, http.StatusGone, "its process was replaced", len(said))
			return
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf") // an empty message
}

func identity(r *resourcepb.Resource) (role, incarnation string) {
	for _, a := range r.GetAttributes() {
		switch a.GetKey() {
		case attributeRole:
			role = text(a.GetValue().GetStringValue())
		case attributeInstance:
			incarnation = text(a.GetValue().GetStringValue())
		}
	}
	return role, incarnation
}

func (s *Server) takeFrom(role, incarnation string, said table) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = true
	return s.ledger.take(role, incarnation, time.Now(), said)
}

func (s *Server) refuse(w http.ResponseWriter, status int, why string, n int) {
	s.note(n)
	s.log.Warn("metrics: a push was refused", "because", why)
	http.Error(w, why, status)
}

func (s *Server) note(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused += uint64(max(n, 1))
}

// takeEnd answers a process that ends in order.
func (s *Server) takeEnd(w http.ResponseWriter, r *http.Request) {
	var incarnation string
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDeath))
	if err != nil || json.Unmarshal(body, &incarnation) != nil || incarnation == "" {
		s.refuse(w, http.StatusBadRequest, "it cannot be read", 1)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = true
	s.ledger.bury(func(from *source) bool { return from.Incarnation == text(incarnation) })
	w.WriteHeader(http.StatusNoContent)
}

// takeDeath answers who tells of a death.
func (s *Server) takeDeath(w http.ResponseWriter, r *http.Request) {
	var d telemetry.Death
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDeath))
	if err == nil {
		err = json.Unmarshal(body, &d)
	}
	if err != nil || d.ID == "" || len(d.ID) > maxText {
		s.refuse(w, http.StatusBadRequest, "it cannot be read", 1)
		return
	}
	s.Death(r.Context(), d)
	w.WriteHeader(http.StatusNoContent)
}

// Death counts a death, once for its ID.
func (s *Server) Death(ctx context.Context, d telemetry.Death) {
	if s.cfg.Death == nil {
		return
	}
	s.mu.Lock()
	before := s.ledger.counted(d.ID)
	s.changed = true
	s.mu.Unlock()
	if before {
		return
	}
	s.cfg.Death(ctx, d)
	// Both that it was counted and what it was counted in.
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saveLocked()
}

// Knows reports whether a death was counted.
func (s *Server) Knows(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.ledger.Crashes, id)
}

// tell is what Prometheus is told. It is on disk before.
func (s *Server) tell() []*series {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.ledger.forget(now)
	s.saveLocked()
	return append(s.ledger.sum(now, s.cfg.Roles), &series{
		Name: metricRefused, Unit: "{series}", Kind: counter, Value: float64(s.refused),
		Help: "Series that processes pushed and that were not taken.",
	})
}

func (s *Server) saveLocked() {
	if !s.changed {
		return
	}
	err := s.ledger.save(s.cfg.StateFile)
	if s.changed = err != nil; err != nil && !s.broken {
		s.log.Error("metrics: numbers cannot be kept on disk; they begin at 0 when this process ends", "error", err)
	}
	s.broken = err != nil
}

const (
	// lingerFor bounds how long a server outlives its context.
	lingerFor = time.Minute
	// lingerSilence is how long a process must be silent before nothing more is expected of it.
	lingerSilence = 3 * PushEvery
)

// Serve answers both sides until ctx ends, and keeps the state file. When the whole service is stopped
// others may work on for as long as they drain, so it goes on until each has said that it ends, or was
// silent for 3 s, for a minute at most.
func (s *Server) Serve(ctx context.Context, pages, intake net.Listener) error {
	lasting, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	err := runner.Run(lasting,
		func(ctx context.Context) error { return serve(ctx, pages, s.Pages()) },
		func(ctx context.Context) error { return serve(ctx, intake, s.Intake()) },
		s.keep,
		func(lasting context.Context) error {
			select {
			case <-ctx.Done():
				s.linger(lasting)
				if s.cfg.Last != nil {
					s.cfg.Last()
				}
				end()
			case <-lasting.Done():
			}
			return nil
		})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// linger waits until nobody is left who pushes.
func (s *Server) linger(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lingerFor)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for s.expects(time.Now()) {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// expects reports whether another process may have more to tell.
func (s *Server) expects(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.ledger.Sources, func(from *source) bool {
		return from.Incarnation != s.cfg.Own && !from.heard.IsZero() && now.Sub(from.heard) <= lingerSilence
	})
}

// keep writes the state file now and then, and at the end.
func (s *Server) keep(ctx context.Context) error {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		s.mu.Lock()
		s.ledger.forget(time.Now())
		s.saveLocked()
		s.mu.Unlock()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// serve answers on one listener until ctx ends.
func serve(ctx context.Context, on net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 20 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
	}
	var closer runner.Group
	done := make(chan struct{})
	closer.Go(func() {
		select {
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			if server.Shutdown(end) != nil {
				_ = server.Close()
			}
		case <-done:
		}
	})
	err := server.Serve(on)
	close(done)
	closer.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve metrics: %w", err)
}

// promLog tells what Prometheus' library could not tell.
type promLog struct{ log *slog.Logger }

// Println implements promhttp.Logger.
func (p promLog) Println(v ...any) { p.log.Warn("metrics: " + fmt.Sprint(v...)) }
