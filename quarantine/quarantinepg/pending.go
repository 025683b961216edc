package quarantinepg

import (
	"context"
	"fmt"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

var errPending = fmt.Errorf("crash reports are not kept here yet: %w", quarantine.ErrUnavailable)

func (s *Store) AddCrash(context.Context, handlers.Crash) (quarantine.CrashReport, error) {
	return quarantine.CrashReport{}, errPending
}
func (s *Store) CrashGet(context.Context, quarantine.CrashKey) (quarantine.CrashReport, error) {
	return quarantine.CrashReport{}, errPending
}
func (s *Store) CrashList(context.Context, quarantine.CrashQuery) (quarantine.CrashPage, error) {
	return quarantine.CrashPage{}, errPending
}
func (s *Store) SettleSuspects(context.Context, []quarantine.SuspectFate) error { return errPending }
func (s *Store) SuspectList(context.Context, quarantine.SuspectQuery) ([]quarantine.Suspect, error) {
	return nil, errPending
}
func (s *Store) Decided(ctx context.Context, id [32]byte) (bool, error) {
	_, err := s.EntryGet(ctx, quarantine.EntryKey{Identity: id}, quarantine.GetOptions{})
	if err != nil {
		return false, err
	}
	return true, nil
}
func (m *membership) Snapshot(context.Context, []quarantine.Running) error { return errPending }
