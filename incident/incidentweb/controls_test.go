package incidentweb_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentweb"
)

func TestControls_AreShownWithOpenIncidentsAndHealth(t *testing.T) {
	t.Parallel()
	asked := 0
	var answer error
	b := setup(t, func(o *incidentweb.Options) {
		o.Controls = func(context.Context) ([]incident.ControlShown, error) {
			asked++
			return []incident.ControlShown{
				{Version: 7, Level: "non-critical", By: "ana", Reason: "INC-1", Since: start, Until: start.Add(time.Hour)},
				{Version: 8, Subscription: "orders\n\u202e", By: "<b>", Since: start},
			}, answer
		}
		o.Health = func(context.Context) (map[string]any, error) { return map[string]any{"late": 1}, nil }
	})
	reader := b.token(incident.Viewer)
	inc, _, err := b.svc.Declare(t.Context(), incident.Actor{Kind: incident.ByPerson, ID: "ana", Role: incident.Admin}, incident.NewParams{
		Name: "checkout is down", Keys: []incident.Key{incident.NewKey("k", false)},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []any{
		map[string]any{"version": 7.0, "level": "non-critical", "by": "ana", "reason": "INC-1", "since": "2026-11-18T09:00:00Z",
			"until": "2026-11-18T10:00:00Z", "text": "non-critical work is held back"},
		map[string]any{"version": 8.0, "subscription": "orders\n\u202e", "by": "<b>", "since": "2026-11-18T09:00:00Z", "text": "orders is paused"},
	}
	one := ask{method: http.MethodGet, path: "/v1/incidents/" + inc.Ref(), token: reader}
	health := ask{method: http.MethodGet, path: "/v1/health", token: reader}
	for _, a := range []ask{one, health, one} {
		got := b.want(http.StatusOK, a)["controls"].([]any)
		text, _ := got[1].(map[string]any)["text"].(string)
		if strings.ContainsAny(text, "\n\u202e") || !strings.HasSuffix(text, "is paused") {
			t.Errorf("%s says %q", a.path, text)
		}
		got[1].(map[string]any)["text"] = "orders is paused"
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", a.path, diff)
		}
	}
	if got := b.want(http.StatusOK, health); got["shed_level"] != "non-critical" {
		t.Errorf("the level is %v", got["shed_level"])
	}
	if asked != 1 {
		t.Errorf("within a second it was asked %d times", asked)
	}

	// One that cannot be asked is left out, said, and asked again no sooner.
	answer = errors.New("the password of the store is hunter2")
	b.clock.Advance(time.Second)
	for range 3 {
		for _, a := range []ask{one, health} {
			w := b.do(a)
			if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "hunter2") {
				t.Errorf("%s: %d %s", a.path, w.Code, w.Body)
			}
			got := b.want(http.StatusOK, a)
			if _, there := got["controls"]; there || got["controls_unknown"] == nil || got["shed_level"] != nil {
				t.Errorf("%s says %v", a.path, got)
			}
		}
	}
	if asked != 2 {
		t.Errorf("it was asked %d times", asked)
	}

	// With an incident that has ended nothing is shown.
	answer = nil
	b.clock.Advance(time.Second)
	if _, err := b.svc.Do(t.Context(), inc.ID, incident.Actor{Kind: incident.ByPerson, ID: "ana", Role: incident.Admin}, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Cancel(act, "a mistake")
	}); err != nil {
		t.Fatal(err)
	}
	if got := b.want(http.StatusOK, one); got["controls"] != nil || got["controls_unknown"] != nil {
		t.Errorf("an incident that has ended says %v", got)
	}
}
