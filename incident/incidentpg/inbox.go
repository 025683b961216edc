package incidentpg

import (
	"context"
	"fmt"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/pgkit"
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
	err := s.pool.Call(ctx, doing, func(ctx context.Context) (err error) {
		added, err = pgkit.Values[[]byte](ctx, s.pool, sqlInboundAdd,
			pgkit.Column(rows, func(r incident.Inbound) []byte { return pgkit.Blob(r.ID) }),
			pgkit.Column(rows, func(r incident.Inbound) string { return r.Topic }),
			pgkit.Column(rows, func(r incident.Inbound) string { return r.Kind }),
			pgkit.Column(rows, func(r incident.Inbound) []byte { return pgkit.Blob(r.Body) }),
			attributes,
			pgkit.Column(rows, func(r incident.Inbound) *time.Time { return nullable(r.NotBefore) }),
			pgkit.Column(rows, incident.Inbound.Chore))
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
	return s.pool.Call(ctx, "note what became of an inbound row", func(ctx context.Context) error {
		found, err := pgkit.Values[int64](ctx, s.pool, sqlInboundHandled, pgkit.Blob(id), pgkit.Blob(result))
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
	row, err := find[inboundRow](ctx, s, "get an inbound row", id, sqlInboundGet, pgkit.Blob(id))
	if err != nil {
		return incident.Inbound{}, err
	}
	attributes, err := decode[map[string]string]("attributes", row.Attributes)
	if err != nil {
		return incident.Inbound{}, err
	}
	return incident.Inbound{ID: string(row.ID), Topic: row.Topic, Kind: row.Kind, Body: row.Body, Attributes: attributes,
		NotBefore: pgkit.TimeOf(row.NotBefore), Stored: row.StoredAt.UTC(), Handled: pgkit.TimeOf(row.HandledAt), Result: string(row.Result)}, nil
}
