package workflow

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
)

const quarantineDeclareName = "quarantine.declare"

const (
	// quarantineMaxAge is how old a poison may be that opens an incident.
	quarantineMaxAge = 24 * time.Hour
	// quarantineBurst is how many fingerprints may open one each within burstTime.
	quarantineBurst = 5
)

// quarantineDeclare opens one incident for each fingerprint, or attaches to it. A poison of the pipeline
// itself opens none: to open it would be another message for what is poisoned.
func (d Deps) quarantineDeclare() Registration {
	kinds := []QuarantineKind{GroupOpened, EntryQuarantined, WorkerCrashed}
	return Registration{
		Name: quarantineDeclareName, Topic: incident.TopicQuarantine, Critical: true, Pipeline: true,
		Types:   kindNames(kinds),
		Timeout: 10 * time.Second, MaxAge: quarantineMaxAge, Shed: ShedNever, Purge: PurgeAsk,
		Handler: d.onQuarantine(kinds, d.onPoison),
	}
}

// onQuarantine makes a handler of events of the quarantine of some kinds. Of what another handler asked
// for it says nothing, so that the row bears the word of the one that did. A kind that nobody knows is
// kept until a program comes that does.
func (d Deps) onQuarantine(kinds []QuarantineKind, fn func(context.Context, row, QuarantineEvent) (string, error)) handlers.Handler {
	mine := d.onRow(nil, func(ctx context.Context, r row) (string, error) {
		e, err := ParseQuarantineEvent(r.body)
		if err != nil {
			return "", handlers.Undecodable(err)
		}
		if !e.At.IsZero() {
			r.stored = e.At
		}
		return fn(ctx, r, e)
	})
	return handlers.HandlerFunc(func(ctx context.Context, m handlers.Message) error {
		if e, err := ParseQuarantineEvent(m.Data); err == nil && !slices.Contains(kinds, e.Kind) {
			return nil
		}
		return mine.Handle(ctx, m)
	})
}

// byQuarantine is who opens incidents for poison.
func byQuarantine(e QuarantineEvent) incident.Actor {
	return incident.Actor{Kind: incident.ByQuarantine, ID: "quarantine", Name: line(orElse(e.By, "quarantine"), 80), Role: incident.Responder}
}

// onPoison opens or attaches, and calls people if what is poisoned is critical.
func (d Deps) onPoison(ctx context.Context, r row, e QuarantineEvent) (string, error) {
	if r.handled {
		return "", nil
	}
	if pipeline(e.Subscription) {
		return "a part of the pipeline: reported by the backup notifier", nil
	}
	rules, err := d.rules(ctx)
	if err != nil {
		return "", err
	}
	inc, err := d.holderOf(ctx, e.Entry)
	if errors.Is(err, incident.ErrNotFound) {
		inc, err = d.openOrAttach(ctx, d.poison(rules, r, e))
	}
	if errors.Is(err, incident.ErrNotFound) {
		return "too late to open an incident", nil
	}
	if err != nil {
		return "", err
	}
	if e.Critical && d.age(r) <= quarantineMaxAge {
		err = d.callForPoison(ctx, rules, inc.ID, e)
	}
	return inc.Ref(), err
}

// holderOf returns the incident that an entry belongs to already, or the one that this lives on in. An
// entry belongs to one, whatever is said of it after that has ended. ErrNotFound.
func (d Deps) holderOf(ctx context.Context, entry string) (incident.Incident, error) {
	if entry == "" {
		return incident.Incident{}, incident.ErrNotFound
	}
	inc, err := d.byKey(ctx, entryKey(entry))
	for err == nil && inc.MergedInto != "" {
		inc, err = d.stores().Get(ctx, inc.MergedInto)
	}
	return inc, err
}

// poison is what an event of the quarantine opens.
func (d Deps) poison(rules *incident.Settings, r row, e QuarantineEvent) opening {
	fingerprint := orElse(e.Fingerprint, "crash:"+e.Crash)
	o := opening{
		actor: byQuarantine(e), key: "quarantine:" + fingerprint, episode: "poison:" + fingerprint,
		storm: "storm:quarantine", stormName: "Poison in many places", burst: quarantineBurst,
		once: "poison:" + e.ID, cause: r.id, since: r.stored, only: d.age(r) > quarantineMaxAge,
		params: incident.NewParams{
			Name:    line(poisonName(e), 200),
			Summary: poisonSummary(rules, e),
		},
	}
	if strings.HasPrefix(e.URL, "https://") || strings.HasPrefix(e.URL, "http://") {
		o.params.Attachments = []incident.Attachment{{Kind: "quarantine", URL: e.URL, Title: line(orElse(e.Entry, orElse(e.Group, e.Crash)), 80), At: d.Now()}}
	}
	if e.Entry == "" {
		o.attach = func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.AddItem(act, poisonLine(e), e.At)
		}
		return o
	}
	entry := incident.Entry{
		Ref: e.Entry, Group: e.Group, Subscription: e.Subscription, Title: e.Title, Where: e.Where,
		Crash: e.Crash, Trouble: e.Trouble, At: e.At, Version: e.Version,
	}
	o.params.Entry = &entry
	o.more = []incident.Key{incident.NewKey(entryKey(e.Entry), false)}
	o.attach = func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.AttachEntry(act, entry)
	}
	return o
}

// poisonName says where and what.
func poisonName(e QuarantineEvent) string {
	switch {
	case e.Title == "":
		return "Poison in " + orElse(e.Subscription, "an unknown place")
	case e.Subscription == "":
		return e.Title
	default:
		return e.Subscription + ": " + e.Title
	}
}

// entryKey is the key by which a decision about an entry finds its incident, after that has ended too.
func entryKey(ref string) string { return "entry:" + ref }

// poisonLine is what is written down of something that has no entry.
func poisonLine(e QuarantineEvent) string {
	text := "A worker died"
	if e.Kind == GroupOpened {
		text = "A group of poison was opened"
	}
	for _, part := range []string{e.Crash, e.Group, e.Subscription, e.Title, e.Where} {
		if part != "" {
			text += " · " + line(part, 200)
		}
	}
	return text
}

// poisonSummary says where it is, and what is to be done there.
func poisonSummary(rules *incident.Settings, e QuarantineEvent) string {
	var parts []string
	if e.Subscription != "" {
		parts = append(parts, "Subscription: "+line(e.Subscription, 200))
	}
	if e.Where != "" {
		parts = append(parts, "At: "+line(e.Where, 200))
	}
	if runbook := rules.Runbooks[e.Subscription]; runbook != "" {
		parts = append(parts, "", lines(runbook, 4000))
	}
	return strings.Join(parts, "\n")
}

// callForPoison starts the escalation of the worst severity, once for an incident.
func (d Deps) callForPoison(ctx context.Context, rules *incident.Settings, id string, e QuarantineEvent) error {
	path, worst := "", -1
	for _, s := range rules.Severities {
		if s.Path != "" && s.Rank > worst {
			path, worst = s.Path, s.Rank
		}
	}
	if path == "" {
		d.Logger.WarnContext(ctx, "a critical subscription is poisoned and no severity has an escalation path", "subscription", e.Subscription)
		return nil
	}
	_, err := d.do(ctx, id, byQuarantine(e), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		if len(inc.Escalations) > 0 {
			return nil, nil
		}
		return inc.Escalate(act, incident.EscalateParams{Path: path, Reason: "poison in " + line(e.Subscription, 200) + ", which is critical"})
	}, incident.WithKey("escalate:quarantine"), incident.CausedBy(e.ID, ""))
	return err
}
