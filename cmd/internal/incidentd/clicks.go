package incidentd

import (
	"context"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/internal/slackkit"
)

// quarantineClicks answers what is pressed on the notices of quarantine.
func (s *site) quarantineClicks(config.Notices) (slackkit.Handle, error) {
	return func(context.Context, slackkit.Interaction) (slackkit.Answer, error) { return slackkit.Answer{}, nil }, nil
}
