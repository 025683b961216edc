package incidentslack

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/slackkit"
)

// IntakeConfig says whom an [Intake] works for. Service and Client are required.
type IntakeConfig struct {
	// Service does all verbs.
	Service *incident.Service
	// Client answers people. Give it the critical share, see [slackkit.Client.Share].
	Client *slackkit.Client
	// Command is the slash command. Default: /inc
	Command string
	// Link returns the address of an incident's page. Default: there is none.
	Link func(inc *incident.Incident) string
	// Quarantine is the address of the pages about quarantined messages, "" for none.
	Quarantine string
	// Controls does what /inc shed and the button of its banner ask for and returns a text for who asked. It
	// decides whether they may. It is called again where it returned an error that wraps
	// [incident.ErrUnavailable]; others are told. Default: people are told which command to run.
	Controls func(ctx context.Context, o ControlOrder) (string, error)
	// Served reports whether a living worker serves a subscription, one of [Intake.Registrations]. Who asks for
	// something while none does reads that it waits. It is given 200 ms. Default: they read nothing.
	Served func(ctx context.Context, subscription string) (bool, error)
	// Now is the clock that staleness is judged by. Default: time.Now
	Now func() time.Time
	// Logger hears of what nobody else is told. Default: nobody.
	Logger *slog.Logger
}

// ControlOrder is what a person asks about the flow of messages.
type ControlOrder struct {
	By incident.Actor
	// Key is that of the request: the same for every try of it, and of no other.
	Key string
	// Args is what was typed after the word shed.
	Args string
	// Ends is the version of the order that is to end, where a button under it was pressed; 0 for what was
	// typed. An order that came later is not meant.
	Ends int64
}

// Intake takes what people do in Slack. [Intake.Accept] keeps it, [Intake.Handle] answers at once, and
// the handlers of [Intake.Registrations] do the rest. It keeps no state, so any number of processes may
// have one, and it is safe for concurrent use.
type Intake struct {
	cfg    IntakeConfig
	svc    *incident.Service
	stores incident.Stores
	log    *slog.Logger
}

// NewIntake returns an Intake. It starts nothing.
func NewIntake(cfg IntakeConfig) (*Intake, error) {
	if cfg.Service == nil || cfg.Client == nil {
		return nil, fmt.Errorf("incidentslack: Service and Client are required: %w", incident.ErrInvalid)
	}
	cfg.Command = cmp.Or(cfg.Command, "/inc")
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Link == nil {
		cfg.Link = func(*incident.Incident) string { return "" }
	}
	return &Intake{cfg: cfg, svc: cfg.Service, stores: cfg.Service.Stores(), log: cfg.Logger}, nil
}

// Prefix begins the actions of all buttons and modals that are ours.
const Prefix = "inc:"

// Takes reports whether an interaction belongs to incidents: all events, the slash command, and whatever
// has an action or a modal that begins with [Prefix]. Everything else is somebody else's.
func (in *Intake) Takes(i slackkit.Interaction) bool {
	switch i.Type {
	case slackkit.EventCallback:
		return true
	case slackkit.SlashCommand:
		return i.ActionID == in.cfg.Command
	case slackkit.ViewSubmission:
		return strings.HasPrefix(i.View.CallbackID, Prefix)
	default:
		return strings.HasPrefix(i.ActionID, Prefix)
	}
}

// headStart is how long the process that took a request has for what it does in place, before the
// handler is asked.
const headStart = 5 * time.Second

// Accept keeps an interaction before Slack is answered: it is a [slackkit.Accept]. What comes twice is
// kept once. An event is kept if it happened in the channel of an incident, and without the text of a
// message that nobody marked. What is not for an [Intake] is not kept.
func (in *Intake) Accept(ctx context.Context, i slackkit.Interaction) error {
	row, keep, err := in.row(ctx, i)
	if err != nil || !keep {
		return err
	}
	_, err = in.stores.Accept(ctx, row)
	return err
}

// row is what is kept of an interaction, if anything.
func (in *Intake) row(ctx context.Context, i slackkit.Interaction) (incident.Inbound, bool, error) {
	if i.Request == "" || !in.Takes(i) {
		return incident.Inbound{}, false, nil
	}
	if i.Type == slackkit.EventCallback {
		return in.activity(ctx, i)
	}
	r := newRequest(i)
	d := in.deed(r)
	if d.how == nothing {
		return incident.Inbound{}, false, nil
	}
	body, err := json.Marshal(r)
	row := incident.Inbound{ID: r.ID, Topic: incident.TopicSlack, Kind: r.kind(), Body: body}
	if d.how != later {
		row.NotBefore = in.cfg.Now().Add(headStart)
	}
	return row, true, err
}

// activity is the row of an event.
func (in *Intake) activity(ctx context.Context, i slackkit.Interaction) (incident.Inbound, bool, error) {
	e, ok := chatEvent(i)
	if !ok {
		return incident.Inbound{}, false, nil
	}
	inc, err := in.inChannel(ctx, e.Channel)
	if errors.Is(err, incident.ErrNotFound) {
		return incident.Inbound{}, false, nil
	}
	if err == nil && e.Kind == workflow.ChatChanged {
		if ok, err = happened(ctx, in.stores, inc.ID, itemKey(e.Channel, e.Message), incident.EvItemAdded); !ok {
			return incident.Inbound{}, false, err // nobody marked it
		}
	}
	if err != nil {
		return incident.Inbound{}, false, err
	}
	body, err := json.Marshal(e)
	return incident.Inbound{ID: i.Request, Topic: incident.TopicActivity, Kind: string(e.Kind), Body: body}, true, err
}

// itemKey names the line of a timeline that a message became, as the workflow does.
func itemKey(channel, message string) string { return "slack:item:" + channel + ":" + message }

// inChannel returns the incident of a channel, by the key that the workflow gave it when the channel was
// made.
func (in *Intake) inChannel(ctx context.Context, channel string) (incident.Incident, error) {
	return in.stores.ByKey(ctx, incident.NewKey("channel:"+channel, false).Text)
}

// Registrations returns the handlers slack.command and slack.interaction, for [workflow.Deps].Slack.
func (in *Intake) Registrations() []workflow.Registration {
	return []workflow.Registration{in.slackCommand(), in.slackInteraction()}
}
