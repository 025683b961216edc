package incident

import (
	"slices"
	"time"
)

// DefaultSettings are those of an organisation that has decided nothing yet: three severities, four
// roles, and what is asked for after a major or critical incident. They know nobody, so no severity has
// a path, and nobody is called before a path and the people in it were entered. They are valid.
func DefaultSettings() Settings {
	return Settings{
		Severities: []Severity{
			{ID: "minor", Name: "Minor", Rank: 1, Page: PageNever, UpdateEvery: Duration(60 * time.Minute)},
			{ID: "major", Name: "Major", Rank: 2, Page: PageHours, UpdateEvery: Duration(30 * time.Minute)},
			{ID: "critical", Name: "Critical", Rank: 3, Page: PageAlways, UpdateEvery: Duration(20 * time.Minute)},
		},
		Roles: []RoleType{
			{ID: LeadRole, Name: "Lead", Instructions: "You decide and you delegate. Keep your hands off the repair itself. Share an update when one is due."},
			{ID: reporterRole, Name: "Reporter", Instructions: "You saw it first. Say what you saw, when it began and how it shows, and answer those who work on it."},
			{ID: "communications", Name: "Communications", Instructions: "You tell everybody outside this channel how it stands, in words that they use."},
			{ID: "scribe", Name: "Scribe", Instructions: "You write down what happened, when, and what was decided, while it happens."},
		},
		Flows: []Flow{{
			Severities: []string{"major", "critical"},
			Tasks: []FlowTask{
				{ID: "postmortem", Stage: Documenting, Text: "Write the post-mortem"},
				{ID: "cause", Stage: Documenting, Text: "Say what the cause was and which services were hit"},
				{ID: "follow_ups", Stage: Documenting, Text: "Name the follow-ups"},
				{ID: "debrief", Stage: Reviewing, Text: "Hold the debrief"},
				{ID: "owners", Stage: Reviewing, Text: "Give every follow-up an owner and a date"},
			},
		}},
		Hours: WorkingHours{
			Zone: "UTC", From: "09:00", To: "18:00",
			Days: []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday},
		},
		ChannelPrefix: "inc",
	}
}

// severity finds one by id.
func (s *Settings) findSeverity(id string) (Severity, bool) {
	i := slices.IndexFunc(s.Severities, func(v Severity) bool { return v.ID == id })
	if i < 0 {
		return Severity{}, false
	}
	return s.Severities[i], true
}

// path finds one by id.
func (s *Settings) findPath(id string) (Path, bool) {
	i := slices.IndexFunc(s.Paths, func(p Path) bool { return p.ID == id })
	if i < 0 {
		return Path{}, false
	}
	return s.Paths[i], true
}
