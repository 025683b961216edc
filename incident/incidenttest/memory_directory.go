package incidenttest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/theriac/theriac/incident"
)

// saved is who saved settings, and when.
type saved struct {
	by incident.Actor
	at time.Time
}

// Settings implements [incident.Directory].
func (s *Store) Settings(ctx context.Context) (incident.Settings, error) {
	if err := s.lock(ctx); err != nil {
		return incident.Settings{}, err
	}
	defer s.mu.Unlock()
	if len(s.settings) == 0 {
		return incident.DefaultSettings(), nil
	}
	return copySettings(s.settings[len(s.settings)-1])
}

// SaveSettings implements [incident.Directory].
func (s *Store) SaveSettings(ctx context.Context, by incident.Actor, set incident.Settings) (incident.Settings, error) {
	if err := s.lock(ctx); err != nil {
		return incident.Settings{}, err
	}
	defer s.mu.Unlock()
	if have := int64(len(s.settings)); set.Version != have {
		conflict := &incident.ConflictError{Ref: "settings", Version: have,
			What: fmt.Sprintf("they are at version %d, not %d any more", have, set.Version)}
		if have > 0 {
			conflict.By, conflict.At = s.saved[have-1].by, s.saved[have-1].at
		}
		return incident.Settings{}, conflict
	}
	set.Version++
	set, err := copySettings(set)
	if err != nil {
		return incident.Settings{}, err
	}
	s.settings = append(s.settings, set)
	s.saved = append(s.saved, saved{by, s.now()})
	return copySettings(set)
}

func copySettings(set incident.Settings) (fresh incident.Settings, err error) {
	data, err := json.Marshal(set)
	if err == nil {
		err = json.Unmarshal(data, &fresh)
	}
	return fresh, err
}

// Person implements [incident.Directory].
func (s *Store) Person(ctx context.Context, ref string) (incident.Person, error) {
	if err := s.lock(ctx); err != nil {
		return incident.Person{}, err
	}
	defer s.mu.Unlock()
	if p, ok := s.people[ref]; ok {
		return p, nil
	}
	for _, p := range s.people {
		if ref != "" && p.SlackID == ref {
			return p, nil
		}
	}
	for _, p := range s.people {
		if ref != "" && incident.FoldText(p.Email) == incident.FoldText(ref) {
			return p, nil
		}
	}
	return incident.Person{}, fmt.Errorf("person %.80q: %w", ref, incident.ErrNotFound)
}

// People implements [incident.Directory].
func (s *Store) People(ctx context.Context) ([]incident.Person, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.people), func(a, b incident.Person) int { return cmp.Compare(a.ID, b.ID) }), nil
}

// SavePerson implements [incident.Directory].
func (s *Store) SavePerson(ctx context.Context, p incident.Person) error {
	if p.ID == "" {
		return &incident.FieldError{Field: "id", Problem: "a person must have one"}
	}
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	for _, other := range s.people {
		if other.ID == p.ID {
			continue
		}
		if p.SlackID != "" && p.SlackID == other.SlackID ||
			p.Email != "" && incident.FoldText(p.Email) == incident.FoldText(other.Email) {
			return &incident.ConflictError{Ref: p.ID, What: "another person has this Slack id or mail address"}
		}
	}
	s.people[p.ID] = p
	return nil
}

// SaveToken implements [incident.Directory].
func (s *Store) SaveToken(ctx context.Context, t incident.Token) error {
	if t.ID == "" || t.Hash == [32]byte{} {
		return &incident.FieldError{Field: "id", Problem: "a token must have an id and a hash"}
	}
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	for _, other := range s.tokens {
		if other.ID != t.ID && other.Hash == t.Hash {
			return &incident.ConflictError{Ref: t.ID, What: "another token has this hash"}
		}
	}
	if old := s.tokens[t.ID]; !old.Revoked.IsZero() {
		t.Revoked = old.Revoked
	}
	t.Created, t.Expires, t.LastUsed, t.Revoked = micro(t.Created), micro(t.Expires), micro(t.LastUsed), micro(t.Revoked)
	s.tokens[t.ID] = t
	return nil
}

// TokenByHash implements [incident.Directory].
func (s *Store) TokenByHash(ctx context.Context, hash [32]byte) (incident.Token, error) {
	if err := s.lock(ctx); err != nil {
		return incident.Token{}, err
	}
	defer s.mu.Unlock()
	for _, t := range s.tokens {
		if t.Hash == hash {
			return t, nil
		}
	}
	return incident.Token{}, fmt.Errorf("a token with this hash: %w", incident.ErrNotFound)
}

// Tokens implements [incident.Directory].
func (s *Store) Tokens(ctx context.Context) ([]incident.Token, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.tokens), func(a, b incident.Token) int { return cmp.Compare(a.ID, b.ID) }), nil
}
