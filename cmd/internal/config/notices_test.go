package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/internal/problem"
)

func TestLoadNotices(t *testing.T) {
	t.Parallel()
	got, err := LoadNotices(Settings{}, []string{
		"THERIAC_SLACK_TOKEN=xoxb-1", "THERIAC_SLACK_CHANNEL=#ops", "THERIAC_SLACK_TEAM=T1",
		"THERIAC_SLACK_USERS=U1=ana:operator, U2=ben", "THERIAC_SLACK_SIGNING_SECRET=new,old",
		"THERIAC_CRITICAL=orders, payments", "THERIAC_WEBHOOK_URL=https://x.example", "THERIAC_WEBHOOK_SECRET=whsec_1",
		"THERIAC_FALLBACK_AFTER=5m", "THERIAC_SLACK_ALLOWANCE=0.5",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Notices{
		SlackToken: "xoxb-1", SlackChannel: "#ops", SlackTeam: "T1",
		SlackUsers:   []SlackUser{{"U1", "ana", "operator"}, {"U2", "ben", "responder"}},
		SlackSecrets: []string{"new", "old"}, Critical: []string{"orders", "payments"},
		WebhookURL: "https://x.example", WebhookSecrets: []string{"whsec_1"}, FallbackAfter: 5 * time.Minute, SlackAllowance: 0.5,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLoadNotices_NothingSet(t *testing.T) {
	t.Parallel()
	if got, err := LoadNotices(Settings{}, nil); err != nil || got.Configured() {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestLoadNotices_Problems: all of them at once, and no value of any variable.
func TestLoadNotices_Problems(t *testing.T) {
	t.Parallel()
	_, err := LoadNotices(Settings{}, []string{
		"THERIAC_SLACK_TOKEN=hunter2", "THERIAC_SLACK_APP_TOKEN=hunter2", "THERIAC_WEBHOOK_URL=https://hunter2",
		"THERIAC_SLACK_USERS=hunter2", "THERIAC_FALLBACK_AFTER=hunter2", "THERIAC_SLACK_ALLOWANCE=hunter2",
	})
	if problem.Of(err) != problem.Invalid {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"THERIAC_SLACK_CHANNEL", "THERIAC_SLACK_TEAM", "THERIAC_WEBHOOK_SECRET", "THERIAC_SLACK_USERS", "THERIAC_FALLBACK_AFTER", "THERIAC_SLACK_ALLOWANCE"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing is said of %s: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a value is shown: %v", err)
	}
}
