package incidentd

import (
	"context"
	"log/slog"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// selfReporting is the quarantine of a subscription that incidents come to be through. What is held
// there is told to the backup notifier in the same breath; no message is published for it, so a poison
// cannot make another one.
type selfReporting struct {
	*quarantine.Service
	alarm *alarmer
	log   *slog.Logger
}

var _ consumer.Quarantine = (*selfReporting)(nil)

// Quarantine holds the message and raises the alarm. Of an alarm that reaches nobody the message is
// held all the same: the watchdog and the notices of quarantine tell of it, too.
func (s *selfReporting) Quarantine(ctx context.Context, sub string, m handlers.Message, ev handlers.Evidence) (string, error) {
	ref, err := s.Service.Quarantine(ctx, sub, m, ev)
	if err != nil {
		return ref, err
	}
	if err := s.alarm.Raise(ctx, poisonAlarm(sub, ref, "a message is held")); err != nil {
		s.log.ErrorContext(ctx, "the alarm about a poison of the pipeline reached nobody", "entry", ref, "err", err)
	}
	return ref, nil
}
