package incidentslack

import (
	"context"

	"github.com/slack-go/slack"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/slackkit"
)

// how says where something is done.
type how uint8

// The places. What must work with every worker dead is done in place, what has to happen while Slack
// holds the door open is a window, and the rest waits for the handler.
const (
	nothing how = iota
	aWindow
	inPlace
	later
)

// deed is what a request asks for.
type deed struct {
	how how
	// least is the role that it takes.
	least incident.Role
	// window returns the modal that is opened.
	window func(ctx context.Context, t *turn) (*slack.ModalViewRequest, error)
	// run does it, and returns what its person is told, as mrkdwn.
	run func(ctx context.Context, t *turn) (string, error)
}

// opens is the deed of opening a form about an incident, "" for that of the channel.
func opens(callback, ref string) deed {
	return deed{how: aWindow, least: incident.Responder, window: func(ctx context.Context, t *turn) (*slack.ModalViewRequest, error) {
		return t.open(ctx, callback, ref)
	}}
}

// waits is a deed of the handler's.
func waits(run func(ctx context.Context, t *turn) (string, error)) deed {
	return deed{how: later, least: incident.Responder, run: run}
}

// says is a deed that changes nothing and tells something.
func says(text string) deed {
	return deed{how: later, least: incident.Viewer, run: func(context.Context, *turn) (string, error) { return text, nil }}
}

// deed returns what a request asks for. It looks at the request alone, so all processes come to the same.
func (in *Intake) deed(r request) deed {
	switch r.Type {
	case slackkit.SlashCommand:
		return in.commandDeed(r)
	case slackkit.ViewSubmission:
		return submitDeed(r)
	case slackkit.MessageAction, slackkit.Shortcut:
		return shortcutDeed(r)
	case slackkit.BlockActions:
		return buttonDeed(r)
	default:
		return deed{}
	}
}

// The callback ids of shortcuts.
const (
	// ShortcutDeclare opens the form that declares an incident. It belongs to no message.
	ShortcutDeclare = Prefix + "declare"
	// ShortcutTimeline writes a message into the timeline of its channel's incident.
	ShortcutTimeline = Prefix + "timeline"
	// ShortcutAction and ShortcutFollowUp open the form of an action or a follow-up of its channel's incident,
	// with the text of the message in it.
	ShortcutAction   = Prefix + "action"
	ShortcutFollowUp = Prefix + "followup"
)

func shortcutDeed(r request) deed {
	switch {
	case r.Action == ShortcutDeclare:
		return opens(formDeclare, "")
	case r.Action == ShortcutTimeline && r.Type == slackkit.MessageAction:
		return waits(keepMessage)
	case (r.Action == ShortcutAction || r.Action == ShortcutFollowUp) && r.Type == slackkit.MessageAction:
		return opens(r.Action, "")
	default:
		return says("This shortcut is not known here. Nothing was done.")
	}
}

func buttonDeed(r request) deed {
	switch r.Action {
	case actOpen:
		return deed{} // the browser follows the link
	case workflow.ActAck:
		return deed{how: inPlace, least: incident.Viewer, run: pressAck}
	case workflow.ActJoin:
		return waits(pressJoin)
	case workflow.ActSubscribe:
		return waits(pressSubscribe)
	case workflow.ActSnooze:
		return waits(pressSnooze)
	case workflow.ActStop:
		return waits(pressStop)
	case workflow.ActRestore:
		return waits(pressRestore)
	case workflow.ActAccept, workflow.ActDecline, workflow.ActMerge, workflow.ActUpdate, workflow.ActEscalate,
		workflow.ActLead, workflow.ActSeverity, workflow.ActResolve:
		return opens(r.Action, r.Value)
	default:
		return says("This button is not known here. Nothing was done.")
	}
}
