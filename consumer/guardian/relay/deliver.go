package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/theriac/theriac/internal/runner"
)

// Run delivers until ctx ends. Then every host gets one last try, for at most Config.LastTry
// together, unless it asked us to wait; what is left goes to the spool. Run returns nil: what it
// could not deliver or keep is in the Stats. It may be called again.
func (f *Forwarder) Run(ctx context.Context) error {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	f.queue.start()
	var servers runner.Group
	for ctx.Err() == nil {
		select {
		case <-f.queue.wake:
			for _, l := range f.queue.unserved() {
				servers.Go(func() { f.serve(ctx, sending, l) })
			}
		case <-ctx.Done():
		}
	}
	last := time.AfterFunc(f.cfg.LastTry, cancel)
	defer last.Stop()
	servers.Wait()
	f.store()
	return nil
}

// store moves what is in memory to the spool.
func (f *Forwarder) store() {
	for _, e := range f.queue.stop() {
		f.queue.moved(e, f.spill(e))
	}
}

// serve sends the requests of one host, in order and one at a time, until there are none or ctx has
// ended and a try failed.
func (f *Forwarder) serve(ctx, sending context.Context, l *lane) {
	for {
		e := f.queue.head(l)
		if e == nil {
			return
		}
		result := f.try(sending, l, e)
		if result.final() {
			f.finish(l, e, result)
			continue
		}
		wait := f.postpone(l, e, result)
		if ctx.Err() != nil || !sleep(ctx, wait) && result.retryAfter > 0 {
			return
		}
	}
}

// sleep reports whether it slept for d, and false when ctx ended before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// finish takes e out of the queue for good.
func (f *Forwarder) finish(l *lane, e *entry, r result) {
	if r.fate != expired && r.fate != unreadable {
		if l.failures > 0 {
			f.cfg.Logger.Info("relay: a host answers again", "host", l.host, "failures", l.failures)
		}
		l.failures = 0 // it is up
	}
	if r.fate == delivered {
		l.delivered++
	}
	n := f.queue.finish(l, e, r.fate.counter)
	if e.file != "" {
		f.discard(e.file)
	}
	if r.fate != delivered {
		f.complain(n, "a request is dropped", "host", l.host, "fate", r.fate.String(), "problem", r.problem)
	}
}

// postpone leaves e at the head of its lane and returns how long the host is to be left alone.
func (f *Forwarder) postpone(l *lane, e *entry, r result) time.Duration {
	tries := &e.silences
	if r.answered {
		tries = &e.answers
		if !e.answered {
			e.answered, e.seen = true, l.delivered
		}
	}
	if *tries++; *tries == f.cfg.MaxTries {
		*tries = 0
		defer f.queue.stepAside(l) // if the host fails because of it, the others get through
	}
	if l.failures++; l.failures == 1 {
		f.cfg.Logger.Warn("relay: a host fails, its requests wait", "host", l.host, "problem", r.problem)
	}
	wait := max(r.retryAfter, backoff(l.failures, f.cfg.RetryMin, f.cfg.RetryMax))
	f.queue.count(postponed.counter)
	f.queue.release(l, r.problem, time.Now().Add(wait))
	return wait
}

// fate is what became of a request after a try.
type fate uint8

const (
	postponed fate = iota // the only one that is not final
	delivered
	refused
	givenUp
	expired
	unreadable
)

func (f fate) String() string {
	return [...]string{"postponed", "delivered", "refused", "given up", "expired", "unreadable"}[f]
}

func (f fate) counter(s *Stats) *uint64 {
	return [...]*uint64{&s.Retries, &s.Delivered, &s.Refused, &s.GivenUp, &s.Expired, &s.Lost}[f]
}

// result is how a try ended.
type result struct {
	fate       fate
	answered   bool
	retryAfter time.Duration
	problem    string // for people; no URL and no header
}

func (r result) final() bool { return r.fate != postponed }

// try makes one try to send e.
func (f *Forwarder) try(ctx context.Context, l *lane, e *entry) result {
	if time.Since(time.Unix(0, e.received)) > f.cfg.MaxAge {
		return result{fate: expired, problem: fmt.Sprintf("older than %v", f.cfg.MaxAge)}
	}
	ctx, cancel := context.WithTimeout(ctx, f.cfg.SendTimeout)
	defer cancel()
	req, err := f.load(ctx, e)
	if err != nil {
		f.spoolFailed(err)
		return result{fate: unreadable, problem: "its spool file"}
	}
	resp, err := f.cfg.RoundTripper.RoundTrip(req)
	if err != nil {
		return result{problem: problemOf(err)}
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // a body read to its end frees the connection
	r := judge(resp, time.Now(), f.cfg.MaxRetryAfter)
	// It is the request's own fault only if the host took others meanwhile.
	if r.fate == postponed && e.answers+1 >= f.cfg.MaxTries && l.delivered > e.seen {
		r.fate = givenUp
	}
	return r
}

// load builds the request of e, from memory or from its file.
func (f *Forwarder) load(ctx context.Context, e *entry) (*http.Request, error) {
	record := e.record
	if e.file != "" {
		var err error
		if _, record, err = f.spool.get(e.file); err != nil {
			return nil, err
		}
	}
	r, err := parseRequest(record)
	if err != nil {
		return nil, err
	}
	return r.build(ctx)
}

// judge decides by the status: 2xx is delivered, 429 and 5xx are tried again, anything else is the
// request's own fault, and sending it again would not help. Redirects are refused too: the header
// holds keys, and they are for the host that the worker named.
func judge(resp *http.Response, now time.Time, most time.Duration) result {
	r := result{answered: true, problem: fmt.Sprintf("answered %d", resp.StatusCode)}
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		r.fate = delivered
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		r.retryAfter = retryAfter(resp.Header, now, most)
	case code < 500:
		r.fate = refused
	}
	return r
}

// problemOf says how a try without an answer ended. A *url.Error would show the whole URL.
func problemOf(err error) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return err.Error()
}
