package incidentpg

import (
	"context"
	"fmt"
	"time"

	"github.com/theriac/theriac/incident"
)

// Accept implements [incident.Inbox].
func (s *Store) Accept(ctx context.Context, rows ...incident.Inbound) ([]bool, error) {
	const doing = "accept inbound rows"
	attributes := make([][]byte, len(rows))
	for i, r := range rows {
		err := r.Validate()
		if err == nil {
			attributes[i], err = encode(r.Attributes)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", doing, err)
		}
	}
	var added [][]byte
	err := s.call(ctx, doing, func(ctx context.Context) (err error) {
		added, err = values[[]byte](ctx, s.pool, sqlInboundAdd,
			column(rows, func(r incident.Inbound) []byte { return blob(r.ID) }),
			column(rows, func(r incident.Inbound) string { return r.Topic }),
			column(rows, func(r incident.Inbound) string { return r.Kind }),
			column(rows, func(r incident.Inbound) []byte { return blob(r.Body) }),
			attributes,
			column(rows, func(r incident.Inbound) *time.Time { return nullable(r.NotBefore) }),
			column(rows, incident.Inbound.Chore))
		return err
	})
	if err != nil {
		return nil, err
	}
	s.bell.ring()
	created, isNew := make([]bool, len(rows)), make(map[string]bool, len(added))
	for _, id := range added {
		isNew[string(id)] = true
	}
	for i, r := range rows {
		created[i] = isNew[r.ID]
		delete(isNew, r.ID) // a second row with it is not
	}
	return created, nil
}

// Handled implements [incident.Inbox].
func (s *Store) Handled(ctx context.Context, id, result string) error {
	return s.call(ctx, "note what became of an inbound row", func(ctx context.Context) error {
		found, err := values[int64](ctx, s.pool, sqlInboundHandled, blob(id), blob(result))
		if err == nil && found[0] == 0 {
			err = notFound(id)
		}
		return err
	})
}

// inboundRow is an inbound row as it is read.
type inboundRow struct {
	ID         []byte     `db:"id"`
	Topic      string     `db:"topic"`
	Kind       string     `db:"kind"`
	Body       []byte     `db:"body"`
	Attributes []byte     `db:"attributes"`
	NotBefore  *time.Time `db:"not_before"`
	StoredAt   time.Time  `db:"stored_at"`
	HandledAt  *time.Time `db:"handled_at"`
	Result     []byte     `db:"result"`
}

// Inbound implements [incident.Inbox].
func (s *Store) Inbound(ctx context.Context, id string) (incident.Inbound, error) {
	row, err := find[inboundRow](ctx, s, "get an inbound row", id, sqlInboundGet, blob(id))
	if err != nil {
		return incident.Inbound{}, err
	}
	attributes, err := decode[map[string]string]("attributes", row.Attributes)
	if err != nil {
		return incident.Inbound{}, err
	}
	return incident.Inbound{ID: string(row.ID), Topic: row.Topic, Kind: row.Kind, Body: row.Body, Attributes: attributes,
		NotBefore: timeOf(row.NotBefore), Stored: row.StoredAt.UTC(), Handled: timeOf(row.HandledAt), Result: string(row.Result)}, nil
}
