package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/theriac/theriac/incident"
)

const nudgeEvaluateName = "nudge.evaluate"

// nudgeMaxAge is how old a tick may be. After an hour of silence nobody wants the reminders of that hour.
const nudgeMaxAge = 5 * time.Minute

// nudgeEvaluate reminds people of what an incident lacks.
func (d Deps) nudgeEvaluate() Registration {
	return Registration{
		Name: nudgeEvaluateName, Topic: incident.TopicClock, Types: []string{string(incident.JobNudge)},
		Timeout: 20 * time.Second, MaxAge: nudgeMaxAge, Shed: ShedDrop, Purge: PurgeSafe,
		Handler: d.onTick(string(incident.JobNudge), d.onNudge),
	}
}

// onNudge sends what is due now. Whether it was due when the tick was put out does not matter.
func (d Deps) onNudge(ctx context.Context, r row, inc incident.Incident) (string, error) {
	if d.age(r) > nudgeMaxAge {
		return "too late: a newer one follows", nil
	}
	rules, err := d.rules(ctx)
	if err != nil || d.Chat == nil {
		return "there is no chat", err
	}
	due := inc.NudgesDue(rules, d.Now())
	if len(due) == 0 {
		return "nothing was due", d.early(r, inc.NudgeAt)
	}
	var all error
	for _, n := range due {
		all = errors.Join(all, d.nudge(ctx, rules, r, inc, n))
	}
	return fmt.Sprintf("%d were due", len(due)), all
}

// nudge reminds of one thing, once, and notes it. What keeps it from being said is never for good: where there
// is no place yet, or the chat refuses it, a later tick tries again, as long as it is due.
func (d Deps) nudge(ctx context.Context, rules *incident.Settings, r row, inc incident.Incident, n incident.NudgeDue) error {
	once := fmt.Sprintf("%s:%s:%d", n.Kind, n.Occasion, n.N+1)
	if last := inc.Nudges[n.Kind].Last; n.N == 0 && !last.IsZero() {
		once += ":" + strconv.FormatInt(last.Unix(), 10) // an occasion that comes back is counted from 0 again
	}
	key := "nudge:" + inc.ID + ":" + once
	to, place, err := d.nudgePlace(ctx, &inc, n)
	if err != nil || (place.Channel == "" && place.Person.ID == "") {
		return err
	}
	return d.run(ctx, effect{
		key: key, incident: inc.ID, handler: nudgeEvaluateName, silent: true, // the next tick brings it back
		refuse: func(ctx context.Context) (string, error) {
			if err := d.again(ctx, &inc); err != nil {
				return "", err
			}
			if !slices.ContainsFunc(inc.NudgesDue(rules, d.Now()), func(o incident.NudgeDue) bool {
				return o.Kind == n.Kind && o.Occasion == n.Occasion && o.N == n.N
			}) {
				return "", Later(errNotDue, 0)
			}
			return "", nil
		},
		probe: d.findPost(place, key),
		do: func(ctx context.Context) (incident.EffectEnd, error) {
			card, err := d.nudgeCard(ctx, &inc, n, to)
			if err != nil {
				return incident.EffectEnd{}, Later(err, 0)
			}
			end, err := d.post(ctx, Post{To: place, Key: key, Card: card})
			if isNever(err) {
				err = Later(err, nudgeMaxAge)
			}
			return end, err
		},
		record: func(ctx context.Context, _ incident.EffectEnd) error { return d.noteNudge(ctx, inc.ID, n, once, r.id) },
	})
}

// errNotDue gives a nudge back that was answered, or snoozed, while it was on its way: it may be due again.
var errNotDue = errors.New("it is not due any more")

// noteNudge counts a nudge. The key keeps it from being counted twice.
func (d Deps) noteNudge(ctx context.Context, id string, n incident.NudgeDue, once, cause string) error {
	_, err := d.do(ctx, id, by(nudgeEvaluateName), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.RecordNudge(act, n.Kind, n.Occasion)
	}, incident.WithKey("nudge:"+once), incident.CausedBy(cause, ""))
	return err
}

