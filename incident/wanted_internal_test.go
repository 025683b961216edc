package incident

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWanted(t *testing.T) {
	t.Parallel()
	soon := noon.Add(time.Minute)
	full := func(change func(*Incident)) *Incident {
		inc := activeIncident("major")
		inc.Participants = []Participant{{Person: "ana", Since: soon}, {Person: "gone", Since: noon, Left: soon}}
		inc.Channel, inc.Headline = &Channel{ID: "C9"}, &Post{ID: "1"}
		change(inc)
		return inc
	}
	paging := func(inc *Incident) {
		a := &author{rules: pagingRules()}
		inc.startEscalation(a.act(noon, "cleo"), false)
	}
	invite := Wanted{"invite:inc-1:ana", EvJoined, soon}
	channel := Wanted{"channel:inc-1", EvDeclared, noon}
	headline := Wanted{"headline:inc-1", EvDeclared, noon}
	for name, c := range map[string]struct {
		change func(*Incident)
		want   []Wanted
	}{
		"all done but what the table knows": {func(*Incident) {}, []Wanted{invite}},
		"nothing done":                      {func(inc *Incident) { inc.Channel, inc.Headline = nil, nil }, []Wanted{channel, headline}},
		"paused":                            {func(inc *Incident) { inc.Channel, inc.Status = nil, Paused }, []Wanted{channel}},
		"accepted": {
			func(inc *Incident) { inc.Channel, inc.Times.Accepted = nil, soon },
			[]Wanted{{"channel:inc-1", EvAccepted, soon}},
		},
		"reopened without a channel": {
			func(inc *Incident) { inc.Channel, inc.Reopens, inc.Times.Resolved = nil, 1, soon },
			[]Wanted{{"channel:inc-1", EvReopened, soon}},
		},
		"reopened": {
			func(inc *Incident) {
				inc.Reopens, inc.Times.Resolved = 1, soon.Add(time.Minute)
				late := Participant{Person: "late", Since: soon.Add(time.Hour), Returns: 2}
				inc.Participants = append(inc.Participants, late)
			},
			[]Wanted{{"invite:inc-1:ana:1", EvReopened, soon.Add(time.Minute)}, {"invite:inc-1:late:3", EvJoined, soon.Add(time.Hour)}},
		},
		"reopened without a headline": {
			func(inc *Incident) { inc.Headline, inc.Channel, inc.Reopens, inc.Times.Resolved = nil, nil, 1, soon },
			[]Wanted{{"channel:inc-1", EvReopened, soon}, {"headline:inc-1", EvStatus, soon}},
		},
		"private: no headline": {
			func(inc *Incident) { inc.Headline, inc.Visibility = nil, Private }, []Wanted{invite},
		},
		"nobody hears of minor ones": {
			func(inc *Incident) { inc.Headline, inc.Severity = nil, "minor" }, []Wanted{invite},
		},
		"triage: pages only": {
			func(inc *Incident) { inc.Channel, inc.Headline, inc.Status = nil, nil, Triage; paging(inc) },
			[]Wanted{{"page:id-0001:1:1:rotation:first", EvLevelDue, noon}, {"page:id-0001:1:1:channel:C1", EvLevelDue, noon}},
		},
		"handed over": {
			func(inc *Incident) { paging(inc); inc.Escalations[0].Notified = true }, []Wanted{invite},
		},
		"answered": {
			func(inc *Incident) { paging(inc); inc.Escalations[0].State = Acked }, []Wanted{invite},
		},
		"a damaged step": {
			func(inc *Incident) { paging(inc); inc.Escalations[0].Level = 99 }, []Wanted{invite},
		},
		"over":          {func(inc *Incident) { paging(inc); inc.Channel, inc.Status = nil, Closed }, nil},
		"declined":      {func(inc *Incident) { inc.Channel, inc.Status = nil, Declined }, nil},
		"documenting":   {func(inc *Incident) { inc.Channel, inc.Status = nil, Documenting }, nil},
		"retrospective": {func(inc *Incident) { inc.Channel, inc.Mode = nil, ModeRetrospective }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules := pagingRules()
			rules.Announce = []Announce{{Channel: "C0", Severities: []string{"major", "critical"}}}
			if diff := cmp.Diff(c.want, full(c.change).Wanted(rules)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnnounceIn(t *testing.T) {
	t.Parallel()
	rules := &Settings{Announce: []Announce{{Channel: "all"}, {Channel: "worst", Severities: []string{"critical"}}, {Channel: "security", Types: []string{"security"}}}}
	inc := activeIncident("critical")
	var got []string
	for _, a := range rules.AnnounceIn(inc) {
		got = append(got, a.Channel)
	}
	if diff := cmp.Diff([]string{"all", "worst"}, got); diff != "" {
		t.Error(diff)
	}
}
