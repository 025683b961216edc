package quarantine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/theriac/theriac/handlers"
)

// follow loads what is known, closes Ready and then follows the store's changes
// by polling: what a notification could lose, a poll finds.
func (s *Service) follow(ctx context.Context) error {
	s.knowSpool()
	t := trouble{log: s.log, doing: "follow the store's changes"}
	cursor := int64(0)
	for {
		err := s.catchUp(ctx, &cursor)
		if err == nil {
			err = s.readControls(ctx)
		}
		t.note(err)
		switch {
		case err == nil:
			s.readyOnce.Do(func() { close(s.ready) })
		case errors.Is(err, ErrSchema) && !s.isReady():
			return fmt.Errorf("quarantine: %w", err)
		}
		timer := time.NewTimer(s.cfg.PollEvery)
		select {
		case <-timer.C:
		case <-s.changed:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// knowSpool makes the messages of spooled entries known. What cannot be read is
// the ingest loop's to report.
func (s *Service) knowSpool() {
	if s.spool == nil {
		return
	}
	names, err := s.spool.list()
	if err != nil {
		return
	}
	for _, name := range names {
		r, err := s.spool.read(name)
		switch {
		case err != nil:
		case r.kind == kindEntry:
			s.known.raise(r.entry.Subscription, r.entry.Message.ID, handlers.StandingDecided)
		case r.kind == kindAttempt:
			s.known.raise(r.attempt.Subscription, r.attempt.MessageID, handlers.StandingFailing)
		}
	}
}

// catchUp reads changes until there are no more.
func (s *Service) catchUp(ctx context.Context, cursor *int64) error {
	for {
		since, read := *cursor, s.known.beginRead()
		changes, err := within(ctx, s.cfg.WriteTimeout, "read changes", func(ctx context.Context) (Changes, error) {
			return s.store.Changes(ctx, since)
		})
		if err != nil {
			return err
		}
		for _, m := range changes.Marks {
			s.known.learn(read, m)
		}
		for _, sub := range changes.Replays {
			s.bells.ring(sub)
		}
		*cursor = changes.Cursor
		if !changes.More {
			return nil
		}
	}
}

func (s *Service) isReady() bool {
	select {
	case <-s.ready:
		return true
	default:
		return false
	}
}

// pause waits for d and returns ctx's error if it ends before.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// bells wake those who wait for replays of a subscription. The zero value is
// ready to use.
type bells struct {
	mu    sync.Mutex
	bySub map[string]chan struct{}
}

// of returns the bell of a subscription that this process serves.
func (b *bells) of(sub string) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bySub == nil {
		b.bySub = map[string]chan struct{}{}
	}
	if b.bySub[sub] == nil {
		b.bySub[sub] = make(chan struct{}, 1)
	}
	return b.bySub[sub]
}

// ring wakes one waiter, now or when it comes. A subscription that nobody here
// ever waited for has no bell.
func (b *bells) ring(sub string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case b.bySub[sub] <- struct{}{}:
	default:
	}
}
