package quarantineslack

import (
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
)

// namingFacts is what a message about deaths without a culprit is made of.
type namingFacts struct {
	phase   phase
	subs    []string
	crashes []string
	// workers died in company, wards alone.
	workers, wards int
	// by counts the suspects.
	by map[quarantine.SuspectState]int
	// died says how the first process ended, in words of the guardian; evidence what
	// is known about the cause.
	died, evidence string
}

func (f namingFacts) suspects() int {
	n := 0
	for _, s := range quarantine.SuspectStates() {
		n += f.by[s]
	}
	return n
}

// naming is the message about deaths of which nobody is known to be the cause yet.
func (r renderer) naming(f namingFacts, at time.Time) slackkit.Message {
	subs := plain(strings.Join(f.subs[:min(len(f.subs), 3)], ", "), nameMax)
	if len(f.subs) > 3 {
		subs = fmt.Sprintf("%d subscriptions or more", len(f.subs))
	}
	who := plural(int64(f.workers), "worker") + " died"
	if len(f.crashes) >= crashesMax {
		who = "at least " + who
	}
	if f.workers == 0 {
		who = plural(int64(f.wards), "ward") + " died"
	}
	n, waiting := f.suspects(), f.by[quarantine.SuspectWaiting]
	cleared := f.by[quarantine.SuspectDone] + f.by[quarantine.SuspectCleared]
	var header string
	switch f.phase {
	case phaseCleared:
		header = fmt.Sprintf("CLEARED  %s: %s, %s cleared, none held", subs, who, plural(int64(cleared), "suspect"))
	case phaseNamed:
		header = fmt.Sprintf("NAMED  %s: %s, %d of %s held", subs, who, f.by[quarantine.SuspectHeld], plural(int64(n), "suspect"))
	default:
		header = fmt.Sprintf("NAMING  %s: %s, %s running alone", subs, who, plural(int64(waiting), "suspect"))
	}
	fields := []*slack.TextBlockObject{
		field("Suspects", fmt.Sprintf("%d: %d wait or run alone, %d cleared, %d held", n, waiting, cleared, f.by[quarantine.SuspectHeld])),
	}
	add := func(name, value string) {
		if value != "" {
			fields = append(fields, field(name, mark(value, fieldMax)))
		}
	}
	add("How it died", f.died)
	add("What is known", f.evidence)
	if f.phase == phaseNaming {
		fields = append(fields, field("Next", "Usually over in seconds. Nobody is held for being near."))
	}
	foot := append(deathCommands(f.crashes), code("theriac suspects"), "as of "+clock(at))
	var buttons *slack.ActionBlock
	if r.links != "" && len(f.crashes) > 0 && refForm.MatchString(f.crashes[0]) {
		buttons = slack.NewActionBlock("q:naming", r.open("/c/"+f.crashes[0]))
	}
	return message(header, header, fields, buttons, foot)
}

// deploy is the message about a build under which processes die.
func (r renderer) deploy(s *deployState, at time.Time) slackkit.Message {
	header := s.headline()
	next := "It is the deployment, not a message: roll back, or mend what it waits for. Nobody is held for it."
	if s.Killers >= deployKills {
		next = "Roll back first. What was convicted before the pattern showed runs again by itself when something succeeds."
	}
	fields := []*slack.TextBlockObject{field("Build", mark(s.Build, buildMax))}
	if s.Nobody > 0 {
		fields = append(fields, field("Nobody to blame", plural(int64(s.Nobody), "death")))
	}
	if s.Killers > 0 {
		fields = append(fields, field("Different messages that killed", fmt.Sprintf("%d in a minute", s.Killers)))
	}
	if !s.Over {
		fields = append(fields, field("Next", next))
	}
	foot := []string{code("theriac crashes"), "since " + clock(time.UnixMilli(s.Since)), "as of " + clock(at)}
	return message(header, header, fields, nil, foot)
}
