package slackfake

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Channel is a channel of the workspace.
type Channel struct {
	ID, Name string
	// Archived and Absent are a channel that was closed, and one that the app is not in.
	Archived, Absent bool
	// Private is a channel that only members see, the app too.
	Private bool
	// Talk is the channel between the app and one person.
	Talk bool
	// Topic and Purpose are what stands above it and what it is for.
	Topic, Purpose string
	// Creator is who made it, and Created when.
	Creator string
	Created time.Time
	// Members are the people in it, by id.
	Members []string
	// Bookmarks are the links at its top.
	Bookmarks []Bookmark
	// Pins are the timestamps of messages that are kept at hand.
	Pins []string
}

// Bookmark is a link at the top of a channel.
type Bookmark struct{ ID, Title, Link string }

// channel is a channel with what was written there.
type channel struct {
	Channel
	messages []*Message // oldest first
	credit   int
	refill   time.Time
}

// copied returns what callers may keep.
func (c *channel) copied() Channel {
	out := c.Channel
	out.Members, out.Bookmarks, out.Pins = slices.Clone(c.Members), slices.Clone(c.Bookmarks), slices.Clone(c.Pins)
	return out
}

// Channels returns all channels, the oldest first.
func (s *Server) Channels() []Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Channel, 0, len(s.channels))
	for _, c := range s.channels {
		all = append(all, c.copied())
	}
	return all
}

// Channel returns a channel by its id or name.
func (s *Server) Channel(id string) (Channel, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channelLocked(id); c != nil {
		return c.copied(), true
	}
	return Channel{}, false
}

// SetChannel changes a channel, or adds one.
func (s *Server) SetChannel(c Channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.changeLocked()
	if found := s.byID[c.ID]; found != nil {
		s.renameLocked(found, c.Name)
		found.Channel = c
		return
	}
	s.addLocked(c)
}

func (s *Server) addLocked(c Channel) *channel {
	added := &channel{Channel: c, credit: s.cfg.Burst}
	s.channels = append(s.channels, added)
	s.byID[c.ID], s.byName[c.Name] = added, added
	return added
}

func (s *Server) renameLocked(c *channel, name string) {
	if s.byName[c.Name] == c {
		delete(s.byName, c.Name)
	}
	c.Name = name
	s.byName[name] = c
}

// channelLocked finds a channel by its id, or by its name with or without #.
func (s *Server) channelLocked(id string) *channel {
	if c := s.byID[id]; c != nil {
		return c
	}
	return s.byName[strings.TrimPrefix(id, "#")]
}

// seenLocked finds a channel that the app may know of.
func (s *Server) seenLocked(id string) *channel {
	c := s.byID[id]
	if c == nil || c.Private && c.Absent {
		return nil
	}
	return c
}

// memberLocked finds a channel in which the app can do something.
func (s *Server) memberLocked(id string) (*channel, *refusal) {
	c := s.seenLocked(id)
	switch {
	case c == nil:
		return nil, &refusal{code: "channel_not_found"}
	case c.Archived:
		return nil, &refusal{code: "is_archived"}
	case c.Absent:
		return nil, &refusal{code: "not_in_channel"}
	}
	return c, nil
}

// wireChannel is a channel as answers carry it.
func wireChannel(c *channel) reply {
	text := func(value string) reply { return reply{"value": value, "creator": "", "last_set": 0} }
	created := int64(0)
	if !c.Created.IsZero() {
		created = c.Created.Unix()
	}
	return reply{
		"id": c.ID, "name": c.Name, "name_normalized": c.Name, "is_channel": !c.Private, "is_group": c.Private, "is_private": c.Private,
		"is_im": false, "is_mpim": false, "is_general": false, "is_archived": c.Archived, "is_member": !c.Absent, "creator": c.Creator,
		"created": created, "topic": text(c.Topic), "purpose": text(c.Purpose), "num_members": len(c.Members), "previous_names": []string{},
	}
}