// nudgePlace is where a nudge is said: to the person it is for where only one can do it, else in the
// channel, or in the thread of the headline while there is none.
func (d Deps) nudgePlace(ctx context.Context, inc *incident.Incident, n incident.NudgeDue) (audience, Place, error) {
	inChannel := inc.Channel != nil && !inc.Channel.Archived
	switch {
	case n.Person != "" && (!inChannel || !inc.Status.Open()):
		place, err := d.place(ctx, "", n.Person)
		if isNever(err) {
			return audience{}, Place{}, nil
		}
		return audience{person: n.Person}, place, err
	case inChannel:
		return audience{channel: inc.Channel.ID}, Place{Channel: inc.Channel.ID}, nil
	case inc.Headline != nil:
		return audience{channel: inc.Headline.Channel}, Place{Channel: inc.Headline.Channel, Thread: inc.Headline.ID}, nil
	default:
		return audience{}, Place{}, nil
	}
}

// nudgeCard says what is missing, and offers to mend it, to be left alone for a while, or for good.
func (d Deps) nudgeCard(ctx context.Context, inc *incident.Incident, n incident.NudgeDue, to audience) (Card, error) {
	may, err := d.maySee(ctx, inc, to)
	if err != nil {
		return Card{}, err
	}
	card := Card{Title: mark(inc) + inc.Ref(), Text: nudgeText(n.Kind)}
	if may {
		card.Title = line(card.Title+" "+inc.Name, 200)
	}
	if n.Person != "" {
		card.Facts = append(card.Facts, Fact{"For", line(n.Person, 60)})
	}
	if b, ok := nudgeButton(n.Kind, inc.ID); ok {
		card.Buttons = append(card.Buttons, b)
	}
	about := inc.ID + "/" + string(n.Kind)
	for _, minutes := range []string{"30", "60", "90"} {
		card.Buttons = append(card.Buttons, Button{Text: "Snooze " + minutes + " min", Action: ActSnooze, Value: about + "/" + minutes})
	}
	card.Buttons = append(card.Buttons, Button{Text: "Stop", Action: ActStop, Value: about})
	card.Buttons = append(card.Buttons, d.open(inc)...)
	return card, nil
}

// nudgeText is what a nudge says.
func nudgeText(k incident.NudgeKind) string {
	texts := map[incident.NudgeKind]string{
		incident.NudgeTriage:   "Nobody has accepted or declined this yet.",
		incident.NudgeLead:     "Nobody leads this yet.",
		incident.NudgeSeverity: "Nobody has said yet how bad this is.",
		incident.NudgeUpdate:   "The next update is due.",
		incident.NudgeRegroup:  "Time to regroup: does everybody know how it stands, and who does what?",
		incident.NudgeRest:     "You have been at this for hours. Who could take over?",
		incident.NudgeOpen:     "This has been monitored for days. Is it over?",
		incident.NudgeEntry:    "A quarantined message of this incident is undecided: replay or discard it.",
		incident.NudgeTasks:    "There are tasks left before this can close.",
		incident.NudgeFollowUp: "Follow-ups lack an owner, or are late.",
		incident.NudgePublic:   "The status page is behind.",
	}
	return orElse(texts[k], "Something is due: "+line(string(k), 40))
}

// nudgeButton mends what is missing, where a button can.
func nudgeButton(k incident.NudgeKind, id string) (Button, bool) {
	switch k {
	case incident.NudgeTriage:
		return Button{Text: "Accept", Action: ActAccept, Value: id, Style: "primary"}, true
	case incident.NudgeLead:
		return Button{Text: "Lead it", Action: ActLead, Value: id, Style: "primary"}, true
	case incident.NudgeSeverity:
		return Button{Text: "Set the severity", Action: ActSeverity, Value: id, Style: "primary"}, true
	case incident.NudgeUpdate:
		return Button{Text: "Share an update", Action: ActUpdate, Value: id, Style: "primary"}, true
	case incident.NudgeOpen:
		return Button{Text: "Resolve", Action: ActResolve, Value: id, Style: "primary"}, true
	default:
		return Button{}, false
	}
}
