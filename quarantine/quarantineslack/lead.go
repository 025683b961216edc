package quarantineslack

import (
	"context"
	"sync"
	"time"
)

const (
	leadLasts  = 5 * time.Second
	leadRenew  = 1500 * time.Millisecond
	leadMargin = time.Second // of the lease that must be left to begin a call of Slack
)

// lead is whether this process is the one that tells. What it does as such has a
// context that ends with it.
type lead struct {
	mu      sync.Mutex
	until   time.Time
	ctx     context.Context
	cancel  context.CancelFunc
	changed chan struct{}
}

// extend notes that the lead lasts until the given time.
func (l *lead) extend(parent context.Context, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = until
	if l.ctx == nil {
		l.ctx, l.cancel = context.WithCancel(parent)
		if l.changed != nil {
			close(l.changed)
			l.changed = nil
		}
	}
}

// drop ends the lead, if there is one.
func (l *lead) drop() (had bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	had = l.ctx != nil
	if had {
		l.cancel()
		l.ctx, l.cancel = nil, nil
	}
	return had
}

// expired drops a lead that has run out.
func (l *lead) expired(now time.Time) bool {
	l.mu.Lock()
	out := l.ctx != nil && !now.Before(l.until)
	l.mu.Unlock()
	return out && l.drop()
}

// left is how long the lead lasts.
func (l *lead) left(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx == nil {
		return 0
	}
	return l.until.Sub(now)
}

// wait returns the context of the lead once there is one.
func (l *lead) wait(ctx context.Context) (context.Context, error) {
	for {
		l.mu.Lock()
		if l.ctx != nil {
			defer l.mu.Unlock()
			return l.ctx, nil
		}
		if l.changed == nil {
			l.changed = make(chan struct{})
		}
		changed := l.changed
		l.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-changed:
		}
	}
}

// keepLead takes the lead, renews it, and gives it up when ctx ends, so that the next
// one need not wait.
func (n *Notifier) keepLead(ctx context.Context) error {
	trouble := trouble{log: n.log, doing: "take the lead"}
	for {
		asked := time.Now()
		call, cancel := context.WithTimeout(ctx, leadLasts/2)
		leads, err := n.cfg.Service.LeadNotices(call, n.holder, leadLasts)
		cancel()
		trouble.note(err)
		switch {
		case err == nil && leads:
			n.lead.extend(ctx, asked.Add(leadLasts)) // by the time of asking: the store counts from later
		case err == nil:
			if n.lead.drop() {
				n.log.Info("quarantineslack: somebody else tells now")
			}
		}
		n.lead.expired(time.Now())
		wait := leadRenew
		if n.lead.left(time.Now()) <= 0 {
			wait = n.cfg.PollEvery
		}
		if pause(ctx, wait) != nil {
			break
		}
	}
	n.lead.drop()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_, _ = n.cfg.Service.LeadNotices(last, n.holder, 0)
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
