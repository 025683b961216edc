package incident_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
)

func TestColumns(t *testing.T) {
	t.Parallel()
	at := func(minute int) time.Time { return time.Date(2026, time.March, 4, 12, minute, 0, 0, time.UTC) }
	inc := incident.Incident{
		ID: "id", Number: 42, Version: 7, Seq: 9, Name: "down", Severity: "major", Type: "security", MergedInto: "other",
		Status: incident.Documenting, Mode: incident.ModeTest, Visibility: incident.Private,
		Times:   incident.Times{Created: at(0), Updated: at(9), Resolved: at(5)},
		NudgeAt: at(20), Channel: &incident.Channel{ID: "C1"},
		Participants: []incident.Participant{{Person: "cleo"}, {Person: "ana"}, {Person: "gone", Left: at(1)}},
		Assignments:  []incident.Assignment{{Role: "lead", Person: "ana"}, {Role: "scribe", Person: "ben"}},
		Escalations: []incident.Escalation{
			{State: incident.Paging, DueAt: at(30)}, {State: incident.Paging, DueAt: at(25)}, {State: incident.Paging},
			{State: incident.Acked, DueAt: at(1)},
		},
	}
	want := incident.Columns{
		ID: "id", Number: 42, Version: 7, Name: "down", Severity: "major", Type: "security", MergedInto: "other",
		Status: incident.Documenting, Stage: incident.StagePost, Mode: incident.ModeTest, Visibility: incident.Private,
		Created: at(0), Updated: at(9), PageDueAt: at(25), NudgeDueAt: at(20), Ended: at(9), HasChannel: true,
		People: []string{"ana", "ben", "cleo"},
	}
	if diff := cmp.Diff(want, inc.Columns()); diff != "" {
		t.Error(diff)
	}
}

func TestColumns_Ended(t *testing.T) {
	t.Parallel()
	created, updated := time.Unix(1, 0).UTC(), time.Unix(2, 0).UTC()
	for _, status := range incident.Statuses() {
		inc := incident.Incident{Status: status, Times: incident.Times{
			Created: created, Updated: updated, Resolved: updated.AddDate(-1, 0, 0), Closed: updated.AddDate(1, 0, 0),
		}}
		want := updated
		if status.Open() {
			want = time.Time{}
		}
		if got := inc.Columns().Ended; !got.Equal(want) {
			t.Errorf("%s ended %v, want %v", status, got, want)
		}
		inc.Times = incident.Times{Created: created}
		if got := inc.Columns().Ended; got.IsZero() != status.Open() {
			t.Errorf("%s without times ended %v", status, got)
		}
	}
}
