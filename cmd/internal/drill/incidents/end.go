package incidents

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
)

// stragglers is how long is waited for what must not come: longer than a lease, after which a broker
// delivers once more.
const stragglers = 15 * time.Second

// awaitEnd waits until nobody is called any more and every effect has ended, and stops the service, which
// would go on to remind people.
func (c *campaign) awaitEnd(ctx context.Context, patience time.Duration) error {
	err := await(ctx, patience, 500*time.Millisecond, func() (bool, error) {
		waiting, err := c.unpublished(ctx)
		return waiting == 0, err
	})
	if err != nil && !errors.Is(err, errLate) { // what is not published counts as that
		return err
	}
	left, err := c.all(ctx)
	if err != nil {
		return err
	}
	err = await(ctx, patience, 500*time.Millisecond, func() (bool, error) {
		var still []string
		for _, id := range left {
			why, err := c.unfinished(ctx, id)
			if err != nil {
				return false, err
			}
			if why != "" {
				still = append(still, id)
			}
		}
		left = still
		return len(left) == 0, nil
	})
	if err != nil && !errors.Is(err, errLate) {
		return err
	}
	for _, id := range left[:min(len(left), 5)] {
		why, err := c.unfinished(ctx, id)
		if err != nil {
			return err
		}
		c.r.check(false, "%s did not come to its end: %s", id, why)
	}
	if err := rest(ctx, stragglers); err != nil {
		return err
	}
	return c.stop()
}

// unfinished says what an incident waits for, "" for nothing.
func (c *campaign) unfinished(ctx context.Context, id string) (string, error) {
	inc, err := c.stores.Get(ctx, id)
	if err != nil {
		return "", err
	}
	for _, e := range inc.Escalations {
		if e.State == incident.Paging && !e.DueAt.IsZero() { // one that only tells has no next step
			return "it pages", nil
		}
	}
	rows, err := c.stores.EffectList(ctx, id)
	if err != nil {
		return "", err
	}
	for _, row := range rows {
		open := row.State == incident.EffectClaimed || row.State == incident.EffectWaiting
		if open && !strings.HasPrefix(row.Key, "sweep:") && !workflow.UpToDate(row) { // a look of the sweep only waits
			return fmt.Sprintf("%s is %s in attempt %d: %s", row.Key, row.State, row.Attempt, row.Result), nil
		}
	}
	if ended := inc.Status == incident.Closed || inc.Status.Final(); ended && inc.Channel != nil && !inc.Channel.Archived {
		return "its channel is not archived", nil
	}
	missing, err := c.missing(ctx, &inc, rows)
	if err != nil || len(missing) == 0 {
		return "", err
	}
	return missing[0] + " is missing", nil
}

// missing are effects that an incident wants and never had.
func (c *campaign) missing(ctx context.Context, inc *incident.Incident, rows []incident.Effect) (missing []string, err error) {
	rules, err := c.stores.Settings(ctx)
	if err != nil {
		return nil, err
	}
	for _, w := range inc.Wanted(&rules) {
		if !slices.ContainsFunc(rows, func(e incident.Effect) bool { return e.Key == w.Key || strings.HasPrefix(e.Key, w.Key+":") }) {
			missing = append(missing, w.Key)
		}
	}
	return missing, nil
}
