package slackfake

import (
	"fmt"
	"strings"
	"time"
)

// method is one of the Web API.
type method struct {
	run func(args) (reply, *refusal)
	// scope is what the token needs; several are alternatives, by kind of channel.
	scope string
	// form says that arguments are read from forms only, as by Slack's methods that read.
	form bool
}

// methodLocked finds a method by its name.
func (s *Server) methodLocked(name string) (method, bool) {
	topic := func(c *channel) *string { return &c.Topic }
	purpose := func(c *channel) *string { return &c.Purpose }
	const manage, read, history = "channels:manage groups:write", "channels:read groups:read", "channels:history groups:history"
	found, ok := map[string]method{
		"auth.test":                {run: s.authLocked},
		"apps.connections.open":    {run: s.connectLocked},
		"chat.postMessage":         {run: s.postLocked, scope: "chat:write"},
		"chat.update":              {run: s.updateLocked, scope: "chat:write"},
		"chat.postEphemeral":       {run: s.ephemeralLocked, scope: "chat:write"},
		"chat.getPermalink":        {run: s.permalinkLocked, form: true},
		"views.open":               {run: s.openLocked},
		"views.update":             {run: s.updateViewLocked},
		"conversations.create":     {run: s.createLocked, scope: manage},
		"conversations.open":       {run: s.talkLocked, scope: "im:write"},
		"conversations.list":       {run: s.listLocked, scope: read, form: true},
		"conversations.info":       {run: s.infoLocked, scope: read, form: true},
		"conversations.members":    {run: s.membersLocked, scope: read, form: true},
		"conversations.history":    {run: s.historyLocked, scope: history, form: true},
		"conversations.replies":    {run: s.repliesLocked, scope: history, form: true},
		"conversations.archive":    {run: s.archiveLocked, scope: manage},
		"conversations.unarchive":  {run: s.unarchiveLocked, scope: manage},
		"conversations.invite":     {run: s.inviteLocked, scope: "channels:manage channels:write.invites groups:write groups:write.invites"},
		"conversations.setTopic":   {run: func(a args) (reply, *refusal) { return s.describeLocked(a, "topic", topic) }, scope: manage},
		"conversations.setPurpose": {run: func(a args) (reply, *refusal) { return s.describeLocked(a, "purpose", purpose) }, scope: manage},
		"bookmarks.add":            {run: s.addBookmarkLocked, scope: "bookmarks:write"},
		"bookmarks.list":           {run: s.bookmarksLocked, scope: "bookmarks:read", form: true},
		"pins.add":                 {run: s.addPinLocked, scope: "pins:write"},
		"users.info":               {run: s.userInfoLocked, scope: "users:read", form: true},
		"users.lookupByEmail":      {run: s.userByEmailLocked, scope: "users:read.email", form: true},
	}[name]
	return found, ok
}

func (s *Server) authLocked(args) (reply, *refusal) {
	return reply{"url": s.URL(), "team": s.cfg.TeamName, "user": "theriac", "team_id": s.cfg.Team, "user_id": botUser, "bot_id": botID, "is_enterprise_install": false}, nil
}

func (s *Server) connectLocked(args) (reply, *refusal) {
	s.serial++
	return reply{"url": "ws" + strings.TrimPrefix(s.URL(), "http") + "socket?ticket=" + fmt.Sprint(s.serial)}, nil
}

// permitLocked returns Slack's refusal of a method without its scope, if scopes are looked at.
func (s *Server) permitLocked(m method) *refusal {
	if !s.cfg.CheckScopes || m.scope == "" {
		return nil
	}
	needed := strings.Fields(m.scope)
	for _, have := range s.cfg.Scopes {
		for _, one := range needed {
			if one == have {
				return nil
			}
		}
	}
	return &refusal{code: "missing_scope", needed: strings.Join(needed, ",")}
}

// limitLocked returns a 429 for a call beyond Config.Limits.
func (s *Server) limitLocked(name string) *refusal {
	most := s.cfg.Limits[name]
	if most <= 0 {
		return nil
	}
	now, recent := s.cfg.Now(), s.recent[name]
	for len(recent) > 0 && now.Sub(recent[0]) >= time.Minute {
		recent = recent[1:]
	}
	s.recent[name] = recent
	if len(recent) >= most {
		return &refusal{code: "ratelimited", wait: max(time.Second, time.Minute-now.Sub(recent[0]))}
	}
	s.recent[name] = append(recent, now)
	return nil
}

// Count returns how often a method was called since the start, with whatever result, faults included.
func (s *Server) Count(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[name].called
}

// Done returns how often a method was carried out with success since the start, whether the caller heard
// of it or not.
func (s *Server) Done(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[name].done
}

type count struct{ called, done int }
