package acceptance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/consumer/natsjs"
	"github.com/theriac/theriac/consumer/natsjs/embedded"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
	"github.com/theriac/theriac/quarantine"
)

// stalePage: the message of a page that comes two months late calls nobody, and that is written down.
func (s *service) stalePage(t *testing.T) {
	inc := s.api.declare(t, "paged two months ago", "critical")
	eventually(t, "ana was called", func() bool { return len(s.pages.of(inc.Ref())) == 1 })
	inc = s.api.see(t, inc.Ref())
	real := s.api.timeline(t, inc.Ref(), incident.EvLevelDue)[0].Event
	old := real
	old.Key = fmt.Sprintf("level:%s:2:1", inc.Escalations[0].ID)
	old.RecordedAt = old.RecordedAt.AddDate(0, -2, 0)
	old.OccurredAt, old.NotAfter = old.RecordedAt, old.RecordedAt.Add(10*time.Minute)
	out := incident.Envelope(old)
	check(t, s.bus(t).Publish(t.Context(), out.Topic, handlers.Message{ID: "replay-of-" + out.ID, Data: out.Data, Attributes: out.Attributes}))
	var skipped []line
	eventually(t, "the timeline says that it was left out", func() bool {
		skipped = s.api.timeline(t, inc.Ref(), incident.EvEffectSkipped)
		return len(skipped) > 0
	})
	if len(skipped) != 1 || !strings.Contains(skipped[0].Line, "a page to ana, level 1, round 2") {
		t.Errorf("the timeline says %+v", skipped)
	}
	if n := len(s.pages.of(inc.Ref())); n != 1 {
		t.Errorf("ana was called %d times, want once", n)
	}
	s.api.post(t, inc.Ref(), "cancel", map[string]any{"reason": "it was a test"})
}

// limitedChore: Slack limits a method that only chores use, and people are called as fast as before.
func (s *service) limitedChore(t *testing.T) {
	s.slack.Fail("conversations.archive", slices.Repeat([]slackfake.Fault{slackfake.Limited("30")}, 1000)...)
	defer s.slack.Mend()
	before := s.slack.Count("conversations.archive")
	for _, inc := range s.api.named(t, "checkout is down 0") {
		s.api.post(t, inc.Ref(), "cancel", map[string]any{"reason": "it was a test"})
	}
	eventually(t, "a channel is to be archived", func() bool { return s.slack.Count("conversations.archive") > before })
	for range 2 {
		s.calls(t, "a chore is limited")
	}
}

