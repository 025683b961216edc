package slackfake

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// page is what a person sees: one channel as one user.
type page struct {
	Team, As, Channel string
	Said              string // what became of the last click
	Version           int
	Users             []User
	Channels          []Channel
	More              int     // channels that are not listed
	Here              Channel // the one that is shown
	Topic             []span
	Members           []string
	Shortcuts         []Shortcut // that belong to no message
	Messages          []pageMessage
	Ephemerals        [][]span
	Views             []pageView
}

type pageMessage struct {
	Message
	Author    string
	Pinned    bool
	Closed    bool       // the channel is archived
	Shortcuts []Shortcut // of messages
	Said      []reaction
	Spans     []span
	Shown     []pageBlock
	Pings     []string
	JSON      string
	Replies   []pageMessage
	As        string
}

// When is its time as people read it: the timestamp is its id.
func (m pageMessage) When() string {
	whole, _, _ := strings.Cut(m.TS, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return m.TS
	}
	return time.Unix(seconds, 0).UTC().Format("15:04:05 UTC")
}

// reaction is who reacted in one way.
type reaction struct {
	Name  string
	Count int
}

// pageBlock is a block with its texts read.
type pageBlock struct {
	block
	Spans    []span
	Lines    [][]span
	Controls []control
	Channel  string
	TS       string
	As       string
}

// control is something to press.
type control struct {
	element
	Label   string
	Confirm *confirmation
	Channel string
	TS      string
	As      string
}

type pageView struct {
	View
	Inputs []pageInput
	As     string
}

type pageInput struct {
	block
	Spans []span
	Error string
	Users []User // to choose from, in a menu of people
}

// maxListed is how many channels the page lists, the newest.
const maxListed = 100

func (s *Server) page(channelID, as, said string) page {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := page{Team: s.cfg.TeamName, Said: said, Version: s.version, Users: s.cfg.Users}
	if _, ok := s.userLocked(as); !ok && len(p.Users) > 0 {
		as = p.Users[0].ID
	}
	c := s.visibleLocked(channelID, as)
	p.As = as
	p.Channels, p.More = s.listedLocked(as)
	if c == nil && len(p.Channels) > 0 {
		c = s.byID[p.Channels[0].ID]
	}
	if c == nil {
		return p
	}
	p.Channel, p.Here, p.Topic = c.ID, c.copied(), mrkdwn(c.Topic)
	for _, id := range c.Members {
		p.Members = append(p.Members, s.nameLocked(id))
	}
	menu := s.shortcutsOf(true)
	p.Shortcuts = s.shortcutsOf(false)
	at := map[string]int{}
	for _, m := range c.messages {
		shown := newPageMessage(m.copied(), as)
		shown.Author, shown.Shortcuts, shown.Closed = s.nameLocked(m.User), menu, c.Archived
		shown.Pinned = slices.Contains(c.Pins, m.TS)
		if parent, ok := at[m.ThreadTS]; ok && m.ThreadTS != "" {
			p.Messages[parent].Replies = append(p.Messages[parent].Replies, shown)
			continue
		}
		at[m.TS] = len(p.Messages)
		p.Messages = append(p.Messages, shown)
	}
	for _, e := range s.ephemerals {
		if e.Channel == c.ID && e.User == as {
			p.Ephemerals = append(p.Ephemerals, mrkdwn(e.Text))
		}
	}
	for _, v := range s.views {
		if v.User == as {
			p.Views = append(p.Views, s.newPageView(*v, as))
		}
	}
	return p
}

// visibleLocked finds a channel that a user sees.
func (s *Server) visibleLocked(id, as string) *channel {
	c := s.channelLocked(id)
	if c == nil || c.Private && !slices.Contains(c.Members, as) {
		return nil
	}
	return c
}

// listedLocked returns the newest channels that a user sees, in the order in which they were made, and
// how many more there are.
func (s *Server) listedLocked(as string) (listed []Channel, more int) {
	for _, c := range s.channels {
		if s.visibleLocked(c.ID, as) != nil {
			listed = append(listed, c.Channel)
		}
	}
	more = max(0, len(listed)-maxListed)
	return listed[more:], more
}

// nameLocked is what a user is called; "" is the app.
func (s *Server) nameLocked(id string) string {
	if u, ok := s.userLocked(id); ok {
		return u.Name
	}
	return "theriac"
}

func (s *Server) shortcutsOf(messages bool) []Shortcut {
	var found []Shortcut
	for _, one := range s.cfg.Shortcuts {
		if one.Message == messages {
			found = append(found, one)
		}
	}
	return found
}

func newPageMessage(m Message, as string) pageMessage {
	shown := pageMessage{Message: m, Spans: mrkdwn(m.Text), Pings: m.Mentions(), As: as}
	for _, name := range slices.Sorted(maps.Keys(m.Reactions)) {
		shown.Said = append(shown.Said, reaction{name, len(m.Reactions[name])})
	}
	var indented bytes.Buffer
	if m.Blocks != nil && json.Indent(&indented, m.Blocks, "", "  ") == nil {
		shown.JSON = indented.String()
	}
	for _, b := range decodeBlocks(m.Blocks) {
		pb := pageBlock{block: b, Channel: m.Channel, TS: m.TS, As: as}
		if b.Text != nil {
			pb.Spans = b.Text.spans()
		}
		for _, f := range b.Fields {
			pb.Lines = append(pb.Lines, f.spans())
		}
		controls := b.Elements
		if b.Type == "context" {
			controls = nil
			for _, e := range b.Elements {
				pb.Lines = append(pb.Lines, textObject{Type: e.Type, Text: e.words()}.spans())
			}
		}
		if b.Accessory != nil {
			controls = append(controls, *b.Accessory)
		}
		for _, e := range controls {
			pb.Controls = append(pb.Controls, control{element: e, Label: e.label().Text, Confirm: e.Confirm, Channel: m.Channel, TS: m.TS, As: as})
		}
		shown.Shown = append(shown.Shown, pb)
	}
	return shown
}

func (t textObject) spans() []span {
	if t.Type == "mrkdwn" {
		return mrkdwn(t.Text)
	}
	return []span{{Kind: "text", Text: t.Text}}
}

func (s *Server) newPageView(v View, as string) pageView {
	shown := pageView{View: v, As: as}
	for _, b := range decodeBlocks(v.Blocks) {
		in := pageInput{block: b, Error: v.Errors[b.BlockID]}
		if b.Text != nil {
			in.Spans = b.Text.spans()
		}
		if b.Element != nil && (b.Element.Type == "users_select" || b.Element.Type == "multi_users_select") {
			in.Users = s.cfg.Users
		}
		shown.Inputs = append(shown.Inputs, in)
	}
	return shown
}
