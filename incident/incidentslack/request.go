package incidentslack

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/theriac/theriac/internal/slackkit"
)

// Kinds of rows that are kept of what people do in Slack, on the topic incident.TopicSlack.
const (
	kindCommand     = "slack.command"
	kindInteraction = "slack.interaction"
)

// request is what a person did, as it is kept: the body of a row.
type request struct {
	V  int    `json:"v"` // 1
	ID string `json:"id"`
	// Type is one of slackkit's; the rest is as in [slackkit.Interaction].
	Type      string `json:"type"`
	User      string `json:"user"`
	Channel   string `json:"channel,omitempty"`
	MessageTS string `json:"message_ts,omitempty"`
	Action    string `json:"action,omitempty"`
	Value     string `json:"value,omitempty"`
	ActionTS  string `json:"action_ts,omitempty"`
	// ResponseURL is a secret for half an hour, after which Slack does not know it any more.
	ResponseURL string       `json:"response_url,omitempty"`
	View        *viewRequest `json:"view,omitempty"`
}

// viewRequest is a modal that was submitted.
type viewRequest struct {
	ID       string            `json:"id"`
	Callback string            `json:"callback"`
	Metadata string            `json:"metadata,omitempty"`
	Values   map[string]string `json:"values,omitempty"`
}

// newRequest is what is kept of an interaction.
func newRequest(i slackkit.Interaction) request {
	r := request{
		V: 1, ID: i.Request, Type: i.Type, User: i.User, Channel: i.Channel, MessageTS: i.MessageTS,
		Action: actionOf(i.ActionID), Value: i.Value, ActionTS: i.ActionTS, ResponseURL: i.ResponseURL,
	}
	if i.Type == slackkit.SlashCommand {
		r.Action = i.ActionID
	}
	if i.Type == slackkit.ViewSubmission {
		r.View = &viewRequest{ID: i.View.ID, Callback: i.View.CallbackID, Metadata: i.View.PrivateMetadata, Values: i.View.Values}
	}
	return r
}

// parseRequest is the inverse, for what comes back from the broker.
func parseRequest(data []byte) (request, error) {
	var r request
	if err := json.Unmarshal(data, &r); err != nil {
		return r, err
	}
	switch {
	case r.V != 1:
		return r, fmt.Errorf("requests from Slack in version %d are not known", r.V)
	case r.ID == "" || r.Type == "" || r.User == "":
		return r, fmt.Errorf("a request from Slack needs an id, a type and a user")
	case r.Type == slackkit.ViewSubmission && r.View == nil:
		return r, fmt.Errorf("a submission without its modal")
	}
	return r, nil
}

// kind is the kind of its row.
func (r request) kind() string {
	if r.Type == slackkit.SlashCommand {
		return kindCommand
	}
	return kindInteraction
}

// key makes what it asks for happen once. A modal that is submitted twice is two requests and one deed.
func (r request) key() string {
	if r.View != nil && r.View.ID != "" {
		return "slack:view:" + r.View.ID
	}
	return r.ID
}

// talk is the channel in which its person can be answered, "" for none: a modal knows of it by its
// metadata only.
func (r request) talk() string {
	if r.Channel != "" || r.View == nil {
		return r.Channel
	}
	return parseMeta(r.View.Metadata).Channel
}

// meta is what a modal was opened with: what comes back is believed no more than a button is.
type meta struct {
	Incident string `json:"i,omitempty"`
	Channel  string `json:"c,omitempty"`
	// Test marks a declaration of a test.
	Test bool `json:"t,omitempty"`
	// Holders are who held which role when the modal was opened.
	Holders map[string]string `json:"h,omitempty"`
	// Name, Status and Severity are what the modal showed, of those that it asks for.
	Name     string `json:"n,omitempty"`
	Status   string `json:"s,omitempty"`
	Severity string `json:"v,omitempty"`
}

// unlessShown returns what was filled in, "" where it is what the modal showed: who leaves that as it is does not
// take back what others did in the meantime.
func unlessShown(shown, filled string) string {
	if filled == strings.TrimSpace(shown) {
		return ""
	}
	return filled
}

// metaMax is how many characters of metadata Slack keeps.
const metaMax = 3000

func (m meta) String() string {
	data, err := json.Marshal(m)
	if err != nil || len(data) > metaMax {
		m.Holders = nil // without them a hand-over is refused, which says who holds the role
		data, _ = json.Marshal(m)
	}
	return string(data)
}

func parseMeta(text string) meta {
	var m meta
	if json.Unmarshal([]byte(text), &m) != nil {
		return meta{}
	}
	return m
}

// timeOf reads a timestamp of Slack's, zero for what is none.
func timeOf(ts string) time.Time {
	var seconds, micros int64
	whole, part, found := strings.Cut(ts, ".")
	if _, err := fmt.Sscanf(whole, "%d", &seconds); err != nil || seconds <= 0 || seconds > 1<<36 {
		return time.Time{}
	}
	if found && len(part) == 6 {
		if _, err := fmt.Sscanf(part, "%d", &micros); err != nil || micros < 0 {
			micros = 0
		}
	}
	return time.Unix(seconds, micros*1000).UTC()
}
