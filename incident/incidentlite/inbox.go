package incidentlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/litekit"
)

// inboundRow is a row as inbound_get.sql returns it.
type inboundRow struct {
	N          int64  `db:"n"`
	ID         string `db:"id"`
	Topic      string `db:"topic"`
	Kind       string `db:"kind"`
	Attributes []byte `db:"attributes"`
	NotBefore  int64  `db:"not_before"`
	Stored     int64  `db:"stored_at"`
	Handled    int64  `db:"handled_at"`
	Result     string `db:"result"`
	Body       []byte `db:"body"`
}

func (r inboundRow) inbound() (incident.Inbound, error) {
	in := incident.Inbound{ID: r.ID, Topic: r.Topic, Kind: r.Kind, Body: r.Body, NotBefore: litekit.TimeOf(r.NotBefore),
		Stored: litekit.TimeOf(r.Stored), Handled: litekit.TimeOf(r.Handled), Result: r.Result}
	if err := json.Unmarshal(r.Attributes, &in.Attributes); err != nil {
		return incident.Inbound{}, fmt.Errorf("the attributes of row %.80q: %w", r.ID, err)
	}
	return in, nil
}

// maxBatchBytes bounds what one transaction stores.
const maxBatchBytes = 2 << 20

// Accept implements [incident.Inbox].
func (s *Store) Accept(ctx context.Context, rows ...incident.Inbound) ([]bool, error) {
	for _, in := range rows {
		if err := in.Validate(); err != nil {
			return nil, err
		}
	}
	created := make([]bool, len(rows))
	for from := 0; from < len(rows); {
		if from > 0 {
			s.rest(ctx)
		}
		to := from + fitting(rows[from:])
		err := s.write(ctx, "accept requests", func(x *tx) error {
			for i := from; i < to; i++ {
				var err error
				if created[i], err = x.accept(rows[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		from = to
	}
	return created, nil
}

// fitting returns how many of the rows, one at least, are stored in one transaction.
func fitting(rows []incident.Inbound) int {
	bytes := 0
	for i, in := range rows {
		bytes += len(in.Body)
		if i > 0 && (i == batch || bytes > maxBatchBytes) {
			return i
		}
	}
	return len(rows)
}

func (x *tx) accept(in incident.Inbound) (created bool, err error) {
	attributes, err := json.Marshal(in.Attributes)
	if err != nil {
		return false, err
	}
	since := x.Now
	if in.NotBefore.After(since) {
		since = in.NotBefore
	}
	n, err := x.Exec(sqlInboundAdd, in.ID, in.Topic, in.Kind, attributes, litekit.Micros(in.NotBefore), litekit.Micros(x.Now), litekit.Micros(since),
		in.Chore(), append([]byte{}, in.Body...)) // never NULL
	return n == 1, err
}

// Handled implements [incident.Inbox].
func (s *Store) Handled(ctx context.Context, id, result string) error {
	return s.write(ctx, "note what became of a request", func(x *tx) error {
		n, err := x.Exec(sqlInboundHandled, id, litekit.Micros(x.Now), result)
		if err != nil || n == 1 {
			return err
		}
		known, err := litekit.Value[bool](x, sqlInboundKnown, id)
		if err == nil && !known {
			err = fmt.Errorf("row %.80q: %w", id, incident.ErrNotFound)
		}
		return err
	})
}

// Inbound implements [incident.Inbox].
func (s *Store) Inbound(ctx context.Context, id string) (incident.Inbound, error) {
	var row inboundRow
	err := s.read(ctx, "get a request", func(x *tx) (err error) {
		row, err = litekit.One[inboundRow](x, sqlInboundGet, id)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("row %.80q: %w", id, incident.ErrNotFound)
		}
		return err
	})
	if err != nil {
		return incident.Inbound{}, err
	}
	return row.inbound()
}
