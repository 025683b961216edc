package quarantineslack

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/handlers/redact"
	"github.com/theriac/theriac/internal/notify"
	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
)

// Notices is what the notifier asks of the room about what people were not told.
// [quarantine.Service] has it; its contracts are those of [quarantine.NoticeStore].
type Notices interface {
	// LeadNotices makes holder the one notifier for a time, or renews that.
	LeadNotices(ctx context.Context, holder string, lasts time.Duration) (bool, error)
	// NoticesDue returns the notices of groups of which something was not told.
	NoticesDue(ctx context.Context, limit int) ([]quarantine.Notice, error)
	// NoticeGet returns one notice as it was last put.
	NoticeGet(ctx context.Context, key string) (quarantine.Notice, error)
	// PutNotices stores what was told, all or none.
	PutNotices(ctx context.Context, holder string, told []quarantine.ToldNotice) error
	// GroupAudit returns the changes of a group above a number, oldest first.
	GroupAudit(ctx context.Context, group string, after int64, limit int) ([]quarantine.AuditRow, error)
}

// Facts is what is read to say more than a notice does.
type Facts interface {
	// EntryGet returns one entry with its attempts.
	EntryGet(ctx context.Context, key quarantine.EntryKey, opt quarantine.GetOptions) (quarantine.Entry, error)
	// EntryList returns the entries that match, newest first.
	EntryList(ctx context.Context, q quarantine.Query) (quarantine.EntryPage, error)
	// GroupGet returns a group by its reference or fingerprint.
	GroupGet(ctx context.Context, ref string) (quarantine.Group, error)
	// GroupList returns the groups that have a matching entry.
	GroupList(ctx context.Context, q quarantine.Query) ([]quarantine.Group, error)
	// CrashGet returns the report of one death.
	CrashGet(ctx context.Context, key quarantine.CrashKey) (quarantine.CrashReport, error)
	// CrashList returns the reports that match, newest first.
	CrashList(ctx context.Context, q quarantine.CrashQuery) (quarantine.CrashPage, error)
	// SuspectList returns the suspects that match.
	SuspectList(ctx context.Context, q quarantine.SuspectQuery) ([]quarantine.Suspect, error)
	// Breakers returns the subscriptions that living workers serve, with their breakers.
	Breakers(ctx context.Context) ([]quarantine.SubscriptionStatus, error)
}

// Deeds is what a click does.
type Deeds interface {
	// EntryReplay asks for an entry to run again.
	EntryReplay(ctx context.Context, e quarantine.Entry, p quarantine.ReplayParams) (quarantine.Entry, error)
	// EntryDiscardOnce decides, once a request, that an entry never runs.
	EntryDiscardOnce(ctx context.Context, e quarantine.Entry, d quarantine.Decision, request string) (quarantine.Entry, error)
	// GroupAct takes a group, gives it back or quiets it.
	GroupAct(ctx context.Context, a quarantine.GroupAct) (quarantine.Group, error)
	// AuditRefusal notes that somebody asked for what they may not do.
	AuditRefusal(ctx context.Context, r quarantine.Refusal) error
}

// Flow is what a click does to the flow of messages. *[quarantine.Service] has it.
type Flow interface {
	// Controls returns what is in force now.
	Controls(ctx context.Context) (quarantine.Controls, error)
	// ControlAct changes what is in force, once a request.
	ControlAct(ctx context.Context, a quarantine.ControlAct) (quarantine.Controls, error)
}

// Declaration asks for the incident of a group.
type Declaration struct {
	// Request is the same for the same click, and for no other.
	Request string
	// User is who clicked, by Slack's id and by name.
	User, Name string
	// Group is what it is about, Title what may be said of it everywhere, "" for nothing.
	Group quarantine.Group
	Title string
	// Link leads to the group's page, "" without pages.
	Link string
}

// Declared is the incident of a group.
type Declared struct {
	// Ref names it, Link leads to its page, "" without one.
	Ref, Link string
	// Before says that it was declared before this click.
	Before bool
	// Refused says, in place of all that, why this person gets none; it is shown to
	// them.
	Refused string
}

// Service is the room. *[quarantine.Service] is one.
type Service interface {
	Notices
	Facts
	Deeds
}

// Chat is what is asked of Slack. *[slackkit.Client] is one.
type Chat interface {
	// Post writes a message into a channel.
	Post(ctx context.Context, channel string, m slackkit.Message) (slackkit.Place, error)
	// Update replaces what a message says.
	Update(ctx context.Context, p slackkit.Place, m slackkit.Message) error
	// Reply writes into the thread of a message; broadcast shows it in the channel too.
	Reply(ctx context.Context, p slackkit.Place, m slackkit.Message, broadcast bool) (slackkit.Place, error)
}

// Role is what somebody may do by clicking.
type Role string

