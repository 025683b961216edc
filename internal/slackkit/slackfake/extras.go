package slackfake

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

func (s *Server) addBookmarkLocked(a args) (reply, *refusal) {
	c, refused := s.memberLocked(a.text("channel_id"))
	if refused != nil {
		return nil, refused
	}
	link, err := url.Parse(a.text("link"))
	switch {
	case a.text("title") == "":
		return nil, &refusal{code: "invalid_arguments", messages: []string{"[ERROR] missing required field: title"}}
	case a.text("type") != "link":
		return nil, &refusal{code: "invalid_bookmark_type"}
	case err != nil || link.Scheme != "http" && link.Scheme != "https" || link.Host == "":
		return nil, &refusal{code: "invalid_link"}
	case len(c.Bookmarks) >= maxBookmarks:
		return nil, &refusal{code: "too_many_bookmarks"}
	}
	s.serial++
	b := Bookmark{ID: fmt.Sprintf("Bk%d", s.serial), Title: a.text("title"), Link: a.text("link")}
	c.Bookmarks = append(c.Bookmarks, b)
	s.changeLocked()
	return reply{"bookmark": wireBookmark(c, b)}, nil
}

func wireBookmark(c *channel, b Bookmark) reply {
	return reply{"id": b.ID, "channel_id": c.ID, "title": b.Title, "link": b.Link, "type": "link", "app_id": appID}
}

func (s *Server) bookmarksLocked(a args) (reply, *refusal) {
	c := s.seenLocked(a.text("channel_id"))
	switch {
	case c == nil:
		return nil, &refusal{code: "channel_not_found"}
	case c.Absent:
		return nil, &refusal{code: "not_in_channel"}
	}
	all := []reply{}
	for _, b := range c.Bookmarks {
		all = append(all, wireBookmark(c, b))
	}
	return reply{"bookmarks": all}, nil
}

func (s *Server) addPinLocked(a args) (reply, *refusal) {
	c, refused := s.memberLocked(a.text("channel"))
	if refused != nil {
		return nil, refused
	}
	m := s.messageLocked(c.ID, a.text("timestamp"))
	switch {
	case m == nil:
		return nil, &refusal{code: "message_not_found"}
	case slices.Contains(c.Pins, m.TS):
		return nil, &refusal{code: "already_pinned"}
	}
	s.pinLocked(c, m, botUser)
	return reply{}, nil
}

func (s *Server) pinLocked(c *channel, m *Message, user string) {
	c.Pins = append(c.Pins, m.TS)
	s.emitLocked(c, s.pinEvent("pin_added", c, m, user))
	s.changeLocked()
}

func (s *Server) pinEvent(kind string, c *channel, m *Message, user string) reply {
	return reply{"type": kind, "user": user, "channel_id": c.ID,
		"item": reply{"type": "message", "channel": c.ID, "created_by": user, "message": s.wireMessage(*m)}}
}

// User is somebody in the workspace, who can press buttons and type.
type User struct {
	ID, Name string
	// RealName, Email and TimeZone (as "Europe/Amsterdam") have defaults made of Name.
	RealName, Email, TimeZone string
	// Deleted is somebody who has left.
	Deleted bool
}

func (s *Server) wireUser(u User) reply {
	name, email, zone := u.RealName, u.Email, u.TimeZone
	if name == "" {
		name = strings.ToUpper(u.Name[:min(1, len(u.Name))]) + u.Name[min(1, len(u.Name)):]
	}
	if email == "" {
		email = u.mail()
	}
	if zone == "" {
		zone = "Europe/Amsterdam"
	}
	offset := 0
	if place, err := time.LoadLocation(zone); err == nil {
		_, offset = s.cfg.Now().In(place).Zone()
	}
	return reply{
		"id": u.ID, "team_id": s.cfg.Team, "name": u.Name, "real_name": name, "deleted": u.Deleted, "is_bot": u.ID == botUser,
		"tz": zone, "tz_label": zone, "tz_offset": offset, "profile": reply{"email": email, "real_name": name, "display_name": u.Name},
	}
}

func (u User) mail() string {
	if u.Email != "" {
		return u.Email
	}
	return u.Name + "@example.com"
}

func (s *Server) userInfoLocked(a args) (reply, *refusal) {
	u, ok := s.userLocked(a.text("user"))
	if a.text("user") == botUser {
		u, ok = User{ID: botUser, Name: "theriac"}, true
	}
	if !ok {
		return nil, &refusal{code: "user_not_found"}
	}
	return reply{"user": s.wireUser(u)}, nil
}

func (s *Server) userByEmailLocked(a args) (reply, *refusal) {
	for _, u := range s.cfg.Users {
		if strings.EqualFold(u.mail(), a.text("email")) && !u.Deleted {
			return reply{"user": s.wireUser(u)}, nil
		}
	}
	return nil, &refusal{code: "users_not_found"}
}
