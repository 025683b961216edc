package cli

import (
	"strings"
	"testing"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

func TestDoctor_Slack(t *testing.T) {
	t.Parallel()
	s, err := slackfake.Start(t.Context(), slackfake.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	good := []string{"THERIAC_SLACK_TOKEN=" + s.Token(), "THERIAC_SLACK_CHANNEL=C0OPS", "THERIAC_SLACK_API_URL=" + s.APIURL()}
	clicks := []string{"THERIAC_SLACK_TEAM=" + s.Team(), "THERIAC_SLACK_APP_TOKEN=" + s.AppToken()}
	for name, tt := range map[string]struct {
		environ []string
		level   level
		want    string
	}{
		"well":            {append(good, clicks...), levelOK, "workspace Fake answers"},
		"no clicks":       {good, levelWarn, "answer to nobody"},
		"another team":    {append(good, "THERIAC_SLACK_TEAM=T1", clicks[1]), levelFail, "clicks are taken from T1"},
		"bad token":       {append([]string{"THERIAC_SLACK_TOKEN=xoxb-hunter2"}, good[1:]...), levelFail, "invalid_auth"},
		"half configured": {good[:1], levelFail, "THERIAC_SLACK_CHANNEL"},
		"away":            {[]string{good[0], good[1], "THERIAC_SLACK_API_URL=http://127.0.0.1:1/api/"}, levelWarn, "Slack"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &doctor{t: newTool(tt.environ, Streams{}), settings: config.Settings{}}
			got, ok := d.slack(t.Context())
			if !ok || got.Level != tt.level || !strings.Contains(got.Text, tt.want) || got.Level != levelOK && got.Fix == "" {
				t.Errorf("found %+v", got)
			}
			if strings.Contains(got.Text+got.Fix, "hunter2") {
				t.Error("the token is shown")
			}
		})
	}
	if _, ok := (&doctor{t: newTool(nil, Streams{})}).slack(t.Context()); ok {
		t.Error("there is a line without a token")
	}
}
