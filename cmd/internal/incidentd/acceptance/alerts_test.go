package acceptance

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// repeatedCommand: Slack sends a command again whose answer it did not get, to whichever replica.
func (s *service) repeatedCommand(t *testing.T) {
	const name = "declared four times in Slack"
	body := []byte(url.Values{
		"team_id": {s.slack.Team()}, "channel_id": {newsRoom}, "channel_name": {"incidents"}, "user_id": {anaInSlack}, "user_name": {"ana"},
		"command": {"/inc"}, "text": {"declare " + name}, "trigger_id": {"4711.1.once"}, "response_url": {s.slack.URL() + "response/none"},
	}.Encode())
	var sending runner.Group
	for n, base := range []string{s.api.base, s.another(t), s.api.base, s.api.base} {
		sending.Go(func() {
			// A store that is too busy to keep it in Slack's time says so, and then it is sent again.
			for tries := 1; ; tries++ {
				status, err := s.command(t.Context(), base, body, n)
				if err == nil && status == http.StatusOK {
					return
				}
				if err != nil || status != http.StatusServiceUnavailable || tries == 10 {
					t.Errorf("Slack was answered %d, %v", status, err)
					return
				}
			}
		})
	}
	sending.Wait()
	eventually(t, "there is an incident", func() bool { return len(s.api.named(t, name)) > 0 })
	found := s.api.named(t, name)
	eventually(t, "channel and headline are there", func() bool { return s.told(t.Context(), found[0].Ref()) })
	if found = s.api.named(t, name); len(found) != 1 {
		t.Errorf("%d incidents, want 1", len(found))
	}
	s.oneChannel(t, found[0].Ref())
}

// command sends a command as Slack does, for the n-th time, and returns how it is answered.
func (s *service) command(ctx context.Context, base string, body []byte, n int) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/slack/commands", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header = slackfake.Sign(s.slack.SigningSecret(), time.Now(), body)
	req.Header.Set("X-Slack-Retry-Num", strconv.Itoa(n))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// manyAlerts: the same alert, a thousand times, from several senders at once, is one incident that
// counts them.
func (s *service) manyAlerts(t *testing.T) {
	const senders = 8
	all := int64(1000)
	if raced {
		all = 50
	}
	var sent, failed atomic.Int64
	send := func(context.Context) error {
		for {
			n := sent.Add(1)
			if n > all {
				return nil
			}
			body := map[string]any{"dedup_key": "disk", "title": "a disk is full", "fields": map[string]any{"n": n}}
			if err := s.api.alert(t.Context(), "storm", body); err != nil {
				failed.Add(1)
			}
		}
	}
	var runs []func(context.Context) error
	for range senders {
		runs = append(runs, send)
	}
	check(t, runner.Run(t.Context(), runs...))
	if n := failed.Load(); n > 0 {
		t.Errorf("%d alerts were not taken", n)
	}
	var inc incident.Incident
	took := eventually(t, "all alerts are counted", func() bool {
		found := s.api.named(t, "a disk is full")
		if len(found) == 0 {
			return false
		}
		inc = s.api.see(t, found[0].Ref())
		return len(inc.Alerts) == 1 && int64(inc.Alerts[0].Count) >= all
	})
	t.Logf("counted %s after the last one was sent", took)
	if found := s.api.named(t, "a disk is full"); len(found) != 1 || int64(inc.Alerts[0].Count) != all {
		t.Errorf("%d incidents, %d alerts counted; want 1 and %d", len(found), inc.Alerts[0].Count, all)
	}
	check(t, s.api.alert(t.Context(), "storm", map[string]any{"dedup_key": "disk", "title": "a disk is full", "status": "resolved"}))
	eventually(t, "it is noted that the alert is over", func() bool { return !s.api.see(t, inc.Ref()).Alerts[0].Resolved.IsZero() })
	if now := s.api.see(t, inc.Ref()); now.Status != incident.Triage {
		t.Errorf("an alert that is over made it %s", now.Status)
	}
	s.api.post(t, inc.Ref(), "decline", map[string]any{"reason": fmt.Sprint("it was one of ", all)})
}
