package incident_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
)

func TestAttach_AddsALinkOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.declare("minor")
	link := incident.Attachment{Kind: "issue", URL: "https://x.example/1", Title: "it\nbroke"}
	evs, err := inc.Attach(s.act(ana), link)
	s.must(err)
	wantTypes(t, evs, incident.EvAttached)
	evs, err = inc.Attach(s.act(ana), link)
	s.must(err)
	wantTypes(t, evs)
	if len(inc.Attachments) != 1 || inc.Attachments[0].Title != "it broke" {
		t.Errorf("attached %+v", inc.Attachments)
	}
	for _, bad := range []string{"", "x.example", "javascript:alert(1)", "https:///x", "https://x.example/\n", "https://x/" + strings.Repeat("a", 2000), "data:text/html,x"} {
		wantField(t, second(inc.Attach(s.act(ana), incident.Attachment{Kind: "x", URL: bad})), "url")
	}
}

func TestAlerts_AreCounted(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.report()
	alert := incident.Alert{
		Source: "prometheus", Dedup: strings.Repeat("k", 1000), Title: strings.Repeat("long ", 200), URL: "javascript:alert(1)", Count: 99,
	}
	for n := 1; n <= 2; n++ {
		evs, err := inc.AttachAlert(s.act(alerter), alert)
		s.must(err)
		wantTypes(t, evs, incident.EvAlert)
		if got := data[incident.DataAlert](t, evs[0]); got.Count != n || got.URL != "" || len(got.Title) > 510 || len(got.Dedup) > 310 {
			t.Errorf("alert %d: %+v", n, got)
		}
	}
	evs, err := inc.ResolveAlert(s.act(alerter), alert.Source, alert.Dedup)
	s.must(err)
	wantTypes(t, evs, incident.EvAlertResolved)
	evs, err = inc.ResolveAlert(s.act(alerter), alert.Source, alert.Dedup)
	s.must(err)
	wantTypes(t, evs)
	if inc.Status != incident.Triage || inc.Alerts[0].Resolved.IsZero() {
		t.Errorf("after it %s, %+v", inc.Status, inc.Alerts)
	}
	_, err = inc.AttachAlert(s.act(alerter), alert)
	s.must(err)
	if !inc.Alerts[0].Resolved.IsZero() || inc.Alerts[0].Count != 3 {
		t.Errorf("it fires again: %+v", inc.Alerts[0])
	}
	if _, err := inc.ResolveAlert(s.act(alerter), "prometheus", "odd"); !errors.Is(err, incident.ErrNotFound) {
		t.Errorf("an unknown one: %v", err)
	}
	wantField(t, second(inc.AttachAlert(s.act(alerter), incident.Alert{Source: "x"})), "alert")
}

func TestAlerts_AreBounded(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.report()
	for i := range 250 {
		_, err := inc.AttachAlert(s.act(alerter), incident.Alert{Source: "p", Dedup: fmt.Sprint(i)})
		s.must(err)
	}
	if len(inc.Alerts) != 200 || inc.Alerts[0].Dedup != "50" {
		t.Errorf("%d alerts, the first is %s", len(inc.Alerts), inc.Alerts[0].Dedup)
	}
}

func TestAttachEntry_ProposesAFixOnceAGroup(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.report()
	entry := incident.Entry{Ref: "Q-1", Group: "g", Subscription: "orders", Title: "nil map", Where: "price.go:12"}
	evs, err := inc.AttachEntry(s.act(alerter), entry)
	s.must(err)
	wantTypes(t, evs, incident.EvEntryAttached, incident.EvFollowCreated)
	if len(inc.FollowUps) != 1 || inc.FollowUps[0].Text != "fix the cause at price.go:12" || inc.Entries[0].At != s.now {
		t.Errorf("proposed %+v for %+v", inc.FollowUps, inc.Entries)
	}
	evs, err = inc.AttachEntry(s.act(alerter), entry)
	s.must(err)
	wantTypes(t, evs)
	entry.Ref = "Q-2"
	evs, err = inc.AttachEntry(s.act(alerter), entry)
	s.must(err)
	wantTypes(t, evs, incident.EvEntryAttached)
	wantField(t, second(inc.AttachEntry(s.act(alerter), incident.Entry{Ref: "Q\n1"})), "entry")
	for _, status := range incident.Statuses() {
		_, err := s.in(status).AttachEntry(s.act(alerter), incident.Entry{Ref: "Q-9"})
		if status == incident.Closed || status.Final() {
			wantTransition(t, string(status), err)
		} else if err != nil {
			t.Errorf("%s: %v", status, err)
		}
	}
}

