package incidentweb

import (
	"net/http"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/webkit"
)

// endpoint returns the id in the path, if the settings know it.
func (c *call) endpoint() (string, error) {
	rules, err := c.api.svc.Settings(c.ctx())
	if err != nil {
		return "", err
	}
	for _, e := range rules.Endpoints {
		if e.ID == c.path("id") {
			return e.ID, nil
		}
	}
	return "", incident.ErrNotFound
}

func (c *call) testWebhook() (answer, error) {
	if err := c.readMaybe(&nothing{}); err != nil {
		return answer{}, err
	}
	id, err := c.endpoint()
	if err != nil {
		return answer{}, err
	}
	if c.api.TestWebhook == nil {
		return answer{}, notHere()
	}
	return answer{status: http.StatusAccepted, body: map[string]any{"endpoint": id}}, c.api.TestWebhook(c.ctx(), id)
}

// resendBody names the event that is to be sent again.
type resendBody struct {
	Event string `json:"event"`
}

func (c *call) resendWebhook() (answer, error) {
	var b resendBody
	if err := c.read(&b); err != nil {
		return answer{}, err
	}
	if err := needLine("event", b.Event, 200); err != nil {
		return answer{}, err
	}
	id, err := c.endpoint()
	if err != nil {
		return answer{}, err
	}
	if c.api.ResendWebhook == nil {
		return answer{}, notHere()
	}
	return answer{status: http.StatusAccepted, body: map[string]any{"endpoint": id, "event": b.Event}},
		c.api.ResendWebhook(c.ctx(), id, b.Event)
}

func notHere() *webkit.Problem {
	return webkit.Problemf(http.StatusUnprocessableEntity, "refused", "this process sends no webhooks")
}
