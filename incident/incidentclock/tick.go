package incidentclock

import (
	"context"
	"errors"
	"time"

	"github.com/theriac/theriac/incident"
)

// tickKey is the row that says when a clock asked last for what is due. It is an effect that never ends and is
// claimed anew by each beat, so that it needs no table of its own: one row, by the store's time, whichever of
// several clocks was the last.
const tickKey = "clock:tick"

// tickHolds is how long a beat has the row: not as long as a beat lasts, and longer than two clocks that beat at
// the same moment are apart.
const tickHolds = time.Second

// ticked notes that a beat went well.
func (c *Clock) ticked(ctx context.Context) error {
	_, err := c.Store.Claim(ctx, incident.Claim{Key: tickKey, Lease: tickHolds})
	return err
}

// LastTick returns when a clock last asked for what is due, by the store's time, and the zero time if none ever did.
// With a clock it is 6 s ago at most.
func LastTick(ctx context.Context, effects incident.Effects) (time.Time, error) {
	row, err := effects.Effect(ctx, tickKey)
	if errors.Is(err, incident.ErrNotFound) {
		return time.Time{}, nil
	}
	return row.Claimed, err
}