func TestAttachEntry_FullListGivesUpWhatIsDecided(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.report()
	attach := func(i int) bool {
		evs, err := inc.AttachEntry(s.act(alerter), incident.Entry{Ref: fmt.Sprintf("Q-%d", i), Title: strings.Repeat("x", 200)})
		s.must(err)
		return data[incident.DataEntry](t, evs[0]).Unlisted
	}
	for i := range 500 {
		if attach(i) {
			t.Fatalf("entry %d is not listed", i)
		}
	}
	if !attach(500) || len(inc.Entries) != 500 || inc.EntriesMore != 1 {
		t.Errorf("%d entries and %d more", len(inc.Entries), inc.EntriesMore)
	}
	_, err := inc.DecideEntry(s.act(ana), incident.EntryDecision{Ref: "Q-3", Version: 2, Decision: "discarded"})
	s.must(err)
	if attach(501) || len(inc.Undecided()) != 500 || inc.EntriesMore != 2 {
		t.Errorf("%d undecided and %d more", len(inc.Undecided()), inc.EntriesMore)
	}
	if _, err := incident.EncodeIncident(inc); err != nil {
		t.Errorf("a full list: %v", err)
	}
}

func TestDecideEntry_TheLatestVersionWins(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.report()
	_, err := inc.AttachEntry(s.act(alerter), incident.Entry{Ref: "Q-1", Version: 1})
	s.must(err)
	for _, c := range []struct {
		version  int64
		decision string
		events   int
		want     string
	}{
		{3, "discarded", 1, "discarded"},
		{3, "discarded", 0, "discarded"},
		{2, "replayed", 0, "discarded"},
		{4, "", 1, ""},
		{3, "discarded", 0, ""},
		{6, "replayed", 1, "replayed"},
	} {
		evs, err := inc.DecideEntry(s.act(ana), incident.EntryDecision{Ref: "Q-1", Version: c.version, Decision: c.decision, By: "ana", Reason: "known", At: start})
		s.must(err)
		e := inc.Entries[0]
		if len(evs) != c.events || e.Decision != c.want || e.Decided.IsZero() != (c.want == "") {
			t.Errorf("%+v: %d events, %+v", c, len(evs), e)
		}
	}
	wantField(t, second(inc.DecideEntry(s.act(ana), incident.EntryDecision{Ref: "Q-1", Version: 9, Decision: "forgiven"})), "decision")
	if _, err := inc.DecideEntry(s.act(ana), incident.EntryDecision{Ref: "Q-2"}); !errors.Is(err, incident.ErrNotFound) {
		t.Errorf("an unknown one: %v", err)
	}
}

func TestDecideEntry_RestoredAfterTheCloseReopensNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.declare("minor")
	_, err := inc.AttachEntry(s.act(alerter), incident.Entry{Ref: "Q-1", Decision: "discarded", Version: 2})
	s.must(err)
	_, err = inc.Resolve(s.act(ana), incident.ResolveParams{})
	s.must(err)
	evs, err := inc.DecideEntry(s.act(ana), incident.EntryDecision{Ref: "Q-1", Version: 3})
	s.must(err)
	wantTypes(t, evs, incident.EvEntryDecided)
	evs, err = inc.Advance(s.act(ana))
	s.must(err)
	wantTypes(t, evs)
	if inc.Status != incident.Closed || len(inc.Undecided()) != 1 {
		t.Errorf("%s with %d undecided", inc.Status, len(inc.Undecided()))
	}
}

