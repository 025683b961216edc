package incident_test

import (
	"testing"

	"github.com/theriac/theriac/incident"
)

func TestInbound_Chore(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		topic, kind string
		want        bool
	}{
		{incident.TopicClock, string(incident.JobNudge), true},
		{incident.TopicClock, string(incident.JobDigest), true},
		{incident.TopicClock, string(incident.JobDue), false},
		{incident.TopicClock, string(incident.JobEffects), true},
		{incident.TopicClock, "", false},
		{incident.TopicActivity, "message", true},
		{incident.TopicActivity, "", true},
		{incident.TopicSlack, string(incident.JobNudge), false},
		{incident.TopicAlerts, string(incident.JobDigest), false},
		{incident.TopicEvents, incident.KindEvent, false},
		{"", "", false},
	} {
		if got := (incident.Inbound{Topic: tt.topic, Kind: tt.kind}).Chore(); got != tt.want {
			t.Errorf("%q of %q: %v, want %v", tt.kind, tt.topic, got, tt.want)
		}
	}
}

func TestChorePlaces(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{-1: 0, 0: 0, 1: 0, 2: 1, 3: 1, 10: 1, 19: 1, 20: 2, 100: 10, 1000: 100} {
		if got := incident.ChorePlaces(limit); got != want {
			t.Errorf("%d of %d, want %d", got, limit, want)
		}
	}
}
