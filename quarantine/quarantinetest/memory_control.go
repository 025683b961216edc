package quarantinetest

import (
	"context"
	"fmt"
	"slices"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// ControlAct implements [quarantine.ControlStore].
func (s *Store) ControlAct(ctx context.Context, a quarantine.ControlAct) (quarantine.Controls, error) {
	if err := s.lock(ctx); err != nil {
		return quarantine.Controls{}, err
	}
	defer s.mu.Unlock()
	if err := s.onceLocked(a.Request); err != nil {
		return quarantine.Controls{}, err
	}
	after, err := a.Apply(s.controlsLocked(), s.now())
	if err != nil {
		return quarantine.Controls{}, err
	}
	s.requests[a.Request] = true
	s.controls = after
	s.auditLocked(a.Audit(after))
	after.InForce = slices.Clone(after.InForce)
	return after, nil
}

// Controls implements [quarantine.ControlStore].
func (s *Store) Controls(ctx context.Context) (quarantine.Controls, error) {
	if err := s.lock(ctx); err != nil {
		return quarantine.Controls{}, err
	}
	defer s.mu.Unlock()
	return s.controlsLocked(), nil
}

func (s *Store) controlsLocked() quarantine.Controls {
	return quarantine.NewControls(s.controls.Version, s.now(), s.controls.InForce)
}

// Confirm implements [quarantine.Membership].
func (m *member) Confirm(ctx context.Context, version int64, obeyed map[string]handlers.Obeyed) error {
	if err := m.store.lock(ctx); err != nil {
		return err
	}
	defer m.store.mu.Unlock()
	if m.ended != nil || !m.worker.Alive {
		return fmt.Errorf("confirmation of %s: %w", m.worker.Name, quarantine.ErrNoWorker)
	}
	stored, err := quarantine.DecodeObeyed(quarantine.EncodeObeyed(obeyed))
	m.worker.Controls, m.worker.Obeyed = version, stored
	return err
}