func TestEffects_AreNoted(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.declare("minor")
	channel := incident.Channel{ID: "C1", Name: "inc-42"}
	evs, err := inc.ChannelMade(s.act(ana), channel)
	s.must(err)
	wantTypes(t, evs, incident.EvEffectDone)
	evs, err = inc.ChannelMade(s.act(ana), channel)
	s.must(err)
	wantTypes(t, evs)
	evs, err = inc.HeadlinePosted(s.act(ana), incident.Post{Channel: "C9", ID: "1.2"})
	s.must(err)
	wantTypes(t, evs, incident.EvEffectDone)
	evs, err = inc.HeadlinePosted(s.act(ana), incident.Post{Channel: "C9", ID: "1.2"})
	s.must(err)
	wantTypes(t, evs)
	if diff := cmp.Diff(&channel, inc.Channel); diff != "" || inc.Headline.ID != "1.2" {
		t.Errorf("channel (-want +got):\n%s", diff)
	}
	evs, err = inc.SkipEffect(s.act(ana), "page", "two months late")
	s.must(err)
	wantTypes(t, evs, incident.EvEffectSkipped)
	evs, err = inc.NoteControl(s.act(ana), "non-critical work is shed until 16:00Z")
	s.must(err)
	wantTypes(t, evs, incident.EvControlChanged)
	evs, err = inc.NotePrivateSeen(s.act(boss))
	s.must(err)
	wantTypes(t, evs, incident.EvPrivateSeen)
	wantField(t, second(inc.ChannelMade(s.act(ana), incident.Channel{})), "channel")
	wantField(t, second(inc.HeadlinePosted(s.act(ana), incident.Post{Channel: "C9"})), "post")
	wantField(t, second(inc.NoteControl(s.act(ana), "")), "text")
}

func TestNudges_AreAnsweredWhereTheyCome(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, c := range []struct {
		kind   incident.NudgeKind
		status incident.Status
		fine   bool
	}{
		{incident.NudgeLead, incident.Investigating, true},
		{incident.NudgeUpdate, incident.Monitoring, true},
		{incident.NudgeUpdate, incident.Paused, false},
		{incident.NudgeUpdate, incident.Closed, false},
		{incident.NudgeTriage, incident.Triage, true},
		{incident.NudgeTriage, incident.Fixing, false},
		{incident.NudgeTasks, incident.Documenting, true},
		{incident.NudgeEntry, incident.Closed, true},
		{incident.NudgeFollowUp, incident.Closed, true},
		{incident.NudgeFollowUp, incident.Merged, false},
	} {
		_, snooze := s.in(c.status).SnoozeNudge(s.act(ana), c.kind, 30)
		_, stop := s.in(c.status).StopNudge(s.act(ana), c.kind)
		for _, err := range []error{snooze, stop} {
			if !c.fine {
				wantTransition(t, string(c.kind), err)
			} else if err != nil {
				t.Errorf("%s while %s: %v", c.kind, c.status, err)
			}
		}
	}
	inc := s.declare("minor")
	wantField(t, second(inc.SnoozeNudge(s.act(ana), incident.NudgeLead, 45)), "minutes")
	wantField(t, second(inc.SnoozeNudge(s.act(ana), "odd", 30)), "kind")
	wantField(t, second(inc.RecordNudge(s.act(ana), "odd", "")), "kind")
	wantTransition(t, "ask", second(s.in(incident.Paused).RequestUpdate(s.act(ana), "ben")))
	_, err := inc.RequestUpdate(s.act(ana), "")
	s.must(err)
}

func TestNudges_CountByOccasion(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.declare("minor")
	shared := *inc
	for _, c := range []struct {
		occasion string
		n        int
		want     []incident.EventType
	}{
		{"15:40", 1, []incident.EventType{incident.EvNudged, incident.EvOverdue}},
		{"15:40", 2, []incident.EventType{incident.EvNudged}},
		{"16:00", 1, []incident.EventType{incident.EvNudged, incident.EvOverdue}},
	} {
		evs, err := inc.RecordNudge(s.act(ana), incident.NudgeUpdate, c.occasion)
		s.must(err)
		wantTypes(t, evs, c.want...)
		if n := inc.Nudges[incident.NudgeUpdate]; n.Sent != c.n || n.For != c.occasion || n.Last != s.now {
			t.Errorf("nudge %+v", n)
		}
	}
	_, err := inc.SnoozeNudge(s.act(ana), incident.NudgeUpdate, 90)
	s.must(err)
	if n := inc.Nudges[incident.NudgeUpdate]; n.Snoozed != s.now.Add(90*time.Minute) {
		t.Errorf("nudge %+v", n)
	}
	_, err = inc.StopNudge(s.act(ana), incident.NudgeUpdate)
	s.must(err)
	evs, err := inc.StopNudge(s.act(ana), incident.NudgeUpdate)
	s.must(err)
	wantTypes(t, evs)
	if len(shared.Nudges) != 0 {
		t.Errorf("a copy changed too: %+v", shared.Nudges)
	}
}
