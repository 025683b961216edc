package acceptance

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// TestSlackAway: Slack is away for a whole incident. Every verb works, people are called by the webhook,
// and when Slack is back the channel is made and filled.
func TestSlackAway(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	s.slack.Fail("", slices.Repeat([]slackfake.Fault{{Reset: true}}, 100_000)...)
	inc := s.api.declare(t, "Slack is away", "critical")
	ref := inc.Ref()
	eventually(t, "ana is called", func() bool { return len(s.pages.of(ref)) > 0 })
	s.everyVerb(t, ref)
	brief := s.api.declare(t, "over before Slack is back", "minor")
	short := brief.Ref()
	s.api.post(t, short, "resolve", nil)
	eventually(t, "Slack was asked", func() bool { return s.slack.Count("conversations.create") > 0 })

	s.slack.Mend()
	took := eventually(t, "channel, headline and people are there", func() bool { return s.told(t.Context(), ref, benInSlack) })
	t.Logf("all was there %s after Slack was back", took)
	within(t, "channel after Slack was back", took, 45*time.Second)
	s.oneChannel(t, ref)
	// An attempt that was under way when it was resolved is in doubt, so it is made and put away.
	eventually(t, "what is over has no open channel", func() bool {
		return !slices.ContainsFunc(s.channelsOf(s.api.see(t, short)), func(c slackfake.Channel) bool { return !c.Archived })
	})
	now := s.api.see(t, ref)
	c, _ := s.slack.Channel(now.Channel.ID)
	eventually(t, "the channel says how it stands", func() bool {
		c, _ = s.slack.Channel(now.Channel.ID)
		return strings.Contains(c.Topic, "monitoring")
	})
	eventually(t, "what was said is in the channel", func() bool {
		return slices.ContainsFunc(s.slack.Messages(now.Channel.ID), func(m slackfake.Message) bool {
			return strings.Contains(m.Text+string(m.Blocks), "we found the cause")
		})
	})
	s.api.post(t, ref, "resolve", nil)
}

// everyVerb does by the API all that people do during an incident.
func (s *service) everyVerb(t *testing.T, ref string) {
	t.Helper()
	at := "/v1/incidents/" + ref
	inc := s.api.see(t, ref)
	for _, v := range []struct {
		method, path string
		body         any
	}{
		{http.MethodPost, at + "/escalations/" + inc.Escalations[0].ID + "/ack", nil},
		{http.MethodPost, at + "/updates", map[string]any{"message": "we found the cause", "status": "fixing"}},
		{http.MethodPost, at + "/update-requests", nil},
		{http.MethodPut, at + "/roles/scribe", map[string]any{"person": "ana"}},
		{http.MethodPut, at + "/roles/lead", map[string]any{"person": "ana", "from": "ben", "note": "I am off"}},
		{http.MethodDelete, at + "/roles/scribe", nil},
		{http.MethodPost, at + "/participants", map[string]any{"person": "ana", "kind": "observer"}},
		{http.MethodPost, at + "/timeline", map[string]any{"text": "the database was restarted"}},
		{http.MethodPost, at + "/actions", map[string]any{"text": "look at the database"}},
		{http.MethodPost, at + "/follow-ups", map[string]any{"text": "never again"}},
		{http.MethodPost, at + "/attachments", map[string]any{"kind": "dashboard", "url": "https://example.com/d", "title": "the database"}},
		{http.MethodPost, at + "/escalations", map[string]any{"path": "all", "reason": "more hands"}},
		{http.MethodPost, at + "/ack", nil},
		{http.MethodPost, at + "/pause", map[string]any{"reason": "we wait for a part"}},
		{http.MethodPost, at + "/resume", nil},
		{http.MethodPost, at + "/resolve", map[string]any{"message": "it is over"}},
		{http.MethodPost, at + "/reopen", map[string]any{"reason": "it is not"}},
		{http.MethodPost, at + "/updates", map[string]any{"message": "a fix is out", "status": "monitoring"}},
	} {
		began := time.Now()
		got, err := s.api.do(t.Context(), v.method, v.path, v.body)
		check(t, err)
		if got.status >= http.StatusMultipleChoices {
			t.Errorf("%s %s: %d %s", v.method, v.path, got.status, got.body)
		}
		within(t, v.method+" "+v.path, time.Since(began), time.Second)
	}
	if now := s.api.see(t, ref); now.Status != incident.Monitoring || now.Lead() != "ana" {
		t.Errorf("it is %s and led by %s", now.Status, now.Lead())
	}
}
