package quarantineslack_test

import (
	"context"
	"errors"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

// lastCall is a chat after one call of which the process can do nothing more: the store
// fails from then on.
type lastCall struct {
	*chat
	store  *quarantinetest.Store
	method string
}

func (l *lastCall) die(method string) {
	if method == l.method {
		l.store.Fail(errors.New("killed"))
	}
}

func (l *lastCall) Post(ctx context.Context, channel string, m slackkit.Message) (slackkit.Place, error) {
	p, err := l.chat.Post(ctx, channel, m)
	l.die("post")
	return p, err
}

func (l *lastCall) Update(ctx context.Context, p slackkit.Place, m slackkit.Message) error {
	err := l.chat.Update(ctx, p, m)
	l.die("update")
	return err
}

func (l *lastCall) Reply(ctx context.Context, p slackkit.Place, m slackkit.Message, broadcast bool) (slackkit.Place, error) {
	place, err := l.chat.Reply(ctx, p, m, broadcast)
	l.die("reply")
	return place, err
}
