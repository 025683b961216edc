package incident_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
)

func TestMergeInto_MovesWhatBelongsToIt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	source, target := s.report(), s.declare("minor")
	for _, ref := range []string{"Q-1", "Q-2"} {
		_, err := source.AttachEntry(s.act(ana), incident.Entry{Ref: ref, Group: "g"})
		s.must(err)
	}
	_, err := target.AttachEntry(s.act(ana), incident.Entry{Ref: "Q-2", Group: "g"})
	s.must(err)
	_, err = source.AttachAlert(s.act(alerter), incident.Alert{Source: "prometheus", Dedup: "a"})
	s.must(err)
	source.Keys = append(source.Keys, incident.NewKey("slack:view:V9", false))
	for person, kind := range map[string]incident.ParticipantKind{"ben": incident.Worker, "gone": incident.Observer} {
		_, err := source.Join(s.act(ana), person, kind)
		s.must(err)
	}
	_, err = source.Leave(s.act(ana), "gone")
	s.must(err)
	_, err = source.Subscribe(s.act(ana), "ben", true)
	s.must(err)

	act := s.act(ana)
	act.Key = "slack:act:1"
	from, into, err := source.MergeInto(act, target, "the same")
	s.must(err)
	wantTypes(t, from, incident.EvMerged, incident.EvStatus)
	wantTypes(t, into, incident.EvAbsorbed, incident.EvJoined)
	if from[0].Key != act.Key || into[0].Key != act.Key || into[0].IncidentID != target.ID {
		t.Errorf("keys %q and %q, of %s", from[0].Key, into[0].Key, into[0].IncidentID)
	}
	if source.Status != incident.Merged || source.MergedInto != target.ID || source.Times.Closed != s.now || target.Status != incident.Investigating {
		t.Errorf("merged %+v", source)
	}
	if diff := cmp.Diff([]string{source.ID}, target.Related); diff != "" {
		t.Errorf("related (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]incident.Key{incident.NewKey("slack:view:V9", false)}, source.Keys); diff != "" {
		t.Errorf("keys that stay (-want +got):\n%s", diff)
	}
	want := []incident.Key{incident.NewKey("idem:1", false), incident.NewKey("alert:prometheus:a", true)}
	if diff := cmp.Diff(want, target.Keys); diff != "" {
		t.Errorf("keys of the target (-want +got):\n%s", diff)
	}
	if len(target.Entries) != 2 || len(source.Entries) != 0 || len(target.Alerts) != 1 || len(source.Alerts) != 0 {
		t.Errorf("entries %+v, alerts %+v", target.Entries, target.Alerts)
	}
	if _, ok := target.ParticipantOf("gone"); ok {
		t.Error("who had left came along")
	}
	if ben, _ := target.ParticipantOf("ben"); ben.Kind != incident.Worker || !ben.Subscribed {
		t.Errorf("ben takes part as %q", ben.Kind)
	}
}

func TestMergeInto_RefusesTargets(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, status := range incident.Statuses() {
		target := s.in(status)
		target.ID = "target"
		_, _, err := s.report().MergeInto(s.act(ana), target, "")
		refused, ok := errors.AsType[*incident.TransitionError](err)
		if ok != status.Final() || !ok && err != nil {
			t.Errorf("into %s: %v", status, err)
		}
		if ok && (refused.Ref != target.Ref() || refused.From != status) {
			t.Errorf("into %s: it blames %+v", status, refused)
		}
	}

	self := s.report()
	_, _, err := self.MergeInto(s.act(ana), self, "")
	wantField(t, err, "into")

	undecided, closed := s.report(), s.in(incident.Closed)
	_, err = undecided.AttachEntry(s.act(ana), incident.Entry{Ref: "Q-1"})
	s.must(err)
	_, _, err = undecided.MergeInto(s.act(ana), closed, "")
	if _, ok := errors.AsType[*incident.TransitionError](err); !ok || len(undecided.Entries) != 1 {
		t.Errorf("undecided entries into a closed one: %v", err)
	}
	_, err = undecided.DecideEntry(s.act(ana), incident.EntryDecision{Ref: "Q-1", Version: 2, Decision: "discarded"})
	s.must(err)
	if _, _, err = undecided.MergeInto(s.act(ana), closed, ""); err != nil {
		t.Errorf("decided entries into a closed one: %v", err)
	}
}

func TestMergeInto_KeepsWhatIsPrivate(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, c := range []struct {
		source, target bool
		fine           bool
	}{{false, false, true}, {false, true, true}, {true, true, true}, {true, false, false}} {
		source, target := s.report(), s.declare("minor")
		for inc, private := range map[*incident.Incident]bool{source: c.source, target: c.target} {
			if private {
				_, err := inc.MakePrivate(s.act(ana), "")
				s.must(err)
			}
		}
		_, _, err := source.MergeInto(s.act(ana), target, "")
		if errors.Is(err, incident.ErrRefused) == c.fine {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
