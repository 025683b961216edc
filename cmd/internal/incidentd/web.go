package incidentd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentweb"
	"github.com/theriac/theriac/internal/notify"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/runner"
)

const (
	// bindPatience is how long the address may be taken: the process before this one may still hold it.
	bindPatience = 10 * time.Second
	bindPause    = 200 * time.Millisecond
	// shutdownWait is how long requests may go on that run when the process is told to end.
	shutdownWait = 10 * time.Second
)

// web is the role that serves the API and the page that answers pages, and takes what Slack sends. It
// needs the store and nothing else: with no broker, worker or Slack it goes on.
func (p program) web(ctx context.Context, role guardian.Role) error {
	stores, err := p.openIncidents(ctx)
	if err != nil {
		return err
	}
	defer p.closes("incident store", stores.Close)
	service, err := incident.NewService(incident.Config{Stores: stores, Logger: p.log})
	if err != nil {
		return err
	}
	site := &site{program: p, stores: stores, service: service, room: newLateRoom(p.openRoom), entrance: newEntrance()}
	defer site.room.close()
	handler, err := site.handler()
	if err != nil {
		return err
	}
	listener, err := p.listen(ctx)
	if err != nil {
		return err
	}
	token, err := p.settle(ctx, service)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	p.greet(listener.Addr(), token)
	return site.serve(ctx, listener, handler, role.Ready)
}

// site is the web role, open.
type site struct {
	program
	stores   incident.Stores
	service  *incident.Service
	room     *lateRoom
	draining atomic.Bool
	entrance *entrance
	slack    slackState
}

func (s *site) handler() (http.Handler, error) {
	key, err := s.linkKey()
	if err != nil {
		return nil, err
	}
	api, err := incidentweb.New(s.service, incidentweb.Options{
		Logger: s.log, Secret: secretOf(s.environ), VerifyWebhook: notify.Verify, AckKeys: [][]byte{key},
		Origins: publicOrigin(s.incident.PublicURL), Address: s.incident.PublicURL,
		Draining: s.draining.Load, Health: s.health, Controls: s.room.controls,
		TestWebhook: s.testWebhook, ResendWebhook: s.resendWebhook,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", api)
	mux.Handle(slackPath, s.entrance)
	return mux, nil
}

// publicOrigin is the origin of the pages that people open, which a proxy that rewrites Host would hide.
func publicOrigin(address string) []string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil
	}
	return []string{u.Scheme + "://" + u.Host}
}

// listen binds the address, and tries again while it is taken, which it says at once: somebody may be
// waiting at a terminal.
func (p program) listen(ctx context.Context) (net.Listener, error) {
	trying, cancel := context.WithTimeout(ctx, bindPatience)
	defer cancel()
	pause := time.NewTicker(bindPause)
	defer pause.Stop()
	for tries := 0; ; tries++ {
		listener, err := (&net.ListenConfig{}).Listen(trying, "tcp", p.incident.Listen)
		if err == nil {
			return listener, nil
		}
		if tries == 0 {
			p.log.Warn("the address of web and API is not free; trying again", "address", p.incident.Listen, "within", bindPatience, "error", err)
		}
		select {
		case <-pause.C:
		case <-trying.Done():
			return nil, problem.Errorf(problem.Unavailable, "web and API: %w; choose another --listen", err)
		}
	}
}

// serve answers requests until ctx ends, and then finishes those that run. /readyz sends callers
// elsewhere meanwhile.
func (s *site) serve(ctx context.Context, listener net.Listener, handler http.Handler, ready func()) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	return runner.Run(ctx,
		func(context.Context) error {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		},
		s.takeSlack,
		func(ctx context.Context) error {
			ready()
			<-ctx.Done()
			s.draining.Store(true)
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownWait)
			defer cancel()
			if err := server.Shutdown(ending); err != nil {
				return errors.Join(fmt.Errorf("requests were cut off: %w", err), server.Close())
			}
			return nil
		})
}