// shedNudges: nudges that were asked for while they are shed are dropped, however many, and nothing that
// people wait for is slower. When they are wanted again none comes late.
func (s *service) shedNudges(t *testing.T) {
	room, b := s.room(t), s.bus(t)
	by := quarantine.Actor{Name: "ana", Via: "cli"}
	controls, err := room.Shed(t.Context(), handlers.ShedAllButCritical, 10*time.Minute, quarantine.Decision{Actor: by, Reason: "an exercise"})
	check(t, err)
	obeyed, err := room.WaitConfirmed(t.Context(), controls.Version, patience)
	check(t, err)
	if len(obeyed.Missing) > 0 {
		t.Errorf("these did not obey: %+v", obeyed.Missing)
	}
	stores, err := app.OpenIncidents(t.Context(), config.IncidentStore(s.settings(t)), app.Write)
	check(t, err)
	defer func() { check(t, stores.Close()) }()
	inc := s.api.named(t, "checkout is down 1")[0]
	ticks := ask(t, stores, inc, 500) // as many as the clock asks for at once
	asked := time.Now()
	var flood runner.Group
	each := 1000
	if raced {
		each = 100
	}
	for part := range 10 {
		flood.Go(func() {
			for n := range each {
				out := incident.Tick{Job: incident.JobNudge, IncidentID: inc.ID, At: time.Now(), Again: 10_000 + 1000*part + n}.Inbound().Envelope()
				if err := b.Publish(t.Context(), out.Topic, handlers.Message{ID: out.ID, Data: out.Data, Attributes: out.Attributes}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 2 {
		s.calls(t, fmt.Sprint(10*each, " nudges are asked for and shed"))
	}
	flood.Wait()

	eventually(t, "all nudges are with the broker", func() bool { return published(t, stores, asked) })
	eventually(t, "all nudges are dropped", func() bool { return s.workedOff(t, "clock", "clock--nudge-evaluate") })
	controls, err = room.Shed(t.Context(), handlers.ShedNothing, 0, quarantine.Decision{Actor: by})
	check(t, err)
	_, err = room.WaitConfirmed(t.Context(), controls.Version, patience)
	check(t, err)
	// One that comes after is evaluated; by then any that was kept would have been.
	last := ask(t, stores, inc, 1)[0]
	eventually(t, "nudges are evaluated again", func() bool { return handled(t, stores, last) })
	for _, id := range ticks {
		if handled(t, stores, id) {
			t.Errorf("%s was made up for", id)
		}
	}
}

// ask puts nudges out as the clock does.
func ask(t *testing.T, stores incident.Stores, inc incident.Incident, n int) (ids []string) {
	t.Helper()
	for part := range slices.Chunk(make([]struct{}, n), 500) {
		var rows []incident.Inbound
		for range part {
			at := time.Now()
			row := incident.Tick{Job: incident.JobNudge, IncidentID: inc.ID, At: at, Again: 1 + len(ids), NotAfter: at.Add(5 * time.Minute)}.Inbound()
			rows, ids = append(rows, row), append(ids, row.ID)
		}
		_, err := stores.Accept(t.Context(), rows...)
		check(t, err)
	}
	return ids
}

func handled(t *testing.T, stores incident.Stores, id string) bool {
	t.Helper()
	row, err := stores.Inbound(t.Context(), id)
	check(t, err)
	return !row.Handled.IsZero()
}

// published reports whether the broker has all that was stored until then.
func published(t *testing.T, stores incident.Stores, until time.Time) bool {
	t.Helper()
	found, err := stores.Audit(t.Context(), incident.AuditLimits{})
	check(t, err)
	return !slices.ContainsFunc(found, func(f incident.Finding) bool { return f.Kind == incident.NotPublished && f.Since.Before(until) })
}

// workedOff reports whether a subscription has acknowledged all that was published. What is pending
// would not tell: the broker counts it a moment after it has confirmed what was published.
func (s *service) workedOff(t *testing.T, topic, subscription string) bool {
	t.Helper()
	at, err := embedded.Find(s.settings(t).Broker.Address)
	check(t, err)
	conn, err := natsjs.Connect(natsjs.ConnectConfig{URL: at.URL, TokenFile: at.TokenFile})
	check(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	check(t, err)
	stream, err := js.Stream(t.Context(), "theriac-"+topic)
	check(t, err)
	c, err := stream.Consumer(t.Context(), subscription)
	check(t, err)
	return c.CachedInfo().AckFloor.Stream >= stream.CachedInfo().State.LastSeq
}

// published collects the ids of events as the broker takes them, with how often each.
func (s *service) published(t *testing.T) (counts func() map[string]int) {
	t.Helper()
	at, err := embedded.Find(s.settings(t).Broker.Address)
	check(t, err)
	conn, err := natsjs.Connect(natsjs.ConnectConfig{URL: at.URL, TokenFile: at.TokenFile})
	check(t, err)
	t.Cleanup(conn.Close)
	sub, err := conn.SubscribeSync("theriac-" + incident.TopicEvents)
	check(t, err)
	check(t, conn.Flush()) // only then the broker knows of it
	seen := map[string]int{}
	return func() map[string]int {
		for {
			m, err := sub.NextMsg(time.Millisecond)
			if err != nil {
				return seen
			}
			var e struct{ ID string }
			check(t, json.Unmarshal(m.Data, &e))
			seen[e.ID]++
		}
	}
}
