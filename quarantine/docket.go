package quarantine

import (
	"context"
	"time"

	"github.com/theriac/theriac/handlers"
)

// ReportCrash stores a death.
func (s *Service) ReportCrash(context.Context, handlers.Crash) error { return nil }

// SettleSuspect says what became of a suspect.
func (s *Service) SettleSuspect(context.Context, string, handlers.Message, handlers.Fate) error {
	return nil
}

// Reprieve asks for the replay of what was held as crashed since then.
func (s *Service) Reprieve(context.Context, string, time.Time, string) (int, error) { return 0, nil }