// checkName returns Slack's refusal of a name for a channel, nil if it takes it.
func checkName(name string) *refusal {
	allowed := func(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' }
	switch {
	case name == "":
		return &refusal{code: "invalid_name_required"}
	case runes(name) > 80:
		return &refusal{code: "invalid_name_maxlength"}
	case strings.ContainsFunc(name, func(r rune) bool { return !allowed(r) && r != '-' && r != '_' }):
		return &refusal{code: "invalid_name_specials"}
	case !strings.ContainsFunc(name, allowed):
		return &refusal{code: "invalid_name_punctuation"}
	}
	return nil
}

func (s *Server) createLocked(a args) (reply, *refusal) {
	name := a.text("name")
	if refused := checkName(name); refused != nil {
		return nil, refused
	}
	if s.byName[name] != nil {
		return nil, &refusal{code: "name_taken"}
	}
	if len(s.channels) >= s.cfg.Bounds.Channels {
		return nil, &refusal{code: "restricted_action"}
	}
	id := ""
	for id == "" || s.byID[id] != nil {
		s.serial++
		id = fmt.Sprintf("C0%07X", s.serial)
	}
	c := s.addLocked(Channel{ID: id, Name: name, Private: a.truth("is_private"), Creator: botUser, Created: s.cfg.Now()})
	s.changeLocked()
	return reply{"channel": wireChannel(c)}, nil
}

// talkLocked opens the channel between the app and one person, which no list shows.
func (s *Server) talkLocked(a args) (reply, *refusal) {
	user := a.text("users")
	switch who, known := s.userLocked(user); {
	case !known:
		return nil, &refusal{code: "user_not_found"}
	case who.Deleted:
		return nil, &refusal{code: "user_disabled"}
	}
	id := "D0" + user
	if s.byID[id] == nil {
		s.addLocked(Channel{ID: id, Name: "talk-" + strings.ToLower(user), Private: true, Talk: true, Members: []string{user}, Created: s.cfg.Now()})
		s.changeLocked()
	}
	return reply{"channel": reply{"id": id}}, nil
}

func (s *Server) infoLocked(a args) (reply, *refusal) {
	c := s.seenLocked(a.text("channel"))
	if c == nil {
		return nil, &refusal{code: "channel_not_found"}
	}
	return reply{"channel": wireChannel(c)}, nil
}

func (s *Server) listLocked(a args) (reply, *refusal) {
	from, most, refused := a.page(100, 1000, s.cfg.PageMost)
	if refused != nil {
		return nil, refused
	}
	types := strings.Split(a.text("types"), ",")
	if a.text("types") == "" {
		types = []string{"public_channel"}
	}
	for _, one := range types {
		if !slices.Contains([]string{"public_channel", "private_channel", "im", "mpim"}, one) {
			return nil, &refusal{code: "invalid_types"}
		}
	}
	found, cursor := []reply{}, ""
	for at := from; at < len(s.channels); at++ {
		c := s.channels[at]
		kind := "public_channel"
		if c.Private {
			kind = "private_channel"
		}
		if c.Talk {
			kind = "im"
		}
		if !slices.Contains(types, kind) || c.Private && c.Absent || c.Archived && a.truth("exclude_archived") {
			continue
		}
		if len(found) == most {
			cursor = cursorOf(at)
			break
		}
		found = append(found, wireChannel(c))
	}
	return reply{"channels": found, "response_metadata": reply{"next_cursor": cursor}}, nil
}

func (s *Server) membersLocked(a args) (reply, *refusal) {
	c := s.seenLocked(a.text("channel"))
	if c == nil {
		return nil, &refusal{code: "channel_not_found"}
	}
	from, most, refused := a.page(100, 1000, s.cfg.PageMost)
	if refused != nil {
		return nil, refused
	}
	all := slices.Clone(c.Members)
	if !c.Absent {
		all = append(all, botUser)
	}
	from = min(from, len(all))
	cursor := ""
	if len(all)-from > most {
		cursor = cursorOf(from + most)
	}
	return reply{"members": all[from:min(from+most, len(all))], "response_metadata": reply{"next_cursor": cursor}}, nil
}

// describeLocked sets a channel's topic or purpose.
func (s *Server) describeLocked(a args, name string, text func(*channel) *string) (reply, *refusal) {
	c, refused := s.memberLocked(a.text("channel"))
	if refused != nil {
		return nil, refused
	}
	if runes(a.text(name)) > 250 {
		return nil, &refusal{code: "too_long"}
	}
	*text(c) = a.text(name)
	s.changeLocked()
	return reply{"channel": wireChannel(c), name: a.text(name)}, nil
}

func (s *Server) archiveLocked(a args) (reply, *refusal) {
	c := s.seenLocked(a.text("channel"))
	switch {
	case c == nil:
		return nil, &refusal{code: "channel_not_found"}
	case c.Archived:
		return nil, &refusal{code: "already_archived"}
	case c.Absent:
		return nil, &refusal{code: "not_in_channel"}
	}
	s.closeLocked(c, botUser)
	return reply{}, nil
}

// closeLocked archives a channel. Slack takes bots out of it.
func (s *Server) closeLocked(c *channel, user string) {
	s.emitLocked(c, reply{"type": c.kind("archive"), "channel": c.ID, "user": user})
	c.Archived, c.Absent = true, true
	s.changeLocked()
}

func (s *Server) unarchiveLocked(a args) (reply, *refusal) {
	c := s.byID[a.text("channel")]
	switch {
	case c == nil || c.Private && c.Absent && !s.cfg.BotsUnarchive:
		return nil, &refusal{code: "channel_not_found"}
	case !c.Archived:
		return nil, &refusal{code: "not_archived"}
	case !s.cfg.BotsUnarchive:
		return nil, &refusal{code: "not_in_channel"}
	}
	s.reopenLocked(c, botUser)
	return reply{}, nil
}

// reopenLocked brings a channel back, with the app in it.
func (s *Server) reopenLocked(c *channel, user string) {
	c.Archived, c.Absent = false, false
	s.emitLocked(c, reply{"type": c.kind("unarchive"), "channel": c.ID, "user": user})
	s.changeLocked()
}

// kind is the type of an event about the channel, which differs for private ones.
func (c *channel) kind(what string) string {
	if c.Private {
		return "group_" + what
	}
	return "channel_" + what
}

func (s *Server) inviteLocked(a args) (reply, *refusal) {
	c, refused := s.memberLocked(a.text("channel"))
	if refused != nil {
		return nil, refused
	}
	users := strings.Split(a.text("users"), ",")
	switch {
	case a.text("users") == "":
		return nil, &refusal{code: "no_user"}
	case len(users) > 100:
		return nil, &refusal{code: "too_many_users"}
	}
	var welcome []string
	var wrong []reply
	for _, user := range users {
		_, known := s.userLocked(user)
		code := ""
		switch {
		case user == botUser:
			code = "cant_invite_self"
		case !known:
			code = "user_not_found"
		case slices.Contains(c.Members, user) || slices.Contains(welcome, user):
			code = "already_in_channel"
		default:
			welcome = append(welcome, user)
			continue
		}
		wrong = append(wrong, reply{"user": user, "ok": false, "error": code})
	}
	if len(wrong) > 0 && (len(welcome) == 0 || !a.truth("force")) {
		code, _ := wrong[0]["error"].(string)
		return nil, &refusal{code: code, details: wrong}
	}
	for _, user := range welcome {
		s.joinLocked(c, user, botUser)
	}
	s.changeLocked()
	out := reply{"channel": wireChannel(c)}
	if len(wrong) > 0 {
		out["errors"] = wrong
	}
	return out, nil
}

// joinLocked brings a user into a channel.
func (s *Server) joinLocked(c *channel, user, inviter string) {
	c.Members = append(c.Members, user)
	event := reply{"type": "member_joined_channel", "user": user, "channel": c.ID, "channel_type": c.letter(), "team": s.cfg.Team}
	if inviter != "" {
		event["inviter"] = inviter
	}
	s.emitLocked(c, event)
}

// letter is the channel's type as events name it.
func (c *channel) letter() string {
	if c.Private {
		return "G"
	}
	return "C"
}
