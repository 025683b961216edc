package incidentpg

import (
	"context"
	"time"

	"github.com/theriac/theriac/incident"
)

// relayLease is how long what a relay was given is its own.
const relayLease = 10 * time.Second

// outgoingRow is an event or an inbound row that is to be published.
type outgoingRow struct {
	StoredAt time.Time `db:"stored_at"`
	Since    time.Time `db:"since"`
	IsEvent  bool      `db:"is_event"`
	eventRow
	ID          []byte `db:"id"`
	Topic       string `db:"topic"`
	Kind        string `db:"kind"`
	InboundBody []byte `db:"inbound_body"`
	Attributes  []byte `db:"attributes"`
}

func (r outgoingRow) outgoing() (incident.Outgoing, error) {
	var out incident.Outgoing
	if r.IsEvent {
		e, err := r.event()
		if err != nil {
			return out, err
		}
		out = incident.Envelope(e)
		out.Since = r.Since.UTC()
	} else {
		attributes, err := decode[map[string]string]("attributes", r.Attributes)
		if err != nil {
			return out, err
		}
		out = incident.Inbound{ID: string(r.ID), Topic: r.Topic, Kind: r.Kind, Body: r.InboundBody, Attributes: attributes}.Envelope()
	}
	out.Stored = r.StoredAt.UTC()
	return out, nil
}

// Unpublished implements [incident.Outbox]. One that cannot be read, which only a damaged database has, is
// passed over, so that it holds up no other; the audit finds it.
func (s *Store) Unpublished(ctx context.Context, limit int) ([]incident.Outgoing, error) {
	rows, err := list[outgoingRow](ctx, s, "lease what is unpublished", sqlOutboxLease, max(limit, 0), relayLease, incident.ChorePlaces(limit))
	if err != nil {
		return nil, err
	}
	var all []incident.Outgoing
	for _, r := range rows {
		if out, err := r.outgoing(); err == nil {
			all = append(all, out)
		}
	}
	return all, nil
}

// MarkPublished implements [incident.Outbox].
func (s *Store) MarkPublished(ctx context.Context, ids ...string) error {
	_, err := s.exec(ctx, "mark as published", sqlOutboxDone, ours(ids), blobs(ids))
	return err
}

// Republish implements [incident.Outbox].
func (s *Store) Republish(ctx context.Context, eventIDs ...string) error {
	_, err := s.exec(ctx, "publish events again", sqlOutboxAgain, ours(eventIDs))
	if err == nil {
		s.bell.ring()
	}
	return err
}

// tell tells relays of all processes that something is unpublished.
func (s *Store) tell(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.pool.CallTimeout())
	defer cancel()
	_, _ = s.pool.Exec(ctx, sqlOutboxTell) // if it fails, relays look when their patience ends
}
