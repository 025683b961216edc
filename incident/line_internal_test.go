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
		"ana made the channel #inc-1":                 {EvEffectDone, DataEffect{Effect: "channel", ID: "C1", Name: "inc-1"}},
		"ana archived the channel #inc-1":             {EvEffectDone, DataEffect{Effect: "channel archived", ID: "C1", Name: "inc-1"}},
		"ana announced it in channel C0INC":           {EvEffectDone, DataEffect{Effect: "headline", ID: "1.2", Name: "C0INC"}},
		"ana did: something of later inc-1":           {EvEffectDone, DataEffect{Effect: "something of later", Name: "inc-1"}},
		"ana sent the page: level 1, round 1":         {EvLevelNotified, DataEscalation{Level: 1, Round: 1}},
		"ana called ana and channel C0OPS: everybody, level 1, round 1 (severity critical)": {EvLevelDue,
			DataEscalation{Path: "everybody", Level: 1, Round: 1, Reason: "severity critical", Targets: []Target{{ToPerson, "ana"}, {ToChannel, "C0OPS"}}}},
		"ana called people: level 1, round 1":                  {EvLevelDue, DataEscalation{Level: 1, Round: 1}},
		"ana answered the call: level 1, round 1":              {EvAcked, DataEscalation{Level: 1, Round: 1}},
		"ana made ben lead":                                    {EvAssigned, DataRole{Role: "lead", Person: "ben"}},
		"ana became lead (at once)":                            {EvAssigned, DataRole{Role: "lead", Person: "ana", Note: "at once"}},
		"ana added ben as responder":                           {EvJoined, DataParticipant{Person: "ben", Kind: Worker}},
		"ana joined as observer":                               {EvJoined, DataParticipant{Person: "ana", Kind: Observer}},
		"ana noted that ben left":                              {EvLeft, DataParticipant{Person: "ben"}},
		"ana left":                                             {EvLeft, DataParticipant{Person: "ana"}},
		"ana asked for an update: ben":                         {EvAskUpdate, DataParticipant{Person: "ben"}},
		"ana set the status to triage":                         {EvStatus, DataStatus{To: Triage}},
		"ana changed the severity from minor to major (worse)": {EvSeverity, DataSeverity{From: "minor", To: "major", Reason: "worse"}},
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
