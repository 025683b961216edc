package incidentslack

import (
	"context"
	"errors"
	"log/slog"
	"net/mail"
	"time"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/slackkit"
)

// Chat is [workflow.Chat] in a workspace of Slack's. Whatever it is told comes from outside and is
// escaped; what Slack refuses comes back as [workflow.Never], what it may have done as
// [workflow.InDoubt] and all else as [workflow.Later]. It keeps no state and is safe for concurrent use.
type Chat struct {
	client *slackkit.Client
	log    *slog.Logger
}

var _ workflow.Chat = (*Chat)(nil)

// NewChat returns a Chat. The client has the class of the handlers that use it, see
// [slackkit.Client.Share]. The logger hears of what is missing in a channel that is there all the same;
// nil is nobody.
func NewChat(client *slackkit.Client, logger *slog.Logger) *Chat {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Chat{client: client, log: logger}
}

// SetArchived puts a channel away, or fetches it back. A private one that was put away is out of the app's
// sight, so one that it does not see counts as put away. Slack lets no app fetch one back: then it is
// [workflow.Never], and a person has to do it.
func (c *Chat) SetArchived(ctx context.Context, channel string, archived bool) error {
	if archived {
		return trouble(unless(c.client.Archive(ctx, channel), slackkit.ErrAlreadyArchived, slackkit.ErrChannelNotFound))
	}
	return trouble(unless(c.client.Unarchive(ctx, channel), slackkit.ErrNotArchived))
}

// Invite brings somebody into a channel. Who has no Slack id is looked for by mail address.
func (c *Chat) Invite(ctx context.Context, channel string, p incident.Person) error {
	user, err := c.user(ctx, p)
	if err != nil {
		return err
	}
	return trouble(unless(c.client.Invite(ctx, channel, user), slackkit.ErrAlreadyInChannel, slackkit.ErrCannotInviteSelf))
}

// user returns the id of a person in Slack.
func (c *Chat) user(ctx context.Context, p incident.Person) (string, error) {
	if p.SlackID != "" {
		return p.SlackID, nil
	}
	if _, err := mail.ParseAddress(p.Email); err != nil {
		return "", workflow.Never(errors.New("this person has neither a Slack id nor a mail address"))
	}
	u, err := c.client.UserByEmail(ctx, p.Email)
	return u.ID, trouble(err)
}

// unless returns err, nil for one that is as good as success.
func unless(err error, fine ...error) error {
	for _, f := range fine {
		if errors.Is(err, f) {
			return nil
		}
	}
	return err
}

// mendable is when to ask again while a person has to mend the app first.
const mendable = time.Minute

// trouble says what is known of a call that failed, in the words of the workflow. A token that is no
// good, or may too little, is mended some time, and then what is missing is still wanted.
func trouble(err error) error {
	if refused, ok := errors.AsType[*slackkit.PermanentError](err); ok {
		if refused.ProblemKind() == "not allowed" {
			return workflow.Later(err, mendable)
		}
		return workflow.Never(err)
	}
	if retry, ok := errors.AsType[*slackkit.RetryError](err); ok {
		if retry.Maybe {
			return workflow.InDoubt(err)
		}
		return workflow.Later(err, retry.After)
	}
	return err
}
