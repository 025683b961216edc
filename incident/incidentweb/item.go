package incidentweb

import (
	"strconv"
	"time"

	"github.com/theriac/theriac/incident"
)

// lineBody is a line of the timeline.
type lineBody struct {
	Text       string     `json:"text"`
	OccurredAt *time.Time `json:"occurred_at"`
}

func addLine(inc *incident.Incident, act incident.Act, _ *call, b *lineBody) ([]incident.Event, error) {
	return inc.AddItem(act, b.Text, moment(b.OccurredAt))
}

func editLine(inc *incident.Incident, act incident.Act, c *call, b *lineBody) ([]incident.Event, error) {
	line, err := c.line(inc)
	if err != nil {
		return nil, err
	}
	return inc.EditItem(act, line, b.Text, moment(b.OccurredAt))
}

func (c *call) removeLine() (answer, error) {
	return bare(func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		line, err := c.line(inc)
		if err != nil {
			return nil, err
		}
		return inc.RemoveItem(act, line)
	})(c)
}

// line loads the event whose number stands in the path. Events never change, so that it does not
// matter when it is loaded.
func (c *call) line(inc *incident.Incident) (incident.Event, error) {
	seq, err := strconv.ParseInt(c.path("seq"), 10, 64)
	if err != nil || seq <= 0 {
		return incident.Event{}, incident.ErrNotFound
	}
	page, err := c.api.stores.Events(c.ctx(), incident.EventFilter{IncidentID: inc.ID, AfterSeq: seq - 1, Limit: 1})
	if err != nil {
		return incident.Event{}, err
	}
	if len(page.Events) == 0 || page.Events[0].Seq != seq {
		return incident.Event{}, incident.ErrNotFound
	}
	return page.Events[0], nil
}

// actionBody is something to do now.
type actionBody struct {
	Text  string `json:"text"`
	Owner string `json:"owner"`
}

func addAction(inc *incident.Incident, act incident.Act, c *call, b *actionBody) ([]incident.Event, error) {
	if err := c.known("owner", b.Owner); err != nil {
		return nil, err
	}
	return inc.AddAction(act, b.Text, b.Owner)
}

// followUpBody is something to do later.
type followUpBody struct {
	Text     string     `json:"text"`
	Owner    string     `json:"owner"`
	Priority string     `json:"priority"`
	Due      *time.Time `json:"due"`
	Link     string     `json:"link"`
}

func addFollowUp(inc *incident.Incident, act incident.Act, c *call, b *followUpBody) ([]incident.Event, error) {
	if err := c.known("owner", b.Owner); err != nil {
		return nil, err
	}
	return inc.AddFollowUp(act, incident.FollowUp{
		Text: b.Text, Owner: b.Owner, Priority: b.Priority, Due: moment(b.Due), Link: b.Link,
	})
}

// changeBody changes what it names of an action or a follow-up.
type changeBody struct {
	Text     *string            `json:"text"`
	Owner    *string            `json:"owner"`
	Priority *string            `json:"priority"`
	Link     *string            `json:"link"`
	Due      *time.Time         `json:"due"`
	State    incident.ItemState `json:"state"`
}

func (b *changeBody) change() incident.ItemChange {
	return incident.ItemChange{Text: b.Text, Owner: b.Owner, Priority: b.Priority, Link: b.Link, Due: b.Due, State: b.State}
}

// knownOwner is known for a change that may name no owner.
func (c *call) knownOwner(b *changeBody) error {
	if b.Owner == nil {
		return nil
	}
	return c.known("owner", *b.Owner)
}

func changeAction(inc *incident.Incident, act incident.Act, c *call, b *changeBody) ([]incident.Event, error) {
	if err := c.knownOwner(b); err != nil {
		return nil, err
	}
	return inc.ChangeAction(act, c.path("id"), b.change())
}

func changeFollowUp(inc *incident.Incident, act incident.Act, c *call, b *changeBody) ([]incident.Event, error) {
	if err := c.knownOwner(b); err != nil {
		return nil, err
	}
	return inc.ChangeFollowUp(act, c.path("id"), b.change())
}

// taskBody ends a task.
type taskBody struct {
	State  incident.TaskState `json:"state"`
	Reason string             `json:"reason"`
}

func endTask(inc *incident.Incident, act incident.Act, c *call, b *taskBody) ([]incident.Event, error) {
	switch b.State {
	case incident.TaskDone:
		return inc.CompleteTask(act, c.path("id"))
	case incident.TaskSkipped:
		return inc.SkipTask(act, c.path("id"), b.Reason)
	default:
		return nil, &incident.FieldError{Field: "state", Problem: "want done or skipped"}
	}
}

// attachmentBody is a link.
type attachmentBody struct {
	Kind  string `json:"kind"`
	URL   string `json:"url"`
	Title string `json:"title"`
}

func attach(inc *incident.Incident, act incident.Act, _ *call, b *attachmentBody) ([]incident.Event, error) {
	return inc.Attach(act, incident.Attachment{Kind: b.Kind, URL: b.URL, Title: b.Title, At: act.At})
}
