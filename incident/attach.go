package incident

import (
	"fmt"
	"slices"
)

// Attach adds a link. The same one twice changes nothing.
func (inc *Incident) Attach(act Act, a Attachment) ([]Event, error) {
	r := inc.begin(act)
	if err := r.attach(a); err != nil {
		return nil, err
	}
	return r.end()
}

func (r *record) attach(a Attachment) (err error) {
	if a.Kind, err = needText("kind", a.Kind, maxID); err != nil {
		return err
	}
	if a.Title, err = text("title", a.Title, maxTitle); err != nil {
		return err
	}
	if err := checkLink("url", a.URL); err != nil {
		return err
	}
	a.Kind, a.Title, a.At = cleanLine(a.Kind), cleanLine(a.Title), r.act.At
	same := func(b Attachment) bool { return a.Kind == b.Kind && a.URL == b.URL }
	if !slices.ContainsFunc(r.inc.Attachments, same) {
		r.inc.Attachments = append(r.inc.Attachments, a)
		r.add(EvAttached, DataAttachment{a.Kind, a.URL, a.Title})
	}
	return nil
}

// maxAlerts is how many alerts a document lists. The events hold all of them.
const maxAlerts = 200

// AttachAlert notes that an alert fired, for the first time or once more. What it says is cut, never
// refused; only its source and its dedup key must be there.
func (inc *Incident) AttachAlert(act Act, a Alert) ([]Event, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	r := inc.begin(act)
	r.attachAlert(a)
	return r.end()
}

func (a Alert) check() error {
	if a.Source == "" || a.Dedup == "" {
		return &FieldError{"alert", "has no source, or no dedup key"}
	}
	return nil
}

func (r *record) attachAlert(a Alert) {
	a = Alert{
		Source: boundedID(a.Source), Dedup: boundedID(a.Dedup),
		Title: clip(a.Title, maxTitle), URL: linkOrNothing(a.URL),
		Count: 1, First: r.act.At, Last: r.act.At,
	}
	a = r.inc.putAlert(a)
	r.add(EvAlert, DataAlert{a.Source, a.Dedup, a.Title, a.URL, a.Count})
}

// putAlert adds an alert to what is known of it. A full list loses the one that was quiet for longest.
func (inc *Incident) putAlert(a Alert) Alert {
	if i := inc.alert(a.Source, a.Dedup); i >= 0 {
		old := &inc.Alerts[i]
		old.Count += a.Count
		old.Last, old.Resolved = a.Last, a.Resolved
		old.Title, old.URL = oneOf(a.Title, old.Title), oneOf(a.URL, old.URL)
		return *old
	}
	if len(inc.Alerts) >= maxAlerts {
		quietest := 0
		for i := range inc.Alerts {
			if inc.Alerts[i].Last.Before(inc.Alerts[quietest].Last) {
				quietest = i
			}
		}
		inc.Alerts = slices.Delete(slices.Clone(inc.Alerts), quietest, quietest+1)
	}
	inc.Alerts = append(inc.Alerts, a)
	return a
}

func (inc *Incident) alert(source, dedup string) int {
	return slices.IndexFunc(inc.Alerts, func(a Alert) bool { return a.Source == source && a.Dedup == dedup })
}

// ResolveAlert notes that an alert is over. It never ends the incident.
func (inc *Incident) ResolveAlert(act Act, source, dedup string) ([]Event, error) {
	i := inc.alert(boundedID(source), boundedID(dedup))
	if i < 0 {
		return nil, fmt.Errorf("%w: %s has no alert %.60q of %.60q", ErrNotFound, inc.Ref(), dedup, source)
	}
	a := &inc.Alerts[i]
	if !a.Resolved.IsZero() {
		return nil, nil
	}
	a.Resolved = act.At
	return inc.note(act, EvAlertResolved, DataAlert{a.Source, a.Dedup, a.Title, a.URL, a.Count})
}

// ChannelMade notes the channel that was made for it, and later whether it is put away.
func (inc *Incident) ChannelMade(act Act, c Channel) ([]Event, error) {
	if err := needID("channel", c.ID); err != nil {
		return nil, err
	}
	c.Name = clip(c.Name, maxName)
	if inc.Channel != nil && *inc.Channel == c {
		return nil, nil
	}
	inc.Channel = &c
	effect := effectChannel
	if c.Archived {
		effect = effectArchived
	}
	return inc.note(act, EvEffectDone, DataEffect{Effect: effect, ID: c.ID, Name: c.Name})
}

// HeadlinePosted notes where its headline is.
func (inc *Incident) HeadlinePosted(act Act, p Post) ([]Event, error) {
	for field, id := range map[string]string{"channel": p.Channel, "post": p.ID} {
		if err := needID(field, id); err != nil {
			return nil, err
		}
	}
	if inc.Headline != nil && *inc.Headline == p {
		return nil, nil
	}
	inc.Headline = &p
	return inc.note(act, EvEffectDone, DataEffect{Effect: effectHeadline, ID: p.ID, Name: p.Channel})
}

// SkipEffect notes that an effect will not happen, such as a page that would be too late.
func (inc *Incident) SkipEffect(act Act, effect, why string) ([]Event, error) {
	return inc.note(act, EvEffectSkipped, DataEffect{Effect: clip(effect, maxKey), Why: clip(why, maxReason)})
}

// RequestUpdate asks a person for an update, "" for whoever leads.
func (inc *Incident) RequestUpdate(act Act, person string) ([]Event, error) {
	if inc.Status.Stage() != StageActive {
		return nil, inc.wrongStatus("request an update", "")
	}
	if err := needID("person", person); person != "" && err != nil {
		return nil, err
	}
	return inc.note(act, EvAskUpdate, DataParticipant{Person: person})
}
