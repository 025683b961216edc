package slackfake

import (
	"fmt"
	"slices"
)

// What people do in channels. Each is told to the app as an event, see Config.Events; [Server.Settle]
// waits until it has heard.

// placeLocked finds a channel in which a person can do something, and the person.
func (s *Server) placeLocked(channelID, user string) (*channel, error) {
	c := s.channelLocked(channelID)
	_, known := s.userLocked(user)
	switch {
	case c == nil || !known:
		return nil, fmt.Errorf("fake Slack: no channel %s, or no user %s", channelID, user)
	case c.Archived:
		return nil, fmt.Errorf("fake Slack: channel %s is archived", c.Name)
	case c.Private && !slices.Contains(c.Members, user):
		return nil, fmt.Errorf("fake Slack: channel %s is private, and %s is not in it", c.Name, user)
	}
	return c, nil
}

// Say posts a text as a user, who joins the channel first if need be, and returns its timestamp. thread is
// the message that is replied to, "" for none.
func (s *Server) Say(channelID, thread, user, text string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.placeLocked(channelID, user)
	if err != nil {
		return "", err
	}
	if text == "" || runes(text) > maxText || thread != "" && s.messageLocked(c.ID, thread) == nil {
		return "", fmt.Errorf("fake Slack: nothing, or too much, was said, or to a message that is gone")
	}
	if !slices.Contains(c.Members, user) {
		s.joinLocked(c, user, "")
	}
	m := &Message{Channel: c.ID, TS: s.stampLocked(), ThreadTS: thread, User: user, Text: text}
	c.messages = keep(c.messages, m, s.cfg.Bounds.Messages)
	s.emitLocked(c, s.messageEvent(c, m))
	s.changeLocked()
	return m.TS, nil
}

// ownLocked finds a message.
func (s *Server) ownLocked(channelID, ts, user string) (*channel, *Message, error) {
	c, err := s.placeLocked(channelID, user)
	if err != nil {
		return nil, nil, err
	}
	m := s.messageLocked(c.ID, ts)
	if m == nil {
		return nil, nil, fmt.Errorf("fake Slack: no message %s in %s", ts, c.Name)
	}
	return c, m, nil
}

// Edit changes what a user said.
func (s *Server) Edit(channelID, ts, user, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, m, err := s.ownLocked(channelID, ts, user)
	if err != nil {
		return err
	}
	if m.User != user {
		return fmt.Errorf("fake Slack: message %s is not of %s", ts, user)
	}
	before := *m
	m.Text = text
	m.Edits++
	s.emitLocked(c, s.changeEvent(c, m, before, user))
	s.changeLocked()
	return nil
}

// Delete takes a message away, whoever wrote it, as an administrator can.
func (s *Server) Delete(channelID, ts, user string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, m, err := s.ownLocked(channelID, ts, user)
	if err != nil {
		return err
	}
	c.messages = slices.DeleteFunc(c.messages, func(one *Message) bool { return one == m })
	now := s.stampLocked()
	s.emitLocked(c, reply{"type": "message", "subtype": "message_deleted", "channel": c.ID, "ts": now, "event_ts": now, "hidden": true,
		"deleted_ts": m.TS, "previous_message": s.wireMessage(*m)})
	s.changeLocked()
	return nil
}

// React adds a reaction, such as "eyes".
func (s *Server) React(channelID, ts, user, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, m, err := s.ownLocked(channelID, ts, user)
	if err != nil {
		return err
	}
	if name == "" || len(name) > 100 || slices.Contains(m.Reactions[name], user) || len(m.Reactions) >= 50 {
		return fmt.Errorf("fake Slack: %s cannot react so", user)
	}
	if m.Reactions == nil {
		m.Reactions = map[string][]string{}
	}
	m.Reactions[name] = append(m.Reactions[name], user)
	author := m.User
	if author == "" {
		author = botUser
	}
	s.emitLocked(c, reply{"type": "reaction_added", "user": user, "reaction": name, "item_user": author,
		"item": reply{"type": "message", "channel": c.ID, "ts": m.TS}})
	s.changeLocked()
	return nil
}

// PinMessage keeps a message at hand.
func (s *Server) PinMessage(channelID, ts, user string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, m, err := s.ownLocked(channelID, ts, user)
	if err != nil {
		return err
	}
	if slices.Contains(c.Pins, ts) {
		return fmt.Errorf("fake Slack: message %s is pinned", ts)
	}
	s.pinLocked(c, m, user)
	return nil
}

// Join brings a user into a public channel by their own will.
func (s *Server) Join(channelID, user string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.placeLocked(channelID, user)
	if err != nil {
		return err
	}
	if !slices.Contains(c.Members, user) {
		s.joinLocked(c, user, "")
		s.changeLocked()
	}
	return nil
}

// Leave takes a user out of a channel.
func (s *Server) Leave(channelID, user string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.placeLocked(channelID, user)
	if err != nil {
		return err
	}
	at := slices.Index(c.Members, user)
	if at < 0 {
		return fmt.Errorf("fake Slack: %s is not in %s", user, c.Name)
	}
	c.Members = slices.Delete(c.Members, at, at+1)
	s.emitLocked(c, reply{"type": "member_left_channel", "user": user, "channel": c.ID, "channel_type": c.letter(), "team": s.cfg.Team})
	s.changeLocked()
	return nil
}

// Rename gives a channel another name.
func (s *Server) Rename(channelID, user, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.placeLocked(channelID, user)
	if err != nil {
		return err
	}
	if refused := checkName(name); refused != nil || s.byName[name] != nil {
		return fmt.Errorf("fake Slack: the name %q is taken or not allowed", name)
	}
	s.renameLocked(c, name)
	s.emitLocked(c, reply{"type": c.kind("rename"), "channel": reply{"id": c.ID, "name": name, "created": c.Created.Unix()}})
	s.changeLocked()
	return nil
}

// Archive closes a channel. The app is out of it then.
func (s *Server) Archive(channelID, user string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.placeLocked(channelID, user)
	if err != nil {
		return err
	}
	s.closeLocked(c, user)
	return nil
}

// Unarchive brings a channel back, and the app into it: what a person has to do, since Slack lets no
// app do it.
func (s *Server) Unarchive(channelID, user string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channelLocked(channelID)
	if _, known := s.userLocked(user); c == nil || !known || !c.Archived {
		return fmt.Errorf("fake Slack: no archived channel %s, or no user %s", channelID, user)
	}
	s.reopenLocked(c, user)
	return nil
}
