package incidentd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantineslack"
)

// declare opens the incident of a group of held messages, for who clicked in its message. Mostly there is
// one already, in triage, since poison opens one by itself: that one is accepted then. However often it is
// asked for, a fingerprint has one that is open.
func (s *site) declare(ctx context.Context, d quarantineslack.Declaration) (got quarantineslack.Declared, err error) {
	defer func() {
		if errors.Is(err, incident.ErrUnavailable) {
			err = errors.Join(quarantine.ErrUnavailable, err)
		}
	}()
	by, refused, err := s.clicker(ctx, d)
	if err != nil || refused != "" {
		return quarantineslack.Declared{Refused: refused}, err
	}
	p := incident.NewParams{
		Name: cut(d.Group.Subscription+": "+d.Title, nameMax),
		Keys: []incident.Key{incident.NewKey(d.Request, false), incident.NewKey("quarantine:"+d.Group.Fingerprint, true)},
	}
	if d.Title == "" {
		p.Name = cut("Poison in "+d.Group.Subscription, nameMax)
	}
	if d.Link != "" {
		p.Attachments = []incident.Attachment{{Kind: "quarantine", URL: d.Link, Title: d.Group.Ref, At: time.Now()}}
	}
	inc, created, err := s.service.Declare(ctx, by, p, incident.WithKey(d.Request))
	if err != nil {
		return quarantineslack.Declared{}, err
	}
	if inc.Visibility == incident.Private && !by.Role.Allows(incident.Admin) && !slices.Contains(inc.Columns().People, by.ID) {
		return quarantineslack.Declared{Refused: "There is an incident of this already, and it is not for you."}, nil
	}
	if !created && inc.Status == incident.Triage {
		if inc, err = s.accept(ctx, inc.ID, by, d.Request); err != nil {
			return quarantineslack.Declared{}, err
		}
		created = true
	}
	return quarantineslack.Declared{Ref: inc.Ref(), Link: s.link(&inc), Before: !created}, nil
}

// nameMax is how long the name of an incident may be, in characters.
const nameMax = 200

func cut(text string, most int) string {
	all := []rune(text)
	return string(all[:min(len(all), most)])
}

// accept makes an incident in triage a declared one, once a click.
func (s *site) accept(ctx context.Context, id string, by incident.Actor, request string) (incident.Incident, error) {
	inc, err := s.service.Do(ctx, id, by, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		if inc.Status != incident.Triage {
			return nil, nil // somebody was faster
		}
		return inc.Accept(act, incident.AcceptParams{})
	}, incident.WithKey(request))
	if errors.Is(err, incident.ErrDuplicate) {
		return inc, nil
	}
	return inc, err
}

// clicker is the person of a click in the directory of incidents, or why they may not declare any.
func (s *site) clicker(ctx context.Context, d quarantineslack.Declaration) (incident.Actor, string, error) {
	p, err := s.stores.Person(ctx, d.User)
	switch {
	case errors.Is(err, incident.ErrNotFound) || err == nil && p.SlackID != d.User:
		return incident.Actor{}, fmt.Sprintf("Slack's user %s is nobody that incidents know, so nothing was done. An admin adds you with: theriac incident people add", d.User), nil
	case err != nil:
		return incident.Actor{}, "", err
	case p.Left(time.Now()) || !p.Role.Allows(incident.Responder):
		return incident.Actor{}, "Declaring an incident takes the role of responder in the directory of people. Nothing was done.", nil
	}
	return incident.Actor{Kind: incident.ByPerson, ID: p.ID, Name: p.Name, Role: p.Role}, "", nil
}

// errElsewhere says that clicks reach the web role.
var errElsewhere = errors.New("incidents are declared in the web role")

// declaredElsewhere lets the process that tells offer what the web role does.
func declaredElsewhere(context.Context, quarantineslack.Declaration) (quarantineslack.Declared, error) {
	return quarantineslack.Declared{}, errElsewhere
}
