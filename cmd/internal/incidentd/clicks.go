package incidentd

import (
	"context"
	"sync"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/notices"
	"github.com/theriac/theriac/internal/slackkit"
)

// clicks answers what is pressed on the notices of quarantine. The quarantine's store is opened with
// the first click: web and API need the store of incidents alone.
type clicks struct {
	site *site
	told config.Notices

	mu     sync.Mutex
	answer *notices.Notices
}

// handle is a slackkit.Handle.
func (c *clicks) handle(ctx context.Context, i slackkit.Interaction) (slackkit.Answer, error) {
	n, err := c.notices(ctx)
	if err != nil {
		return slackkit.Answer{Text: "The quarantine cannot be reached just now. Nothing was done. Try: `theriac`"}, err
	}
	return n.Handle(ctx, i)
}

func (c *clicks) notices(ctx context.Context) (*notices.Notices, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answer != nil {
		return c.answer, nil
	}
	room, err := c.site.room.get(ctx)
	if err != nil {
		return nil, err
	}
	c.answer, err = notices.New(notices.Config{Settings: c.told, Service: room, Declare: c.site.declare, Elsewhere: true, Logger: c.site.log})
	return c.answer, err
}
