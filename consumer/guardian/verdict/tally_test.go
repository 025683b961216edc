package verdict_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/theriac/theriac/consumer/guardian/verdict"
)

func TestTally_Next(t *testing.T) {
	t.Parallel()
	const (
		named, alone, fresh = verdict.RunNamed, verdict.RunAlone, verdict.RunAloneFresh
		excused, succeeded  = verdict.RunExcused, verdict.RunSucceeded
	)
	tests := []struct {
		name  string
		runs  []verdict.Run
		limit int
		want  verdict.Step
	}{
		{"a suspect", nil, 0, verdict.StepWard},
		{"a suspect that died alone", []verdict.Run{alone}, 0, verdict.StepFreshWard},
		{"a suspect that died twice, last in a used ward", []verdict.Run{alone, alone}, 0, verdict.StepFreshWard},
		{"a suspect that died twice, first in a fresh ward", []verdict.Run{fresh, alone}, 0, verdict.StepFreshWard},
		{"a suspect that died twice, last in a fresh ward", []verdict.Run{alone, fresh}, 0, verdict.StepConvicted},
		{"a culprit", []verdict.Run{named}, 0, verdict.StepFreshWard},
		{"a culprit that died alone", []verdict.Run{named, fresh}, 0, verdict.StepConvicted},
		{"named on two replicas, never alone", []verdict.Run{named, named}, 0, verdict.StepFreshWard},
		{"died alone, then named again", []verdict.Run{fresh, named}, 0, verdict.StepFreshWard},
		{"excused deaths do not count", []verdict.Run{named, excused, excused}, 0, verdict.StepFreshWard},
		{"an excused death takes nothing back", []verdict.Run{named, fresh, excused}, 0, verdict.StepConvicted},
		{"a survivor", []verdict.Run{succeeded}, 0, verdict.StepCleared},
		{"a culprit that survives", []verdict.Run{named, succeeded}, 0, verdict.StepCleared},
		{"a survivor stays cleared when excused", []verdict.Run{succeeded, excused}, 0, verdict.StepCleared},
		{"a success clears the count", []verdict.Run{named, succeeded, fresh}, 0, verdict.StepFreshWard},
		{"limit 1: the production death does not convict", []verdict.Run{named}, 1, verdict.StepFreshWard},
		{"limit 1: a suspect goes to a fresh ward", nil, 1, verdict.StepFreshWard},
		{"limit 1: one death alone", []verdict.Run{fresh}, 1, verdict.StepConvicted},
		{"limit 3: two are not enough", []verdict.Run{named, fresh}, 3, verdict.StepFreshWard},
		{"limit 3: one is far from enough", []verdict.Run{named}, 3, verdict.StepWard},
		{"limit below 1 is the default", []verdict.Run{named, fresh}, -7, verdict.StepConvicted},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var tally verdict.Tally
			for _, run := range test.runs {
				tally = tally.After(run)
			}
			if got := tally.Next(test.limit); got != test.want {
				t.Errorf("%+v: %q, want %q", tally, got, test.want)
			}
		})
	}
}

// TestTally_ConvictsOnlyWithProof checks the rule against the whole past, not
// against the tally.
func TestTally_ConvictsOnlyWithProof(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		runs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) verdict.Run {
			return verdict.Run(rapid.Uint8Range(0, uint8(verdict.RunSucceeded)).Draw(t, "run"))
		}), 0, 12).Draw(t, "runs")
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		var tally verdict.Tally
		var counted []verdict.Run // since the last success
		for _, run := range runs {
			tally = tally.After(run)
			switch run {
			case verdict.RunSucceeded:
				counted = nil
			case verdict.RunExcused:
			default:
				counted = append(counted, run)
			}
		}
		proven := len(counted) >= limit && counted[len(counted)-1] == verdict.RunAloneFresh
		if convicted := tally.Next(limit) == verdict.StepConvicted; convicted != proven {
			t.Fatalf("convicted %v after %v with limit %d", convicted, runs, limit)
		}
		if tally.Deaths() != len(counted) {
			t.Fatalf("%d deaths counted after %v", tally.Deaths(), runs)
		}
	})
}

func TestTally_SurvivesJSON(t *testing.T) {
	t.Parallel()
	want := verdict.Tally{}.After(verdict.RunNamed).After(verdict.RunExcused).After(verdict.RunAloneFresh)
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got verdict.Tally
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
