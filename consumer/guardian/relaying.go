//go:build unix

package guardian

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/theriac/theriac/consumer/guardian/relay"
	"github.com/theriac/theriac/internal/runner"
)

// relaying delivers what children hand over, also after they died.
type relaying struct {
	forwarder *relay.Forwarder
	deliverer runner.Group
	readers   runner.Group
	read      context.Context // of the readers
	stop      context.CancelFunc
	endRead   context.CancelFunc
}

// startRelay begins to deliver; what an earlier guardian could not comes first.
func (p *parent) startRelay(ctx context.Context) error {
	cfg := relay.Config{Logger: p.log}
	if p.state != nil {
		cfg.SpoolDir = filepath.Join(p.state.path, "relay")
	}
	forwarder, err := relay.New(cfg)
	if err != nil {
		return err
	}
	// The end of ctx only begins the end of the children, who then have the most to say.
	ctx = context.WithoutCancel(ctx)
	r := &relaying{forwarder: forwarder}
	r.read, r.endRead = context.WithCancel(ctx)
	deliver, stop := context.WithCancel(ctx)
	r.stop = stop
	if p.state != nil {
		r.deliverer.Go(func() { p.publishRelayStats(deliver, forwarder) })
	}
	r.deliverer.Go(func() {
		if err := forwarder.Run(deliver); err != nil {
			p.log.Error("the relay stopped; requests of children are kept but not delivered", "error", err)
		}
	})
	p.relay = r
	return nil
}

// pipe returns the end for a new child, and reads the other until nobody holds it.
func (r *relaying) pipe() (theirs *os.File, err error) {
	ours, theirs, err := relay.Pipe()
	if err != nil {
		return nil, err
	}
	r.readers.Go(func() {
		_ = r.forwarder.Read(r.read, ours)
		_ = ours.Close()
	})
	return theirs, nil
}

// close delivers what can be delivered within the relay's last try, and spools the rest.
func (r *relaying) close() error {
	r.endRead()
	r.readers.Wait()
	r.stop()
	r.deliverer.Wait()
	return r.forwarder.Close()
}

// publishRelayStats writes the numbers of the relay until ctx ends, and once more. A disk that is full has
// room again some day, so it goes on after a failure, and logs only the first of a row and its end.
func (p *parent) publishRelayStats(ctx context.Context, forwarder *relay.Forwarder) {
	tick := time.NewTicker(relayStatsEvery)
	defer tick.Stop()
	since, failed := time.Now(), false
	for {
		err := writeRelayStats(p.state.path, RelayStats{Stats: forwarder.Stats(), Since: since, At: time.Now()})
		switch {
		case err != nil && !failed:
			p.log.Warn("cannot tell the numbers of the relay; it is tried again", "error", err, "every", relayStatsEvery)
		case err == nil && failed:
			p.log.Info("the numbers of the relay are told again")
		}
		failed = err != nil
		if ctx.Err() != nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}
