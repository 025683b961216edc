package incidentweb

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/webkit"
)

// maxAlert bounds an alert.
const maxAlert = 1 << 20

// The kinds of sources, as Settings name them.
const (
	kindGeneric      = "generic"
	kindSentry       = "sentry"
	kindAlertmanager = "alertmanager"
	kindPagerDuty    = "pagerduty"
)

// alert stores what an alert source sent and answers; a handler reads it later. A delivery that comes
// again is stored once, if it has an id: the sender's, together with the body, so that a sender who
// uses an id twice loses nothing. One without an id is always new, since the same alert that fires
// again after its incident ended has the same body.
func (c *call) alert() (answer, error) {
	if err := webkit.WantJSON(c.req); err != nil {
		return answer{}, err
	}
	src, err := c.source()
	if err != nil {
		return answer{}, err
	}
	body, err := webkit.ReadBody(c.w, c.req, maxAlert)
	if err != nil {
		return answer{}, err
	}
	if err := c.api.verifySource(src, c.req, body); err != nil {
		return answer{}, err
	}
	if !isObject(body) {
		return answer{}, &incident.FieldError{Field: "body", Problem: "want one JSON object, and nothing beside it; nothing was stored"}
	}
	id, err := c.delivery(src, body)
	if err != nil {
		return answer{}, err
	}
	attributes := map[string]string{"source": src.ID}
	if resource := c.req.Header.Get("Sentry-Hook-Resource"); src.Kind == kindSentry && needLine("", resource, 100) == nil {
		attributes["resource"] = resource
	}
	created, err := c.api.stores.Accept(c.ctx(), incident.Inbound{
		ID: id, Topic: incident.TopicAlerts, Kind: "alert." + src.Kind, Body: body, Attributes: attributes,
	})
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusAccepted, body: map[string]any{"id": id, "known": !created[0]}}, nil
}

// isObject reports whether a body is one JSON object. What is in it is read behind the guard.
func isObject(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) && json.Valid(body)
}

// source returns the source of the path. One that does not exist looks like one whose secret was wrong.
func (c *call) source() (incident.Source, error) {
	rules, err := c.api.svc.Settings(c.ctx())
	if err != nil {
		return incident.Source{}, err
	}
	for _, src := range rules.Sources {
		if src.ID == c.path("source") {
			return src, nil
		}
	}
	return incident.Source{}, errSource()
}

func errSource() error {
	return webkit.Unauthorized("there is no such source, or this is not its secret")
}

// delivery returns the id under which a delivery is stored.
func (c *call) delivery(src incident.Source, body []byte) (string, error) {
	given := c.req.Header.Get("Webhook-Id")
	switch {
	case src.Kind == kindSentry:
		given = c.req.Header.Get("Request-Id")
	case src.Kind == kindPagerDuty:
		given = "the event's own id" // it is in the body
	case given == "":
		given = c.req.Header.Get("Idempotency-Key")
	}
	if given = strings.TrimSpace(given); given == "" {
		act, err := c.api.svc.Act(c.ctx(), incident.Actor{Kind: incident.ByAlert, ID: src.ID})
		if err != nil {
			return "", err
		}
		return "alert:" + src.ID + ":" + act.NewID(), nil
	}
	sum := sha256.New()
	sum.Write([]byte(given))
	sum.Write([]byte{0})
	sum.Write(body)
	return "alert:" + src.ID + ":" + hex.EncodeToString(sum.Sum(nil)[:16]), nil
}
