package incidenttest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/theriac/theriac/incident"
)

// row is a request from outside.
type row struct {
	incident.Inbound
	waiting *waiting
}

// Accept implements [incident.Inbox].
func (s *Store) Accept(ctx context.Context, rows ...incident.Inbound) ([]bool, error) {
	for _, in := range rows {
		if err := in.Validate(); err != nil {
			return nil, err
		}
	}
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	created := make([]bool, len(rows))
	for i, in := range rows {
		if created[i] = s.inbound[in.ID] == nil; created[i] {
			s.acceptLocked(in)
		}
	}
	return created, nil
}

func (s *Store) acceptLocked(in incident.Inbound) {
	now := s.now()
	in = copyInbound(in)
	in.NotBefore = micro(in.NotBefore)
	in.Stored, in.Handled, in.Result = now, time.Time{}, ""
	w := &waiting{id: in.ID, at: now, since: now, chore: in.Chore()}
	if in.NotBefore.After(now) {
		w.since = in.NotBefore
	}
	r := &row{Inbound: in, waiting: w}
	w.out = func() incident.Outgoing { return copyInbound(r.Inbound).Envelope() }
	s.inbound[in.ID] = r
	s.enqueueLocked(w)
}

func copyInbound(in incident.Inbound) incident.Inbound {
	in.Body, in.Attributes = bytes.Clone(in.Body), maps.Clone(in.Attributes)
	return in
}

func micro(t time.Time) time.Time { return t.Truncate(time.Microsecond) }

// Handled implements [incident.Inbox].
func (s *Store) Handled(ctx context.Context, id, result string) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	r := s.inbound[id]
	if r == nil {
		return fmt.Errorf("row %.80q: %w", id, incident.ErrNotFound)
	}
	if r.Handled.IsZero() {
		r.Handled, r.Result = s.now(), result
		r.waiting.since = time.Time{}
	}
	return nil
}

// Inbound implements [incident.Inbox].
func (s *Store) Inbound(ctx context.Context, id string) (incident.Inbound, error) {
	if err := s.lock(ctx); err != nil {
		return incident.Inbound{}, err
	}
	defer s.mu.Unlock()
	r := s.inbound[id]
	if r == nil {
		return incident.Inbound{}, fmt.Errorf("row %.80q: %w", id, incident.ErrNotFound)
	}
	return copyInbound(r.Inbound), nil
}
