package incidentslack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/theriac/theriac/incident"
)

// turn is one request whose person is known and may do what it asks for.
type turn struct {
	*Intake
	r      request
	person incident.Person
	by     incident.Actor
}

// sayError is a refusal in our own words, as mrkdwn.
type sayError struct{ text string }

// Error returns the words.
func (e *sayError) Error() string { return e.text }

func sayf(format string, args ...any) error { return &sayError{fmt.Sprintf(format, args...)} }

// turn finds the person of a request. Who is nobody, has left, or may not, is told so by a *sayError.
func (in *Intake) turn(ctx context.Context, r request, least incident.Role) (*turn, error) {
	p, err := in.bySlack(ctx, r.User)
	if err != nil {
		return nil, err
	}
	if !p.Role.Allows(least) {
		return nil, sayf("You are here as %s, and this takes the role %s. Nothing was done. An admin can change that in the directory of people.", orDash(escape(string(p.Role), 20)), least)
	}
	return &turn{Intake: in, r: r, person: p, by: incident.Actor{Kind: incident.ByPerson, ID: p.ID, Name: p.Name, Role: p.Role}}, nil
}

// bySlack returns the person of a user of Slack's. An id or address that happens to be the same is not
// theirs.
func (in *Intake) bySlack(ctx context.Context, user string) (incident.Person, error) {
	p, err := in.stores.Person(ctx, user)
	switch {
	case errors.Is(err, incident.ErrNotFound) || err == nil && (p.SlackID != user || user == ""):
		return p, sayf("Slack's user %s is nobody that Theriac knows, so nothing was done. An admin adds you to the directory of people (`PUT /v1/people/{id}`), with this id as slack_id.", escape(user, 40))
	case err != nil:
		return p, err
	case p.Left(in.cfg.Now()):
		return p, sayf("%s has left, says the directory. Nothing was done.", escape(p.Name, 80))
	}
	return p, nil
}

// errHidden says the same of what is not there and what is not for the one who asks.
var errHidden error = &sayError{"There is no such incident, or it is not for you."}

// sees reports whether the person may see an incident.
func (t *turn) sees(inc *incident.Incident) bool {
	return inc.Visibility != incident.Private || t.person.Role.Allows(incident.Admin) || t.takesPart(inc)
}

func (t *turn) takesPart(inc *incident.Incident) bool {
	return slices.Contains(inc.Columns().People, t.person.ID)
}

// incident returns an incident by id or reference, or for "" that of the channel. A look at a private one
// by an admin who takes no part in it is written down.
func (t *turn) incident(ctx context.Context, ref string) (incident.Incident, error) {
	var inc incident.Incident
	var err error
	if ref == "" {
		inc, err = t.inChannel(ctx, t.r.talk())
		if errors.Is(err, incident.ErrNotFound) {
			return inc, sayf("This channel belongs to no incident. Name one, as in `%s status INC-42`, or type it in the incident's channel.", t.cfg.Command)
		}
	} else {
		inc, err = t.stores.Get(ctx, ref)
	}
	if errors.Is(err, incident.ErrNotFound) || err == nil && !t.sees(&inc) {
		return inc, errHidden
	}
	return inc, err
}

// look is incident for somebody who is shown it.
func (t *turn) look(ctx context.Context, ref string) (incident.Incident, error) {
	inc, err := t.incident(ctx, ref)
	if err != nil || inc.Visibility != incident.Private || t.takesPart(&inc) {
		return inc, err
	}
	hour := t.cfg.Now().UTC().Truncate(time.Hour).Format(time.RFC3339)
	act, err := t.svc.Act(ctx, t.by, incident.WithKey("seen:"+t.person.ID+":"+hour))
	if err != nil {
		return inc, err
	}
	doc := inc // the event is saved without it
	evs, err := doc.NotePrivateSeen(act)
	if err == nil {
		err = t.svc.Note(ctx, &inc, evs...)
	}
	if errors.Is(err, incident.ErrDuplicate) {
		err = nil
	}
	return inc, err
}

// do runs a verb on an incident in the person's name, once for each request.
func (t *turn) do(ctx context.Context, ref string, verb incident.Verb) (incident.Incident, error) {
	return t.doOnce(ctx, ref, t.r.key(), verb)
}

// doOnce is do with a key of its own.
func (t *turn) doOnce(ctx context.Context, ref, key string, verb incident.Verb) (incident.Incident, error) {
	inc, err := t.incident(ctx, ref)
	if err != nil {
		return inc, err
	}
	return t.save(ctx, inc.ID, key, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		if !t.sees(inc) {
			return nil, errHidden // it has become private
		}
		return verb(inc, act)
	})
}

// save runs a verb. One that was done before and is refused now, since the incident has moved on, is done.
func (t *turn) save(ctx context.Context, id, key string, verb incident.Verb) (incident.Incident, error) {
	inc, err := t.svc.Do(ctx, id, t.by, verb, incident.WithKey(key), incident.CausedBy(t.r.ID, ""))
	if errors.Is(err, incident.ErrDuplicate) {
		return inc, nil
	}
	if _, final := words(err); err == nil || !final {
		return inc, err
	}
	if done, lookErr := happened(ctx, t.stores, id, key); lookErr != nil || !done {
		return inc, errors.Join(lookErr, err)
	}
	return t.stores.Get(ctx, id)
}

// happened looks for the event with a key in an incident's list. It goes through all of it, or all of some
// types, which only what is rare waits for.
func happened(ctx context.Context, stores incident.Stores, id, key string, types ...incident.EventType) (bool, error) {
	const most = 1000
	for after := int64(0); ; {
		page, err := stores.Events(ctx, incident.EventFilter{IncidentID: id, AfterSeq: after, Types: types, Limit: most})
		if err != nil {
			return false, err
		}
		for _, e := range page.Events {
			if e.Key == key {
				return true, nil
			}
			after = e.Seq
		}
		if len(page.Events) < most {
			return false, nil
		}
	}
}
