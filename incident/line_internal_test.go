package incident

import (
	"encoding/json"
	"testing"
)

// A line is for people: no key, no id of ours.
func TestLine_NamesWhoAndWhatInWords(t *testing.T) {
	t.Parallel()
	const id = "01a223ed-e7a4-7a71-b3d9-ec8afe5f730f"
	for want, e := range map[string]struct {
		of   EventType
		data any
	}{
		"ana left out: a page to ben, level 2, round 1 (ana has answered)": {EvEffectSkipped,
			DataEffect{Effect: "page:" + id + ":1:2:person:ben", Why: "ana has answered"}},
		"ana left out: a page to rotation backend, level 1, round 1 (too late)": {EvEffectSkipped,
			DataEffect{Effect: "page:" + id + ":1:1:rotation:backend", Why: "too late"}},
		"ana left out: invite zoe (nobody knows zoe)": {EvEffectSkipped, DataEffect{Effect: "invite:" + id + ":zoe", Why: "nobody knows zoe"}},
		"ana did: channel inc-1":                      {EvEffectDone, DataEffect{Effect: "channel", ID: "C1", Name: "inc-1"}},
		"ana called the next level: everybody level 1, round 1 for ana, channel C0OPS": {EvLevelDue,
			DataEscalation{Path: "everybody", Level: 1, Round: 1, Targets: []Target{{ToPerson, "ana"}, {ToChannel, "C0OPS"}}}},
	} {
		data, err := json.Marshal(e.data)
		if err != nil {
			t.Fatal(err)
		}
		if got := Line(Event{Type: e.of, V: 1, Actor: Actor{Kind: ByPerson, ID: "ana"}, Data: data}); got != want {
			t.Errorf("it reads %q, want %q", got, want)
		}
	}
}
