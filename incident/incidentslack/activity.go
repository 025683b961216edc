package incidentslack

import (
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/internal/slackkit"
)

// activityText bounds the text that is kept of a message which somebody marked, in characters.
const activityText = 4000

// chatEvent is something that happened in a channel, in the words of the workflow, and false for what it
// has no word for. What is only counted loses its text.
func chatEvent(i slackkit.Interaction) (workflow.ChatEvent, bool) {
	kind, ok := map[string]workflow.ChatKind{
		slackkit.MessagePosted: workflow.ChatMessage, slackkit.MemberJoined: workflow.ChatJoined,
		slackkit.MemberLeft: workflow.ChatLeft, slackkit.PinAdded: workflow.ChatPinned,
		slackkit.ReactionAdded: workflow.ChatReacted, slackkit.MessageChanged: workflow.ChatChanged,
		slackkit.MessageDeleted: workflow.ChatDeleted, slackkit.ChannelRenamed: workflow.ChatRenamed,
	}[i.Event.Kind]
	if !ok || i.Channel == "" {
		return workflow.ChatEvent{}, false
	}
	e := workflow.ChatEvent{
		V: 1, ID: i.Event.ID, Kind: kind, At: timeOf(i.Event.TS), Channel: i.Channel, User: i.User,
		Message: i.MessageTS, MessageAt: timeOf(i.MessageTS), Name: i.Event.Name,
	}
	switch kind {
	case workflow.ChatPinned:
		e.Text = cut(readable(i.Event.Text), activityText) // whose message it is does not matter: a person pinned it
	case workflow.ChatChanged:
		e.Text, e.Bot = cut(readable(i.Event.Text), activityText), i.Event.Bot
	case workflow.ChatMessage, workflow.ChatDeleted:
		e.Bot = i.Event.Bot
	case workflow.ChatJoined, workflow.ChatLeft, workflow.ChatReacted, workflow.ChatRenamed:
	}
	return e, true
}

// cut returns at most limit characters.
func cut(text string, limit int) string {
	if runes(text) <= limit {
		return text
	}
	return string([]rune(text)[:limit-1]) + "…"
}
