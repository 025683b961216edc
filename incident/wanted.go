package incident

import (
	"slices"
	"strconv"
	"time"
)

// Wanted is an effect that an incident should have had by now.
type Wanted struct {
	// Key is that of the effect.
	Key string
	// Event is the type of the event that causes it: the latest one of it is published again if the effect
	// did not happen.
	Event EventType
	// Since is when it became due.
	Since time.Time
}

// Wanted returns the effects that its state should have had: its channel, its headline, invitations
// into the channel, and a page for each target of a step that is due. Those that the document itself
// shows as done are left out; of the others the table of effects knows.
//
// An incident that is not open wants nothing, whatever is missing, and a retrospective one never does.
// In Triage there is no channel and no headline yet. A headline is wanted only where a channel hears of
// such incidents (AnnounceIn), an invitation only once there is a channel to be invited to.
func (inc *Incident) Wanted(rules *Settings) []Wanted {
	if !inc.Status.Open() || inc.Mode == ModeRetrospective {
		return nil
	}
	var all []Wanted
	if inc.Status.Live() {
		all = append(all, inc.wantedPosts(rules)...)
	}
	if inc.Channel != nil {
		all = append(all, inc.wantedInvitations()...)
	}
	return append(all, inc.wantedPages()...)
}

// wantedPosts are the channel and the headline.
func (inc *Incident) wantedPosts(rules *Settings) []Wanted {
	cause := EvDeclared
	if !inc.Times.Accepted.IsZero() {
		cause = EvAccepted
	}
	since := inc.activeSince()
	var all []Wanted
	if inc.Channel == nil {
		made := Wanted{Key: "channel:" + inc.ID, Event: cause, Since: since}
		if inc.Reopens > 0 {
			made.Event, made.Since = EvReopened, later(since, inc.Times.Resolved)
		}
		all = append(all, made)
	}
	if inc.Headline == nil && len(rules.AnnounceIn(inc)) > 0 {
		posted := Wanted{Key: "headline:" + inc.ID, Event: cause, Since: since}
		if inc.Reopens > 0 {
			posted.Event, posted.Since = EvStatus, later(since, inc.Times.Resolved)
		}
		all = append(all, posted)
	}
	return all
}

// wantedInvitations are those of everybody who takes part.
func (inc *Incident) wantedInvitations() []Wanted {
	var all []Wanted
	for _, p := range inc.Participants {
		if !p.Left.IsZero() {
			continue
		}
		want := Wanted{Key: inc.InviteKey(p.Person), Event: EvJoined, Since: p.Since}
		if again := inc.Times.Resolved; inc.Reopens > 0 && again.After(p.Since) {
			want.Event, want.Since = EvReopened, again
		}
		all = append(all, want)
	}
	return all
}

// InviteKey is the key of the invitation of somebody who takes part. It is another one after they came back,
// and after the incident was reopened: whatever became of the one before is no word on this one.
func (inc *Incident) InviteKey(person string) string {
	key, again := "invite:"+inc.ID+":"+person, inc.Reopens
	if p, ok := inc.ParticipantOf(person); ok {
		again += p.Returns
	}
	if again > 0 {
		key += ":" + strconv.Itoa(again)
	}
	return key
}

// wantedPages are those of steps that are due and were not handed over.
func (inc *Incident) wantedPages() []Wanted {
	var all []Wanted
	for _, e := range inc.Escalations {
		if e.State != Paging || e.Notified || e.Level < 1 || e.Level > len(e.Levels) {
			continue
		}
		for _, t := range e.Levels[e.Level-1].Targets {
			key := stepKey("page", e.ID, e.Round, e.Level) + ":" + t.String()
			all = append(all, Wanted{Key: key, Event: EvLevelDue, Since: e.LastDue})
		}
	}
	return all
}

// AnnounceIn returns the channels that hear of an incident: none of a private one.
func (s *Settings) AnnounceIn(inc *Incident) []Announce {
	if inc.Visibility != Public {
		return nil
	}
	var all []Announce
	for _, a := range s.Announce {
		if among(a.Severities, inc.Severity) && among(a.Types, inc.Type) {
			all = append(all, a)
		}
	}
	return all
}

// among reports that a list names an id, or is empty and means all.
func among(list []string, id string) bool { return len(list) == 0 || slices.Contains(list, id) }
