package verdict_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/verdict"
)

func TestBreaker(t *testing.T) {
	t.Parallel()
	type death struct {
		id string // "" is a success
		at int
	}
	tests := []struct {
		name   string
		deaths []death
		now    int
		rule   verdict.BreakerRule
		open   bool
		ids    []string
	}{
		{"nothing yet", nil, 0, verdict.BreakerRule{}, false, nil},
		{"two culprits", []death{{"a", 0}, {"b", 1}}, 2, verdict.BreakerRule{}, false, []string{"a", "b"}},
		{"three culprits", []death{{"a", 0}, {"b", 1}, {"c", 60}}, 60, verdict.BreakerRule{}, true, []string{"a", "b", "c"}},
		{"three in more than a minute", []death{{"a", 0}, {"b", 1}, {"c", 61}}, 61, verdict.BreakerRule{}, false, []string{"b", "c"}},
		{"one that dies thrice", []death{{"a", 0}, {"a", 1}, {"a", 2}}, 2, verdict.BreakerRule{}, false, []string{"a"}},
		{"a repeat counts as of late", []death{{"a", 0}, {"b", 50}, {"a", 70}, {"c", 80}}, 80, verdict.BreakerRule{}, true, []string{"b", "a", "c"}},
		{"a success between", []death{{"a", 0}, {"b", 1}, {"", 2}, {"c", 3}}, 3, verdict.BreakerRule{}, false, []string{"c"}},
		{"configured", []death{{"a", 0}, {"b", 9}}, 10, verdict.BreakerRule{Culprits: 2, Within: 10 * time.Second}, true, []string{"a", "b"}},
		{"forgotten with time", []death{{"a", 0}, {"b", 1}, {"c", 2}}, 100, verdict.BreakerRule{}, false, nil},
		{"clock set back an hour", []death{{"a", 3600}, {"b", 3601}, {"c", 3602}}, 3, verdict.BreakerRule{}, false, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var b verdict.Breaker
			for _, d := range test.deaths {
				if d.id == "" {
					b = verdict.Breaker{}
				} else {
					b = b.AfterCulprit(d.id, at(d.at))
				}
			}
			b.Deaths = throughJSON(t, b.Deaths)
			if open := b.Open(at(test.now), test.rule); open != test.open {
				t.Errorf("open = %v, want %v", open, test.open)
			}
			if diff := cmp.Diff(test.ids, b.Culprits(at(test.now), test.rule)); diff != "" {
				t.Errorf("culprits (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBreaker_IsBoundedAndKeepsTheLatest(t *testing.T) {
	t.Parallel()
	var b verdict.Breaker
	for i := range 1000 {
		b = b.AfterCulprit(fmt.Sprint(i), at(0))
	}
	if len(b.Deaths) != 256 || b.Deaths[255].ID != "999" {
		t.Errorf("%d deaths kept, the last %q", len(b.Deaths), b.Deaths[len(b.Deaths)-1].ID)
	}
}

func TestBreaker_LeavesItsReceiverAlone(t *testing.T) {
	t.Parallel()
	before := verdict.Breaker{}.AfterCulprit("a", at(0)).AfterCulprit("b", at(1))
	before.AfterCulprit("a", at(2))
	want := []verdict.CulpritDeath{{ID: "a", At: at(0)}, {ID: "b", At: at(1)}}
	if diff := cmp.Diff(want, before.Deaths); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLoop(t *testing.T) {
	t.Parallel()
	because := func(r verdict.Reason) verdict.Verdict { return verdict.Verdict{Tier: verdict.TierNobody, Reason: r} }
	notReady, noMessage := because(verdict.ReasonNotReady), because(verdict.ReasonNoMessage)
	damaged := noMessage
	damaged.Damaged = []int{1}
	tests := []struct {
		name   string
		deaths []verdict.Verdict
		limit  int
		want   bool
	}{
		{"none", nil, 0, false},
		{"two", []verdict.Verdict{notReady, noMessage}, 0, false},
		{"three", []verdict.Verdict{notReady, noMessage, notReady}, 0, true},
		{"a message in flight ends the row", []verdict.Verdict{notReady, notReady, {Tier: verdict.TierNoTrace}, notReady}, 0, false},
		{"a shutdown changes nothing", []verdict.Verdict{notReady, notReady, because(verdict.ReasonStopping), notReady}, 0, true},
		{"a damaged table may have held a message", []verdict.Verdict{notReady, notReady, damaged}, 0, false},
		{"configured", []verdict.Verdict{notReady}, 1, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var l verdict.Loop
			for _, v := range test.deaths {
				l = l.AfterDeath(v)
			}
			if got := l.DeploymentProblem(test.limit); got != test.want {
				t.Errorf("%+v: %v, want %v", l, got, test.want)
			}
			if l.AfterSuccess().DeploymentProblem(test.limit) {
				t.Error("still a problem after a success")
			}
		})
	}
}

// throughJSON returns v as the next worker gets it.
func throughJSON[T any](t *testing.T, v T) T {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var got T
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	return got
}
