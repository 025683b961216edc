package acceptance

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// TestKilled goes through what an installation survives whose processes are killed.
func TestKilled(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	failed := s.visit(t)
	for _, scenario := range []struct {
		name string
		play func(*testing.T)
	}{
		{"between the channel and its record", s.killedInBetween},
		{"all workers, while people declare", s.killedWorkers},
		{"the clock, before and after it publishes", s.killedClock},
		{"chores, again and again", s.killedChores},
	} {
		if !t.Run(scenario.name, scenario.play) {
			break
		}
	}
	if n := failed(); n != 0 {
		t.Errorf("%d requests to the web process failed", n)
	}
}

// killedInBetween: the worker dies when Slack has made the channel and nobody has written that down.
func (s *service) killedInBetween(t *testing.T) {
	made := s.slack.Done("conversations.create")
	s.slack.Fail("conversations.create", slackfake.Fault{After: true, Stall: true})
	inc := s.api.declare(t, "killed in between", "minor")
	eventually(t, "Slack made the channel", func() bool { return s.slack.Done("conversations.create") > made })
	began := time.Now()
	pid := s.kill(t, critical)
	s.said.awaitReady(t, critical, pid)
	within(t, "the next worker is there", time.Since(began), 3*time.Second)
	eventually(t, "the channel is known", func() bool { return s.told(t.Context(), inc.Ref(), benInSlack) })
	within(t, "from the kill to channel, headline and people", time.Since(began), 3*time.Second)
	s.oneChannel(t, inc.Ref())
}

// oneChannel checks that an incident has one channel and knows it.
func (s *service) oneChannel(t *testing.T, ref string) {
	t.Helper()
	inc := s.api.see(t, ref)
	all := s.channelsOf(inc)
	if len(all) != 1 || inc.Channel == nil || all[0].ID != inc.Channel.ID {
		t.Errorf("%s has %d channels %+v and knows of %+v", ref, len(all), all, inc.Channel)
	}
	n := 0
	for _, m := range s.slack.Messages(newsRoom) {
		if strings.Contains(string(m.Metadata), `"headline:`+inc.ID) {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%s has %d headlines", ref, n)
	}
}

// killedWorkers: declarations do not notice that all workers die, and all that follows from them follows,
// once.
func (s *service) killedWorkers(t *testing.T) {
	var refs []string
	for n := range 3 {
		inc := s.api.declare(t, fmt.Sprintf("declared among the dead %d", n), "critical")
		refs = append(refs, inc.Ref())
		for _, role := range []string{critical, nonCritical} {
			if n < 2 {
				s.kill(t, role)
			}
		}
	}
	began := time.Now()
	for _, ref := range refs {
		eventually(t, ref+" has all it needs", func() bool { return s.told(t.Context(), ref, benInSlack) && len(s.pages.of(ref)) > 0 })
	}
	t.Logf("all was there %s after the last declaration", time.Since(began))
	for _, ref := range refs {
		s.oneChannel(t, ref)
		calls := map[string]int{}
		for _, n := range s.pages.of(ref) {
			if calls[n.Data.Key]++; calls[n.Data.Key] > 1 {
				t.Logf("%s: the webhook was told again under the same key, as it must bear: %s", ref, n.Data.Key)
			}
		}
		if len(calls) != 1 {
			t.Errorf("%s: calls under %d keys, want 1: %v", ref, len(calls), calls)
		}
	}
}

// killedClock: every event is published, wherever the relay dies.
func (s *service) killedClock(t *testing.T) {
	counts := s.published(t)
	var refs []string
	for n := range 60 {
		var inc incident.Incident
		s.api.into(t, s.api.must(t, http.MethodPost, "/v1/incidents", map[string]any{"name": fmt.Sprint("reported ", n), "triage": true},
			"Idempotency-Key", fmt.Sprint("reported-", n)), &inc)
		refs = append(refs, inc.Ref())
		if n%20 == 10 {
			s.said.awaitReady(t, clock, s.kill(t, clock))
		}
	}
	missing := 0
	eventually(t, "every event is published", func() bool {
		seen := counts()
		missing = 0
		for _, ref := range refs {
			for _, e := range s.api.timeline(t, ref) {
				trait, known := incident.TraitOf(e.Type)
				if known && trait.Published && seen[e.ID] == 0 {
					missing++
				}
			}
		}
		return missing == 0
	})
	twice := 0
	for _, n := range counts() {
		if n > 1 {
			twice++
		}
	}
	t.Logf("%d events came twice, as they may", twice)
	for _, ref := range refs {
		s.api.post(t, ref, "decline", map[string]any{"reason": "it was a test"})
	}
}

// killedChores: the worker of the chores dies again and again until it rests, and nothing that people wait
// for is slower, neither while it dies nor then.
func (s *service) killedChores(t *testing.T) {
	for n := 0; !s.said.rests(t, nonCritical); n++ {
		if n == 2*crashLoop { // the first of them, after which people declare, may be more than a minute ago
			t.Fatalf("it does not rest after %d deaths", n)
		}
		s.kill(t, nonCritical)
		if n < 2 {
			s.calls(t, "chores die")
		}
	}
	for range 2 {
		s.calls(t, "chores rest")
	}
}

// crashLoop is how many deaths within a minute are a crash loop.
const crashLoop = 4