// The roles, each with the rights of those before it.
const (
	// RoleViewer may look.
	RoleViewer Role = "viewer"
	// RoleResponder may take a group, quiet it, declare its incident and replay an entry.
	RoleResponder Role = "responder"
	// RoleOperator may discard entries and pause subscriptions.
	RoleOperator Role = "operator"
)

// roles are all of them, least first.
func roles() []Role { return []Role{RoleViewer, RoleResponder, RoleOperator} }

// May reports whether r has the rights of the other role.
func (r Role) May(other Role) bool {
	return slices.Index(roles(), r) >= slices.Index(roles(), other) && slices.Contains(roles(), other)
}

// User is a person of the workspace.
type User struct {
	// Name is how the person is called in the log of changes.
	Name string
	Role Role
}

// Config is what a [Notifier] is told.
type Config struct {
	// Service is the room, Client the way to Slack. Required.
	Service Service
	Client  Chat
	// Channel is the id of the channel, or its name with # in front. Required.
	Channel string
	// Links is the base address of the web pages, such as
	// "https://ops.example.com/theriac". Without it there is no Open button. Below it an
	// entry is at /e/Q-7F3K, a group at /g/G-9C1E, a death at /c/C-4M2P, all groups at
	// /groups.
	Links string

	// Team is the id of the workspace ("T…"); clicks from any other are refused, and
	// all are while it is empty. Users are the people who may click, by Slack user id
	// ("U…"): nobody else may, whatever their name says.
	Team  string
	Users map[string]User

	// Flow pauses subscriptions. Nil: messages do not offer it.
	Flow Flow
	// Declare opens the incident of a group, or finds the one that is open. An error is one
	// of the program, or wraps quarantine.ErrUnavailable where a store is away. Nil:
	// messages do not offer it.
	Declare func(ctx context.Context, d Declaration) (Declared, error)

	// Fallbacks are told when the channel was not, as Policy says. Each needs a name of
	// its own.
	Fallbacks []notify.Sender
	Policy    notify.Policy
	// Critical says which subscriptions are critical: they are told first, and a policy
	// may ask for more. Nil means none.
	Critical func(subscription string) bool

	// Redact says which texts of errors and panics may be read by everybody in the
	// channel. Nil: only those that cannot hold anything of a message; see [Title].
	Redact *redact.Redactor

	// PollEvery is how often the store is asked what is due, default 500 ms. EditEvery
	// is the least time between two edits of one message, and between two replies in
	// one thread, default 5 s.
	PollEvery, EditEvery time.Duration
	// Logger receives trouble and its end. Default: discards.
	Logger *slog.Logger
}

// WithDefaults returns a copy of c with every zero field set to its default.
func (c Config) WithDefaults() Config {
	if c.PollEvery == 0 {
		c.PollEvery = 500 * time.Millisecond
	}
	if c.EditEvery == 0 {
		c.EditEvery = 5 * time.Second
	}
	if c.Critical == nil {
		c.Critical = func(string) bool { return false }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Links = strings.TrimRight(c.Links, "/")
	c.Policy = c.Policy.WithDefaults()
	return c
}

// Validate joins every problem of c.
func (c Config) Validate() error {
	var problems []error
	bad := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("quarantineslack: "+format+": %w", append(args, quarantine.ErrInvalid)...))
	}
	if c.Service == nil || c.Client == nil {
		bad("Service and Client are required")
	}
	if c.Channel == "" || len(c.Channel) > 100 {
		bad("Channel has %d bytes, want 1 to 100", len(c.Channel))
	}
	if u, err := url.Parse(c.Links); c.Links != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "") {
		bad("Links is no absolute http or https address")
	}
	for _, id := range slices.Sorted(maps.Keys(c.Users)) {
		u := c.Users[id]
		if !placeForm.MatchString(id) || strings.TrimSpace(u.Name) == "" || !slices.Contains(roles(), u.Role) {
			bad("user %.40q: want a Slack user id with a name and one of the roles %v", id, roles())
		}
	}
	names := map[string]bool{}
	for _, f := range c.Fallbacks {
		if f == nil || names[f.Name()] || len(f.Name()) > 40 {
			bad("each fallback needs a short name of its own")
			continue
		}
		names[f.Name()] = true
	}
	if len(c.Fallbacks) > 8 {
		bad("%d fallbacks, at most 8 are remembered", len(c.Fallbacks))
	}
	if c.PollEvery < 0 || c.EditEvery < 0 {
		bad("PollEvery and EditEvery must not be negative")
	}
	return errors.Join(problems...)
}

// New returns a notifier. It starts nothing; see [Notifier.Run]. Its error joins every
// problem of cfg.
func New(cfg Config) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.WithDefaults()
	return &Notifier{
		cfg: cfg, log: cfg.Logger, holder: "slack " + rand.Text(),
		render: renderer{links: cfg.Links, pause: cfg.Flow != nil, declare: cfg.Declare != nil, title: func(e quarantine.Entry) string { return title(cfg.Redact, e) }},
		bell:   make(chan struct{}, 1),
	}, nil
}
