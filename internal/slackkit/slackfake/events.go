package slackfake

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// outbox holds what the app has yet to be told.
type outbox struct {
	waiting []*delivery
	pending int // waiting, or on the way
	lost    int
	wake    chan struct{}
}

// delivery is one event on its way.
type delivery struct {
	id   string
	body reply
	try  int
	due  time.Time
}

// sending is how many events are on the way at a time. Slack keeps no order either.
const sending = 8

// subscription is the name under which an app asks for an event.
func subscription(c *channel, kind string) string {
	switch {
	case kind == "message" && c.Private:
		return "message.groups"
	case kind == "message":
		return "message.channels"
	default:
		return kind
	}
}

// emitLocked tells the app what happened in a channel, if it is in it and asked to be told.
func (s *Server) emitLocked(c *channel, event reply) {
	kind, _ := event["type"].(string)
	if c.Absent || !slices.Contains(s.cfg.Events, subscription(c, kind)) {
		return
	}
	if s.events.pending >= s.cfg.Bounds.Events {
		s.events.lost++
		return
	}
	s.serial++
	now := s.cfg.Now()
	if event["event_ts"] == nil {
		event["event_ts"] = s.stampLocked()
	}
	id := fmt.Sprintf("Ev%08X", s.serial)
	s.queueLocked(&delivery{id: id, body: reply{
		"token": "deprecated", "team_id": s.cfg.Team, "api_app_id": appID, "type": "event_callback", "event_id": id, "event_time": now.Unix(),
		"event": event, "authorizations": []reply{{"team_id": s.cfg.Team, "user_id": botUser, "is_bot": true, "is_enterprise_install": false}},
		"is_ext_shared_channel": false,
	}})
	s.events.pending++
}

func (s *Server) queueLocked(d *delivery) {
	s.events.waiting = append(s.events.waiting, d)
	select {
	case s.events.wake <- struct{}{}:
	default:
	}
}

// messageEvent says that a message was posted.
func (s *Server) messageEvent(c *channel, m *Message) reply {
	event := s.wireMessage(*m)
	event["channel"], event["channel_type"], event["event_ts"] = c.ID, "channel", m.TS
	if c.Private {
		event["channel_type"] = "group"
	}
	return event
}

// changeEvent says that a message was changed.
func (s *Server) changeEvent(c *channel, m *Message, before Message, by string) reply {
	now := s.stampLocked()
	after := s.wireMessage(*m)
	after["edited"] = reply{"user": by, "ts": now}
	return reply{"type": "message", "subtype": "message_changed", "channel": c.ID, "ts": now, "event_ts": now, "hidden": true,
		"message": after, "previous_message": s.wireMessage(before)}
}

// Undelivered is how many events were lost: not taken however often they were sent, or too many.
func (s *Server) Undelivered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events.lost
}

// Settle returns once no event is waiting or on its way.
func (s *Server) Settle(ctx context.Context) error {
	return s.Wait(ctx, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.events.pending == 0
	})
}

// deliverEvents sends what is waiting until ctx ends.
func (s *Server) deliverEvents(ctx context.Context) {
	places := make(chan struct{}, sending)
	for ctx.Err() == nil {
		d, pause := s.nextDelivery()
		if d == nil {
			timer := time.NewTimer(pause)
			select {
			case <-timer.C:
			case <-s.events.wake:
			case <-ctx.Done():
			}
			timer.Stop()
			continue
		}
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return
		}
		s.serving.Go(func() {
			defer func() { <-places }()
			s.delivered(d, s.deliverEvent(ctx, d))
		})
	}
}

// nextDelivery takes what is due, or says when to look again.
func (s *Server) nextDelivery() (*delivery, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, pause := s.cfg.Now(), time.Hour
	for i, d := range s.events.waiting {
		left := d.due.Sub(now)
		if d.due.IsZero() || left <= 0 {
			s.events.waiting = slices.Delete(s.events.waiting, i, i+1)
			return d, 0
		}
		pause = min(pause, left)
	}
	return nil, pause
}

// delivered notes what became of a delivery; one that failed comes again, for a while.
func (s *Server) delivered(d *delivery, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.changeLocked()
	if err != nil && d.try < len(s.cfg.EventRetries) {
		if pause := s.cfg.EventRetries[d.try]; pause > 0 {
			d.due = s.cfg.Now().Add(pause)
		}
		d.try++
		s.queueLocked(d)
		return
	}
	s.events.pending--
	if err != nil {
		s.events.lost++
	}
}

func (s *Server) deliverEvent(ctx context.Context, d *delivery) error {
	s.mu.Lock()
	address := cmp.Or(s.cfg.EventsURL, s.requestURL)
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	body := encode(d.body)
	if address == "" {
		_, err := s.deliverSocket(ctx, envelope{kind: "events_api", payload: body, retry: d.try})
		return err
	}
	_, err := s.postJSON(ctx, address, body, d.try)
	return err
}

// postJSON sends a signed event to the app.
func (s *Server) postJSON(ctx context.Context, address string, body []byte, try int) ([]byte, error) {
	h := Sign(s.cfg.SigningSecret, s.cfg.Now(), body)
	h.Set("Content-Type", "application/json")
	if try > 0 {
		h.Set("X-Slack-Retry-Num", strconv.Itoa(try))
		h.Set("X-Slack-Retry-Reason", "http_error")
	}
	return s.send(ctx, address, h, body)
}

// VerifyEvents asks the app whether it hears events at its address, as Slack does when that is set.
func (s *Server) VerifyEvents(ctx context.Context) error {
	s.mu.Lock()
	address := cmp.Or(s.cfg.EventsURL, s.requestURL)
	s.serial++
	challenge := fmt.Sprintf("challenge-%d", s.serial)
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	answer, err := s.postJSON(ctx, address, encode(reply{"token": "deprecated", "type": "url_verification", "challenge": challenge}), 0)
	if err != nil {
		return err
	}
	if !bytes.Contains(answer, []byte(challenge)) {
		return fmt.Errorf("%w: it does not repeat the challenge", ErrUnanswered)
	}
	return nil
}

// SignJSON returns the headers with which Slack would send an event now.
func SignJSON(secret string, at time.Time, body []byte) http.Header {
	h := Sign(secret, at, body)
	h.Set("Content-Type", "application/json")
	return h
}
