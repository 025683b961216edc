package slackfake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// socket is an app connected by Socket Mode.
type socket struct {
	conn    *websocket.Conn
	writing sync.Mutex

	mu      sync.Mutex
	waiting map[string]chan json.RawMessage // envelopes that were not acknowledged
}

func (k *socket) send(v any) error {
	k.writing.Lock()
	defer k.writing.Unlock()
	_ = k.conn.SetWriteDeadline(time.Now().Add(answerTimeout))
	return k.conn.WriteJSON(v)
}

// Sockets is how many apps are connected.
func (s *Server) Sockets() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sockets)
}

// DropSockets cuts all connections without a word.
func (s *Server) DropSockets() {
	for _, k := range s.allSockets() {
		_ = k.conn.Close()
	}
}

// Disconnect asks all apps to connect anew, as Slack does every few hours.
func (s *Server) Disconnect() { s.disconnect("refresh_requested") }

// DisableSockets tells all apps that Socket Mode was turned off.
func (s *Server) DisableSockets() { s.disconnect("link_disabled") }

func (s *Server) disconnect(reason string) {
	for _, k := range s.allSockets() {
		_ = k.send(reply{"type": "disconnect", "reason": reason, "debug_info": reply{"host": "fake"}})
	}
}

func (s *Server) allSockets() []*socket {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*socket
	for k := range s.sockets {
		all = append(all, k)
	}
	return all
}

// serveSocket is one connection, until either side ends it.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	k := &socket{conn: conn, waiting: make(map[string]chan json.RawMessage)}
	// Nobody else writes before the greeting.
	k.writing.Lock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		_ = conn.Close()
		return
	}
	s.sockets[k] = struct{}{}
	s.serving.Go(func() { s.run(k) })
}

func (s *Server) run(k *socket) {
	over := make(chan struct{})
	defer func() {
		_ = k.conn.Close()
		close(over)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.sockets, k)
		s.changeLocked()
	}()
	k.conn.SetReadLimit(maxBody)
	err := k.conn.WriteJSON(reply{"type": "hello", "num_connections": 1, "connection_info": reply{"app_id": appID}, "debug_info": reply{"host": "fake"}})
	k.writing.Unlock()
	if err != nil {
		return
	}
	s.mu.Lock()
	s.changeLocked()
	s.mu.Unlock()
	s.serving.Go(func() { s.ping(k, over) })
	for {
		var said struct {
			EnvelopeID string          `json:"envelope_id"`
			Payload    json.RawMessage `json:"payload"`
		}
		if err := k.conn.ReadJSON(&said); err != nil {
			return
		}
		k.mu.Lock()
		if asked, ok := k.waiting[said.EnvelopeID]; ok {
			asked <- said.Payload
			delete(k.waiting, said.EnvelopeID)
		}
		k.mu.Unlock()
	}
}

func (s *Server) ping(k *socket, over <-chan struct{}) {
	ticker := time.NewTicker(s.cfg.PingEvery)
	defer ticker.Stop()
	for {
		// The first at once: a client may count from the beginning.
		if err := k.conn.WriteControl(websocket.PingMessage, []byte("ping"), time.Now().Add(answerTimeout)); err != nil {
			_ = k.conn.Close()
			return
		}
		select {
		case <-ticker.C:
		case <-over:
			return
		}
	}
}

// envelope is what is sent over a connection.
type envelope struct {
	kind    string
	payload []byte
	retry   int // of an event
}

// deliverSocket sends a payload to one connected app, and to another if the first is gone.
func (s *Server) deliverSocket(ctx context.Context, e envelope) ([]byte, error) {
	s.mu.Lock()
	s.serial++
	id := fmt.Sprintf("envelope-%d", s.serial)
	s.mu.Unlock()
	for _, k := range s.allSockets() {
		answer, err := k.deliver(ctx, id, e)
		if err == nil || ctx.Err() != nil {
			return answer, err
		}
	}
	return nil, fmt.Errorf("%w: no app is connected", ErrUnanswered)
}

func (k *socket) deliver(ctx context.Context, id string, e envelope) ([]byte, error) {
	asked := make(chan json.RawMessage, 1)
	k.mu.Lock()
	k.waiting[id] = asked
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.waiting, id)
	}()
	wire := reply{"type": e.kind, "envelope_id": id, "accepts_response_payload": e.kind != "events_api", "payload": json.RawMessage(e.payload)}
	if e.kind == "events_api" {
		wire["retry_attempt"], wire["retry_reason"] = e.retry, ""
	}
	if err := k.send(wire); err != nil {
		return nil, errors.Join(ErrUnanswered, err)
	}
	select {
	case answer := <-asked:
		return answer, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnanswered, context.Cause(ctx))
	}
}

// DeliverTwice sends the same envelope over Socket Mode twice, as Slack does when an answer is late.
func (s *Server) DeliverTwice(ctx context.Context, payload []byte) error {
	s.mu.Lock()
	s.serial++
	id := fmt.Sprintf("envelope-%d", s.serial)
	s.mu.Unlock()
	all := s.allSockets()
	if len(all) == 0 {
		return fmt.Errorf("%w: no app is connected", ErrUnanswered)
	}
	for range 2 {
		if _, err := all[0].deliver(ctx, id, envelope{kind: "interactive", payload: payload}); err != nil {
			return err
		}
	}
	return nil
}
